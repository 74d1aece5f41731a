//! Requests for content and their answers.

use serde::Deserialize;
use stt_wire::{ContentAnswer, ContentPart, ContentRequest, Holding, Spans};

use crate::{Vectors, array, assert_refused, bytes, encoded, only_frame, parse, varint};

#[derive(Deserialize)]
#[serde(
    tag = "request",
    rename_all = "SCREAMING_SNAKE_CASE",
    deny_unknown_fields
)]
enum Request {
    Look {
        hex: String,
        address: String,
    },
    Take {
        hex: String,
        address: String,
        root: String,
        part: String,
        number: u64,
        from: u64,
    },
}

#[derive(Deserialize)]
#[serde(
    tag = "answer",
    rename_all = "SCREAMING_SNAKE_CASE",
    deny_unknown_fields
)]
enum Answer {
    Holding {
        hex: String,
        root: String,
        signature: String,
        length: u64,
    },
    Have {
        hex: String,
        runs: Vec<[u64; 2]>,
    },
    Piece {
        hex: String,
        len: u64,
    },
    Absent {
        hex: String,
    },
    Busy {
        hex: String,
        wait: u64,
    },
}

impl Request {
    fn meaning(self) -> (String, ContentRequest) {
        match self {
            Self::Look { hex, address } => {
                let address = array(&address);
                (hex, ContentRequest::Look { address })
            }
            Self::Take {
                hex,
                address,
                root,
                part,
                number,
                from,
            } => {
                let part = match part.as_str() {
                    "BLOCK" => ContentPart::Block(varint(number)),
                    "PAGE" => ContentPart::Page(varint(number)),
                    _ => ContentPart::Top,
                };
                let request = ContentRequest::Take {
                    address: array(&address),
                    root: array(&root),
                    part,
                    from: varint(from),
                };
                (hex, request)
            }
        }
    }
}

impl Answer {
    fn meaning(self) -> (String, ContentAnswer) {
        match self {
            Self::Holding {
                hex,
                root,
                signature,
                length,
            } => {
                let holding = Holding {
                    root: array(&root),
                    signature: array(&signature),
                    length: varint(length),
                };
                (hex, ContentAnswer::Holding(holding))
            }
            Self::Have { hex, runs } => {
                let blocks = runs.iter().flat_map(|[first, count]| *first..first + count);
                let spans = Spans::of(blocks).expect("at least one");
                (hex, ContentAnswer::Have(spans))
            }
            Self::Piece { hex, len } => (hex, ContentAnswer::Piece { len: varint(len) }),
            Self::Absent { hex } => (hex, ContentAnswer::Absent),
            Self::Busy { hex, wait } => (hex, ContentAnswer::Busy { wait: varint(wait) }),
        }
    }
}

#[test]
fn content_request_vectors_hold() {
    let text = include_str!("../../../../spec/vectors/wire/content-request.json");
    let vectors: Vectors<Request> = parse(text);
    let decode = |hex: &str| ContentRequest::decode(only_frame(hex));
    for (hex, request) in vectors.valid.into_iter().map(Request::meaning) {
        assert_eq!(decode(&hex).as_ref(), Ok(&request));
        assert_eq!(encoded(|out| request.encode(out)), bytes(&hex));
    }
    assert_refused(&vectors.invalid, decode);
}

#[test]
fn content_answer_vectors_hold() {
    let text = include_str!("../../../../spec/vectors/wire/content-answer.json");
    let vectors: Vectors<Answer> = parse(text);
    let decode = |hex: &str| ContentAnswer::decode(only_frame(hex));
    for (hex, answer) in vectors.valid.into_iter().map(Answer::meaning) {
        assert_eq!(decode(&hex).as_ref(), Ok(&answer));
        assert_eq!(encoded(|out| answer.encode(out)), bytes(&hex));
    }
    assert_refused(&vectors.invalid, decode);
}
