//! How following stands, and why it ends.

use stc::NodeId;

use crate::storage::{Failure, ReadError, StoreError};
use crate::swarm::Blame;

/// Why a feed is followed no longer, before its end.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum FollowError {
    /// The node was started without a [`storage`](crate::NodeBuilder::storage).
    #[error("the node has no storage")]
    NoStorage,
    /// The node publishes this feed, or follows it already.
    #[error("the node has this feed already")]
    AlreadyHere,
    /// Nobody was found, or reached, that lets this node follow.
    #[error("no holder of the feed: {named} were named or found, {blamed} of them lied")]
    NoHolders {
        /// Members that were named, or that the DHT knows.
        named: usize,
        /// Those that are asked no more.
        blamed: usize,
    },
    /// Nobody has this entry, and there are later ones: it is older than what holders keep. Follow anew, from a later one.
    #[error("nobody has entry {number} of the feed any more")]
    Missed {
        /// The entry.
        number: u64,
    },
    /// The publisher signed an entry whose object is not what it has to be.
    #[error("entry {number} of the feed names no run of segments")]
    FalseEntry {
        /// The entry.
        number: u64,
    },
    /// The publisher signed two entries of one number.
    #[error("the publisher signed two entries of number {number}")]
    TwoHistories {
        /// Their number.
        number: u64,
    },
    /// An object could not be stored.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// An object that was here could not be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The node was shut down.
    #[error("the node is shut down")]
    ShutDown,
}

impl From<Failure> for FollowError {
    fn from(failure: Failure) -> Self {
        Self::Store(failure.into())
    }
}

/// What a holder did. It is asked no more for this feed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum FeedBlame {
    /// An entry that the publisher did not sign.
    ForgedEntry,
    /// An entry out of its order.
    OutOfOrder,
    /// What it gave for an object, or did not.
    Object(Blame),
    /// Answers that break the protocol.
    Breach,
}

/// How following stands.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct FollowStatus {
    /// Holders that are followed now.
    pub holders: Vec<NodeId>,
    /// Those that are asked no more, and what they did.
    pub blamed: Vec<(NodeId, FeedBlame)>,
    /// The number of the next entry, once it is known where the feed begins here.
    pub next: Option<u64>,
}
