//! What this node serves: objects that were published, and those that are being gathered and shared.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;
use stc::{Identity, NodeId};
use tokio::sync::{Semaphore, watch};

use super::feed::Boards;
use super::offer::Offer;
use crate::storage::{Address, BinaryStorage, Calls, ReadError, Reference, blocking::ObjectBlocks};
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

/// A storage of this node, and the shelves on which its objects are put up.
#[derive(Debug, Clone)]
pub(crate) struct Content {
    pub(crate) storage: BinaryStorage,
    pub(super) platform: Platform,
    pub(super) shelves: Arc<Shelves>,
    rack: Rack,
}

/// All that one node serves.
#[derive(Debug)]
pub(crate) struct Shelves {
    pub(super) platform: Platform,
    pub(super) identity: Arc<Identity>,
    racks: Mutex<[HashMap<Address, Arc<Shelf>>; 3]>,
    /// The feeds that others may follow here.
    pub(super) boards: Boards,
    /// One for each part that is on its way to a peer.
    pub(super) parts: Arc<Semaphore>,
}

/// What sessions need of all this.
#[derive(Debug)]
pub(crate) struct Giving {
    pub(crate) shelves: Arc<Shelves>,
    pub(crate) offer: Option<Arc<Offer>>,
}

/// Whose objects they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rack {
    /// This node's own.
    Own,
    /// Kept for others.
    Kept,
    /// Those of the entries of feeds.
    Feeds,
}

/// An object that is served.
#[derive(Debug)]
pub(super) struct Shelf {
    pub(super) reference: Reference,
    pub(super) signature: [u8; 64],
    pub(super) blocks: ObjectBlocks,
    /// The threads on which they are read.
    pub(super) calls: Calls,
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
    pub(crate) fn new(storage: BinaryStorage, shelves: Arc<Shelves>, rack: Rack) -> Self {
        Self {
            storage,
            platform: shelves.platform.clone(),
            shelves,
            rack,
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
            signature: self.shelves.identity.sign(CLAIM_LABEL, &claim),
            blocks,
            calls: self.storage.calls().clone(),
            holds,
        };
        self.with_rack(|rack| rack.insert(reference.address, Arc::new(shelf)));
        reference
    }

    /// True if it was published.
    pub(crate) fn unpublish(&self, address: Address) -> bool {
        self.with_rack(|rack| rack.remove(&address)).is_some()
    }

    /// Takes back what is shared while it is gathered.
    pub(super) fn take_down_partial(&self, address: Address) {
        let is_partial = |shelf: &Arc<Shelf>| matches!(shelf.holds, Holds::Some(_));
        self.with_rack(|rack| {
            if rack.get(&address).is_some_and(is_partial) {
                rack.remove(&address);
            }
        });
    }

    pub(crate) fn published(&self) -> Vec<Address> {
        let mut all: Vec<_> = self.with_rack(|rack| rack.keys().copied().collect());
        all.sort_unstable();
        all
    }

    fn with_rack<T>(&self, act: impl FnOnce(&mut HashMap<Address, Arc<Shelf>>) -> T) -> T {
        let [own, kept, feeds] = &mut *self.shelves.racks.lock();
        act(match self.rack {
            Rack::Own => own,
            Rack::Kept => kept,
            Rack::Feeds => feeds,
        })
    }
}

impl Shelves {
    pub(crate) fn new(platform: Platform, identity: Arc<Identity>) -> Self {
        Self {
            platform,
            identity,
            racks: Mutex::default(),
            boards: Boards::default(),
            parts: Arc::new(Semaphore::new(MAX_PARTS)),
        }
    }

    pub(super) fn shelf(&self, address: Address) -> Option<Arc<Shelf>> {
        let racks = self.racks.lock();
        racks.iter().find_map(|rack| rack.get(&address)).cloned()
    }

    /// The node is shut down: its storages are free again.
    pub(crate) fn close(&self) {
        for rack in &mut *self.racks.lock() {
            rack.clear();
        }
        self.boards.close();
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
