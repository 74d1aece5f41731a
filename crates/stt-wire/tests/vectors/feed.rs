//! Requests for the entries of a feed and their answers.

use serde::Deserialize;
use stt_wire::{FeedAnswer, FeedEntry, FeedRequest};

use crate::{Vectors, array, assert_refused, bytes, encoded, only_frame, parse, varint};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Follow {
    hex: String,
    publisher: String,
    id: String,
    from: u64,
}

#[derive(Deserialize)]
#[serde(
    tag = "answer",
    rename_all = "SCREAMING_SNAKE_CASE",
    deny_unknown_fields
)]
enum Answer {
    Entry {
        hex: String,
        number: u64,
        is_last: bool,
        address: String,
        root: String,
        length: u64,
        signature: String,
        /// In the feed of the id `55…`.
        signed: String,
    },
    Absent {
        hex: String,
    },
    Busy {
        hex: String,
        wait: u64,
    },
}

impl Answer {
    fn meaning(self) -> (String, FeedAnswer) {
        match self {
            Self::Entry {
                hex,
                number,
                is_last,
                address,
                root,
                length,
                signature,
                signed,
            } => {
                let entry = FeedEntry {
                    number: varint(number),
                    is_last,
                    address: array(&address),
                    root: array(&root),
                    length: varint(length),
                    signature: array(&signature),
                };
                assert_eq!(entry.signed_bytes(&[0x55; 16])[..], bytes(&signed), "{hex}");
                (hex, FeedAnswer::Entry(entry))
            }
            Self::Absent { hex } => (hex, FeedAnswer::Absent),
            Self::Busy { hex, wait } => (hex, FeedAnswer::Busy { wait: varint(wait) }),
        }
    }
}

#[test]
fn feed_request_vectors_hold() {
    let text = include_str!("../../../../spec/vectors/wire/feed-request.json");
    let vectors: Vectors<Follow> = parse(text);
    for follow in vectors.valid {
        let request = FeedRequest::Follow {
            publisher: array(&follow.publisher),
            id: array(&follow.id),
            from: varint(follow.from),
        };
        assert_eq!(
            FeedRequest::decode(only_frame(&follow.hex)),
            Ok(request),
            "{}",
            follow.hex
        );
        assert_eq!(encoded(|out| request.encode(out)), bytes(&follow.hex));
    }
    assert_refused(&vectors.invalid, |hex| FeedRequest::decode(only_frame(hex)));
}

#[test]
fn feed_answer_vectors_hold() {
    let text = include_str!("../../../../spec/vectors/wire/feed-answer.json");
    let vectors: Vectors<Answer> = parse(text);
    for (hex, answer) in vectors.valid.into_iter().map(Answer::meaning) {
        assert_eq!(FeedAnswer::decode(only_frame(&hex)), Ok(answer), "{hex}");
        assert_eq!(encoded(|out| answer.encode(out)), bytes(&hex), "{hex}");
    }
    assert_refused(&vectors.invalid, |hex| FeedAnswer::decode(only_frame(hex)));
}
