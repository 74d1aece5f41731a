//! What is signed, and strict verification. spec: STC-5, STC-6; source: RFC 8032.
//!
//! ```text
//! signed = domain | 0x00 | SHA-512(message)
//! ```
//!
//! *Invariant*: a key or commitment of small order, or one not in its canonical form, is refused;
//! RFC 8032 section 8 leaves both open.

use super::NodeId;
use crate::kdf::sha512;
use aws_lc_rs::signature::{ED25519, UnparsedPublicKey};
use curve25519_dalek::edwards::CompressedEdwardsY;

/// Bytes of a signature.
pub(crate) const SIGNATURE_LEN: usize = 64;

impl NodeId {
    /// Checks that this node signed `message` for the purpose `label`.
    ///
    /// # Errors
    ///
    /// When it did not, or when the name is no acceptable key.
    pub fn verify(
        &self,
        label: &str,
        message: &[u8],
        signature: &[u8; SIGNATURE_LEN],
    ) -> Result<(), SignatureError> {
        self.verify_in(Domain::Label(label), &[message], signature)
    }

    pub(crate) fn verify_in(
        &self,
        domain: Domain<'_>,
        message: &[&[u8]],
        signature: &[u8; SIGNATURE_LEN],
    ) -> Result<(), SignatureError> {
        let commitment: [u8; 32] = std::array::from_fn(|i| signature[i]);
        if !is_acceptable_point(*self.as_bytes()) || !is_acceptable_point(commitment) {
            return Err(SignatureError);
        }
        UnparsedPublicKey::new(&ED25519, self.as_bytes())
            .verify(&domain.signed_bytes(message), signature)
            .map_err(|_| SignatureError)
    }
}

/// What a signature is for.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Domain<'a> {
    InitiatorProof,
    ResponderProof,
    /// Everything outside the handshake.
    Label(&'a str),
}

impl Domain<'_> {
    /// `domain | 0x00 | SHA-512(message)`: the hash has a fixed length, so the split is unique.
    pub(super) fn signed_bytes(self, message: &[&[u8]]) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(128);
        match self {
            Self::InitiatorProof => bytes.extend_from_slice(b"STC1 client proof"),
            Self::ResponderProof => bytes.extend_from_slice(b"STC1 server proof"),
            Self::Label(label) => {
                bytes.extend_from_slice(b"STC1 label ");
                bytes.extend_from_slice(label.as_bytes());
            }
        }
        bytes.push(0);
        bytes.extend_from_slice(&sha512(message));
        bytes
    }
}

/// A signature that was not made by the named node for this purpose.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("signature does not verify")]
pub struct SignatureError;

