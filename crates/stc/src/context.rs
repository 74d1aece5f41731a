//! Keys for bytes outside any session: sealing, hashing and naming under a label.
//!
//! A context comes from a group, from a seed, or from a session's exporter, and from a context
//! come child contexts. Whoever derives the same context opens what was sealed in it. A context
//! authenticates its holders as a whole, never one of them. spec: STC-29 to STC-32.
//!
//! ```text
//! sealed = version u8 = 1 | salt 32 | ciphertext, as long as the plaintext | tag 16
//! ```
//!
//! *Invariant*: every sealed message has a key of its own, made of the context and 32 random bytes.

use crate::aead::{self, OpenError, TAG_LEN};
use crate::entropy::{Entropy, random_bytes};
use crate::kdf::{HASH_LEN, Prepared, extract, sha512, short_mac};
use crate::secret::{Secret, constant_time_eq};
use std::fmt;

/// Secret keys under a label.
pub struct StcContext(Prepared);

impl StcContext {
    /// Bytes that [`seal`](Self::seal) adds to a plaintext.
    pub const OVERHEAD: usize = 1 + SALT_LEN + TAG_LEN;

    /// A context of any 32 random bytes, such as a key that was handed over.
    ///
    /// The bytes must be random: a guessable seed can be tested against what is sealed.
    pub fn from_seed(seed: &[u8; 32], label: &str) -> Self {
        Self::from_root(&extract(b"stc1 context seed", &[seed]), label)
    }

    /// The context `label` of a session, for whoever has only its 64 bytes exported under the label
    /// `context`; [`Exporter::context`](crate::handshake::Exporter::context) makes the same.
    pub fn from_session(exported: &Secret<HASH_LEN>, label: &str) -> Self {
        Self::from_root(exported, label)
    }

    /// A child: who has it learns nothing of its parent or siblings.
    #[must_use]
    pub fn derive(&self, label: &str) -> Self {
        Self::child(&self.0, label)
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
        let mut sealed = Vec::new();
        self.seal_into(entropy, associated_data, plaintext, &mut sealed);
        sealed
    }

    /// [`seal`](Self::seal) to the end of `out`, whose memory can be used again and again.
    ///
    /// # Panics
    ///
    /// When `plaintext` is longer than 64 GiB.
    pub fn seal_into(
        &self,
        entropy: &mut dyn Entropy,
        associated_data: &[u8],
        plaintext: &[u8],
        out: &mut Vec<u8>,
    ) {
        let salt: [u8; SALT_LEN] = random_bytes(entropy);
        out.reserve(plaintext.len() + Self::OVERHEAD);
        out.push(VERSION);
        out.extend_from_slice(&salt);
        let start = out.len();
        out.extend_from_slice(plaintext);
        aead::seal(&self.message_key(&salt), associated_data, out, start);
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
        let key: Secret<HASH_LEN> = self.0.expand("name", b"");
        short_mac(key.as_bytes(), &[data])
    }

    /// The secret under which all streams of segments of this context are sealed. spec: SEG-5.
    pub(crate) fn segments(&self) -> Secret<HASH_LEN> {
        self.0.expand("segments", b"")
    }

    /// The context `label` under a secret that is random.
    pub(crate) fn from_root(root: &Secret<HASH_LEN>, label: &str) -> Self {
        Self::child(&Prepared::new(root.as_bytes()), label)
    }

    fn child(root: &Prepared, label: &str) -> Self {
        // Labels have any length, the context of a derivation has not.
        let secret: Secret<HASH_LEN> = root.expand("context", &sha512(&[label.as_bytes()]));
        Self(Prepared::new(secret.as_bytes()))
    }

    fn message_key(&self, salt: &[u8]) -> Secret<32> {
        self.0.expand("seal", salt)
    }

    fn salted_mac(&self, salt: &[u8; SALT_LEN], data: &[u8]) -> [u8; 32] {
        let key: Secret<HASH_LEN> = self.0.expand("hash", b"");
        short_mac(key.as_bytes(), &[salt, data])
    }
}

