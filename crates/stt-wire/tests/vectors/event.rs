//! Frames of a stream of events.

use serde::Deserialize;
use stt_wire::{EventFrame, Name};

use crate::{Vectors, assert_refused, bytes, encoded, only_frame, parse};

const LIMIT: usize = 8;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Happened {
    hex: String,
    name: String,
    payload: String,
}

#[test]
fn event_vectors_hold() {
    let vectors: Vectors<Happened> =
        parse(include_str!("../../../../spec/vectors/wire/event.json"));
    let decode = |hex: &str| EventFrame::decode(only_frame(hex), LIMIT);
    for Happened { hex, name, payload } in &vectors.valid {
        let event = EventFrame {
            name: Name::try_from(name).expect("a name"),
            payload: bytes(payload),
        };
        assert_eq!(decode(hex).as_ref(), Ok(&event));
        assert_eq!(encoded(|out| event.encode(out)), bytes(hex));
    }
    assert_refused(&vectors.invalid, decode);
}
