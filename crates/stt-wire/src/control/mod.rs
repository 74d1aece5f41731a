//! The control stream: STT's own frames, in order, beside all data.
//!
//! | type      | frame          | fields                      |
//! |-----------|----------------|-----------------------------|
//! | 0x02      | [`Credit`]     | `message_stream`, `limit`   |
//! | 0x03      | [`Released`]   | `message_stream`            |
//! | 0x04      | [`Checkpoint`] | `stream`, `offset`          |
//! | 0x05      | [`Reached`]    | `stream`, `offset`          |
//! | 0x06      | [`Finished`]   | `bi`, `uni`                 |
//! | 0x07      | [`Closing`]    | `bi`, `uni`                 |
//! | 0x40      | [`Candidates`] | `mapping`, candidates       |
//! | 0x41-0x7F | ignored        | anything                    |
//!
//! But for those of [`Candidates`], each field is an integer of variable length, and nothing follows
//! the last.
//!
//! *spec:* WIRE-20 to WIRE-22, and the section of each frame.

mod candidates;
mod checkpoint;
mod closing;
mod credit;
mod finished;
mod reached;
mod released;

use bytes::BytesMut;

use crate::fields::Fields;
use crate::limits::MAX_CONTROL_LEN;
use crate::varint::put_varint;
use crate::{DecodeError, FrameType, RawFrame, VarInt, encode_header};

pub use candidates::{Candidate, Candidates, Mapping};
pub use checkpoint::Checkpoint;
pub use closing::Closing;
pub use credit::Credit;
pub use finished::Finished;
pub use reached::Reached;
pub use released::Released;

/// A frame of the control stream.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_enums,
    reason = "a session must say what it does with every frame"
)]
pub enum ControlFrame {
    /// How much may be sent on a message stream.
    Credit(Credit),
    /// A message stream is forgotten.
    Released(Released),
    /// Asks to be told when a data stream was consumed up to an offset.
    Checkpoint(Checkpoint),
    /// Answers a checkpoint.
    Reached(Reached),
    /// All was sent and all was consumed.
    Finished(Finished),
    /// Nothing more will be opened or sent.
    Closing(Closing),
    /// Where the sender can be reached.
    Candidates(Candidates),
    /// A type this version does not know and may skip. It encodes to nothing.
    Ignored(FrameType),
}

impl ControlFrame {
    /// Appends the frame.
    pub fn encode(&self, out: &mut BytesMut) {
        match self {
            Self::Credit(frame) => frame.encode(out),
            Self::Released(frame) => frame.encode(out),
            Self::Checkpoint(frame) => frame.encode(out),
            Self::Reached(frame) => frame.encode(out),
            Self::Finished(frame) => frame.encode(out),
            Self::Closing(frame) => frame.encode(out),
            Self::Candidates(frame) => frame.encode(out),
            Self::Ignored(_) => {}
        }
    }

    /// Reads a frame of the control stream after its OPEN. Take it with a
    /// [`FrameDecoder`](crate::FrameDecoder) of [`MAX_CONTROL_LEN`].
    ///
    /// # Errors
    ///
    /// [`DecodeError::WrongStream`] for a known type that belongs elsewhere and for users' types,
    /// [`DecodeError::UnknownType`] for an unknown type that must be understood,
    /// [`DecodeError::TooLong`], [`DecodeError::Truncated`], [`DecodeError::NonMinimalVarint`] and
    /// [`DecodeError::TrailingBytes`] for a malformed payload.
    pub fn decode(frame: RawFrame) -> Result<Self, DecodeError> {
        let RawFrame {
            frame_type,
            payload,
        } = frame;
        if payload.len() > MAX_CONTROL_LEN {
            let (len, max) = (payload.len() as u64, MAX_CONTROL_LEN as u64);
            return Err(DecodeError::TooLong { len, max });
        }
        let mut fields = Fields::new(payload);
        let decoded = match frame_type {
            FrameType::CREDIT => Self::Credit(Credit::decode(&mut fields)?),
            FrameType::RELEASED => Self::Released(Released::decode(&mut fields)?),
            FrameType::CHECKPOINT => Self::Checkpoint(Checkpoint::decode(&mut fields)?),
            FrameType::REACHED => Self::Reached(Reached::decode(&mut fields)?),
            FrameType::FINISHED => Self::Finished(Finished::decode(&mut fields)?),
            FrameType::CLOSING => Self::Closing(Closing::decode(&mut fields)?),
            FrameType::CANDIDATES => return Candidates::decode(fields).map(Self::Candidates),
            other => return stranger(other),
        };
        fields.end()?;
        Ok(decoded)
    }
}

