//! What the engine asks of cryptography: where a member's place is, and whose a record is.
//!
//! ```text
//! place of a member  = SHA3-256("stt dht place 1" | group id 16 | node 32)        stays in a rotation
//! key of content     = name of (address) in the context "dht"                      of each epoch
//! sealed provider    = sealed in "dht" / "provider ADDRESS": who knows the address opens it
//! sealed peer        = sealed in "dht" / "peer": every member opens it
//! ```
//!
//! A seam, so that a simulation of 10,000 members need not sign. spec: DHT-10, DHT-20, DHT-23.

use std::fmt::Write;

use stc::{ContextError, Entropy, Group, Identity, NodeId, OpenError, StcContext};
use stt_wire::{Record, RecordKind};

use crate::Key;

/// Where members are in the space of keys, and signatures of records.
pub trait Keyring {
    /// The place of a member. It must be the same for all members of the group.
    fn place(&self, node: &[u8; 32]) -> Key;

    /// Puts our signature under a record that names us.
    fn sign(&self, record: &mut Record);

    /// Whether the member that a record names has signed it.
    fn is_genuine(&self, record: &Record) -> bool;
}

/// The keyring of a member of a group with a random seed.
#[derive(Debug)]
pub struct GroupKeyring {
    identity: Identity,
    group: [u8; 16],
}

const PURPOSE: &str = "stt dht record 1";

impl GroupKeyring {
    /// The keyring of `identity` in `group`.
    ///
    /// # Errors
    ///
    /// [`ContextError::Passphrase`]: nothing may be named by a passphrase.
    pub fn new(identity: Identity, group: &Group) -> Result<Self, ContextError> {
        let group = *group.id().ok_or(ContextError::Passphrase)?.as_bytes();
        Ok(Self { identity, group })
    }
}

impl Keyring for GroupKeyring {
    fn place(&self, node: &[u8; 32]) -> Key {
        let name = [&b"stt dht place 1"[..], &self.group, node].concat();
        Key::from_bytes(stc::content_address(&name))
    }

    fn sign(&self, record: &mut Record) {
        record.signature = self.identity.sign(PURPOSE, &record.signed_part());
    }

    fn is_genuine(&self, record: &Record) -> bool {
        let node = NodeId::from_bytes(record.node);
        node.verify(PURPOSE, &record.signed_part(), &record.signature)
            .is_ok()
    }
}

/// Names and seals what is under the keys of one epoch. While a rotation is under way there is one
/// for each epoch: write with the newest, read with all.
#[derive(Debug)]
pub struct Sealer(StcContext);

impl Sealer {
    /// The sealer of one epoch, from the group's context `"dht"` of that epoch.
    pub fn new(context: StcContext) -> Self {
        Self(context)
    }

    /// The key of content, by its address. Who does not have the seed learns neither from the other.
    pub fn key_of_content(&self, address: &[u8; 32]) -> Key {
        Key::from_bytes(self.0.derive("content").keyed_hash(address))
    }

    /// Seals what a provider says about the content at `address`; at most 463 bytes fit a record.
    pub fn seal_provider(
        &self,
        address: &[u8; 32],
        provider: &NodeId,
        says: &[u8],
        entropy: &mut dyn Entropy,
    ) -> Vec<u8> {
        self.provider(address)
            .seal(entropy, provider.as_bytes(), says)
    }

    /// What the signer of a provider's record said.
    ///
    /// # Errors
    ///
    /// [`OpenError`] if it was sealed for another address, another provider or another epoch.
    pub fn open_provider(&self, address: &[u8; 32], record: &Record) -> Result<Vec<u8>, OpenError> {
        self.provider(address).open(&record.node, &record.sealed)
    }

    /// Seals where a member is, for all members; at most 463 bytes fit a record.
    pub fn seal_peer(&self, node: &NodeId, says: &[u8], entropy: &mut dyn Entropy) -> Vec<u8> {
        self.0.derive("peer").seal(entropy, node.as_bytes(), says)
    }

    /// What the signer of a peer's record said.
    ///
    /// # Errors
    ///
    /// [`OpenError`] if it was sealed by another member or in another epoch.
    pub fn open_peer(&self, record: &Record) -> Result<Vec<u8>, OpenError> {
        self.0.derive("peer").open(&record.node, &record.sealed)
    }

    fn provider(&self, address: &[u8; 32]) -> StcContext {
        let mut label = String::from("provider ");
        for byte in address {
            // Writing to a string never fails.
            let _ = write!(label, "{byte:02x}");
        }
        self.0.derive(&label)
    }
}

/// Whether a record is under the key that it belongs to, as far as can be told without the address.
pub(crate) fn is_in_place(keyring: &impl Keyring, record: &Record) -> bool {
    match record.kind {
        RecordKind::PROVIDER => true,
        RecordKind::PEER => keyring.place(&record.node).as_bytes() == &record.key,
        _ => false,
    }
}
