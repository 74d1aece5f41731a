//! Keys for bytes outside any session: sealing, hashing and naming under a label.
//!
//! A context comes from a group, from a seed, or from a session's exporter, and from a context
//! come child contexts. Whoever derives the same context opens what was sealed in it. A context
//! authenticates its holders as a whole, never one of them. spec: STC-28 to STC-32.
//!
//! ```text
//! sealed = version u8 = 1 | salt 32 | ciphertext, as long as the plaintext | tag 16
//! ```
//!
//! *Invariant*: every sealed message has a key of its own, made of the context and 32 random bytes.

use crate::aead::{self, OpenError, TAG_LEN};
use crate::entropy::{Entropy, random_bytes};
use crate::kdf::{HASH_LEN, expand, extract, sha512, short_mac};
use crate::secret::{Secret, constant_time_eq};
use std::fmt;

/// Secret keys under a label.
#[derive(PartialEq, Eq)]
pub struct StcContext(Secret<HASH_LEN>);

impl StcContext {
    /// Bytes that [`seal`](Self::seal) adds to a plaintext.
    pub const OVERHEAD: usize = 1 + SALT_LEN + TAG_LEN;

    /// A context of any 32 random bytes, such as a key that was handed over.
    ///
    /// The bytes must be random: a guessable seed can be tested against what is sealed.
    pub fn from_seed(seed: &[u8; 32], label: &str) -> Self {
        Self::from_root(&extract(b"stc1 context seed", &[seed]), label)
    }

    /// A child: who has it learns nothing of its parent or siblings.
    #[must_use]
    pub fn derive(&self, label: &str) -> Self {
        Self::from_root(&self.0, label)
    }

    /// Seals `plaintext`; sealing the same bytes again gives different ones.
    ///
    /// `associated_data` is authenticated but not contained: opening must name the same. The
    /// result is [`OVERHEAD`](Self::OVERHEAD) bytes longer than the plaintext.
    ///
    /// # Panics
    ///
    /// When `plaintext` is longer than 64 GiB.
    pub fn seal(
        &self,
        entropy: &mut dyn Entropy,
        associated_data: &[u8],
        plaintext: &[u8],
    ) -> Vec<u8> {
        let salt: [u8; SALT_LEN] = random_bytes(entropy);
        let mut sealed = Vec::with_capacity(plaintext.len() + Self::OVERHEAD);
        sealed.push(VERSION);
        sealed.extend_from_slice(&salt);
        sealed.extend_from_slice(plaintext);
        aead::seal(
            &self.message_key(&salt),
            associated_data,
            &mut sealed,
            1 + SALT_LEN,
        );
        sealed
    }

    /// The plaintext of what [`seal`](Self::seal) made in an equal context.
    ///
    /// # Errors
    ///
    /// [`OpenError`]: too short, of another version, or not authentic (another context, other
    /// associated data, changed bytes).
    pub fn open(&self, associated_data: &[u8], sealed: &[u8]) -> Result<Vec<u8>, OpenError> {
        if sealed.len() < Self::OVERHEAD {
            return Err(OpenError::TooShort);
        }
        let (version, rest) = sealed.split_first().ok_or(OpenError::TooShort)?;
        if *version != VERSION {
            return Err(OpenError::UnknownVersion { version: *version });
        }
        let (salt, ciphertext) = rest.split_at(SALT_LEN);
        let mut buffer = ciphertext.to_vec();
        let len = aead::open(&self.message_key(salt), associated_data, &mut buffer)?.len();
        buffer.truncate(len);
        Ok(buffer)
    }

    /// A hash that differs every time and still verifies.
    pub fn hash(&self, entropy: &mut dyn Entropy, data: &[u8]) -> ProbabilisticHash {
        let salt = random_bytes(entropy);
        ProbabilisticHash {
            salt,
            mac: self.salted_mac(&salt, data),
        }
    }

    /// Whether `hash` was made of `data` in this context.
    pub fn verify_hash(&self, data: &[u8], hash: &ProbabilisticHash) -> bool {
        constant_time_eq(&self.salted_mac(&hash.salt, data), &hash.mac)
    }

    /// A name for `data` that outsiders cannot compute: the same bytes give the same name.
    pub fn keyed_hash(&self, data: &[u8]) -> [u8; 32] {
        let key: Secret<HASH_LEN> = expand(self.0.as_bytes(), "name", b"");
        short_mac(key.as_bytes(), &[data])
    }

    /// The context `label` under a secret that is random.
    pub(crate) fn from_root(root: &Secret<HASH_LEN>, label: &str) -> Self {
        // Labels have any length, the context of a derivation has not.
        Self(expand(
            root.as_bytes(),
            "context",
            &sha512(&[label.as_bytes()]),
        ))
    }

    fn message_key(&self, salt: &[u8]) -> Secret<32> {
        expand(self.0.as_bytes(), "seal", salt)
    }

    fn salted_mac(&self, salt: &[u8; SALT_LEN], data: &[u8]) -> [u8; 32] {
        let key: Secret<HASH_LEN> = expand(self.0.as_bytes(), "hash", b"");
        short_mac(key.as_bytes(), &[salt, data])
    }
}

impl fmt::Debug for StcContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("StcContext(..)")
    }
}

/// A salted hash: proves equality to holders of the context, and names nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ProbabilisticHash {
    salt: [u8; SALT_LEN],
    mac: [u8; 32],
}

impl ProbabilisticHash {
    /// Bytes of a hash.
    pub const LEN: usize = 64;

    /// A hash from its bytes, `salt 32 | mac 32`.
    pub fn from_bytes(bytes: &[u8; Self::LEN]) -> Self {
        Self {
            salt: std::array::from_fn(|i| bytes[i]),
            mac: std::array::from_fn(|i| bytes[SALT_LEN + i]),
        }
    }

    /// The bytes, `salt 32 | mac 32`.
    pub fn to_bytes(&self) -> [u8; Self::LEN] {
        let mut bytes = [0; Self::LEN];
        bytes[..SALT_LEN].copy_from_slice(&self.salt);
        bytes[SALT_LEN..].copy_from_slice(&self.mac);
        bytes
    }
}

const VERSION: u8 = 1;
const SALT_LEN: usize = 32;
