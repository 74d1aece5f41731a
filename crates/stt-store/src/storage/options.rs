//! How a store is opened.

use std::path::Path;
use std::sync::Arc;

use stc::Entropy;

use super::BinaryStorage;
use crate::backend::{Backend, DiskBackend};
use crate::error::OpenError;
use crate::keys::StoreKey;

/// How a store is opened. None of it is kept in the store.
#[derive(Debug, Clone)]
pub struct StorageOptions {
    pub(super) quota: Option<u64>,
    pub(super) segment_len: u32,
    pub(super) checkpoint_len: u64,
    pub(super) index_cache: usize,
}

impl Default for StorageOptions {
    fn default() -> Self {
        Self {
            quota: None,
            segment_len: MAX_SEGMENT_LEN,
            checkpoint_len: 64 << 20,
            index_cache: 32 << 20,
        }
    }
}

impl StorageOptions {
    /// The most bytes that records of the store may take up, dead ones not counted. Default: none.
    ///
    /// Beyond it the objects that were used longest ago are evicted, but never pinned ones, and none when
    /// that would not be enough; to find that out, all that are not pinned are looked at. Dead
    /// records are cleared away when they are a third as much as the needed ones, and at least one
    /// segment: that much more the directory can have.
    #[must_use]
    pub fn quota(mut self, bytes: u64) -> Self {
        self.quota = Some(bytes);
        self
    }

    /// The most bytes of a segment file. Default and maximum: 256 MiB; at least 64 KiB.
    ///
    /// Smaller ones cost a sync each, and give space back sooner.
    #[must_use]
    pub fn segment_len(mut self, bytes: u32) -> Self {
        self.segment_len = bytes.clamp(64 << 10, MAX_SEGMENT_LEN);
        self
    }

    /// Bytes of the log between two checkpoints of the index. Default: 64 MiB.
    ///
    /// That much of the log is read when the store is opened after a crash.
    #[must_use]
    pub fn checkpoint_len(mut self, bytes: u64) -> Self {
        self.checkpoint_len = bytes;
        self
    }

    /// Bytes of memory for pages of the index. Default: 32 MiB.
    ///
    /// Half of it holds changed pages until the next checkpoint: with less, stores of many small objects write
    /// pages more than once.
    #[must_use]
    pub fn index_cache(mut self, bytes: usize) -> Self {
        self.index_cache = bytes;
        self
    }

    /// Opens the store in a directory, or makes one there.
    ///
    /// # Errors
    /// [`OpenError`]; with a seed that opens nothing, nothing was written.
    pub fn open(
        self,
        directory: impl AsRef<Path>,
        key: StoreKey<'_>,
        entropy: Box<dyn Entropy + Send>,
    ) -> Result<BinaryStorage, OpenError> {
        self.open_backend(Arc::new(DiskBackend::open(directory)?), key, entropy)
    }

    /// Opens the store that a backend holds, or makes one there.
    ///
    /// # Errors
    /// [`OpenError`]; with a seed that opens nothing, nothing was written.
    pub fn open_backend(
        self,
        backend: Arc<dyn Backend>,
        key: StoreKey<'_>,
        entropy: Box<dyn Entropy + Send>,
    ) -> Result<BinaryStorage, OpenError> {
        super::open::open(self, backend, key, entropy)
    }
}

const MAX_SEGMENT_LEN: u32 = 256 << 20;
