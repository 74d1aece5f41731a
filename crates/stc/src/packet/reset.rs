//! The key of the engine for reset tokens and for connection ids that it recognises as its own.
//!
//! A session's peer gets a token with each of a dozen connection ids, so it is HMAC-SHA-256, which
//! processors have instructions for, with a key that is prepared once. Nobody else can tell.

use aws_lc_rs::hmac;

use crate::secret::{Secret, constant_time_eq};

/// Makes and checks MACs that only this node can make.
#[derive(Debug)]
pub struct ResetKey(hmac::Key);

impl ResetKey {
    /// Bytes of a MAC.
    pub const LEN: usize = 32;

    /// A key of 32 random bytes.
    pub fn new(key: [u8; 32]) -> Self {
        let key = Secret::new(key);
        Self(hmac::Key::new(hmac::HMAC_SHA256, key.as_bytes()))
    }

    /// Writes the MAC of `data` into `out`: its first bytes if `out` is shorter than
    /// [`LEN`](Self::LEN), and nothing beyond that length if it is longer.
    pub fn sign(&self, data: &[u8], out: &mut [u8]) {
        let tag = self.tag(data);
        for (out, byte) in out.iter_mut().zip(tag) {
            *out = byte;
        }
    }

    /// Whether `signature` is the whole MAC of `data`. Compares in constant time.
    pub fn verify(&self, data: &[u8], signature: &[u8]) -> bool {
        constant_time_eq(&self.tag(data), signature)
    }

    fn tag(&self, data: &[u8]) -> [u8; Self::LEN] {
        let mut tag = [0; Self::LEN];
        tag.copy_from_slice(hmac::sign(&self.0, data).as_ref());
        tag
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_whole_mac_verifies() {
        let key = ResetKey::new([1; 32]);
        let mut tag = [0; ResetKey::LEN];
        key.sign(b"id", &mut tag);
        assert!(key.verify(b"id", &tag));
        assert!(!key.verify(b"ie", &tag));
        assert!(!key.verify(b"id", &tag[..16]));
        assert!(!ResetKey::new([2; 32]).verify(b"id", &tag));
    }

    #[test]
    fn buffer_of_any_length_is_served() {
        let (mut short, mut long) = ([0; 16], [0; 40]);
        ResetKey::new([1; 32]).sign(b"id", &mut short);
        ResetKey::new([1; 32]).sign(b"id", &mut long);
        assert_eq!(short, long[..16]);
        assert_eq!(long[32..], [0; 8]);
    }
}
