//! A message lane: the messages of any number of message streams, in order.
//!
//! | type | frame            | fields                                       |
//! |------|------------------|----------------------------------------------|
//! | 0x10 | [`Message`]      | `message_stream`, bytes to the end           |
//! | 0x11 | [`MessageStart`] | `message_stream`, `total`, bytes to the end  |
//! | 0x12 | [`MessageMore`]  | `message_stream`, bytes to the end           |
//! | 0x13 | [`Release`]      | `message_stream`                             |
//!
//! *Invariant.* Payloads are slices of what was received, never copies.
//!
//! *Not here.* Which part belongs to which message, and whether the parts add up to the total:
//! the session knows the state of each message stream.
//!
//! *spec:* WIRE-30 to WIRE-36.

mod message;
mod message_more;
mod message_start;
mod release;

use bytes::{Bytes, BytesMut};

use crate::fields::Fields;
use crate::limits::MAX_PART_LEN;
use crate::{DecodeError, FrameType, RawFrame, VarInt};

pub use message::Message;
pub use message_more::MessageMore;
pub use message_start::MessageStart;
pub use release::Release;

/// A frame of a message lane.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_enums,
    reason = "a session must say what it does with every frame"
)]
pub enum LaneFrame {
    /// A whole message.
    Message(Message),
    /// The first part of a longer message.
    MessageStart(MessageStart),
    /// A further part of a longer message.
    MessageMore(MessageMore),
    /// Lets go of a message stream.
    Release(Release),
}

impl LaneFrame {
    /// Appends the frame, with a copy of its payload.
    pub fn encode(&self, out: &mut BytesMut) {
        self.encode_header(out);
        out.extend_from_slice(self.payload());
    }

    /// Appends all of the frame but its [`payload`](Self::payload), which the caller sends next.
    pub fn encode_header(&self, out: &mut BytesMut) {
        match self {
            Self::Message(frame) => frame.encode_header(out),
            Self::MessageStart(frame) => frame.encode_header(out),
            Self::MessageMore(frame) => frame.encode_header(out),
            Self::Release(frame) => frame.encode(out),
        }
    }

    /// Reads a frame of a lane after its OPEN. Take it with a
    /// [`FrameDecoder`](crate::FrameDecoder) of
    /// [`MAX_LANE_FRAME_LEN`](crate::limits::MAX_LANE_FRAME_LEN). `max_message` is the longest
    /// message the receiver takes, in bytes.
    ///
    /// # Errors
    ///
    /// [`DecodeError::WrongStream`] and [`DecodeError::UnknownType`] for a frame that is none of
    /// the four; [`DecodeError::TooLong`], [`DecodeError::EmptyPart`] and
    /// [`DecodeError::PartFillsMessage`] for a part or a message of a forbidden size;
    /// [`DecodeError::Truncated`], [`DecodeError::NonMinimalVarint`] and
    /// [`DecodeError::TrailingBytes`] for malformed fields.
    #[inline]
    pub fn decode(frame: RawFrame, max_message: u64) -> Result<Self, DecodeError> {
        let RawFrame {
            frame_type,
            payload,
        } = frame;
        let fields = Fields::new(payload);
        match frame_type {
            FrameType::MESSAGE => Message::decode(fields, max_message).map(Self::Message),
            FrameType::MESSAGE_START => {
                MessageStart::decode(fields, max_message).map(Self::MessageStart)
            }
            FrameType::MESSAGE_MORE => MessageMore::decode(fields).map(Self::MessageMore),
            FrameType::RELEASE => Release::decode(fields).map(Self::Release),
            other => Err(stranger(other)),
        }
    }

    /// The message stream the frame is about.
    pub const fn message_stream(&self) -> VarInt {
        match self {
            Self::Message(frame) => frame.message_stream,
            Self::MessageStart(frame) => frame.message_stream,
            Self::MessageMore(frame) => frame.message_stream,
            Self::Release(frame) => frame.message_stream,
        }
    }

    /// The application's bytes in the frame; none in a release.
    pub fn payload(&self) -> &[u8] {
        match self {
            Self::Message(frame) => &frame.payload,
            Self::MessageStart(frame) => &frame.payload,
            Self::MessageMore(frame) => &frame.payload,
            Self::Release(_) => &[],
        }
    }

    /// Takes the application's bytes out of the frame, to be sent after its header.
    pub fn into_payload(self) -> Bytes {
        match self {
            Self::Message(frame) => frame.payload,
            Self::MessageStart(frame) => frame.payload,
            Self::MessageMore(frame) => frame.payload,
            Self::Release(_) => Bytes::new(),
        }
    }

    /// What the frame takes from its message stream's credit: its bytes, and
    /// [`MESSAGE_COST`](crate::limits::MESSAGE_COST) where a message begins.
    pub fn cost(&self) -> u64 {
        let begins = matches!(self, Self::Message(_) | Self::MessageStart(_));
        let fixed = if begins {
            crate::limits::MESSAGE_COST
        } else {
            0
        };
        fixed + self.payload().len() as u64
    }
}

/// Why a type that is no lane frame is refused.
pub(crate) fn stranger(frame_type: FrameType) -> DecodeError {
    if frame_type == FrameType::ILLEGAL {
        DecodeError::IllegalType
    } else if frame_type.is_user() || frame_type.name().is_some() {
        DecodeError::WrongStream(frame_type)
    } else {
        DecodeError::UnknownType(frame_type)
    }
}

