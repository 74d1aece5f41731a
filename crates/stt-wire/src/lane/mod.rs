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
fn stranger(frame_type: FrameType) -> DecodeError {
    if frame_type == FrameType::ILLEGAL {
        DecodeError::IllegalType
    } else if frame_type.is_user() || frame_type.name().is_some() {
        DecodeError::WrongStream(frame_type)
    } else {
        DecodeError::UnknownType(frame_type)
    }
}

/// The bytes of one part, if they are within the law.
fn part(fields: Fields) -> Result<Bytes, DecodeError> {
    let payload = fields.rest();
    within(payload.len() as u64, MAX_PART_LEN as u64)?;
    Ok(payload)
}

/// The bytes of one part of several, which must move the message on.
fn part_of_several(fields: Fields) -> Result<Bytes, DecodeError> {
    let payload = part(fields)?;
    if payload.is_empty() {
        Err(DecodeError::EmptyPart)
    } else {
        Ok(payload)
    }
}

const fn within(len: u64, max: u64) -> Result<(), DecodeError> {
    if len <= max {
        Ok(())
    } else {
        Err(DecodeError::TooLong { len, max })
    }
}
