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

/// Whether `bytes` can be the canonical form of a point outside the small subgroup: a coordinate
/// below the field's prime, and none of the five that the eight points of small order have.
///
/// Whether they are a point at all, verification finds out.
fn is_acceptable_point(mut bytes: [u8; 32]) -> bool {
    bytes[31] &= 0x7f;
    is_below_prime(&bytes) && !SMALL_ORDER.contains(&bytes)
}

/// Little-endian; the prime is 2^255 - 19.
fn is_below_prime(bytes: &[u8; 32]) -> bool {
    bytes[31] != 0x7f || bytes[1..31].iter().any(|byte| *byte != 0xff) || bytes[0] < 0xed
}

/// The coordinates of the points of order 1, 2, 4 and 8, without the sign (RFC 7748 section 7 has
/// their history; a test derives them from the curve).
const SMALL_ORDER: [[u8; 32]; 5] = [
    little_endian(0x01, 0x00, 0x00),
    little_endian(0xec, 0xff, 0x7f),
    [0; 32],
    [
        0xc7, 0x17, 0x6a, 0x70, 0x3d, 0x4d, 0xd8, 0x4f, 0xba, 0x3c, 0x0b, 0x76, 0x0d, 0x10, 0x67,
        0x0f, 0x2a, 0x20, 0x53, 0xfa, 0x2c, 0x39, 0xcc, 0xc6, 0x4e, 0xc7, 0xfd, 0x77, 0x92, 0xac,
        0x03, 0x7a,
    ],
    [
        0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4, 0x89, 0xf2, 0xef, 0x98,
        0xf0, 0xd5, 0xdf, 0xac, 0x05, 0xd3, 0xc6, 0x33, 0x39, 0xb1, 0x38, 0x02, 0x88, 0x6d, 0x53,
        0xfc, 0x05,
    ],
];

/// `first`, thirty times `middle`, `last`.
const fn little_endian(first: u8, middle: u8, last: u8) -> [u8; 32] {
    let mut bytes = [middle; 32];
    bytes[0] = first;
    bytes[31] = last;
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::{Identity, NodeSeed};
    use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
    use curve25519_dalek::scalar::{Scalar, clamp_integer};
    use curve25519_dalek::{constants::EIGHT_TORSION, edwards::CompressedEdwardsY};
    use proptest::prelude::*;

    fn identity(seed: u8) -> Identity {
        NodeSeed::from_bytes([seed; 32]).identity()
    }

    #[test]
    fn every_point_of_small_order_is_refused_in_either_sign() {
        for point in EIGHT_TORSION {
            let mut bytes = point.compress().to_bytes();
            assert!(!is_acceptable_point(bytes));
            bytes[31] ^= 0x80;
            assert!(!is_acceptable_point(bytes));
        }
    }

    #[test]
    fn the_check_of_bytes_agrees_with_the_check_on_the_curve() {
        let on_curve = |bytes| {
            let encoded = CompressedEdwardsY(bytes);
            let point = encoded.decompress();
            point.map(|point| !point.is_small_order() && point.compress() == encoded)
        };
        for low in 0..=u8::MAX {
            for (middle, last) in [(0x00, 0x00), (0xff, 0x7f), (0xff, 0xff), (0x00, 0x80)] {
                let bytes = little_endian(low, middle, last);
                if let Some(acceptable) = on_curve(bytes) {
                    assert_eq!(is_acceptable_point(bytes), acceptable, "{bytes:02x?}");
                }
            }
        }
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
