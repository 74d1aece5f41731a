//! [`BinaryStorage`]: the content store of [`stt_store`], for tasks that must not block.
//!
//! ```text
//! store of up to 1 MiB ──> queue ──> lanes: many objects, one sync    (batch.rs)
//! everything else      ──────────> calls: one blocking thread each    (calls.rs)
//! ```
//!
//! *Invariant*: what is queued is bounded in bytes, and threads are bounded in number; who comes
//! later waits. *Not here*: the format, the keys and the files, which are `stt-store`'s.

mod batch;
mod calls;
mod list;
mod options;
mod reader;
mod sealed;
mod upload;

pub use list::Entries;
pub use options::StorageOptions;
pub use reader::ObjectReader;
pub use sealed::SealedObjectReader;
/// The same store for threads that may block, and what the types of this module are made of.
pub use stt_store as blocking;
pub use stt_store::{
    Address, Backend, BackendFile, Compacted, ContentKey, Damage, DiskBackend, Entry, Failure,
    KeyError, MemoryBackend, OpenError, OpenSealedError, ParseAddressError, ParseReferenceError,
    ParseSealedReferenceError, Part, PinError, ReadError, Reference, RemoveError, Rotated,
    SealError, SealedReference, Stats, StoreError, StoreKey, Verified, VerifyError,
};

use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use stt_store::OwnedStoreKey;

pub(crate) use calls::Calls;

/// A content store: bytes go in, an address comes out, and the address brings them back.
///
/// A handle; clones are the same store. It works on the blocking threads of the Tokio runtime that it is called in.
///
/// | | promise | shown by |
/// |---|---|---|
/// | ordering | what one task awaits, one after the other, happens in that order; what is concurrent, in any | `store_does_what_a_map_does` |
/// | delivery | the same bytes are stored once, whoever stores them; an object is there whole or not at all | `same_bytes_stored_by_many_at_once_are_one_object`, `store_that_is_dropped_leaves_the_object_whole_or_not_at_all` |
/// | durability | what was acknowledged survives a crash and a loss of power at any moment | `power_that_goes_at_any_operation_costs_nothing_that_was_acknowledged`, `killed_process_loses_nothing_that_it_acknowledged`, `store_is_not_acknowledged_before_the_sync` |
/// | integrity | never a wrong byte: a changed one is an error that names the object, or costs nothing | `every_flipped_byte_is_found_by_verify`, `every_flipped_byte_costs_at_most_one_object_with_the_index_and_without` |
/// | faults | a full or failing medium costs nothing that was acknowledged | `medium_that_is_full_at_any_byte_costs_nothing_that_was_acknowledged`, `operation_that_fails_once_costs_nothing_that_was_acknowledged` |
/// | memory | 32 MiB of small objects wait at most; a stream or a reader has up to 5 MiB, and 6 MiB are on their way to the medium; the index has its cache, 32 MiB | `examples/long` of `stt-store` |
/// | latency | a change takes one sync, shared with those that come at the same time, and now and then the rewriting of one segment; reads wait for none | `thousand_small_objects_at_once_share_a_few_syncs` |
/// | one at a time | another process, and another opening in this one, is refused | `second_process_is_refused_even_if_somebody_removed_the_lock_file`, `closed_store_says_so_and_gives_the_directory_free` |
/// | cancelling reads | nothing is lost: what was not handed out is read again | `piece_that_was_not_awaited_to_the_end_is_read_again` |
/// | cancelling changes | done or not done, never half; a stream that is dropped before its end leaves nothing | `store_that_is_dropped_leaves_the_object_whole_or_not_at_all`, `stream_that_is_dropped_before_its_end_leaves_nothing` |
///
/// ```
/// use stt::{BinaryStorage, NodeSeed, SystemEntropy, storage::StoreKey};
///
/// # #[tokio::main]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let directory = tempfile::tempdir()?;
/// let seed = NodeSeed::generate(&mut SystemEntropy);
/// let storage = BinaryStorage::open(&directory, StoreKey::Node(&seed)).await?;
/// let reference = storage.store("hello world").await?;
/// assert_eq!(storage.retrieve(reference).await?, "hello world");
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct BinaryStorage {
    calls: Calls,
    small: Arc<batch::Queue>,
}

