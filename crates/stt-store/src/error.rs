//! What can go wrong, one enum an operation; what every operation can meet is a [`Failure`].

use std::io;
use std::sync::Arc;

use crate::object::Address;

/// What any operation can meet below the store.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum Failure {
    /// The medium is full. Nothing was changed, and the store goes on.
    #[error("no space is left on the medium")]
    NoSpace,
    /// The medium may not be written to: permissions, or mounted read-only.
    #[error("the store may not be written to")]
    Unwritable(#[source] Arc<io::Error>),
    /// The index could not be read. It was thrown away, and opening the store again rebuilds it.
    #[error("the index is lost; opening the store again rebuilds it")]
    IndexLost,
    /// The medium failed.
    #[error("the medium failed")]
    Io(#[source] Arc<io::Error>),
    /// A write or a sync failed, now or earlier, so nobody knows what is on the medium: the change may
    /// have been made. Opening the store again reads what is really there.
    #[error("an earlier failure closed the store; open it again")]
    Poisoned,
    /// The store was closed.
    #[error("the store is closed")]
    Closed,
    /// The runtime that was to do it has ended. Nobody knows whether it was done.
    #[error("the runtime that the store works on has ended")]
    Stopped,
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::StorageFull
            | io::ErrorKind::QuotaExceeded
            | io::ErrorKind::FileTooLarge => Self::NoSpace,
            io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
                Self::Unwritable(Arc::new(error))
            }
            _ => Self::Io(Arc::new(error)),
        }
    }
}

/// Why a store did not open. Nothing was written if its seed was the wrong one.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// Another process, or another handle of this one, has the store.
    #[error("the store is in use by another process")]
    InUse,
    /// No key slot opens with this seed.
    #[error("no key slot opens with this seed")]
    WrongSeed,
    /// A passphrase can be guessed offline, so it opens no store.
    #[error("a passphrase opens no store; use a random seed")]
    Passphrase,
    /// The store was written by a later version of this software.
    #[error("the store has format {found}; up to {known} is understood")]
    FutureVersion {
        /// The version that was found.
        found: u16,
        /// The latest version that is understood.
        known: u16,
    },
    /// Both copies of the keys are missing or damaged, and there are segments that need them.
    #[error("both copies of the keys are damaged or missing")]
    KeysDamaged,
    /// What lies below the store.
    #[error(transparent)]
    Failure(#[from] Failure),
}

impl From<io::Error> for OpenError {
    fn from(error: io::Error) -> Self {
        Self::Failure(error.into())
    }
}

/// Why an object was not stored.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The object alone is larger than the quota.
    #[error("{needed} bytes exceed the quota of {quota}")]
    QuotaTooSmall {
        /// Bytes the object takes up in the store, as far as it was read.
        needed: u64,
        /// The quota, in bytes.
        quota: u64,
    },
    /// What may be evicted is not enough: pins, or objects that are being stored, hold the rest.
    #[error("{needed} bytes are needed, and {held} of {quota} may not be evicted")]
    QuotaHeld {
        /// Bytes the object takes up in the store, as far as it was read.
        needed: u64,
        /// Bytes that may not be evicted.
        held: u64,
        /// The quota, in bytes.
        quota: u64,
    },
    /// The reader that was to be stored failed.
    #[error("the source failed")]
    Source(#[source] Arc<io::Error>),
    /// The object is longer than 2^50 bytes less a little.
    #[error("the object has more than {max} bytes")]
    TooLong {
        /// The longest object there is, in bytes.
        max: u64,
    },
    /// What lies below the store.
    #[error(transparent)]
    Failure(#[from] Failure),
}

/// Why an object that arrived in blocks was not stored. What is here of it is kept.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum FinishError {
    /// Some blocks are not here.
    #[error("{missing} blocks are missing")]
    Incomplete {
        /// How many.
        missing: u64,
    },
    /// The blocks are those that the root names, and the hash of them all is another address.
    #[error("the root is false: its blocks have the address {found}")]
    FalseRoot {
        /// The address that they have.
        found: Address,
    },
    /// What lies below.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Which part of an object is damaged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Part {
    /// The block of 1 MiB with this number, counted from 0.
    Block(u64),
    /// The list of its blocks, or a part of it.
    Manifest,
    /// Each block is well, and together they are not what the address names.
    Whole,
}

impl std::fmt::Display for Part {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Block(number) => write!(f, "block {number}"),
            Self::Manifest => f.write_str("the manifest"),
            Self::Whole => f.write_str("the whole"),
        }
    }
}

/// Why an object was not read. No byte that could be wrong was handed out.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum ReadError {
    /// The store does not have it.
    #[error("no object {address}")]
    Unknown {
        /// The address asked for.
        address: Address,
    },
    /// Bytes of it changed on the medium, or are gone. Storing it again heals it.
    #[error("object {address} is damaged: {part}")]
    Damaged {
        /// The address asked for.
        address: Address,
        /// What cannot be read.
        part: Part,
    },
    /// The range does not lie in the object.
    #[error("the range ends at {end}, the object at {length}")]
    OutOfRange {
        /// End of the range that was asked for, in bytes.
        end: u64,
        /// Length of the object, in bytes.
        length: u64,
    },
    /// What lies below the store.
    #[error(transparent)]
    Failure(#[from] Failure),
}

/// Why an object was not removed.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum RemoveError {
    /// The store does not have it.
    #[error("no object {address}")]
    Unknown {
        /// The address asked for.
        address: Address,
    },
    /// It is pinned; unpin it first.
    #[error("object {address} is pinned")]
    Pinned {
        /// The address asked for.
        address: Address,
    },
    /// What lies below the store.
    #[error(transparent)]
    Failure(#[from] Failure),
}

/// Why a pin was not changed.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum PinError {
    /// The store does not have the object.
    #[error("no object {address}")]
    Unknown {
        /// The address asked for.
        address: Address,
    },
    /// What lies below the store.
    #[error(transparent)]
    Failure(#[from] Failure),
}

/// Why the keys were not changed.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// A passphrase can be guessed offline, so it opens no store.
    #[error("a passphrase opens no store; use a random seed")]
    Passphrase,
    /// The seed opens the store already.
    #[error("the seed opens the store already")]
    Present,
    /// The seed opens no slot.
    #[error("the seed opens no slot")]
    Absent,
    /// Without it nobody could open the store.
    #[error("the seed is the last that opens the store")]
    Last,
    /// There are as many slots as there can be.
    #[error("a store has at most {max} key slots")]
    TooMany {
        /// The most slots there are.
        max: usize,
    },
    /// No seed was named that could open the store afterwards.
    #[error("no seed is named")]
    NoSeed,
    /// What lies below the store.
    #[error(transparent)]
    Failure(#[from] Failure),
}

/// Why the store was not verified to the end.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum VerifyError {
    /// What lies below the store.
    #[error(transparent)]
    Failure(#[from] Failure),
}
