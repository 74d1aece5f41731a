//! The bytes before a payload: `type u8 | length varint`.
//!
//! *spec:* WIRE-1.

use bytes::{BufMut, BytesMut};

use super::FrameType;
use crate::varint::{peek_varint, put_varint};
use crate::{DecodeError, VarInt};

/// A frame's type and how long its payload is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FrameHeader {
    /// What the payload is.
    pub frame_type: FrameType,
    /// Bytes of the payload.
    pub len: VarInt,
}

impl FrameHeader {
    /// Reads the header at the front of `input` and says how many bytes it took; `None` if it is
    /// not all there.
    ///
    /// # Errors
    ///
    /// [`DecodeError::IllegalType`] for type 0x00, [`DecodeError::NonMinimalVarint`] for a length
    /// in a longer form than it needs.
    #[inline]
    pub fn peek(input: &[u8]) -> Result<Option<(Self, usize)>, DecodeError> {
        let Some((&first, rest)) = input.split_first() else {
            return Ok(None);
        };
        let frame_type = FrameType::from(first);
        if frame_type == FrameType::ILLEGAL {
            return Err(DecodeError::IllegalType);
        }
        let length = peek_varint(rest)?;
        Ok(length.map(|(len, taken)| (Self { frame_type, len }, 1 + taken)))
    }

    /// Appends the header.
    #[inline]
    pub fn encode(self, out: &mut BytesMut) {
        out.put_u8(self.frame_type.into());
        put_varint(out, self.len);
    }
}

/// Appends the header of a frame whose payload of `len` bytes the caller sends itself, so that a
/// long payload need not be copied.
#[inline]
pub fn encode_header(frame_type: FrameType, len: usize, out: &mut BytesMut) {
    // No memory holds 2^62 bytes, so the length is never cut.
    FrameHeader {
        frame_type,
        len: VarInt::saturating(len as u64),
    }
    .encode(out);
}

/// Appends a frame of one integer.
pub(crate) fn encode_number(frame_type: FrameType, value: VarInt, out: &mut BytesMut) {
    encode_header(frame_type, value.encoded_len(), out);
    put_varint(out, value);
}