/// The bytes of one part, if they are within the law.
pub(crate) fn part(fields: Fields) -> Result<Bytes, DecodeError> {
    let payload = fields.rest();
    within(payload.len() as u64, MAX_PART_LEN as u64)?;
    Ok(payload)
}

/// The bytes of one part of several, which must move the message on.
pub(crate) fn part_of_several(fields: Fields) -> Result<Bytes, DecodeError> {
    let payload = part(fields)?;
    if payload.is_empty() {
        Err(DecodeError::EmptyPart)
    } else {
        Ok(payload)
    }
}

pub(crate) const fn within(len: u64, max: u64) -> Result<(), DecodeError> {
    if len <= max {
        Ok(())
    } else {
        Err(DecodeError::TooLong { len, max })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::DEFAULT_MESSAGE_LEN;
    use crate::testing::{cut, only_frame, with_byte_after};

    pub(super) fn assert_survives_the_wire(frame: &LaneFrame) {
        let raw = encoded(frame);
        assert_eq!(
            LaneFrame::decode(raw.clone(), DEFAULT_MESSAGE_LEN).as_ref(),
            Ok(frame)
        );
        let fields = raw.payload.len() - frame.payload().len();
        for missing in frame.payload().len() + 1..=frame.payload().len() + fields {
            let cut = LaneFrame::decode(cut(&raw, missing), DEFAULT_MESSAGE_LEN);
            assert_eq!(cut, Err(DecodeError::Truncated));
        }
    }

    pub(super) fn refusal_of(frame: &LaneFrame) -> DecodeError {
        LaneFrame::decode(encoded(frame), DEFAULT_MESSAGE_LEN).unwrap_err()
    }

    fn encoded(frame: &LaneFrame) -> RawFrame {
        let mut out = BytesMut::new();
        frame.encode(&mut out);
        only_frame(out)
    }

    fn more(len: usize) -> LaneFrame {
        let payload = Bytes::from(vec![7; len]);
        LaneFrame::MessageMore(MessageMore {
            message_stream: VarInt::MAX,
            payload,
        })
    }

    #[test]
    fn part_carries_at_most_64_kib() {
        assert_survives_the_wire(&more(MAX_PART_LEN));
        let frame = LaneFrame::Message(Message {
            message_stream: VarInt::ZERO,
            payload: vec![0; MAX_PART_LEN + 1].into(),
        });
        assert_eq!(
            refusal_of(&frame),
            DecodeError::TooLong {
                len: 65_537,
                max: 65_536
            }
        );
    }

    #[test]
    fn part_of_several_carries_at_least_a_byte() {
        assert_eq!(refusal_of(&more(0)), DecodeError::EmptyPart);
    }

    #[test]
    fn whole_message_is_bound_by_the_receivers_limit() {
        let payload = Bytes::from_static(b"four");
        let frame = LaneFrame::Message(Message {
            message_stream: VarInt::ZERO,
            payload,
        });
        assert!(LaneFrame::decode(encoded(&frame), 4).is_ok());
        let refusal = DecodeError::TooLong { len: 4, max: 3 };
        assert_eq!(LaneFrame::decode(encoded(&frame), 3), Err(refusal));
    }

    #[test]
    fn release_has_no_bytes_after_its_field() {
        let raw = encoded(&LaneFrame::Release(Release {
            message_stream: VarInt::ZERO,
        }));
        let refusal = DecodeError::TrailingBytes { extra: 1 };
        assert_eq!(LaneFrame::decode(with_byte_after(&raw), 0), Err(refusal));
    }

    #[test]
    fn payload_is_a_slice_of_what_was_received() {
        let raw = encoded(&more(1_000));
        let received = raw.payload.as_ptr_range();
        let frame = LaneFrame::decode(raw, DEFAULT_MESSAGE_LEN).unwrap();
        assert!(received.contains(&frame.payload().as_ptr()));
    }

    #[test]
    fn lane_refuses_all_other_types() {
        for number in (0x00..=0x0f).chain(0x14..=0xff) {
            let frame_type = FrameType::from(number);
            let raw = RawFrame {
                frame_type,
                payload: Bytes::new(),
            };
            let refusal = match number {
                0x00 => DecodeError::IllegalType,
                0x01..=0x07 | 0x18..=0x1d | 0x20..=0x3f | 0x40 | 0x80.. => {
                    DecodeError::WrongStream(frame_type)
                }
                _ => DecodeError::UnknownType(frame_type),
            };
            assert_eq!(LaneFrame::decode(raw, DEFAULT_MESSAGE_LEN), Err(refusal));
        }
    }

    #[test]
    fn cost_of_all_parts_is_the_length_and_the_cost_of_one_message() {
        let (message_stream, total) = (VarInt::ZERO, VarInt::from_u32(10));
        let payload = Bytes::from_static(b"abcd");
        let start = LaneFrame::MessageStart(MessageStart {
            message_stream,
            total,
            payload,
        });
        assert_eq!(start.cost() + more(6).cost(), 10 + 64);
        assert_eq!(LaneFrame::Release(Release { message_stream }).cost(), 0);
    }
}
