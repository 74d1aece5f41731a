//! Who a node is: a seed, the Ed25519 key made of it, and the public name. spec: STC-3 to STC-6.
//!
//! *Invariants.*
//! - Every signature covers a domain and a hash of the message, so a signature made for one
//!   purpose is worth nothing for another.
//! - Verification is strict: a key or commitment of small order, or one not in its canonical form,
//!   is refused (RFC 8032 section 8 leaves both open).

use crate::entropy::Entropy;
use crate::kdf::{expand, extract, sha512};
use crate::secret::Secret;
use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey};
use curve25519_dalek::edwards::CompressedEdwardsY;
use data_encoding::{BASE32_NOPAD, BASE32_NOPAD_NOCASE};
use std::fmt;
use std::str::FromStr;

/// Bytes of a signature.
pub(crate) const SIGNATURE_LEN: usize = 64;

/// 32 secret bytes from which a node's identity is made. Losing them is losing the identity.
#[derive(Debug, PartialEq, Eq)]
pub struct NodeSeed(Secret<32>);

impl NodeSeed {
    /// A seed from storage.
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(Secret::new(bytes))
    }

    /// A new seed, and so a new identity.
    pub fn generate(entropy: &mut dyn Entropy) -> Self {
        Self(Secret::generate(entropy))
    }

    /// The bytes to store; whoever has them is this node.
    pub fn as_bytes(&self) -> &[u8; 32] {
        self.0.as_bytes()
    }

    /// The identity of this seed: always the same one.
    #[expect(clippy::expect_used, reason = "every 32 bytes are an Ed25519 seed")]
    pub fn identity(&self) -> Identity {
        let root = extract(b"stc1 node seed", &[self.as_bytes()]);
        let seed: Secret<32> = expand(root.as_bytes(), "ed25519", b"");
        let key = Ed25519KeyPair::from_seed_unchecked(seed.as_bytes()).expect("32 bytes");
        let mut id = [0; 32];
        id.copy_from_slice(key.public_key().as_ref());
        Identity {
            key,
            id: NodeId(id),
        }
    }
}

/// A node's signing key and its public name.
pub struct Identity {
    key: Ed25519KeyPair,
    id: NodeId,
}

impl Identity {
    /// The public name.
    pub fn node_id(&self) -> NodeId {
        self.id
    }

    /// Signs `message` for the purpose `label`, which the verifier must name too.
    ///
    /// Labels of different protocols must differ; proofs of the handshake have domains that no
    /// label reaches.
    pub fn sign(&self, label: &str, message: &[u8]) -> [u8; SIGNATURE_LEN] {
        self.sign_in(Domain::Label(label), &[message])
    }

    pub(crate) fn sign_in(&self, domain: Domain<'_>, message: &[&[u8]]) -> [u8; SIGNATURE_LEN] {
        let mut signature = [0; SIGNATURE_LEN];
        signature.copy_from_slice(self.key.sign(&domain.signed_bytes(message)).as_ref());
        signature
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Identity").field(&self.id).finish()
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
    fn signed_bytes(self, message: &[&[u8]]) -> Vec<u8> {
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

/// The public name of a node: its Ed25519 public key.
///
/// Shown as 52 characters of lower-case base32 without padding; parsing takes either case. Any 32
/// bytes can be a name; whether they are a usable key is found when a proof is verified.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeId([u8; 32]);

impl NodeId {
    /// A name from its bytes.
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The public key.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

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
        if !is_acceptable_point(self.0) || !is_acceptable_point(commitment) {
            return Err(SignatureError);
        }
        UnparsedPublicKey::new(&ED25519, &self.0)
            .verify(&domain.signed_bytes(message), signature)
            .map_err(|_| SignatureError)
    }
}

impl fmt::Display for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&BASE32_NOPAD.encode(&self.0).to_ascii_lowercase())
    }
}

impl fmt::Debug for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "NodeId({self})")
    }
}

impl FromStr for NodeId {
    type Err = ParseNodeIdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.len() != TEXT_LEN {
            return Err(ParseNodeIdError::BadLength { actual: text.len() });
        }
        let mut bytes = [0; 32];
        BASE32_NOPAD_NOCASE
            .decode_mut(text.as_bytes(), &mut bytes)
            .map_err(|_| ParseNodeIdError::BadCharacter)?;
        Ok(Self(bytes))
    }
}

/// Why a text is not a [`NodeId`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ParseNodeIdError {
    /// Not 52 bytes long.
    #[error("node id of {actual} bytes, not {TEXT_LEN}")]
    BadLength {
        /// Bytes of the text.
        actual: usize,
    },
    /// Not base32, or spare bits at the end that are not zero.
    #[error("node id with a character outside base32")]
    BadCharacter,
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

/// 256 bits, 5 a character.
const TEXT_LEN: usize = 52;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entropy::testing::Counter;
    use curve25519_dalek::scalar::{Scalar, clamp_integer};
    use proptest::prelude::*;

    fn identity(seed: u8) -> Identity {
        NodeSeed::from_bytes([seed; 32]).identity()
    }

    #[test]
    fn a_seed_always_makes_the_same_identity() {
        assert_eq!(identity(1).node_id(), identity(1).node_id());
        assert_ne!(identity(1).node_id(), identity(2).node_id());
        let one = NodeSeed::generate(&mut Counter(1));
        assert_ne!(one, NodeSeed::generate(&mut Counter(2)));
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

    #[test]
    fn text_that_is_no_node_id_is_refused() {
        let good = identity(1).node_id().to_string();
        let parse = |text: &str| text.parse::<NodeId>();
        assert_eq!(parse(""), Err(ParseNodeIdError::BadLength { actual: 0 }));
        assert_eq!(
            parse(&good[1..]),
            Err(ParseNodeIdError::BadLength { actual: 51 })
        );
        assert_eq!(
            parse(&format!("{}1", &good[..51])),
            Err(ParseNodeIdError::BadCharacter)
        );
        // The last character carries one bit; the other four must be zero.
        assert_eq!(
            parse(&format!("{}b", &good[..51])),
            Err(ParseNodeIdError::BadCharacter)
        );
    }

    #[test]
    fn debug_of_an_identity_shows_its_name_only() {
        let identity = identity(1);
        assert_eq!(
            format!("{identity:?}"),
            format!("Identity(NodeId({}))", identity.node_id())
        );
        assert_eq!(
            format!("{:?}", NodeSeed::from_bytes([1; 32])),
            "NodeSeed(Secret(..))"
        );
    }

    proptest! {
        #[test]
        fn any_node_id_survives_its_text(bytes: [u8; 32]) {
            let id = NodeId::from_bytes(bytes);
            let text = id.to_string();
            prop_assert_eq!(text.len(), TEXT_LEN);
            prop_assert_eq!(text.parse::<NodeId>().unwrap(), id);
            prop_assert_eq!(text.to_uppercase().parse::<NodeId>().unwrap(), id);
        }

        #[test]
        fn any_text_is_a_node_id_or_a_typed_error(text in "\\PC{0,60}") {
            let _ = text.parse::<NodeId>();
        }

        #[test]
        fn any_bytes_are_verified_without_panic(key: [u8; 32], half: [u8; 32]) {
            let mut signature = [0; SIGNATURE_LEN];
            signature[..32].copy_from_slice(&half);
            let _ = NodeId::from_bytes(key).verify("record", b"message", &signature);
        }
    }
}
