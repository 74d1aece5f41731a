//! One-time AES-256-GCM: a key that seals exactly one message, so that its nonce can be zero.
//!
//! Used where a fresh key is derived for every message (contexts, tokens). Packets, which share a
//! key, are in [`crate::packet`].
//!
//! *Invariant*: the key given to [`seal`] is never used for another plaintext.

use crate::secret::Secret;
use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};

/// Bytes that sealing adds at the end.
pub(crate) const TAG_LEN: usize = 16;

/// Why something sealed was not opened. Nothing of the plaintext was released.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// Shorter than the fields every sealed message has.
    #[error("sealed message is shorter than its own overhead")]
    TooShort,
    /// Made by a version this one does not know.
    #[error("sealed message of unknown version {version}")]
    UnknownVersion {
        /// The first byte of the sealed message.
        version: u8,
    },
    /// Another key, another place, or changed bytes; which of them cannot be told.
    #[error("sealed message does not authenticate")]
    NotAuthentic,
}

/// Encrypts `message` in place and appends the tag.
///
/// # Panics
///
/// When the message is longer than AES-GCM can take, 64 GiB.
#[expect(
    clippy::expect_used,
    reason = "fails only beyond 64 GiB; going on would leak plaintext"
)]
pub(crate) fn seal(key: &Secret<32>, associated_data: &[u8], message: &mut Vec<u8>, start: usize) {
    let tag = gcm(key)
        .seal_in_place_separate_tag(
            zero_nonce(),
            Aad::from(associated_data),
            &mut message[start..],
        )
        .expect("a message below 64 GiB");
    message.extend_from_slice(tag.as_ref());
}

/// Decrypts `sealed` in place and returns the plaintext within it.
///
/// On failure the contents of `sealed` are unspecified, but not plaintext.
pub(crate) fn open<'a>(
    key: &Secret<32>,
    associated_data: &[u8],
    sealed: &'a mut [u8],
) -> Result<&'a mut [u8], OpenError> {
    if sealed.len() < TAG_LEN {
        return Err(OpenError::TooShort);
    }
    gcm(key)
        .open_in_place(zero_nonce(), Aad::from(associated_data), sealed)
        .map_err(|_| OpenError::NotAuthentic)
}

#[expect(clippy::expect_used, reason = "the length of the key is in its type")]
fn gcm(key: &Secret<32>) -> LessSafeKey {
    LessSafeKey::new(UnboundKey::new(&AES_256_GCM, key.as_bytes()).expect("32 bytes"))
}

fn zero_nonce() -> Nonce {
    Nonce::assume_unique_for_key([0; 12])
}
