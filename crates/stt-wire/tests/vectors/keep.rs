//! Requests to keep copies and their answers.

use serde::Deserialize;
use stt_wire::{KeepAnswer, KeepRequest};

use crate::{Vectors, array, assert_refused, bytes, encoded, only_frame, parse, varint};

#[derive(Deserialize)]
#[serde(
    tag = "request",
    rename_all = "SCREAMING_SNAKE_CASE",
    deny_unknown_fields
)]
enum Request {
    Keep {
        hex: String,
        address: String,
        root: String,
        length: u64,
        lease: u64,
    },
    Prove {
        hex: String,
        address: String,
        root: String,
        block: u64,
        salt: String,
    },
}

#[derive(Deserialize)]
#[serde(
    tag = "answer",
    rename_all = "SCREAMING_SNAKE_CASE",
    deny_unknown_fields
)]
enum Answer {
    Keeping { hex: String, here: u64 },
    Kept { hex: String, lease: u64 },
    Declined { hex: String, reason: u8 },
    Proof { hex: String, hash: String },
    Absent { hex: String },
    Busy { hex: String, wait: u64 },
}

impl Request {
    fn meaning(self) -> (String, KeepRequest) {
        match self {
            Self::Keep {
                hex,
                address,
                root,
                length,
                lease,
            } => {
                let request = KeepRequest::Keep {
                    address: array(&address),
                    root: array(&root),
                    length: varint(length),
                    lease: varint(lease),
                };
                (hex, request)
            }
            Self::Prove {
                hex,
                address,
                root,
                block,
                salt,
            } => {
                let request = KeepRequest::Prove {
                    address: array(&address),
                    root: array(&root),
                    block: varint(block),
                    salt: array(&salt),
                };
                (hex, request)
            }
        }
    }
}

impl Answer {
    fn meaning(self) -> (String, KeepAnswer) {
        match self {
            Self::Keeping { hex, here } => (hex, KeepAnswer::Keeping { here: varint(here) }),
            Self::Kept { hex, lease } => (
                hex,
                KeepAnswer::Kept {
                    lease: varint(lease),
                },
            ),
            Self::Declined { hex, reason } => {
                let reason = reason.into();
                (hex, KeepAnswer::Declined { reason })
            }
            Self::Proof { hex, hash } => (hex, KeepAnswer::Proof { hash: array(&hash) }),
            Self::Absent { hex } => (hex, KeepAnswer::Absent),
            Self::Busy { hex, wait } => (hex, KeepAnswer::Busy { wait: varint(wait) }),
        }
    }
}

#[test]
fn keep_request_vectors_hold() {
    let text = include_str!("../../../../spec/vectors/wire/keep-request.json");
    let vectors: Vectors<Request> = parse(text);
    let decode = |hex: &str| KeepRequest::decode(only_frame(hex));
    for (hex, request) in vectors.valid.into_iter().map(Request::meaning) {
        assert_eq!(decode(&hex).as_ref(), Ok(&request));
        assert_eq!(encoded(|out| request.encode(out)), bytes(&hex));
    }
    assert_refused(&vectors.invalid, decode);
}

#[test]
fn keep_answer_vectors_hold() {
    let text = include_str!("../../../../spec/vectors/wire/keep-answer.json");
    let vectors: Vectors<Answer> = parse(text);
    let decode = |hex: &str| KeepAnswer::decode(only_frame(hex));
    for (hex, answer) in vectors.valid.into_iter().map(Answer::meaning) {
        assert_eq!(decode(&hex).as_ref(), Ok(&answer));
        assert_eq!(encoded(|out| answer.encode(out)), bytes(&hex));
    }
    assert_refused(&vectors.invalid, decode);
}
