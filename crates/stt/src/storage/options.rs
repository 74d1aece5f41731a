//! How a store is opened.

use std::path::Path;
use std::sync::Arc;

use stt_store::{Backend, OpenError, OwnedStoreKey, StoreKey};

use super::BinaryStorage;
use super::calls::on_thread;
use crate::SystemEntropy;

/// How a store is opened. None of it is kept in the store.
#[derive(Debug, Clone, Default)]
pub struct StorageOptions(stt_store::StorageOptions);

impl StorageOptions {
    /// The most bytes that records of the store may take up, dead ones not counted. Default: none.
    ///
    /// Beyond it the objects that were used longest ago are evicted, but never pinned ones.
    #[must_use]
    pub fn quota(self, bytes: u64) -> Self {
        Self(self.0.quota(bytes))
    }

    /// The most bytes of a segment file. Default and maximum: 256 MiB; at least 64 KiB.
    ///
    /// Smaller ones cost a sync each, and give space back sooner.
    #[must_use]
    pub fn segment_len(self, bytes: u32) -> Self {
        Self(self.0.segment_len(bytes))
    }

    /// Bytes of the log between two checkpoints of the index. Default: 64 MiB.
    ///
    /// That much of the log is read when the store is opened after a crash.
    #[must_use]
    pub fn checkpoint_len(self, bytes: u64) -> Self {
        Self(self.0.checkpoint_len(bytes))
    }

    /// Bytes of memory for pages of the index. Default: 32 MiB.
    #[must_use]
    pub fn index_cache(self, bytes: usize) -> Self {
        Self(self.0.index_cache(bytes))
    }

    /// Opens the store in a directory, or makes one there.
    ///
    /// # Errors
    /// [`OpenError`]; with a seed that opens nothing, nothing was written.
    ///
    /// # Cancel safety
    /// Cancel safe: a store that was opened for nobody is closed.
    pub async fn open(
        self,
        directory: impl AsRef<Path>,
        key: StoreKey<'_>,
    ) -> Result<BinaryStorage, OpenError> {
        let directory = directory.as_ref().to_path_buf();
        let key = OwnedStoreKey::from(key);
        let open = move || {
            self.0
                .open(directory, key.as_key(), Box::new(SystemEntropy))
        };
        on_thread(open).await.map(BinaryStorage::new)
    }

    /// Opens the store that a backend holds, or makes one there.
    ///
    /// # Errors
    /// [`OpenError`]; with a seed that opens nothing, nothing was written.
    ///
    /// # Cancel safety
    /// Cancel safe: a store that was opened for nobody is closed.
    pub async fn open_backend(
        self,
        backend: Arc<dyn Backend>,
        key: StoreKey<'_>,
    ) -> Result<BinaryStorage, OpenError> {
        let key = OwnedStoreKey::from(key);
        let open = move || {
            self.0
                .open_backend(backend, key.as_key(), Box::new(SystemEntropy))
        };
        on_thread(open).await.map(BinaryStorage::new)
    }
}
