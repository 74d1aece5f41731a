//! What the epochs of the group's seed give the DHT: keys of content, and seals.
//!
//! While a rotation is under way there are several: what is written is written with the newest, what
//! is read is tried with all. spec: DHT-10, DHT-23, DHT-52.

use std::net::SocketAddr;

use bytes::Bytes;
use stc::{ContextError, Entropy, Group, NodeId, StcContext};
use stt_dht::{Key, Sealer};
use stt_wire::{Record, Whereabouts};

use crate::storage::Address;

/// One epoch's keys or several, newest first; never none.
#[derive(Debug)]
pub(super) struct EpochKeys {
    sealers: Vec<Sealer>,
    kept: Vec<StcContext>,
}

impl EpochKeys {
    pub(super) fn of(group: &Group) -> Result<Self, ContextError> {
        let contexts = group.contexts(CONTEXT)?;
        Ok(Self {
            kept: contexts.iter().map(|root| root.derive("members")).collect(),
            sealers: contexts.into_iter().map(Sealer::new).collect(),
        })
    }

    /// The key under which content is announced.
    pub(super) fn key(&self, address: Address) -> Key {
        self.newest().key_of_content(address.as_bytes())
    }

    /// All keys under which content may have been announced.
    pub(super) fn keys(&self, address: Address) -> impl Iterator<Item = Key> {
        (self.sealers.iter()).map(move |sealer| sealer.key_of_content(address.as_bytes()))
    }

    pub(super) fn seal_provider(
        &self,
        address: Address,
        me: &NodeId,
        says: &Whereabouts,
        entropy: &mut dyn Entropy,
    ) -> Bytes {
        self.newest()
            .seal_provider(address.as_bytes(), me, &says.encode(), entropy)
            .into()
    }

    pub(super) fn seal_peer(
        &self,
        me: &NodeId,
        says: &Whereabouts,
        entropy: &mut dyn Entropy,
    ) -> Bytes {
        self.newest().seal_peer(me, &says.encode(), entropy).into()
    }

    /// Where a provider says that it is, if whoever made the record knows the address.
    pub(super) fn open_provider(
        &self,
        address: Address,
        record: &Record,
    ) -> Option<Vec<SocketAddr>> {
        self.open(|sealer| sealer.open_provider(address.as_bytes(), record))
    }

    /// Where a member says that it is.
    pub(super) fn open_peer(&self, record: &Record) -> Option<Vec<SocketAddr>> {
        self.open(|sealer| sealer.open_peer(record))
    }

    fn open<E>(&self, open: impl Fn(&Sealer) -> Result<Vec<u8>, E>) -> Option<Vec<SocketAddr>> {
        let says = self.sealers.iter().find_map(|sealer| open(sealer).ok())?;
        let says = Whereabouts::decode(says.into()).ok()?;
        Some(says.addresses().to_vec())
    }

    /// Seals what a node keeps for its next run.
    pub(super) fn seal_kept(&self, me: &NodeId, kept: &[u8], entropy: &mut dyn Entropy) -> Vec<u8> {
        self.kept
            .first()
            .map(|context| context.seal(entropy, me.as_bytes(), kept))
            .unwrap_or_default()
    }

    /// Opens it, whatever epoch it is of.
    pub(super) fn open_kept(&self, me: &NodeId, sealed: &[u8]) -> Option<Vec<u8>> {
        let open = |context: &StcContext| context.open(me.as_bytes(), sealed).ok();
        self.kept.iter().find_map(open)
    }

    #[expect(clippy::expect_used, reason = "a group has an epoch")]
    fn newest(&self) -> &Sealer {
        self.sealers.first().expect("at least one epoch")
    }
}

const CONTEXT: &str = "dht";
