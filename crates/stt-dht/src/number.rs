//! 32 bytes as one number, the most significant first: keys, distances, and members' names where maps
//! are searched by them.
//!
//! In the order of the bytes, but compared many at a time.

use std::cmp::Ordering;

/// A number of 256 bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Number(pub(crate) [u8; 32]);

impl Number {
    /// The exclusive or of two.
    #[inline]
    pub(crate) fn xor(&self, other: &Self) -> Self {
        Self(std::array::from_fn(|place| self.0[place] ^ other.0[place]))
    }

    /// The first 64 bits: they tell numbers apart, but for those that were ground to share them.
    #[inline]
    pub(crate) fn head(&self) -> u64 {
        u64::from_be_bytes(std::array::from_fn(|place| self.0[place]))
    }

    /// Bits from the most significant to the first that is set: 0 to 256.
    #[inline]
    pub(crate) fn leading_zeros(&self) -> usize {
        let (high, low) = self.halves();
        let zeros = if high == 0 {
            128 + low.leading_zeros()
        } else {
            high.leading_zeros()
        };
        zeros as usize
    }

    #[inline]
    fn halves(&self) -> (u128, u128) {
        let half = |start| u128::from_be_bytes(std::array::from_fn(|place| self.0[start + place]));
        (half(0), half(16))
    }
}

impl Ord for Number {
    #[inline]
    fn cmp(&self, other: &Self) -> Ordering {
        let heads = self.head().cmp(&other.head());
        heads.then_with(|| self.halves().cmp(&other.halves()))
    }
}

impl PartialOrd for Number {
    #[inline]
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn numbers_are_in_the_order_of_their_bytes(one: [u8; 32], other: [u8; 32], shared in 0_usize..32) {
            let mut other = other;
            other[..shared].copy_from_slice(&one[..shared]);
            prop_assert_eq!(Number(one).cmp(&Number(other)), one.cmp(&other));
        }
    }
}
