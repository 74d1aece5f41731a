//! OPEN frames.

use serde::Deserialize;
use stt_wire::{Open, OpenError, StreamKind};

use crate::{Invalid, Vectors, bytes, encoded, name_of, only_frame, parse};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Opening {
    hex: String,
    kind: String,
    parameter: Option<u8>,
}

#[test]
fn open_vectors_hold() {
    let vectors: Vectors<Opening> = parse(include_str!("../../../../spec/vectors/wire/open.json"));
    for Opening {
        hex,
        kind,
        parameter,
    } in &vectors.valid
    {
        let open = Open::decode(only_frame(hex)).expect("a valid OPEN");
        assert_eq!(open.kind.name(), kind);
        let found = match open.kind {
            StreamKind::Data { stripe } => Some(stripe.get() as u8),
            StreamKind::Messages { lane } => Some(lane),
            _ => None,
        };
        assert_eq!(found, *parameter);
        assert_eq!(encoded(|out| open.encode(out)), bytes(hex));
    }
    for Invalid { hex, error } in &vectors.invalid {
        let name = match Open::decode(only_frame(hex)).expect_err("an invalid OPEN") {
            OpenError::Malformed(error) => name_of(error),
            refusal => name_of(refusal),
        };
        assert_eq!(&name, error, "{hex}");
    }
}
