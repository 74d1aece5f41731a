//! Why something asked of the DHT has no result. Each reason says what was tried.

use std::io;

pub use stt_dht::QueryError;

use crate::node::ConnectError;
use crate::whole_file::UnreadFile;

/// Why no member is known after an attempt to join.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BootstrapError {
    /// There is nobody to join by: no address, nobody from an earlier run, no session.
    #[error("nobody to join by is known")]
    NobodyToAsk,
    /// None of the addresses was reached.
    #[error("none of {tried} addresses was reached; of one: {last}")]
    NobodyReached {
        /// Addresses tried.
        tried: usize,
        /// Why not, for the one that says most.
        last: Box<ConnectError>,
    },
    /// Members were reached, and the lookup by them came to nothing: none of them serves, say.
    #[error(transparent)]
    Query(#[from] QueryError),
    /// This node has left the DHT, or is shut down.
    #[error("this node has left the DHT")]
    Left,
}

/// Why it is not known where a member is.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FindPeerError {
    /// What the search came to.
    #[error(transparent)]
    Query(#[from] QueryError),
    /// A record of it was found, and says nothing that can be used: it is of an epoch of the seed
    /// that this node does not have, or names no address.
    #[error("its record cannot be read, or names no address")]
    Unreadable,
    /// This node has left the DHT, or is shut down.
    #[error("this node has left the DHT")]
    Left,
}

/// Why there is no session with a member.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReachError {
    /// It is not known where it is.
    #[error(transparent)]
    Find(#[from] FindPeerError),
    /// It was not reached where it says it is.
    #[error("none of {tried} addresses was it reached at; at one: {last}")]
    Dial {
        /// Addresses tried.
        tried: usize,
        /// Why not, for the one that says most.
        last: Box<ConnectError>,
    },
}

/// Why no provider was found.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FindProvidersError {
    /// What the search came to.
    #[error(transparent)]
    Query(#[from] QueryError),
    /// Signed records were found, and none was sealed by somebody who knows the address.
    #[error("none of {records} records was made by somebody who knows the address")]
    Unreadable {
        /// How many.
        records: usize,
    },
    /// The only provider that was found is this node itself.
    #[error("this node is the only provider")]
    OnlyThisNode,
    /// This node has left the DHT, or is shut down.
    #[error("this node has left the DHT")]
    Left,
}

/// Why it is not certain that others can find what was announced.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AnnounceError {
    /// What the attempt came to. The address stays announced, and is tried again.
    #[error(transparent)]
    Query(#[from] QueryError),
    /// As many addresses are announced as may be. This one is not.
    #[error("{most} addresses are announced, which is the most")]
    TooMany {
        /// The limit.
        most: usize,
    },
    /// This node has left the DHT, or is shut down.
    #[error("this node has left the DHT")]
    Left,
}

/// Why the members kept by the last run were not believed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeptError {
    /// The file could not be read.
    #[error("cannot read it: {0}")]
    Read(#[from] io::Error),
    /// It is longer than such a file can be.
    #[error("it is longer than {most} bytes")]
    TooLong {
        /// The limit, in bytes.
        most: u64,
    },
    /// It was not written by a node of this identity in this group, or was changed since.
    #[error("it was not sealed by this node")]
    NotOurs,
    /// What was sealed is not what it must be.
    #[error("it is malformed: {0}")]
    Malformed(#[from] stt_wire::DecodeError),
}

impl From<UnreadFile> for KeptError {
    fn from(error: UnreadFile) -> Self {
        match error {
            UnreadFile::Io(error) => Self::Read(error),
            UnreadFile::TooLong { most } => Self::TooLong { most },
        }
    }
}
