//! Who a node is: a seed, the Ed25519 key made of it, and the public name. spec: STC-3.
//!
//! *Invariant*: every signature covers a domain and a hash of the message, so a signature made for
//! one purpose is worth nothing for another.

mod node_id;
mod signature;

pub use node_id::{NodeId, ParseNodeIdError};
pub use signature::SignatureError;
pub(crate) use signature::{Domain, SIGNATURE_LEN};

use crate::entropy::Entropy;
use crate::kdf::{expand, extract};
use crate::secret::Secret;
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use std::fmt;

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
            id: NodeId::from_bytes(id),
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entropy::testing::Counter;

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
}
