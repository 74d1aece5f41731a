//! `MESSAGE_START` (0x11): the first part of a message too long for one frame.
//!
//! | size   | field            | meaning                                           |
//! |--------|------------------|---------------------------------------------------|
//! | varint | `message_stream` | the message stream; 0 to 2^62 - 1                 |
//! | varint | `total`          | bytes of the whole message                        |
//! | rest   | `payload`        | its first bytes; 1 to 65,536, fewer than `total`  |
//!
//! *spec:* WIRE-32, WIRE-33.

use bytes::{Bytes, BytesMut};

use super::{part_of_several, within};
use crate::fields::Fields;
use crate::varint::put_varint;
use crate::{DecodeError, FrameType, VarInt, encode_header};

/// The first part of a longer message; [`MessageMore`](super::MessageMore) parts follow until
/// `total` bytes are there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MessageStart {
    /// The message stream it belongs to.
    pub message_stream: VarInt,
    /// Bytes of the whole message, this part included.
    pub total: VarInt,
    /// The first bytes of the message; at most
    /// [`MAX_PART_LEN`](crate::limits::MAX_PART_LEN).
    pub payload: Bytes,
}

impl MessageStart {
    /// Appends all of the frame but its payload, which the caller sends next.
    #[inline]
    pub fn encode_header(&self, out: &mut BytesMut) {
        let fields = self.message_stream.encoded_len() + self.total.encoded_len();
        encode_header(FrameType::MESSAGE_START, fields + self.payload.len(), out);
        put_varint(out, self.message_stream);
        put_varint(out, self.total);
    }

    #[inline]
    pub(super) fn decode(mut fields: Fields, max_message: u64) -> Result<Self, DecodeError> {
        let message_stream = fields.varint()?;
        let total = fields.varint()?;
        within(total.get(), max_message)?;
        let payload = part_of_several(fields)?;
        let len = payload.len() as u64;
        if len >= total.get() {
            return Err(DecodeError::PartFillsMessage {
                len,
                total: total.get(),
            });
        }
        Ok(Self {
            message_stream,
            total,
            payload,
        })
    }
}
