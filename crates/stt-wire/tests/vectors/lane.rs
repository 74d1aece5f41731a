//! Frames of a message lane.

use serde::Deserialize;
use stt_wire::{LaneFrame, Message, MessageMore, MessageStart, Release, limits};

use crate::{Vectors, assert_refused, bytes, encoded, only_frame, parse, varint};

#[derive(Deserialize)]
#[serde(
    tag = "frame",
    rename_all = "SCREAMING_SNAKE_CASE",
    deny_unknown_fields
)]
enum Lane {
    Message {
        hex: String,
        message_stream: u64,
        payload: String,
    },
    MessageStart {
        hex: String,
        message_stream: u64,
        total: u64,
        payload: String,
    },
    MessageMore {
        hex: String,
        message_stream: u64,
        payload: String,
    },
    Release {
        hex: String,
        message_stream: u64,
    },
}

impl Lane {
    fn meaning(self) -> (String, LaneFrame) {
        match self {
            Self::Message {
                hex,
                message_stream,
                payload,
            } => {
                let (message_stream, payload) = (varint(message_stream), bytes(&payload));
                (
                    hex,
                    LaneFrame::Message(Message {
                        message_stream,
                        payload,
                    }),
                )
            }
            Self::MessageStart {
                hex,
                message_stream,
                total,
                payload,
            } => {
                let (message_stream, total) = (varint(message_stream), varint(total));
                let payload = bytes(&payload);
                (
                    hex,
                    LaneFrame::MessageStart(MessageStart {
                        message_stream,
                        total,
                        payload,
                    }),
                )
            }
            Self::MessageMore {
                hex,
                message_stream,
                payload,
            } => {
                let (message_stream, payload) = (varint(message_stream), bytes(&payload));
                (
                    hex,
                    LaneFrame::MessageMore(MessageMore {
                        message_stream,
                        payload,
                    }),
                )
            }
            Self::Release {
                hex,
                message_stream,
            } => {
                let message_stream = varint(message_stream);
                (hex, LaneFrame::Release(Release { message_stream }))
            }
        }
    }
}

#[test]
fn lane_vectors_hold() {
    let vectors: Vectors<Lane> = parse(include_str!("../../../../spec/vectors/wire/lane.json"));
    let decode = |hex: &str| LaneFrame::decode(only_frame(hex), limits::DEFAULT_MESSAGE_LEN);
    for (hex, frame) in vectors.valid.into_iter().map(Lane::meaning) {
        assert_eq!(decode(&hex).as_ref(), Ok(&frame));
        assert_eq!(encoded(|out| frame.encode(out)), bytes(&hex));
    }
    assert_refused(&vectors.invalid, decode);
}
