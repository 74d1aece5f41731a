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

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use proptest::prelude::*;

    use super::*;
    use crate::testing::any_varint;

    fn encoded(value: VarInt) -> Vec<u8> {
        let mut out = Vec::new();
        put_varint(&mut out, value);
        out
    }

    proptest! {
        #[test]
        fn varint_survives_the_wire(value in any_varint(), after: Vec<u8>) {
            let bytes = [encoded(value), after.clone()].concat();
            prop_assert_eq!(peek_varint(&bytes), Ok(Some((value, value.encoded_len()))));
            let mut input = Bytes::from(bytes);
            prop_assert_eq!(take_varint(&mut input), Ok(Some(value)));
            prop_assert_eq!(&input[..], &after[..]);
        }

        #[test]
        fn varint_cut_short_is_awaited_and_not_taken(value in any_varint(), keep in 0_usize..8) {
            prop_assume!(keep < value.encoded_len());
            let mut input = &encoded(value)[..keep];
            prop_assert_eq!(take_varint(&mut input), Ok(None));
            prop_assert_eq!(input.len(), keep);
        }

        #[test]
        fn varint_is_read_across_chunks(value in any_varint(), cut in 0_usize..=8) {
            let bytes = encoded(value);
            let (head, tail) = bytes.split_at(cut.min(bytes.len()));
            prop_assert_eq!(take_varint(&mut head.chain(tail)), Ok(Some(value)));
        }

        #[test]
        fn varint_in_a_longer_form_is_refused(value in any_varint(), longer in 1_u32..=3) {
            let len = value.encoded_len() << longer;
            prop_assume!(len <= 8);
            let form = u64::from(len.trailing_zeros()) << (8 * len - 2);
            let bytes = (form | value.get()).to_be_bytes();
            prop_assert_eq!(peek_varint(&bytes[8 - len..]), Err(DecodeError::NonMinimalVarint));
        }
    }

    #[test]
    fn varint_matches_the_examples_of_rfc_9000() {
        let examples: [(&[u8], u64); 4] = [
            (
                &[0xc2, 0x19, 0x7c, 0x5e, 0xff, 0x14, 0xe8, 0x8c],
                151_288_809_941_952_652,
            ),
            (&[0x9d, 0x7f, 0x3e, 0x7d], 494_878_333),
            (&[0x7b, 0xbd], 15_293),
            (&[0x25], 37),
        ];
        for (bytes, value) in examples {
            assert_eq!(encoded(VarInt::new(value).unwrap()), bytes);
        }
    }

    #[test]
    fn varint_holds_no_more_than_62_bits() {
        assert_eq!(VarInt::try_from((1_u64 << 62) - 1), Ok(VarInt::MAX));
        assert_eq!(
            VarInt::try_from(1_u64 << 62),
            Err(VarIntTooLarge { value: 1 << 62 })
        );
        assert_eq!(VarInt::saturating(u64::MAX), VarInt::MAX);
    }
}
