//! `CPace`: key agreement from a secret that may be weak, without letting anyone test guesses.
//!
//! Ristretto255 with SHA-512 in the initiator-responder setting of draft-irtf-cfrg-cpace, written
//! here because the published crates follow an obsolete draft. spec: STC-20.
//!
//! ```text
//! G   = map(SHA-512(lv("CPaceRistretto255") lv(PRS) lv(zeros) lv(CI) lv(sid)))
//! Ya  = a*G        Yb = b*G        K = a*Yb = b*Ya, refused if neutral
//! ISK = SHA-512(lv("CPaceRistretto255_ISK") lv(sid) lv(K) lv(Ya) lv(ADa) lv(Yb) lv(ADb))
//! ```
//! `lv` puts the length before a string, 7 bits a byte, least significant first.
//!
//! *Invariant*: a scalar makes one share and one key; [`Exponent::agree`] consumes it.

use crate::entropy::Entropy;
use crate::kdf::{HASH_LEN, sha512};
use crate::secret::Secret;
use curve25519_dalek::ristretto::{CompressedRistretto, RistrettoPoint};
use curve25519_dalek::scalar::Scalar;
use curve25519_dalek::traits::IsIdentity;
use zeroize::{Zeroize, Zeroizing};

/// Bytes of a public share.
pub(crate) const SHARE_LEN: usize = 32;

/// A public share, encoded.
pub(crate) type Share = [u8; SHARE_LEN];

/// The peer's share is no valid point, or leads to the neutral element.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct InvalidShare;

/// Everything both sides have seen when they agree, in the order of the protocol.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Exchange<'a> {
    pub(crate) session: &'a [u8],
    pub(crate) initiator_share: &'a Share,
    pub(crate) initiator_data: &'a [u8],
    pub(crate) responder_share: &'a Share,
    pub(crate) responder_data: &'a [u8],
}

/// One side's secret scalar.
pub(crate) struct Exponent(Zeroizing<Scalar>);

impl Exponent {
    /// Draws a uniform scalar from 64 random bytes.
    pub(crate) fn generate(entropy: &mut dyn Entropy) -> Self {
        let wide: Secret<64> = Secret::generate(entropy);
        Self(Zeroizing::new(Scalar::from_bytes_mod_order_wide(
            wide.as_bytes(),
        )))
    }

    /// The public share for the generator of these inputs.
    ///
    /// `password` is the password-related string, `channel` the channel identifier both must agree
    /// on, `session` the session identifier.
    pub(crate) fn share(&self, password: &Secret<32>, channel: &[u8], session: &[u8]) -> Share {
        let mut generator = generator(password.as_bytes(), channel, session);
        let share = (generator * *self.0).compress().to_bytes();
        // Whoever has the generator of a weak secret can test guesses against it.
        generator.zeroize();
        share
    }

    /// The intermediate session key with the owner of `peer`, one of the shares of `exchange`.
    pub(crate) fn agree(
        self,
        peer: &Share,
        exchange: &Exchange<'_>,
    ) -> Result<Secret<HASH_LEN>, InvalidShare> {
        let peer = CompressedRistretto(*peer)
            .decompress()
            .ok_or(InvalidShare)?;
        let point = Zeroizing::new(peer * *self.0);
        if point.is_identity() {
            return Err(InvalidShare);
        }
        let encoded = Zeroizing::new(point.compress().to_bytes());
        let mut input = Zeroizing::new(Vec::with_capacity(256));
        for field in [
            b"CPaceRistretto255_ISK",
            exchange.session,
            &*encoded,
            exchange.initiator_share,
            exchange.initiator_data,
            exchange.responder_share,
            exchange.responder_data,
        ] {
            push_prefixed(&mut input, field);
        }
        let mut hash = sha512(&[&input]);
        let key = Secret::new(hash);
        hash.zeroize();
        Ok(key)
    }
}

