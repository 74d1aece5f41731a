//! Frames of a registration with a relay, both ways.

use serde::Deserialize;
use stt_wire::{RelayAnswer, RelayRequest};

use crate::{Vectors, array, assert_refused, bytes, encoded, only_frame, parse, varint};

#[derive(Deserialize)]
#[serde(
    tag = "frame",
    rename_all = "SCREAMING_SNAKE_CASE",
    deny_unknown_fields
)]
enum Request {
    Reach {
        hex: String,
        request: u64,
        peer: String,
    },
    Leave {
        hex: String,
        leg: u64,
    },
}

#[derive(Deserialize)]
#[serde(
    tag = "frame",
    rename_all = "SCREAMING_SNAKE_CASE",
    deny_unknown_fields
)]
enum Answer {
    Registered {
        hex: String,
        rate: u64,
        burst: u64,
        channels: u64,
    },
    Channel {
        hex: String,
        request: u64,
        leg: u64,
        tag: String,
        peer: String,
    },
    Unreached {
        hex: String,
        request: u64,
        reason: u8,
    },
    Gone {
        hex: String,
        leg: u64,
    },
}

impl Request {
    fn meaning(self) -> (String, RelayRequest) {
        match self {
            Self::Reach { hex, request, peer } => {
                let (request, peer) = (varint(request), array(&peer));
                (hex, RelayRequest::Reach { request, peer })
            }
            Self::Leave { hex, leg } => (hex, RelayRequest::Leave { leg: varint(leg) }),
        }
    }
}

impl Answer {
    fn meaning(self) -> (String, RelayAnswer) {
        match self {
            Self::Registered {
                hex,
                rate,
                burst,
                channels,
            } => {
                let [rate, burst, channels] = [rate, burst, channels].map(varint);
                let answer = RelayAnswer::Registered {
                    rate,
                    burst,
                    channels,
                };
                (hex, answer)
            }
            Self::Channel {
                hex,
                request,
                leg,
                tag,
                peer,
            } => {
                let answer = RelayAnswer::Channel {
                    request: varint(request),
                    leg: varint(leg),
                    tag: array(&tag),
                    peer: array(&peer),
                };
                (hex, answer)
            }
            Self::Unreached {
                hex,
                request,
                reason,
            } => {
                let (request, reason) = (varint(request), reason.into());
                (hex, RelayAnswer::Unreached { request, reason })
            }
            Self::Gone { hex, leg } => (hex, RelayAnswer::Gone { leg: varint(leg) }),
        }
    }
}

#[test]
fn relay_request_vectors_hold() {
    let text = include_str!("../../../../spec/vectors/wire/relay-request.json");
    let vectors: Vectors<Request> = parse(text);
    let decode = |hex: &str| RelayRequest::decode(only_frame(hex));
    for (hex, request) in vectors.valid.into_iter().map(Request::meaning) {
        assert_eq!(decode(&hex), Ok(request));
        assert_eq!(encoded(|out| request.encode(out)), bytes(&hex));
    }
    assert_refused(&vectors.invalid, decode);
}

#[test]
fn relay_answer_vectors_hold() {
    let text = include_str!("../../../../spec/vectors/wire/relay-answer.json");
    let vectors: Vectors<Answer> = parse(text);
    let decode = |hex: &str| RelayAnswer::decode(only_frame(hex));
    for (hex, answer) in vectors.valid.into_iter().map(Answer::meaning) {
        assert_eq!(decode(&hex), Ok(answer));
        assert_eq!(encoded(|out| answer.encode(out)), bytes(&hex));
    }
    assert_refused(&vectors.invalid, decode);
}
