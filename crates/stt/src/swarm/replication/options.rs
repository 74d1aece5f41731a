//! How many copies, and on which terms.

use std::time::Duration;

use stt_wire::limits::MAX_LEASE_SECONDS;

use crate::storage::{ReadError, SealError};
use crate::swarm::{Provider, PublishError};

/// Whether an object is sealed before others keep it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[expect(clippy::exhaustive_enums, reason = "it is or it is not")]
pub enum Sealing {
    /// A sealed copy of it is made, stored here too, and kept by others: they can't read it.
    #[default]
    Sealed,
    /// Others keep it as it is, and any member that knows its address can read it. For what is public in the group, and for
    /// what was sealed before: copies that others have of it are found again, and count.
    AsItIs,
}

/// The terms of copies with other members.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ReplicateOptions {
    /// How many members shall keep one. Default: 3; at least 1, at most 32.
    pub copies: usize,
    /// Whether it is sealed first. Default: it is.
    pub sealing: Sealing,
    /// For how long a copy is kept when nobody renews it; a keeper may grant less. Default: 7 days; at least a minute, at
    /// most 30 days. It is renewed
    /// as long as the [`Replication`](super::Replication) lives.
    pub lease: Duration,
    /// How often each keeper is asked for a proof, and renews. Default: 30 minutes, and at least twice in a lease.
    pub check_every: Duration,
    /// For how long a keeper may be away before its copy is replaced. Default: 2 hours. A shorter time replaces the copies of
    /// those who only sleep.
    pub patience: Duration,
    /// Keepers that are asked before any that the DHT finds. Default: none.
    pub keepers: Vec<Provider>,
}

impl Default for ReplicateOptions {
    fn default() -> Self {
        Self {
            copies: 3,
            sealing: Sealing::Sealed,
            lease: Duration::from_secs(7 * 86_400),
            check_every: Duration::from_secs(1_800),
            patience: Duration::from_secs(7_200),
            keepers: Vec::new(),
        }
    }
}

impl ReplicateOptions {
    /// As many copies as this; everything else by default.
    pub fn copies(copies: usize) -> Self {
        Self {
            copies,
            ..Self::default()
        }
    }
}

impl ReplicateOptions {
    /// Brings what cannot be to what can.
    pub(crate) fn bound(&mut self) {
        self.copies = self.copies.clamp(1, MAX_COPIES);
        self.lease = self.lease.clamp(SHORTEST_LEASE, LONGEST_LEASE);
    }
}

const MAX_COPIES: usize = 32;
const SHORTEST_LEASE: Duration = Duration::from_secs(60);
const LONGEST_LEASE: Duration = Duration::from_secs(MAX_LEASE_SECONDS);

/// Why copies of an object are not even begun with.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum ReplicateError {
    /// The node was started without a [`storage`](crate::NodeBuilder::storage).
    #[error("the node has no storage")]
    NoStorage,
    /// The object could not be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// It could not be sealed.
    #[error(transparent)]
    Seal(#[from] SealError),
}

impl From<PublishError> for ReplicateError {
    fn from(error: PublishError) -> Self {
        match error {
            PublishError::NoStorage => Self::NoStorage,
            PublishError::Storage(error) => error.into(),
        }
    }
}

/// Why there are fewer copies than wanted. It is tried again, ever less often, as long as the
/// [`Replication`](super::Replication) lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PlaceError {
    /// Everyone who offers room was asked.
    #[error(
        "{kept} of {wanted} copies are kept: of {found} keepers found, {declined} declined and {unreached} could not be reached"
    )]
    TooFew {
        /// Copies that are wanted.
        wanted: usize,
        /// Copies that are kept.
        kept: usize,
        /// Members that offer room, as far as they were found.
        found: usize,
        /// Those that have too little room, or could not get or store the object.
        declined: usize,
        /// Those that were not reached, or did not answer.
        unreached: usize,
    },
    /// The node was shut down.
    #[error("the node is shut down")]
    ShutDown,
}
