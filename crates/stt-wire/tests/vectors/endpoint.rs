//! Frames of endpoint streams, both ways.

use serde::Deserialize;
use stt_wire::{EndpointAnswer, EndpointFrame, Name, limits};

use crate::{Vectors, assert_refused, bytes, encoded, only_frame, parse, varint};

#[derive(Deserialize)]
#[serde(
    tag = "frame",
    rename_all = "SCREAMING_SNAKE_CASE",
    deny_unknown_fields
)]
enum Opener {
    Attach {
        hex: String,
        name: String,
    },
    Item {
        hex: String,
        payload: String,
    },
    ItemStart {
        hex: String,
        total: u64,
        payload: String,
    },
    ItemMore {
        hex: String,
        payload: String,
    },
}

#[derive(Deserialize)]
#[serde(
    tag = "frame",
    rename_all = "SCREAMING_SNAKE_CASE",
    deny_unknown_fields
)]
enum Answer {
    ItemCredit {
        hex: String,
        limit: u64,
    },
    Receipt {
        hex: String,
        up_to: u64,
        outcome: u64,
    },
}

impl Opener {
    fn meaning(self) -> (String, EndpointFrame) {
        match self {
            Self::Attach { hex, name } => {
                let name = Name::try_from(name).expect("a short name");
                (hex, EndpointFrame::Attach(name))
            }
            Self::Item { hex, payload } => (hex, EndpointFrame::Item(bytes(&payload))),
            Self::ItemStart {
                hex,
                total,
                payload,
            } => {
                let (total, payload) = (varint(total), bytes(&payload));
                (hex, EndpointFrame::ItemStart { total, payload })
            }
            Self::ItemMore { hex, payload } => (hex, EndpointFrame::ItemMore(bytes(&payload))),
        }
    }
}

impl Answer {
    fn meaning(self) -> (String, EndpointAnswer) {
        match self {
            Self::ItemCredit { hex, limit } => {
                let limit = varint(limit);
                (hex, EndpointAnswer::Credit { limit })
            }
            Self::Receipt {
                hex,
                up_to,
                outcome,
            } => {
                let (up_to, outcome) = (varint(up_to), varint(outcome).into());
                (hex, EndpointAnswer::Receipt { up_to, outcome })
            }
        }
    }
}

#[test]
fn endpoint_vectors_hold() {
    let text = include_str!("../../../../spec/vectors/wire/endpoint.json");
    let vectors: Vectors<Opener> = parse(text);
    let decode = |hex: &str| EndpointFrame::decode(only_frame(hex), limits::DEFAULT_MESSAGE_LEN);
    for (hex, frame) in vectors.valid.into_iter().map(Opener::meaning) {
        assert_eq!(decode(&hex).as_ref(), Ok(&frame));
        assert_eq!(encoded(|out| frame.encode(out)), bytes(&hex));
    }
    assert_refused(&vectors.invalid, decode);
}

#[test]
fn endpoint_answer_vectors_hold() {
    let text = include_str!("../../../../spec/vectors/wire/endpoint-answer.json");
    let vectors: Vectors<Answer> = parse(text);
    let decode = |hex: &str| EndpointAnswer::decode(only_frame(hex));
    for (hex, answer) in vectors.valid.into_iter().map(Answer::meaning) {
        assert_eq!(decode(&hex), Ok(answer));
        assert_eq!(encoded(|out| answer.encode(out)), bytes(&hex));
    }
    assert_refused(&vectors.invalid, decode);
}
