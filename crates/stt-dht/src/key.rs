//! Places in the space of keys, and how far apart they are. spec: DHT-10, DHT-11.

use std::fmt;

/// A place in the space of keys: of a member, or of content.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key([u8; 32]);

impl Key {
    /// A key from its bytes.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The bytes, most significant first.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// How far it is to `other`.
    #[inline]
    pub fn distance(&self, other: &Self) -> Distance {
        Distance(std::array::from_fn(|place| self.0[place] ^ other.0[place]))
    }

    /// Leading bits that both share: 0 to 256.
    #[inline]
    pub fn shared_bits(&self, other: &Self) -> usize {
        self.distance(other).leading_zeros()
    }

    /// A key that shares exactly `shared` leading bits with this one, the others from `random`.
    pub(crate) fn neighbour(&self, shared: usize, random: [u8; 32]) -> Self {
        let mut bytes = random;
        let whole = (shared / 8).min(32);
        bytes[..whole].copy_from_slice(&self.0[..whole]);
        if let Some(byte) = bytes.get_mut(whole) {
            let bit = 0x80 >> (shared % 8);
            let kept = !(bit | (bit - 1));
            *byte = (self.0[whole] & kept) | (!self.0[whole] & bit) | (*byte & (bit - 1));
        }
        Self(bytes)
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let start: [u8; 8] = std::array::from_fn(|place| self.0[place]);
        write!(f, "Key({:016x})", u64::from_be_bytes(start))
    }
}

/// The exclusive or of two keys, as a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Distance([u8; 32]);

impl Distance {
    /// The part of the whole space that lies within this distance, 0.0 to 1.0.
    pub fn fraction(&self) -> f64 {
        let start: [u8; 8] = std::array::from_fn(|place| self.0[place]);
        u64::from_be_bytes(start) as f64 / 18_446_744_073_709_551_616.0
    }

    fn leading_zeros(&self) -> usize {
        let zeros = self.0.iter().take_while(|byte| **byte == 0).count();
        let rest = self.0.get(zeros).map_or(0, |byte| byte.leading_zeros());
        zeros * 8 + rest as usize
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