/// What to make of a type that is no control frame.
fn stranger(frame_type: FrameType) -> Result<ControlFrame, DecodeError> {
    if frame_type == FrameType::ILLEGAL {
        Err(DecodeError::IllegalType)
    } else if frame_type.is_user() || frame_type.name().is_some() {
        Err(DecodeError::WrongStream(frame_type))
    } else if frame_type.may_be_ignored() {
        Ok(ControlFrame::Ignored(frame_type))
    } else {
        Err(DecodeError::UnknownType(frame_type))
    }
}

/// Appends a frame whose payload is integers only.
fn encode_integers<const N: usize>(ty: FrameType, integers: [VarInt; N], out: &mut BytesMut) {
    encode_header(ty, integers.iter().map(|i| i.encoded_len()).sum(), out);
    for integer in integers {
        put_varint(out, integer);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{cut, only_frame, with_byte_after};

    pub(super) fn assert_survives_the_wire(frame: ControlFrame) {
        let mut out = BytesMut::new();
        frame.encode(&mut out);
        let raw = only_frame(out);
        for missing in 1..=raw.payload.len() {
            let refusal = ControlFrame::decode(cut(&raw, missing));
            assert_eq!(refusal, Err(DecodeError::Truncated));
        }
        let refusal = ControlFrame::decode(with_byte_after(&raw));
        assert_eq!(refusal, Err(DecodeError::TrailingBytes { extra: 1 }));
        assert_eq!(ControlFrame::decode(raw), Ok(frame));
    }

    #[test]
    fn control_stream_skips_only_what_may_be_ignored() {
        for number in (0x00..=0x01).chain(0x08..=0x3f).chain(0x41..=0xff) {
            let frame_type = FrameType::from(number);
            let raw = RawFrame {
                frame_type,
                payload: vec![0xff; 9].into(),
            };
            let verdict = match number {
                0x00 => Err(DecodeError::IllegalType),
                0x01 | 0x10..=0x13 | 0x18..=0x1d | 0x20..=0x3f | 0x80.. => {
                    Err(DecodeError::WrongStream(frame_type))
                }
                0x41..=0x7f => Ok(ControlFrame::Ignored(frame_type)),
                _ => Err(DecodeError::UnknownType(frame_type)),
            };
            assert_eq!(ControlFrame::decode(raw), verdict);
        }
    }

    #[test]
    fn control_frame_carries_at_most_64_kib() {
        let frame = |len| RawFrame {
            frame_type: 0x41.into(),
            payload: vec![0; len].into(),
        };
        assert!(ControlFrame::decode(frame(MAX_CONTROL_LEN)).is_ok());
        let refusal = DecodeError::TooLong {
            len: 65_537,
            max: 65_536,
        };
        assert_eq!(
            ControlFrame::decode(frame(MAX_CONTROL_LEN + 1)),
            Err(refusal)
        );
    }

    #[test]
    fn ignored_frame_encodes_to_nothing() {
        let mut out = BytesMut::new();
        ControlFrame::Ignored(FrameType::from(0x41)).encode(&mut out);
        assert!(out.is_empty());
    }
}
