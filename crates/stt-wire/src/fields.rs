//! A cursor over the fields of one payload.
//!
//! A payload is all there when its fields are read, so a field that is not is the peer's fault.

use bytes::{Buf, Bytes};

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

    /// The next field, one byte.
    #[inline]
    pub(crate) fn u8(&mut self) -> Result<u8, DecodeError> {
        self.array().map(|[byte]: [u8; 1]| byte)
    }

    /// The next field, `N` bytes.
    #[inline]
    pub(crate) fn array<const N: usize>(&mut self) -> Result<[u8; N], DecodeError> {
        let bytes = self.0.first_chunk::<N>().ok_or(DecodeError::Truncated)?;
        let bytes = *bytes;
        self.0.advance(N);
        Ok(bytes)
    }

    /// The next field, `len` bytes without a copy.
    pub(crate) fn bytes(&mut self, len: usize) -> Result<Bytes, DecodeError> {
        if self.0.len() < len {
            return Err(DecodeError::Truncated);
        }
        Ok(self.0.split_to(len))
    }

    /// The next field: how many things follow, in one byte, and not more than `max`.
    pub(crate) fn count(&mut self, max: usize) -> Result<usize, DecodeError> {
        let count = usize::from(self.u8()?);
        if count <= max {
            Ok(count)
        } else {
            Err(DecodeError::TooMany { count, max })
        }
    }

    /// Whether nothing is left.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
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
