//! How much room is offered, and on which terms.

use std::path::PathBuf;
use std::time::Duration;

use stt_wire::limits::MAX_LEASE_SECONDS;

use crate::storage::BinaryStorage;

/// Room for the copies of other members: see [`NodeBuilder::offer`](crate::NodeBuilder::offer).
#[derive(Debug, Clone)]
pub struct OfferOptions {
    pub(super) storage: BinaryStorage,
    pub(super) terms: Terms,
    pub(super) data_dir: Option<PathBuf>,
}

/// What a keeper grants. spec: COPY-2, COPY-5.
#[derive(Debug, Clone, Copy)]
pub(super) struct Terms {
    /// Bytes of all objects.
    pub(super) bytes: u64,
    /// Bytes of the objects of one owner.
    pub(super) share: u64,
    pub(super) longest: Duration,
}

impl OfferOptions {
    /// Offers `bytes` of room in a storage that is used for nothing else: whatever is in it without a lease is removed
    /// when the node starts. Half of it goes to one member at most.
    ///
    /// Counted are the lengths of objects; a storage takes about a thousandth more. Give it a
    /// [`quota`](crate::storage::StorageOptions::quota) a little above, so that what came of copies that were given up makes
    /// room.
    pub fn new(storage: BinaryStorage, bytes: u64) -> Self {
        Self {
            storage,
            terms: Terms {
                bytes,
                share: bytes / 2,
                longest: Duration::from_secs(MAX_LEASE_SECONDS),
            },
            data_dir: None,
        }
    }

    /// The most bytes that one member's copies may have. Default: half of what is offered. Who has the seed of the
    /// group can be many members.
    #[must_use]
    pub fn share(mut self, bytes: u64) -> Self {
        self.terms.share = bytes;
        self
    }

    /// The longest lease. Default and maximum: 30 days. Members renew theirs as long as they run.
    #[must_use]
    pub fn longest_lease(mut self, lease: Duration) -> Self {
        let most = Duration::from_secs(MAX_LEASE_SECONDS);
        self.terms.longest = lease.min(most);
        self
    }

    /// Keeps the leases in a file in this directory, sealed, for the next run; as long as there are many, some 100 bytes
    /// each are written whenever one changes. Default: they end with the node.
    #[must_use]
    pub fn data_dir(mut self, directory: impl Into<PathBuf>) -> Self {
        self.data_dir = Some(directory.into());
        self
    }
}