impl BinaryStorage {
    /// Opens the store in a directory, or makes one there, with default options.
    ///
    /// # Errors
    /// [`OpenError`]; with a seed that opens nothing, nothing was written.
    ///
    /// # Cancel safety
    /// Cancel safe: a store that was opened for nobody is closed.
    pub async fn open(directory: impl AsRef<Path>, key: StoreKey<'_>) -> Result<Self, OpenError> {
        StorageOptions::default().open(directory, key).await
    }

    fn new(store: stt_store::BinaryStorage) -> Self {
        Self {
            calls: Calls::new(store),
            small: Arc::default(),
        }
    }

    pub(crate) fn calls(&self) -> &Calls {
        &self.calls
    }

    /// Stores `bytes` durably. What is here already is not stored again.
    ///
    /// Objects of up to 1 MiB that are stored at the same time share a sync of the medium: a
    /// thousand tasks that store one each take little longer than one. At most 32 MiB of them wait; beyond that this
    /// waits for room.
    ///
    /// # Errors
    /// [`StoreError`]; nothing was stored then.
    ///
    /// # Cancel safety
    /// The object is stored whole or not at all; which, is not known.
    pub async fn store(&self, bytes: impl Into<Bytes>) -> Result<Reference, StoreError> {
        let bytes = bytes.into();
        if bytes.len() <= batch::MAX_OBJECT_LEN {
            return self.store_small(bytes).await;
        }
        self.calls.run(move |store| store.store(&bytes)).await
    }

    /// The object, whole. For long ones, [`open_reader`](Self::open_reader) needs less memory.
    ///
    /// # Errors
    /// [`ReadError`]: unknown, or damaged.
    ///
    /// # Cancel safety
    /// Cancel safe.
    pub async fn retrieve(&self, address: impl Into<Address>) -> Result<Bytes, ReadError> {
        let address = address.into();
        let read = move |store: &stt_store::BinaryStorage| store.retrieve(address);
        Ok(self.calls.run(read).await?.into())
    }

    /// A range of the object; only the blocks it touches are read.
    ///
    /// # Errors
    /// [`ReadError`]: unknown, damaged in this range, or the range lies outside.
    ///
    /// # Cancel safety
    /// Cancel safe.
    pub async fn retrieve_range(
        &self,
        address: impl Into<Address>,
        range: Range<u64>,
    ) -> Result<Bytes, ReadError> {
        let address = address.into();
        let read = move |store: &stt_store::BinaryStorage| store.retrieve_range(address, range);
        Ok(self.calls.run(read).await?.into())
    }

    /// Whether the object is here. Does not count as a use.
    ///
    /// # Errors
    /// [`Failure`] of what lies below.
    ///
    /// # Cancel safety
    /// Cancel safe.
    pub async fn contains(&self, address: impl Into<Address>) -> Result<bool, Failure> {
        let address = address.into();
        self.calls.run(move |store| store.contains(address)).await
    }

    /// The reference of an object that is here.
    ///
    /// # Errors
    /// [`ReadError::Unknown`], or a [`Failure`].
    ///
    /// # Cancel safety
    /// Cancel safe.
    pub async fn reference(&self, address: Address) -> Result<Reference, ReadError> {
        self.calls.run(move |store| store.reference(address)).await
    }

    /// Removes an object, durably. Its space is given back by and by.
    ///
    /// # Errors
    /// [`RemoveError`]: unknown, or pinned.
    ///
    /// # Cancel safety
    /// The object is removed or not; which, is not known.
    pub async fn remove(&self, address: impl Into<Address>) -> Result<(), RemoveError> {
        let address = address.into();
        self.calls.run(move |store| store.remove(address)).await
    }

    /// Pins an object, durably: it is neither evicted nor removed.
    ///
    /// # Errors
    /// [`PinError`] when the object is unknown.
    ///
    /// # Cancel safety
    /// The object is pinned or as it was; which, is not known.
    pub async fn pin(&self, address: impl Into<Address>) -> Result<(), PinError> {
        let address = address.into();
        self.calls.run(move |store| store.pin(address)).await
    }

