//! HKDF-SHA-512 in the one shape STC uses, and HMAC-SHA-512. spec: STC-2; source: RFC 5869.
//!
//! ```text
//! extract(salt, ikm)            = HMAC(salt, ikm)
//! expand(secret, label, context, N) = HMAC(secret, info)[..N]            N <= 64: one block
//! info = N u16 | len u8 | "stc1 " label | len u8 | context | 0x01
//! ```
//!
//! *Invariant*: every derived value has a label of its own, and its length is part of the input.

use crate::secret::Secret;
use aws_lc_rs::{digest, hmac};
use zeroize::Zeroizing;

/// Bytes of a hash, a MAC and a pseudorandom key.
pub(crate) const HASH_LEN: usize = 64;

/// HKDF-Extract over the concatenation of `input`.
pub(crate) fn extract(salt: &[u8], input: &[&[u8]]) -> Secret<HASH_LEN> {
    let input = Zeroizing::new(input.concat());
    let mut out = Secret::zeroed();
    hmac_into(salt, &input, out.as_mut_bytes());
    out
}

/// HKDF-Expand to `N` bytes, at most one block.
///
/// `context` is at most 255 bytes: callers hash what is longer (see [`sha512`]).
pub(crate) fn expand<const N: usize>(secret: &[u8], label: &str, context: &[u8]) -> Secret<N> {
    let mut out = Secret::zeroed();
    expand_into(secret, label, context, out.as_mut_bytes());
    out
}

/// [`expand`] to a length that is known only when running: all of `out`, at most one block.
pub(crate) fn expand_into(secret: &[u8], label: &str, context: &[u8], out: &mut [u8]) {
    Prepared::new(secret).expand_into(label, context, out);
}

/// A secret that much is derived from: half the work of a derivation is done once.
///
/// The library wipes what it made of the secret. In a box, so that moving it leaves no copy.
pub(crate) struct Prepared(Box<hmac::Key>);

impl Prepared {
    pub(crate) fn new(secret: &[u8]) -> Self {
        Self(Box::new(hmac::Key::new(hmac::HMAC_SHA512, secret)))
    }

    /// [`expand`] of the secret.
    pub(crate) fn expand<const N: usize>(&self, label: &str, context: &[u8]) -> Secret<N> {
        let mut out = Secret::zeroed();
        self.expand_into(label, context, out.as_mut_bytes());
        out
    }

    #[expect(
        clippy::expect_used,
        reason = "the output of HMAC-SHA-512 fits its own length"
    )]
    fn expand_into(&self, label: &str, context: &[u8], out: &mut [u8]) {
        debug_assert!(out.len() <= HASH_LEN && label.len() <= 250 && context.len() <= 255);
        let len = 2 + 1 + PREFIX.len() + label.len() + 1 + context.len() + 1;
        let mut info = Vec::with_capacity(len);
        info.extend_from_slice(&(out.len() as u16).to_be_bytes());
        info.push((PREFIX.len() + label.len()) as u8);
        info.extend_from_slice(PREFIX);
        info.extend_from_slice(label.as_bytes());
        info.push(context.len() as u8);
        info.extend_from_slice(context);
        info.push(1);
        let mut block = Zeroizing::new([0; HASH_LEN]);
        hmac::sign_to_buffer(&self.0, &info, &mut *block).expect("64 bytes hold a SHA-512 tag");
        out.copy_from_slice(&block[..out.len()]);
    }
}

/// HMAC-SHA-512 over the concatenation of `parts`, for tags: the result is not secret.
pub(crate) fn mac(key: &[u8], parts: &[&[u8]]) -> [u8; HASH_LEN] {
    let key = hmac::Key::new(hmac::HMAC_SHA512, key);
    let mut context = hmac::Context::with_key(&key);
    for part in parts {
        context.update(part);
    }
    let mut tag = [0; HASH_LEN];
    tag.copy_from_slice(context.sign().as_ref());
    tag
}

/// The first `N` bytes of [`mac`].
pub(crate) fn short_mac<const N: usize>(key: &[u8], parts: &[&[u8]]) -> [u8; N] {
    const { assert!(N <= HASH_LEN) };
    let tag = mac(key, parts);
    std::array::from_fn(|i| tag[i])
}

/// SHA-512 over the concatenation of `parts`.
pub(crate) fn sha512(parts: &[&[u8]]) -> [u8; HASH_LEN] {
    let mut context = digest::Context::new(&digest::SHA512);
    for part in parts {
        context.update(part);
    }
    let mut hash = [0; HASH_LEN];
    hash.copy_from_slice(context.finish().as_ref());
    hash
}

#[expect(
    clippy::expect_used,
    reason = "the output of HMAC-SHA-512 fits its own length"
)]
fn hmac_into(key: &[u8], data: &[u8], out: &mut [u8; HASH_LEN]) {
    let key = hmac::Key::new(hmac::HMAC_SHA512, key);
    hmac::sign_to_buffer(&key, data, out).expect("64 bytes hold a SHA-512 tag");
}

/// Before every label, so that no other protocol derives the same value from the same secret.
const PREFIX: &[u8] = b"stc1 ";

#[cfg(test)]
mod tests {
    use super::*;
    use aws_lc_rs::hkdf;

    struct Len(usize);

    impl hkdf::KeyType for Len {
        fn len(&self) -> usize {
            self.0
        }
    }

    #[test]
    fn derivation_equals_hkdf_of_rfc_5869() {
        let prk = hkdf::Salt::new(hkdf::HKDF_SHA512, b"salt").extract(b"input");
        let info: [&[u8]; 2] = [b"\x00\x20\x08stc1 key", b"\x03ctx"];
        let mut expected = [0; 32];
        prk.expand(&info, Len(32))
            .unwrap()
            .fill(&mut expected)
            .unwrap();

        let secret = extract(b"salt", &[b"in", b"put"]);
        let derived: Secret<32> = expand(secret.as_bytes(), "key", b"ctx");
        assert_eq!(derived.as_bytes(), &expected);
    }

    #[test]
    fn a_shorter_output_is_not_a_prefix_of_a_longer_one() {
        let long: Secret<64> = expand(&[1; 64], "label", b"");
        let short: Secret<32> = expand(&[1; 64], "label", b"");
        assert_ne!(&long.as_bytes()[..32], short.as_bytes());
    }

    #[test]
    fn label_and_context_do_not_run_into_each_other() {
        let one: Secret<32> = expand(&[1; 64], "ab", b"c");
        let other: Secret<32> = expand(&[1; 64], "a", b"bc");
        assert_ne!(one, other);
    }
}
