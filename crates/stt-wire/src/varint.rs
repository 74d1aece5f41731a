//! The variable-length integer of RFC 9000, section 16, in its minimal form only.
//!
//! | first two bits | bytes | usable bits | largest value             |
//! |----------------|-------|-------------|---------------------------|
//! | `00`           | 1     | 6           | 63                        |
//! | `01`           | 2     | 14          | 16,383                    |
//! | `10`           | 4     | 30          | 1,073,741,823             |
//! | `11`           | 8     | 62          | 4,611,686,018,427,387,903 |
//!
//! *Invariant.* A value has one encoding: a longer form than needed is refused, so that whatever
//! was decoded encodes to the same bytes.
//!
//! *spec:* WIRE-2.

use bytes::{Buf, BufMut};

use crate::DecodeError;

/// An integer of 0 to 2^62 - 1: what fits the wire's variable-length form.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct VarInt(u64);

impl VarInt {
    /// The smallest value.
    pub const ZERO: Self = Self(0);
    /// The largest value, 2^62 - 1.
    pub const MAX: Self = Self((1 << 62) - 1);
    /// The longest encoding, in bytes.
    pub const MAX_ENCODED_LEN: usize = 8;

    /// Takes `value` if it is at most 2^62 - 1.
    #[inline]
    pub const fn new(value: u64) -> Option<Self> {
        if value <= Self::MAX.0 {
            Some(Self(value))
        } else {
            None
        }
    }

    /// Takes any `u32`: all of them fit.
    #[inline]
    pub const fn from_u32(value: u32) -> Self {
        Self(value as u64)
    }

    /// Takes `value`, or [`VarInt::MAX`] if it is larger.
    #[inline]
    pub const fn saturating(value: u64) -> Self {
        if value <= Self::MAX.0 {
            Self(value)
        } else {
            Self::MAX
        }
    }

    /// The value as a plain integer.
    #[inline]
    pub const fn get(self) -> u64 {
        self.0
    }

    /// How many bytes the encoding takes: 1, 2, 4 or 8.
    #[inline]
    pub const fn encoded_len(self) -> usize {
        match self.0 {
            0..=0x3f => 1,
            0x40..=0x3fff => 2,
            0x4000..=0x3fff_ffff => 4,
            _ => 8,
        }
    }
}

/// Appends `value` in its minimal form: 1, 2, 4 or 8 bytes.
#[inline]
pub fn put_varint(out: &mut impl BufMut, value: VarInt) {
    match value.encoded_len() {
        1 => out.put_u8(value.0 as u8),
        2 => out.put_u16(0x4000 | value.0 as u16),
        4 => out.put_u32(0x8000_0000 | value.0 as u32),
        _ => out.put_u64(0xc000_0000_0000_0000 | value.0),
    }
}

/// Takes one integer off the front of `input`; `None`, and nothing taken, if it is not all there.
///
/// # Errors
///
/// [`DecodeError::NonMinimalVarint`] if the value would fit a shorter form.
#[inline]
pub fn take_varint(input: &mut impl Buf) -> Result<Option<VarInt>, DecodeError> {
    let Some(&first) = input.chunk().first() else {
        return Ok(None);
    };
    let len = encoded_len_of(first);
    if input.remaining() < len {
        return Ok(None);
    }
    let value = match len {
        1 => u64::from(input.get_u8()),
        2 => u64::from(input.get_u16() & 0x3fff),
        4 => u64::from(input.get_u32() & 0x3fff_ffff),
        _ => input.get_u64() & VarInt::MAX.0,
    };
    minimal(VarInt(value), len).map(Some)
}

/// Reads the integer at the front of `input` and says how many bytes it took; `None` if it is not
/// all there.
///
/// # Errors
///
/// [`DecodeError::NonMinimalVarint`] if the value would fit a shorter form.
#[inline]
pub fn peek_varint(mut input: &[u8]) -> Result<Option<(VarInt, usize)>, DecodeError> {
    let value = take_varint(&mut input)?;
    Ok(value.map(|value| (value, value.encoded_len())))
}

/// The length that the first byte of an encoding announces.
#[inline]
const fn encoded_len_of(first: u8) -> usize {
    1 << (first >> 6)
}

#[inline]
const fn minimal(value: VarInt, len: usize) -> Result<VarInt, DecodeError> {
    if value.encoded_len() == len {
        Ok(value)
    } else {
        Err(DecodeError::NonMinimalVarint)
    }
}

/// A number above 2^62 - 1 was to become a [`VarInt`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{value} exceeds the largest variable-length integer, 2^62 - 1")]
pub struct VarIntTooLarge {
    /// The number that did not fit.
    pub value: u64,
}

impl TryFrom<u64> for VarInt {
    type Error = VarIntTooLarge;

    #[inline]
    fn try_from(value: u64) -> Result<Self, VarIntTooLarge> {
        Self::new(value).ok_or(VarIntTooLarge { value })
    }
}

impl From<u8> for VarInt {
    #[inline]
    fn from(value: u8) -> Self {
        Self(u64::from(value))
    }
}

impl From<u32> for VarInt {
    #[inline]
    fn from(value: u32) -> Self {
        Self::from_u32(value)
    }
}

impl From<VarInt> for u64 {
    #[inline]
    fn from(value: VarInt) -> Self {
        value.0
    }
}

impl std::fmt::Display for VarInt {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}