    /// Takes the pin of an object away, durably.
    ///
    /// # Errors
    /// [`PinError`] when the object is unknown.
    ///
    /// # Cancel safety
    /// The object is unpinned or as it was; which, is not known.
    pub async fn unpin(&self, address: impl Into<Address>) -> Result<(), PinError> {
        let address = address.into();
        self.calls.run(move |store| store.unpin(address)).await
    }

    /// The numbers of the store.
    ///
    /// # Errors
    /// [`Failure`] of what lies below.
    ///
    /// # Cancel safety
    /// Cancel safe.
    pub async fn stats(&self) -> Result<Stats, Failure> {
        self.calls.run(stt_store::BinaryStorage::stats).await
    }

    /// Reads every byte of the store and names what is damaged. Other calls go on meanwhile.
    ///
    /// A damaged index is thrown away, and the store closed: opening it again rebuilds it.
    ///
    /// # Errors
    /// [`VerifyError`] when what lies below could not be read.
    ///
    /// # Cancel safety
    /// Cancel safe; the reading goes on to its end, for nobody.
    pub async fn verify(&self) -> Result<Verified, VerifyError> {
        self.calls.run(stt_store::BinaryStorage::verify).await
    }

    /// Gives dead space back now, and goes on with a rotation that was broken off.
    ///
    /// # Errors
    /// [`Failure`] of what lies below.
    ///
    /// # Cancel safety
    /// Cancel safe; the compaction goes on to its end.
    pub async fn compact(&self) -> Result<Compacted, Failure> {
        self.calls.run(stt_store::BinaryStorage::compact).await
    }

    /// Lets another seed open the store, durably.
    ///
    /// # Errors
    /// [`KeyError`]; nothing was changed then.
    ///
    /// # Cancel safety
    /// The seed opens the store or does not; which, is not known.
    pub async fn add_seed(&self, key: StoreKey<'_>) -> Result<(), KeyError> {
        let key = OwnedStoreKey::from(key);
        self.calls
            .run(move |store| store.add_seed(key.as_key()))
            .await
    }

    /// Lets a seed open the store no longer, durably.
    ///
    /// Whoever had it may have kept the master key: [`rotate_key`](Self::rotate_key) locks him out.
    ///
    /// # Errors
    /// [`KeyError`]; nothing was changed then.
    ///
    /// # Cancel safety
    /// The seed opens the store or does not; which, is not known.
    pub async fn remove_seed(&self, key: StoreKey<'_>) -> Result<(), KeyError> {
        let key = OwnedStoreKey::from(key);
        let work = move |store: &stt_store::BinaryStorage| store.remove_seed(key.as_key());
        self.calls.run(work).await
    }

    /// Replaces the master key, and writes everything anew under the new one. Afterwards exactly
    /// `keys` open the store.
    ///
    /// # Errors
    /// [`KeyError`]; the new key may count already if what lies below failed.
    ///
    /// # Cancel safety
    /// Cancel safe; the rotation goes on to its end.
    pub async fn rotate_key(&self, keys: &[StoreKey<'_>]) -> Result<Rotated, KeyError> {
        let keys: Vec<_> = keys.iter().map(|key| OwnedStoreKey::from(*key)).collect();
        let work = move |store: &stt_store::BinaryStorage| {
            let keys: Vec<_> = keys.iter().map(OwnedStoreKey::as_key).collect();
            store.rotate_key(&keys)
        };
        self.calls.run(work).await
    }

    /// Closes the store, for all clones, after what was begun before. The next opening is fast then,
    /// and nobody has the directory any more, unless an [`ObjectReader`] or an [`Entries`] is left.
    ///
    /// Dropping the last clone does the same, but blocks its thread for a sync of the medium. What was acknowledged
    /// is durable in either case.
    ///
    /// # Errors
    /// [`Failure::Closed`] if it is closed already, or that of what lies below.
    ///
    /// # Cancel safety
    /// The store is closed, but perhaps not yet when this is dropped.
    pub async fn close(&self) -> Result<(), Failure> {
        self.calls.close().await
    }
}
