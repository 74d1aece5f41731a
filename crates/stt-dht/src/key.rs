//! Places in the space of keys, and how far apart they are. spec: DHT-10, DHT-11.

use std::fmt;

use crate::number::Number;

/// A place in the space of keys: of a member, or of content.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key(Number);

impl Key {
    /// A key from its bytes.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(Number(bytes))
    }

    /// The bytes, most significant first.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0.0
    }

    /// How far it is to `other`.
    #[inline]
    pub fn distance(&self, other: &Self) -> Distance {
        Distance(self.0.xor(&other.0))
    }

    /// Leading bits that both share: 0 to 256.
    #[inline]
    pub fn shared_bits(&self, other: &Self) -> usize {
        self.0.xor(&other.0).leading_zeros()
    }

    /// Whether the two differ in a bit, counted from the most significant.
    #[inline]
    pub(crate) fn differs_in(&self, other: &Self, bit: usize) -> bool {
        let byte = bit / 8;
        let both = self.as_bytes().get(byte).zip(other.as_bytes().get(byte));
        both.is_some_and(|(own, other)| (own ^ other) & (0x80 >> (bit % 8)) != 0)
    }

    /// Its first 64 bits.
    #[inline]
    pub(crate) fn head(&self) -> u64 {
        self.0.head()
    }

    /// A key that shares exactly `shared` leading bits with this one, the others from `random`.
    pub(crate) fn neighbour(&self, shared: usize, random: [u8; 32]) -> Self {
        let own = self.as_bytes();
        let mut bytes = random;
        let whole = (shared / 8).min(32);
        bytes[..whole].copy_from_slice(&own[..whole]);
        if let Some(byte) = bytes.get_mut(whole) {
            let bit = 0x80 >> (shared % 8);
            let kept = !(bit | (bit - 1));
            *byte = (own[whole] & kept) | (!own[whole] & bit) | (*byte & (bit - 1));
        }
        Self::from_bytes(bytes)
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key({:016x})", self.head())
    }
}

/// The exclusive or of two keys, as a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Distance(Number);

impl Distance {
    /// The part of the whole space that lies within this distance, 0.0 to 1.0.
    pub fn fraction(&self) -> f64 {
        self.0.head() as f64 / 18_446_744_073_709_551_616.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn neighbour_shares_as_many_bits_as_asked(key: [u8; 32], random: [u8; 32], shared in 0_usize..256) {
            let key = Key::from_bytes(key);
            prop_assert_eq!(key.shared_bits(&key.neighbour(shared, random)), shared);
        }

        #[test]
        fn distance_is_symmetric_and_zero_only_to_itself(one: [u8; 32], other: [u8; 32]) {
            let (one, other) = (Key::from_bytes(one), Key::from_bytes(other));
            prop_assert_eq!(one.distance(&other), other.distance(&one));
            prop_assert_eq!(one.distance(&other) == one.distance(&one), one == other);
        }
    }

    #[test]
    fn half_of_the_space_is_within_the_first_bit() {
        let mut far = [0; 32];
        far[0] = 0x80;
        let distance = Key::from_bytes([0; 32]).distance(&Key::from_bytes(far));
        assert!((distance.fraction() - 0.5).abs() < f64::EPSILON);
    }
}
