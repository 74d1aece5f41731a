//! OPEN (0x01): the first frame of every stream names what the stream is.
//!
//! | offset | size    | field | meaning                                                    |
//! |--------|---------|-------|------------------------------------------------------------|
//! | 0      | varint  | kind  | see [`StreamKind`]                                         |
//! | ..     | varint  | -     | Data: stripe, 0 today. Messages: lane, 0 to 15. Else none. |
//!
//! *Invariant.* A kind this version does not know refuses the stream, not the session, so that a
//! newer peer may try.
//!
//! *spec:* WIRE-10 to WIRE-16.

mod error;
mod kind;

use bytes::BytesMut;

use crate::fields::Fields;
use crate::limits::{MAX_LANE, MAX_OPEN_LEN};
use crate::varint::put_varint;
use crate::{DecodeError, FrameType, RawFrame, VarInt, encode_header};

pub use error::OpenError;
pub use kind::{Direction, StreamKind};

/// What a stream is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Open {
    /// The kind, with what belongs to it.
    pub kind: StreamKind,
}

impl Open {
    /// Appends the frame.
    pub fn encode(self, out: &mut BytesMut) {
        let number = self.kind.number();
        let parameter = self.kind.parameter();
        let len = number.encoded_len() + parameter.map_or(0, VarInt::encoded_len);
        encode_header(FrameType::OPEN, len, out);
        put_varint(out, number);
        if let Some(parameter) = parameter {
            put_varint(out, parameter);
        }
    }

    /// Reads the first frame of a stream. Take it with a
    /// [`FrameDecoder`](crate::FrameDecoder) of [`MAX_OPEN_LEN`].
    ///
    /// # Errors
    ///
    /// [`OpenError::UnknownKind`] and [`OpenError::UnknownStripe`] refuse the stream;
    /// [`OpenError::Malformed`] ends the session.
    pub fn decode(frame: RawFrame) -> Result<Self, OpenError> {
        if frame.frame_type != FrameType::OPEN {
            return Err(DecodeError::WrongStream(frame.frame_type).into());
        }
        if frame.payload.len() > MAX_OPEN_LEN {
            let (len, max) = (frame.payload.len() as u64, MAX_OPEN_LEN as u64);
            return Err(DecodeError::TooLong { len, max }.into());
        }
        let mut fields = Fields::new(frame.payload);
        let kind = decode_kind(&mut fields)?;
        fields.end()?;
        Ok(Self { kind })
    }
}

fn decode_kind(fields: &mut Fields) -> Result<StreamKind, OpenError> {
    match fields.varint()?.get() {
        StreamKind::CONTROL => Ok(StreamKind::Control),
        StreamKind::USER_FRAMES => Ok(StreamKind::UserFrames),
        StreamKind::DATA => match fields.varint()?.get() {
            0 => Ok(StreamKind::Data {
                stripe: VarInt::ZERO,
            }),
            stripe => Err(OpenError::UnknownStripe { stripe }),
        },
        StreamKind::MESSAGES => Ok(StreamKind::Messages {
            lane: decode_lane(fields)?,
        }),
        StreamKind::DHT_REQUEST => Ok(StreamKind::DhtRequest),
        StreamKind::CONTENT_REQUEST => Ok(StreamKind::ContentRequest),
        kind => Err(OpenError::UnknownKind { kind }),
    }
}

fn decode_lane(fields: &mut Fields) -> Result<u8, DecodeError> {
    let lane = fields.varint()?.get();
    match u8::try_from(lane) {
        Ok(lane) if lane <= MAX_LANE => Ok(lane),
        _ => Err(DecodeError::LaneOutOfRange {
            lane,
            max: u64::from(MAX_LANE),
        }),
    }
}