impl PartialEq for StcContext {
    /// By what is derived from them, in constant time.
    fn eq(&self, other: &Self) -> bool {
        let secret = |context: &Self| -> Secret<HASH_LEN> { context.0.expand("equal", b"") };
        secret(self) == secret(other)
    }
}

impl Eq for StcContext {}

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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entropy::testing::Counter;
    use proptest::prelude::*;

    fn context(label: &str) -> StcContext {
        StcContext::from_seed(&[7; 32], label)
    }

    #[test]
    fn sealing_twice_gives_different_bytes() {
        let mut entropy = Counter(0);
        let one = context("x").seal(&mut entropy, b"", b"message");
        let other = context("x").seal(&mut entropy, b"", b"message");
        assert_ne!(one, other);
        assert_eq!(one.len(), b"message".len() + StcContext::OVERHEAD);
    }

    #[test]
    fn sealed_message_opens_in_its_own_context_and_place_only() {
        let sealed = context("x").seal(&mut Counter(0), b"place", b"message");
        assert_eq!(context("x").open(b"place", &sealed).unwrap(), b"message");
        let refused = Err(OpenError::NotAuthentic);
        assert_eq!(context("x").open(b"other", &sealed), refused);
        assert_eq!(context("y").open(b"place", &sealed), refused);
        assert_eq!(context("x").derive("x").open(b"place", &sealed), refused);
        assert_eq!(
            StcContext::from_seed(&[8; 32], "x").open(b"place", &sealed),
            refused
        );
    }

    #[test]
    fn every_changed_or_missing_byte_is_noticed() {
        let sealed = context("x").seal(&mut Counter(0), b"", b"message");
        for place in 0..sealed.len() {
            let mut bad = sealed.clone();
            bad[place] ^= 2;
            let error = match place {
                0 => OpenError::UnknownVersion { version: 3 },
                _ => OpenError::NotAuthentic,
            };
            assert_eq!(context("x").open(b"", &bad), Err(error));
            assert!(context("x").open(b"", &sealed[..place]).is_err());
        }
    }

    #[test]
    fn probabilistic_hash_differs_and_verifies() {
        let mut entropy = Counter(0);
        let one = context("x").hash(&mut entropy, b"data");
        let other = context("x").hash(&mut entropy, b"data");
        assert_ne!(one, other);
        for hash in [one, other] {
            assert!(context("x").verify_hash(b"data", &hash));
            assert!(!context("x").verify_hash(b"datum", &hash));
            assert!(!context("y").verify_hash(b"data", &hash));
            assert_eq!(ProbabilisticHash::from_bytes(&hash.to_bytes()), hash);
        }
    }

    #[test]
    fn keyed_hash_names_the_same_bytes_equally() {
        assert_eq!(
            context("x").keyed_hash(b"data"),
            context("x").keyed_hash(b"data")
        );
        assert_ne!(
            context("x").keyed_hash(b"data"),
            context("x").keyed_hash(b"datum")
        );
        assert_ne!(
            context("x").keyed_hash(b"data"),
            context("y").keyed_hash(b"data")
        );
    }

    #[test]
    fn children_differ_from_parents_and_siblings() {
        let parent = context("x");
        assert_ne!(parent.derive("a"), parent.derive("b"));
        assert_ne!(parent.derive("a"), parent);
        assert_ne!(parent.derive("a").derive("b"), parent.derive("ab"));
        assert_eq!(
            parent.derive(&"long".repeat(100)),
            parent.derive(&"long".repeat(100))
        );
    }

    #[test]
    fn debug_of_a_context_shows_nothing() {
        assert_eq!(format!("{:?}", context("x")), "StcContext(..)");
    }

    proptest! {
        #[test]
        fn anything_sealed_opens(message: Vec<u8>, place: Vec<u8>, salt: u64) {
            let sealed = context("x").seal(&mut Counter(salt / 2), &place, &message);
            prop_assert_eq!(context("x").open(&place, &sealed).unwrap(), message);
        }

        #[test]
        fn anything_else_is_refused(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            prop_assert!(context("x").open(b"", &bytes).is_err());
        }
    }
}
