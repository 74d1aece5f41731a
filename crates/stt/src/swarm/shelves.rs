//! What this node serves: objects that were published, and those that are being gathered and shared.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;
use stc::{Identity, NodeId};
use tokio::sync::{Semaphore, watch};

use crate::storage::{Address, BinaryStorage, ReadError, Reference, blocking::ObjectBlocks};
use crate::transport::platform::Platform;

/// Why an object was not published.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum PublishError {
    /// The node was started without a [`storage`](crate::NodeBuilder::storage).
    #[error("the node has no storage")]
    NoStorage,
    /// The object could not be found in it.
    #[error(transparent)]
    Storage(#[from] ReadError),
}

/// The content of one node.
#[derive(Debug)]
pub(crate) struct Content {
    pub(crate) storage: BinaryStorage,
    pub(super) platform: Platform,
    identity: Arc<Identity>,
    shelves: Mutex<HashMap<Address, Arc<Shelf>>>,
    /// One for each part that is on its way to a peer.
    pub(super) parts: Arc<Semaphore>,
}

/// An object that is served.
#[derive(Debug)]
pub(super) struct Shelf {
    pub(super) reference: Reference,
    pub(super) signature: [u8; 64],
    pub(super) blocks: ObjectBlocks,
    pub(super) holds: Holds,
}

/// Which blocks of it.
#[derive(Debug, Clone)]
pub(super) enum Holds {
    All,
    /// The numbers of those that came so far, and whether more will come.
    Some(watch::Receiver<Gained>),
}

/// Blocks in the order in which they became durable.
#[derive(Debug, Default)]
pub(super) struct Gained {
    pub(super) numbers: Vec<u64>,
}

impl Content {
    pub(crate) fn new(storage: BinaryStorage, platform: Platform, identity: Arc<Identity>) -> Self {
        Self {
            storage,
            platform,
            identity,
            shelves: Mutex::default(),
            parts: Arc::new(Semaphore::new(MAX_PARTS)),
        }
    }

    /// Lets members have an object that is here.
    pub(crate) async fn publish(&self, address: Address) -> Result<Reference, ReadError> {
        let open = move |store: &stt_store::BinaryStorage| store.open_blocks(address);
        let blocks = self.storage.calls().run(open).await?;
        Ok(self.put_up(blocks, Holds::All))
    }

    pub(super) fn put_up(&self, blocks: ObjectBlocks, holds: Holds) -> Reference {
        let reference = blocks.reference();
        let claim = claim(&reference);
        let shelf = Shelf {
            reference,
            signature: self.identity.sign(CLAIM_LABEL, &claim),
            blocks,
            holds,
        };
        self.shelves
            .lock()
            .insert(reference.address, Arc::new(shelf));
        reference
    }

    /// True if it was published.
    pub(crate) fn unpublish(&self, address: Address) -> bool {
        self.shelves.lock().remove(&address).is_some()
    }

    /// Takes back what is shared while it is gathered.
    pub(super) fn take_down_partial(&self, address: Address) {
        let mut shelves = self.shelves.lock();
        let is_partial = |shelf: &Arc<Shelf>| matches!(shelf.holds, Holds::Some(_));
        if shelves.get(&address).is_some_and(is_partial) {
            shelves.remove(&address);
        }
    }

    pub(crate) fn published(&self) -> Vec<Address> {
        let mut all: Vec<_> = self.shelves.lock().keys().copied().collect();
        all.sort_unstable();
        all
    }

    pub(super) fn shelf(&self, address: Address) -> Option<Arc<Shelf>> {
        self.shelves.lock().get(&address).cloned()
    }

    /// The node is shut down: the storage is free again.
    pub(crate) fn close(&self) {
        self.shelves.lock().clear();
    }
}

/// What a holder signs. spec: CONTENT-5.
fn claim(reference: &Reference) -> [u8; 72] {
    let mut claim = [0; 72];
    claim[..32].copy_from_slice(reference.address.as_bytes());
    claim[32..64].copy_from_slice(&reference.root);
    claim[64..].copy_from_slice(&reference.length.to_be_bytes());
    claim
}

/// Whether this member signed that the object is this.
pub(super) fn is_claimed_by(peer: NodeId, reference: &Reference, signature: &[u8; 64]) -> bool {
    peer.verify(CLAIM_LABEL, &claim(reference), signature)
        .is_ok()
}

const CLAIM_LABEL: &str = "content claim";

/// Parts of up to 1 MiB that are on their way to all peers together.
const MAX_PARTS: usize = 256;
