//! Frames of the control stream.

use std::net::SocketAddr;

use serde::Deserialize;
use stt_wire::{
    Candidate, Candidates, Checkpoint, Closing, ControlFrame, Credit, Finished, FrameType, Mapping,
    Name, Reached, Released,
};

use crate::{Ignored, Vectors, assert_refused, bytes, encoded, only_frame, parse, varint};

#[derive(Deserialize)]
#[serde(
    tag = "frame",
    rename_all = "SCREAMING_SNAKE_CASE",
    deny_unknown_fields
)]
enum Control {
    Credit {
        hex: String,
        message_stream: u64,
        limit: u64,
    },
    Released {
        hex: String,
        message_stream: u64,
    },
    Checkpoint {
        hex: String,
        stream: u64,
        offset: u64,
    },
    Reached {
        hex: String,
        stream: u64,
        offset: u64,
    },
    Finished {
        hex: String,
        bi: u64,
        uni: u64,
    },
    Closing {
        hex: String,
        bi: u64,
        uni: u64,
    },
    Candidates {
        hex: String,
        mapping: u8,
        #[serde(default)]
        interface: Vec<SocketAddr>,
        #[serde(default)]
        outside: Vec<SocketAddr>,
        #[serde(default)]
        web_socket: Vec<String>,
    },
}

impl Control {
    fn meaning(self) -> (String, ControlFrame) {
        match self {
            Self::Credit {
                hex,
                message_stream,
                limit,
            } => {
                let (message_stream, limit) = (varint(message_stream), varint(limit));
                (
                    hex,
                    ControlFrame::Credit(Credit {
                        message_stream,
                        limit,
                    }),
                )
            }
            Self::Released {
                hex,
                message_stream,
            } => {
                let message_stream = varint(message_stream);
                (hex, ControlFrame::Released(Released { message_stream }))
            }
            Self::Checkpoint {
                hex,
                stream,
                offset,
            } => {
                let (stream, offset) = (varint(stream), varint(offset));
                (hex, ControlFrame::Checkpoint(Checkpoint { stream, offset }))
            }
            Self::Reached {
                hex,
                stream,
                offset,
            } => {
                let (stream, offset) = (varint(stream), varint(offset));
                (hex, ControlFrame::Reached(Reached { stream, offset }))
            }
            Self::Finished { hex, bi, uni } => {
                let (bi, uni) = (varint(bi), varint(uni));
                (hex, ControlFrame::Finished(Finished { bi, uni }))
            }
            Self::Closing { hex, bi, uni } => {
                let (bi, uni) = (varint(bi), varint(uni));
                (hex, ControlFrame::Closing(Closing { bi, uni }))
            }
            Self::Candidates {
                hex,
                mapping,
                interface,
                outside,
                web_socket,
            } => {
                let mapping = match mapping {
                    1 => Mapping::Independent,
                    2 => Mapping::Dependent,
                    _ => Mapping::Unknown,
                };
                let urls = web_socket
                    .into_iter()
                    .map(|url| Name::try_from(url).expect("a URL"));
                let places = interface
                    .into_iter()
                    .map(Candidate::Interface)
                    .chain(outside.into_iter().map(Candidate::Outside))
                    .chain(urls.map(Candidate::WebSocket))
                    .collect();
                (
                    hex,
                    ControlFrame::Candidates(Candidates { mapping, places }),
                )
            }
        }
    }
}

#[test]
fn control_vectors_hold() {
    let vectors: Vectors<Control> =
        parse(include_str!("../../../../spec/vectors/wire/control.json"));
    let decode = |hex: &str| ControlFrame::decode(only_frame(hex));
    for (hex, frame) in vectors.valid.into_iter().map(Control::meaning) {
        assert_eq!(encoded(|out| frame.encode(out)), bytes(&hex));
        assert_eq!(decode(&hex), Ok(frame));
    }
    for Ignored { hex, r#type } in &vectors.ignored {
        assert_eq!(
            decode(hex),
            Ok(ControlFrame::Ignored(FrameType::from(*r#type)))
        );
    }
    assert_refused(&vectors.invalid, decode);
}
