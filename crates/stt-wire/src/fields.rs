//! A cursor over the fields of one payload.
//!
//! A payload is all there when its fields are read, so a field that is not is the peer's fault.

use bytes::Bytes;

use crate::varint::take_varint;
use crate::{DecodeError, VarInt};

/// The fields not read yet.
pub(crate) struct Fields(Bytes);

impl Fields {
    #[inline]
    pub(crate) const fn new(payload: Bytes) -> Self {
        Self(payload)
    }

    /// The next field, an integer.
    #[inline]
    pub(crate) fn varint(&mut self) -> Result<VarInt, DecodeError> {
        take_varint(&mut self.0)?.ok_or(DecodeError::Truncated)
    }

    /// The last field: all bytes that are left, without a copy.
    #[inline]
    pub(crate) fn rest(self) -> Bytes {
        self.0
    }

    /// States that there are no more fields.
    #[inline]
    pub(crate) fn end(self) -> Result<(), DecodeError> {
        match self.0.len() {
            0 => Ok(()),
            extra => Err(DecodeError::TrailingBytes { extra }),
        }
    }
}
