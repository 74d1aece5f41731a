//! [`BinaryStorage`]: what users call.
//!
//! ```text
//! store, remove, pin ──> queue ──> one thread at a time: records -> sync -> index -> answers
//! retrieve, list     ──> index ──> segments                        (never waits for the above)
//! ```

mod blocks;
mod close;
mod commit;
mod compact;
mod hashing;
mod keys;
mod list;
mod open;
mod options;
mod partial;
mod read;
mod reader;
mod replay;
mod request;
mod room;
mod step;
mod store;
mod upload;
mod uses;
mod verify;
mod writer;

pub use blocks::ObjectBlocks;
pub use compact::Compacted;
pub use keys::Rotated;
pub use list::{Entries, Entry, Stats};
pub use options::StorageOptions;
pub use partial::{PartialObject, Pushed};
pub use reader::ObjectReader;
pub use verify::{Damage, Verified};
pub use writer::ObjectWriter;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::{Mutex, RwLock};
use stc::Entropy;

use crate::backend::Backend;
use crate::entropy::SharedEntropy;
use crate::error::{Failure, OpenError, PinError, RemoveError};
use crate::index::{BlockRow, Index, index_name};
use crate::keys::{StoreKey, Vault};
use crate::log::{Segments, Writer};
use crate::object::{Address, Name};
use request::{Refusal, Request, Ticket};

/// A content store: bytes go in, an address comes out, and the address brings them back.
///
/// | | |
/// |---|---|
/// | ordering | changes of one caller are kept in order; concurrent ones share a sync |
/// | durability | what returned survives a crash and a loss of power |
/// | integrity | never a wrong byte: everything read is authenticated and compared with its name |
/// | memory | objects stream in pieces of 1 MiB; about 20 of them, and the cache of the index |
/// | latency | one sync of the medium a change, and now and then the rewriting of one segment; reads wait for none |
/// | threads | share it by reference or in an `Arc`; every call blocks |
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # #[derive(Debug)] struct System; impl stc::Entropy for System { fn fill(&mut self, out: &mut [u8]) {
/// #     aws_lc_rs::rand::fill(out).unwrap() } }
/// # let directory = tempfile::tempdir()?;
/// # let seed = stc::NodeSeed::generate(&mut System);
/// use stt_store::{BinaryStorage, StoreKey};
///
/// let store = BinaryStorage::open(&directory, StoreKey::Node(&seed), Box::new(System))?;
/// let reference = store.store(b"hello world")?;
/// assert_eq!(store.retrieve(reference.address)?, b"hello world");
/// # Ok(()) }
/// ```
#[derive(Debug)]
pub struct BinaryStorage {
    shared: Arc<Shared>,
}

/// What the store and its readers share.
#[derive(Debug)]
struct Shared {
    backend: Arc<dyn Backend>,
    entropy: SharedEntropy,
    options: StorageOptions,
    vault: RwLock<Vault>,
    segments: Arc<Segments>,
    index: RwLock<Arc<Index>>,
    /// Whoever has it writes.
    core: Mutex<Core>,
    queue: Mutex<Vec<Arc<Ticket>>>,
    /// Blocks that objects under way held once, and hold no more since the last change.
    let_go: Mutex<Vec<Name>>,
    /// Objects that were read since the last change.
    used: Mutex<BTreeSet<[u8; 32]>>,
    /// Objects that are known to be damaged: storing them again writes them anew.
    damaged: Mutex<BTreeSet<[u8; 32]>>,
    /// Segments whose header cannot be read.
    lost: BTreeSet<u64>,
    is_poisoned: AtomicBool,
}

/// What only the one who writes touches.
#[derive(Debug)]
struct Core {
    writer: Writer,
    /// Blocks in the log that the index does not know yet, because they are not synced.
    fresh: BTreeMap<Name, BlockRow>,
    /// How often objects that are being stored need a block.
    held: BTreeMap<Name, u64>,
    /// Blocks that are needed no more by an object that was not stored.
    abandoned: Vec<Name>,
    /// Counts how often unsynced blocks were taken back.
    era: u64,
    /// Bytes of the log since the last checkpoint.
    since_checkpoint: u64,
    /// Segments that could not be cleared away: damage is in them, or the medium is full.
    stuck: BTreeSet<u64>,
    /// Whether the change under way is in the log for good, and only the index is left.
    is_logged: bool,
}

impl BinaryStorage {
    /// Opens the store in a directory, or makes one there, with default options.
    ///
    /// # Errors
    /// [`OpenError`]; with a seed that opens nothing, nothing was written.
    pub fn open(
        directory: impl AsRef<Path>,
        key: StoreKey<'_>,
        entropy: Box<dyn Entropy + Send>,
    ) -> Result<Self, OpenError> {
        StorageOptions::default().open(directory, key, entropy)
    }

    /// What the store draws its randomness from.
    pub(crate) fn entropy(&self) -> SharedEntropy {
        self.shared.entropy.clone()
    }

    /// Removes an object, durably. Its space is given back by and by.
    ///
    /// # Errors
    /// [`RemoveError`]: unknown, or pinned.
    pub fn remove(&self, address: Address) -> Result<(), RemoveError> {
        let request = Request::Remove(*address.as_bytes());
        self.shared
            .submit_one(request)
            .map_err(|refusal| match refusal {
                Refusal::Pinned => RemoveError::Pinned { address },
                Refusal::Failure(failure) => failure.into(),
                _ => RemoveError::Unknown { address },
            })
    }

    /// Pins an object, durably: it is neither evicted nor removed.
    ///
    /// # Errors
    /// [`PinError`] when the object is unknown.
    pub fn pin(&self, address: Address) -> Result<(), PinError> {
        self.change_pin(address, true)
    }

    /// Takes the pin of an object away, durably.
    ///
    /// # Errors
    /// [`PinError`] when the object is unknown.
    pub fn unpin(&self, address: Address) -> Result<(), PinError> {
        self.change_pin(address, false)
    }

    fn change_pin(&self, address: Address, pinned: bool) -> Result<(), PinError> {
        let request = Request::Pin(*address.as_bytes(), pinned);
        self.shared
            .submit_one(request)
            .map_err(|refusal| match refusal {
                Refusal::Failure(failure) => failure.into(),
                _ => PinError::Unknown { address },
            })
    }
}

impl Shared {
    fn index(&self) -> Result<Arc<Index>, Failure> {
        if self.is_poisoned.load(Ordering::Acquire) {
            return Err(Failure::Poisoned);
        }
        Ok(Arc::clone(&self.index.read()))
    }

    /// Lets the store say no from now on, after something nobody can take back.
    fn poison(&self, failure: &Failure) {
        self.is_poisoned.store(true, Ordering::Release);
        if matches!(failure, Failure::IndexLost) {
            // The next opening rebuilds it. If it cannot be removed, it will be found damaged again.
            let number = self.vault.read().current().number;
            let _ = self.backend.remove(&index_name(number));
        }
    }

    /// Passes a result on; a lost index closes the store.
    fn watched<T>(&self, result: Result<T, Failure>) -> Result<T, Failure> {
        if let Err(failure @ Failure::IndexLost) = &result {
            self.poison(failure);
        }
        result
    }
}
