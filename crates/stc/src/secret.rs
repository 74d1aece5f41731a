//! Bytes that must not be seen: wiped when dropped, silent in `Debug`, compared in constant time.
//!
//! *Invariant*: the bytes live in one heap allocation from birth to death, so moving a [`Secret`]
//! leaves no copy behind.

use crate::entropy::Entropy;
use aws_lc_rs::constant_time::verify_slices_are_equal;
use std::fmt;
use zeroize::{Zeroize, ZeroizeOnDrop};

/// `N` secret bytes.
///
/// There is no `Clone`: a secret with several owners is put into an `Arc`.
pub struct Secret<const N: usize>(Box<[u8; N]>);

impl<const N: usize> Secret<N> {
    /// Takes over `bytes`. Wiping the caller's own copy remains the caller's duty.
    pub fn new(bytes: [u8; N]) -> Self {
        Self(Box::new(bytes))
    }

    /// `N` random bytes.
    pub fn generate(entropy: &mut dyn Entropy) -> Self {
        let mut secret = Self::zeroed();
        entropy.fill(secret.as_mut_bytes());
        secret
    }

    /// The bytes. Whatever is copied out of here is no longer protected.
    pub fn as_bytes(&self) -> &[u8; N] {
        &self.0
    }

    /// A secret to be filled in place.
    pub(crate) fn zeroed() -> Self {
        Self(Box::new([0; N]))
    }

    pub(crate) fn as_mut_bytes(&mut self) -> &mut [u8; N] {
        &mut self.0
    }
}

impl<const N: usize> Drop for Secret<N> {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl<const N: usize> ZeroizeOnDrop for Secret<N> {}

impl<const N: usize> fmt::Debug for Secret<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

impl<const N: usize> PartialEq for Secret<N> {
    fn eq(&self, other: &Self) -> bool {
        constant_time_eq(self.as_bytes(), other.as_bytes())
    }
}

impl<const N: usize> Eq for Secret<N> {}

/// Whether `a` and `b` are equal, in a time that depends on their lengths only.
pub(crate) fn constant_time_eq(a: &[u8], b: &[u8]) -> bool {
    verify_slices_are_equal(a, b).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_of_a_secret_shows_no_byte() {
        assert_eq!(format!("{:?}", Secret::new([0x5a; 32])), "Secret(..)");
    }

    #[test]
    fn secrets_are_equal_when_all_their_bytes_are() {
        let mut other = [7; 32];
        assert_eq!(Secret::new([7; 32]), Secret::new(other));
        other[31] ^= 1;
        assert_ne!(Secret::new([7; 32]), Secret::new(other));
    }

    #[test]
    fn comparison_refuses_different_lengths() {
        assert!(!constant_time_eq(b"abc", b"ab"));
        assert!(constant_time_eq(b"", b""));
    }
}
