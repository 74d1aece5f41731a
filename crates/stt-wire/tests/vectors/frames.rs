//! Byte streams and the frames in them.

use serde::Deserialize;
use stt_wire::{RawFrame, encode_frame};

use crate::{Vectors, assert_refused, bytes, encoded, frames, parse};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Stream {
    hex: String,
    frames: Vec<Frame>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Frame {
    r#type: u8,
    payload: String,
}

#[test]
fn frame_vectors_hold() {
    let vectors: Vectors<Stream> = parse(include_str!("../../../../spec/vectors/wire/frames.json"));
    for Stream {
        hex,
        frames: meaning,
    } in &vectors.valid
    {
        let found = frames(hex, 100).expect("valid frames");
        let expected = meaning.iter().map(|frame| RawFrame {
            frame_type: frame.r#type.into(),
            payload: bytes(&frame.payload),
        });
        assert_eq!(found, expected.collect::<Vec<_>>());
        let encoded = encoded(|out| {
            for frame in &found {
                encode_frame(frame.frame_type, &frame.payload, out);
            }
        });
        assert_eq!(encoded, bytes(hex));
    }
    assert_refused(&vectors.invalid, |hex| frames(hex, 100));
}
