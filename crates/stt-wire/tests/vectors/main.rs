//! The vectors of `spec/vectors/wire` hold: bytes -> meaning -> the same bytes, or the reason not.

#![allow(
    clippy::expect_used,
    clippy::panic,
    reason = "a test stops by panicking"
)]

mod codes;
mod content;
mod control;
mod datagram;
mod dht;
mod endpoint;
mod event;
mod feed;
mod frames;
mod integer;
mod keep;
mod lane;
mod name;
mod open;
mod relay;

use bytes::{Bytes, BytesMut};
use serde::{Deserialize, de::DeserializeOwned};
use stt_wire::{DecodeError, FrameDecoder, RawFrame, VarInt, limits};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Vectors<V> {
    #[serde(rename = "about")]
    _about: String,
    valid: Vec<V>,
    #[serde(default)]
    ignored: Vec<Ignored>,
    invalid: Vec<Invalid>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Invalid {
    hex: String,
    error: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Ignored {
    hex: String,
    r#type: u8,
}

fn parse<T: DeserializeOwned>(text: &str) -> T {
    serde_json::from_str(text).expect("vectors of this shape")
}

fn bytes(hex: &str) -> Bytes {
    hex.as_bytes().chunks(2).map(octet).collect()
}

fn octet(digits: &[u8]) -> u8 {
    let digits = str::from_utf8(digits).expect("ASCII");
    u8::from_str_radix(digits, 16).expect("two hexadecimal digits")
}

fn varint(value: u64) -> VarInt {
    VarInt::new(value).expect("at most 62 bits")
}

/// All frames of a byte stream that ends after `hex`.
fn frames(hex: &str, limit: usize) -> Result<Vec<RawFrame>, DecodeError> {
    let (mut decoder, mut chunk) = (FrameDecoder::new(limit), bytes(hex));
    let mut frames = Vec::new();
    while let Some(frame) = decoder.decode(&mut chunk)? {
        frames.push(frame);
    }
    decoder.finish().map(|()| frames)
}

fn only_frame(hex: &str) -> RawFrame {
    let mut frames = frames(hex, limits::MAX_LANE_FRAME_LEN).expect("a well-formed frame");
    assert_eq!(frames.len(), 1, "{hex}");
    frames.remove(0)
}

fn encoded(encode: impl FnOnce(&mut BytesMut)) -> Bytes {
    let mut out = BytesMut::new();
    encode(&mut out);
    out.freeze()
}

/// Checks that each vector is refused for the reason it names.
fn assert_refused<T>(invalid: &[Invalid], decode: impl Fn(&str) -> Result<T, DecodeError>) {
    for Invalid { hex, error } in invalid {
        let refusal = decode(hex)
            .err()
            .unwrap_or_else(|| panic!("{hex} was taken"));
        assert_eq!(&name_of(refusal), error, "{hex}");
    }
}

fn array<const N: usize>(hex: &str) -> [u8; N] {
    bytes(hex).as_ref().try_into().expect("so many bytes")
}

/// The variant's name, without its numbers.
fn name_of(error: impl std::fmt::Debug) -> String {
    format!("{error:?}")
        .chars()
        .take_while(|c| c.is_alphanumeric())
        .collect()
}
