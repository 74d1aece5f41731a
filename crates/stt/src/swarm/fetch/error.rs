//! Why an object was not fetched.

use crate::storage::{Address, Failure, StoreError};

/// Why an object was not fetched. What came and was verified is kept for the next time, but for blocks of
/// false roots.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum FetchError {
    /// The node was started without a [`storage`](crate::NodeBuilder::storage).
    #[error("the node has no storage")]
    NoStorage,
    /// Of all providers none has it, or all were lost or dropped; or none was found.
    #[error(
        "no provider is left: {absent} do not have it, {unreached} could not be reached, {lost} were lost, {blamed} were dropped"
    )]
    NoProviders {
        /// Those that say they do not have it, or serve nothing.
        absent: usize,
        /// Those that could not be reached.
        unreached: usize,
        /// Those whose session ended.
        lost: usize,
        /// Those that were dropped for what they sent.
        blamed: usize,
    },
    /// It is longer than is allowed.
    #[error("{length} bytes exceed the limit of {longest}")]
    TooLong {
        /// What the reference or the providers say, in bytes.
        length: u64,
        /// The limit, in bytes.
        longest: u64,
    },
    /// The reference is none: its blocks are those of another object.
    #[error("the reference is false: its root is that of {found}")]
    FalseReference {
        /// The address of what its root names.
        found: Address,
    },
    /// Providers claimed two roots that were both false.
    #[error("two roots that providers claimed were false; a reference would tell")]
    FalseRoots,
    /// It could not be stored.
    #[error(transparent)]
    Storage(#[from] StoreError),
    /// The node was shut down.
    #[error("the node is shut down")]
    ShutDown,
}

impl From<Failure> for FetchError {
    fn from(failure: Failure) -> Self {
        Self::Storage(failure.into())
    }
}