/// Whether `bytes` are the canonical form of a point outside the small subgroup.
fn is_acceptable_point(bytes: [u8; 32]) -> bool {
    let encoded = CompressedEdwardsY(bytes);
    encoded
        .decompress()
        .is_some_and(|point| !point.is_small_order() && point.compress() == encoded)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::{Identity, NodeSeed};
    use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
    use curve25519_dalek::scalar::{Scalar, clamp_integer};
    use proptest::prelude::*;

    fn identity(seed: u8) -> Identity {
        NodeSeed::from_bytes([seed; 32]).identity()
    }

    #[test]
    fn signature_is_for_one_key_purpose_and_message() {
        let signature = identity(1).sign("record", b"message");
        let node = identity(1).node_id();
        assert_eq!(node.verify("record", b"message", &signature), Ok(()));
        assert_eq!(
            node.verify("recorD", b"message", &signature),
            Err(SignatureError)
        );
        assert_eq!(
            node.verify("record", b"messagE", &signature),
            Err(SignatureError)
        );
        let other = identity(2).node_id();
        assert_eq!(
            other.verify("record", b"message", &signature),
            Err(SignatureError)
        );
        for place in 0..SIGNATURE_LEN {
            let mut bad = signature;
            bad[place] ^= 1;
            assert_eq!(node.verify("record", b"message", &bad), Err(SignatureError));
        }
    }

    #[test]
    fn proof_of_the_handshake_is_no_signature_under_any_label() {
        let identity = identity(1);
        let proof = identity.sign_in(Domain::ResponderProof, &[b"message"]);
        for label in ["", "server proof", "STC1 server proof"] {
            assert!(
                identity
                    .node_id()
                    .verify(label, b"message", &proof)
                    .is_err()
            );
        }
        let initiator = identity
            .node_id()
            .verify_in(Domain::InitiatorProof, &[b"message"], &proof);
        assert_eq!(initiator, Err(SignatureError));
    }

    /// With a key of small order, one signature fits every message: here all zeros, which plain
    /// verification accepts for some of them.
    #[test]
    fn keys_of_small_order_verify_nothing() {
        let neutral = {
            let mut bytes = [0; 32];
            bytes[0] = 1;
            bytes
        };
        let mut signature = [0; SIGNATURE_LEN];
        signature[0] = 1;
        for key in [neutral, [0; 32]] {
            let node = NodeId::from_bytes(key);
            assert_eq!(
                node.verify("record", b"message", &signature),
                Err(SignatureError)
            );
        }
        let plain = UnparsedPublicKey::new(&ED25519, &neutral);
        let signed = Domain::Label("record").signed_bytes(&[b"message"]);
        assert!(
            plain.verify(&signed, &signature).is_ok(),
            "the check above would be idle"
        );
    }

    /// The owner of a key can make such a signature, and it fits several messages with some luck.
    #[test]
    fn commitments_of_small_order_are_refused() {
        let seed = [5; 32];
        let key = Ed25519KeyPair::from_seed_unchecked(&seed).unwrap();
        let node = NodeId::from_bytes(key.public_key().as_ref().try_into().unwrap());
        let secret = sha512(&[&seed]);
        let secret = Scalar::from_bytes_mod_order(clamp_integer(secret[..32].try_into().unwrap()));

        let mut neutral = [0; 32];
        neutral[0] = 1;
        let signed = Domain::Label("record").signed_bytes(&[b"message"]);
        let challenge = sha512(&[&neutral, node.as_bytes(), &signed]);
        let response = Scalar::from_bytes_mod_order_wide(&challenge) * secret;
        let mut signature = [0; SIGNATURE_LEN];
        signature[..32].copy_from_slice(&neutral);
        signature[32..].copy_from_slice(response.as_bytes());

        let plain = UnparsedPublicKey::new(&ED25519, node.as_bytes());
        assert!(
            plain.verify(&signed, &signature).is_ok(),
            "the check below would be idle"
        );
        assert_eq!(
            node.verify("record", b"message", &signature),
            Err(SignatureError)
        );
    }

    #[test]
    fn keys_not_in_canonical_form_are_refused() {
        // The field prime plus 1: another way to write 1.
        let mut bytes = [0xff; 32];
        bytes[0] = 0xee;
        bytes[31] = 0x7f;
        assert!(!is_acceptable_point(bytes));
        // Other numbers beyond the prime, which are points of large order.
        let others = (0xef..=0xff).map(|low| {
            bytes[0] = low;
            bytes
        });
        let readable: Vec<_> = others
            .filter(|bytes| CompressedEdwardsY(*bytes).decompress().is_some())
            .collect();
        assert!(!readable.is_empty(), "the check below would be idle");
        assert!(!readable.into_iter().any(is_acceptable_point));
        // 1 with the sign bit of a zero x.
        let mut bytes = [0; 32];
        bytes[0] = 1;
        bytes[31] = 0x80;
        assert!(!is_acceptable_point(bytes));
        assert!(is_acceptable_point(*identity(1).node_id().as_bytes()));
    }

    proptest! {
        #[test]
        fn any_bytes_are_verified_without_panic(key: [u8; 32], half: [u8; 32]) {
            let mut signature = [0; SIGNATURE_LEN];
            signature[..32].copy_from_slice(&half);
            let _ = NodeId::from_bytes(key).verify("record", b"message", &signature);
        }
    }
}
