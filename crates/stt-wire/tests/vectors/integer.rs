//! Integers.

use serde::Deserialize;
use stt_wire::DecodeError;
use stt_wire::varint::{put_varint, take_varint};

use crate::{Vectors, assert_refused, bytes, encoded, parse, varint};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Integer {
    hex: String,
    value: u64,
}

#[test]
fn varint_vectors_hold() {
    let vectors: Vectors<Integer> =
        parse(include_str!("../../../../spec/vectors/wire/varint.json"));
    let decode = |hex: &str| take_varint(&mut bytes(hex))?.ok_or(DecodeError::Truncated);
    for Integer { hex, value } in &vectors.valid {
        assert_eq!(decode(hex), Ok(varint(*value)));
        assert_eq!(encoded(|out| put_varint(out, varint(*value))), bytes(hex));
    }
    assert_refused(&vectors.invalid, decode);
}