/// The generator of a session: nobody without the password knows its discrete logarithm.
fn generator(password: &[u8], channel: &[u8], session: &[u8]) -> RistrettoPoint {
    // Sized so that the secret string is never left behind by a growing buffer.
    let capacity = HASH_BLOCK_LEN + password.len() + channel.len() + session.len() + 32;
    let mut input = Zeroizing::new(Vec::with_capacity(capacity));
    push_prefixed(&mut input, b"CPaceRistretto255");
    push_prefixed(&mut input, password);
    // Fills the first hash block, so that no later field shares a block with the password.
    let padding = HASH_BLOCK_LEN.saturating_sub(1 + input.len());
    push_prefixed(&mut input, &[0; HASH_BLOCK_LEN][..padding]);
    push_prefixed(&mut input, channel);
    push_prefixed(&mut input, session);
    let mut hash = sha512(&[&input]);
    let point = RistrettoPoint::from_uniform_bytes(&hash);
    hash.zeroize();
    point
}

fn push_prefixed(out: &mut Vec<u8>, field: &[u8]) {
    let mut rest = field.len();
    while rest >= 0x80 {
        out.push(rest as u8 | 0x80);
        rest >>= 7;
    }
    out.push(rest as u8);
    out.extend_from_slice(field);
}

/// Bytes of an input block of SHA-512.
const HASH_BLOCK_LEN: usize = 128;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entropy::testing::Counter;
    use data_encoding::HEXLOWER;
    use serde_json::Value;

    /// One of the values in the vectors of the draft.
    fn vector(name: &str) -> Vec<u8> {
        let text = include_str!("../../../spec/vectors/stc/cpace.json");
        let all: Value = serde_json::from_str(text).unwrap();
        HEXLOWER
            .decode(all[name].as_str().unwrap().as_bytes())
            .unwrap()
    }

    fn exponent(name: &str) -> Exponent {
        let bytes = vector(name).try_into().unwrap();
        Exponent(Zeroizing::new(Scalar::from_bytes_mod_order(bytes)))
    }

    #[test]
    fn generator_shares_and_key_equal_the_vectors_of_the_draft() {
        let (session, data) = (vector("sid"), [vector("ada"), vector("adb")]);
        let generator = generator(&vector("prs"), &vector("ci"), &session);
        assert_eq!(
            generator.compress().as_bytes(),
            vector("generator").as_slice()
        );
        let share = |name| (generator * *exponent(name).0).compress().to_bytes();
        let (one, other) = (share("scalar_a"), share("scalar_b"));
        assert_eq!(one, vector("share_a").as_slice());
        assert_eq!(other, vector("share_b").as_slice());
        let exchange = Exchange {
            session: &session,
            initiator_share: &one,
            initiator_data: &data[0],
            responder_share: &other,
            responder_data: &data[1],
        };
        for (name, peer) in [("scalar_a", &other), ("scalar_b", &one)] {
            let key = exponent(name).agree(peer, &exchange).unwrap();
            assert_eq!(key.as_bytes(), vector("isk").as_slice());
        }
    }

    #[test]
    fn only_equal_passwords_channels_and_sessions_agree() {
        let key = |password: u8, channel: &[u8], session: &[u8]| {
            let (one, other) = (
                Exponent::generate(&mut Counter(1)),
                Exponent::generate(&mut Counter(2)),
            );
            let initiator_share = one.share(&Secret::new([1; 32]), b"channel", b"session");
            let responder_share = other.share(&Secret::new([password; 32]), channel, session);
            let exchange = Exchange {
                session: b"session",
                initiator_share: &initiator_share,
                initiator_data: b"",
                responder_share: &responder_share,
                responder_data: b"",
            };
            let ours = one.agree(&responder_share, &exchange).unwrap();
            ours == other.agree(&initiator_share, &exchange).unwrap()
        };
        assert!(key(1, b"channel", b"session"));
        assert!(!key(2, b"channel", b"session"));
        assert!(!key(1, b"channex", b"session"));
        assert!(!key(1, b"channel", b"sessiox"));
    }

    #[test]
    fn length_prefix_is_leb128() {
        let mut out = Vec::new();
        push_prefixed(&mut out, &[7; 300]);
        assert_eq!(out[..3], [0xac, 0x02, 7]);
        assert_eq!(out.len(), 302);
    }
}
