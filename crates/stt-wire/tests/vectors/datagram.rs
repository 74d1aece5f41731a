//! Datagrams.

use serde::Deserialize;
use stt_wire::UserFrame;

use crate::{Vectors, assert_refused, bytes, parse};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Datagram {
    hex: String,
    r#type: u8,
    payload: String,
}

#[test]
fn datagram_vectors_hold() {
    let vectors: Vectors<Datagram> =
        parse(include_str!("../../../../spec/vectors/wire/datagram.json"));
    let decode = |hex: &str| UserFrame::decode_datagram(bytes(hex));
    for Datagram {
        hex,
        r#type,
        payload,
    } in &vectors.valid
    {
        let frame_type = (*r#type).try_into().expect("a user's type");
        let frame = UserFrame {
            frame_type,
            payload: bytes(payload),
        };
        assert_eq!(frame.encode_datagram(), bytes(hex));
        assert_eq!(decode(hex), Ok(frame));
    }
    assert_refused(&vectors.invalid, decode);
}
