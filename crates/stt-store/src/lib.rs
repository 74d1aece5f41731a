//! The content store of STT: bytes go in, an address comes out, and the address brings them back.
//!
//! ```text
//!   BinaryStorage          storage/   what users call: store, retrieve, pin, verify, rotate
//!      |        \
//!   Index        Log       index/     redb in sealed pages: a cache of the log
//!      |        /          log/       segments of sealed records: the truth
//!   Backend                backend/   a directory, memory, an object store
//! ```
//!
//! `sealed/` makes objects that others may keep, and only those read who have the key.
//!
//! *Invariants.*
//! - *Acknowledged means durable*: a change is in a synced record before its caller hears of it.
//! - *Never a wrong byte*: whatever is read was authenticated, and named by its hash.
//! - *The log is the truth*: the index may be lost at any time.
//! - *The directory shows sizes only*: names, addresses, pins and order of use are sealed.
//! - *An unknown seed opens nothing and writes nothing.*
//!
//! It blocks, and knows neither clocks nor networks. Randomness is an argument ([`stc::Entropy`]).
//! *Not here*: who else has an object, and how to get it from them.
//!
//! *Spec*: `spec/store.md`, whose numbered rules are quoted as `STORE-n`; of sealed objects `spec/copies.md`.

mod backend;
mod entropy;
mod error;
mod index;
mod keys;
mod log;
mod object;
mod sealed;
mod storage;

#[doc(hidden)]
pub mod fuzzing;

pub use backend::{Backend, BackendFile, DiskBackend, Found, MemoryBackend};
#[cfg(feature = "object-store")]
pub use backend::{ObjectBackend, Takeover};
pub use error::{
    Failure, FinishError, KeyError, OpenError, Part, PinError, ReadError, RemoveError, StoreError,
    VerifyError,
};
pub use keys::{OwnedStoreKey, StoreKey};
pub use object::{Address, ObjectPart, ParseAddressError, ParseReferenceError, Reference};
#[cfg(feature = "object-store")]
pub use object_store;
pub use sealed::{
    ContentKey, OpenSealedError, ParseSealedReferenceError, SealError, SealedReader,
    SealedReference,
};
pub use storage::{
    BinaryStorage, Compacted, Damage, Entries, Entry, ObjectBlocks, ObjectReader, ObjectWriter,
    PartialObject, Pushed, Rotated, Stats, StorageOptions, Verified,
};
