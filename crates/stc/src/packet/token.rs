//! Tokens by which a responder recognises an address it has validated. spec: STC-19.
//!
//! Only their maker reads them, so their form is not part of the protocol.

use crate::aead::{self, OpenError};
use crate::kdf::expand;
use crate::secret::Secret;

/// Seals and opens address-validation tokens.
#[derive(Debug)]
pub struct TokenKey(Secret<32>);

impl TokenKey {
    /// A key of 32 random bytes.
    pub fn new(key: [u8; 32]) -> Self {
        Self(Secret::new(key))
    }

    /// Encrypts `token` in place and appends a tag of 16 bytes. No `nonce` may come twice.
    ///
    /// # Panics
    ///
    /// When the token is longer than 64 GiB.
    pub fn seal(&self, nonce: u128, token: &mut Vec<u8>) {
        aead::seal(&self.key_of(nonce), b"", token, 0);
    }

    /// Decrypts what [`seal`](Self::seal) made with the same nonce, in place.
    ///
    /// # Errors
    ///
    /// [`OpenError`] when it was not made with this key and nonce.
    pub fn open<'a>(&self, nonce: u128, token: &'a mut [u8]) -> Result<&'a [u8], OpenError> {
        aead::open(&self.key_of(nonce), b"", token).map(|plaintext| &*plaintext)
    }

    /// A key for each token: a nonce of 128 bits does not fit into AES-GCM's 96.
    fn key_of(&self, nonce: u128) -> Secret<32> {
        expand(self.0.as_bytes(), "token", &nonce.to_be_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn token_opens_with_its_own_nonce_only() {
        let key = TokenKey::new([3; 32]);
        let mut token = b"192.0.2.1".to_vec();
        key.seal(1, &mut token);
        assert_eq!(
            key.open(2, &mut token.clone()),
            Err(OpenError::NotAuthentic)
        );
        assert_eq!(key.open(1, &mut token[..8]), Err(OpenError::TooShort));
        assert_eq!(key.open(1, &mut token).unwrap(), b"192.0.2.1");
    }
}
