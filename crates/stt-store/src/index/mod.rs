//! The index: where everything is. A cache of the log, in redb, in sealed pages.
//!
//! *Invariant*: whatever is wrong with it, also what redb panics at, means that the index is lost.
//!
//! *Invariant*: a row reaches the medium only after its record was synced. spec: STORE-18.

mod pages;
mod rows;
mod tables;
mod untouched;

use pages::SealedPages;
pub(crate) use rows::{BlockRow, ObjectRow, RemovedRow, SegmentRow};
pub(crate) use tables::{Count, Tables, View};

use std::io;
use std::sync::Arc;

use redb::{Database, Durability, ReadableDatabase};

use crate::backend::{Backend, BackendFile};
use crate::entropy::SharedEntropy;
use crate::error::Failure;
use crate::keys::Generation;
use untouched::Untouched;

/// An open index.
#[derive(Debug)]
pub(crate) struct Index {
    database: Database,
    file: Arc<dyn BackendFile>,
    keys: Arc<Generation>,
}

/// How durable a change of the index is. The log always is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Persist {
    /// Opening after a crash reads the log from the last checkpoint on.
    Later,
    /// A checkpoint.
    Now,
}

impl Index {
    /// Opens the index in the file of this name, or makes one there.
    pub(crate) fn open(
        backend: &dyn Backend,
        keys: &Arc<Generation>,
        entropy: &SharedEntropy,
        cache: usize,
    ) -> Result<Self, Failure> {
        let name = index_name(keys.number);
        let file = match backend.open(&name) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => backend.create(&name)?,
            other => other?,
        };
        let pages = SealedPages::new(Arc::clone(&file), Arc::clone(keys), entropy.clone());
        let mut builder = Database::builder();
        builder.set_cache_size(cache);
        let database = contained(|| builder.create_with_backend(pages).map_err(failure))?;
        let index = Self {
            database,
            file,
            keys: Arc::clone(keys),
        };
        index.change(|_| Ok(()), Persist::Later)?;
        Ok(index)
    }

    /// Changes the index by all that `body` does, or by nothing if it fails.
    pub(crate) fn change<R>(
        &self,
        body: impl FnOnce(&mut Tables<'_>) -> Result<R, Failure>,
        persist: Persist,
    ) -> Result<R, Failure> {
        contained(|| {
            let mut change = self.database.begin_write().map_err(failure)?;
            let mut tables = Tables::open(&change)?;
            let result = body(&mut tables)?;
            tables.finish()?;
            match persist {
                Persist::Now => change.set_quick_repair(true),
                Persist::Later => change.set_durability(Durability::None).map_err(failure)?,
            }
            change.commit().map_err(failure)?;
            Ok(result)
        })
    }

    /// A view that later changes do not touch.
    pub(crate) fn view(&self) -> Result<View, Failure> {
        contained(|| View::open(&self.database.begin_read().map_err(failure)?))
    }

    /// Whether everything that the index needs can be read from the medium. It must have been
    /// persisted, and nobody may change it.
    pub(crate) fn is_intact(&self, entropy: &SharedEntropy) -> Result<bool, Failure> {
        // What is in memory proves nothing, so the file is opened once more, and not written to.
        let (file, keys) = (Arc::clone(&self.file), Arc::clone(&self.keys));
        let pages = Untouched::new(SealedPages::new(file, keys, entropy.clone()))?;
        let mut builder = Database::builder();
        builder.set_cache_size(CHECK_CACHE_LEN);
        let checked = contained(|| {
            let opened = builder.create_with_backend(pages);
            let checked = opened.and_then(|mut database| database.check_integrity());
            checked.map_err(failure)
        });
        match checked {
            Ok(_) => Ok(true),
            Err(Failure::IndexLost) => Ok(false),
            Err(failure) => Err(failure),
        }
    }

    /// Copies the index for other keys. It must have been persisted, and nobody may change it.
    pub(crate) fn copy_to(
        &self,
        backend: &dyn Backend,
        keys: &Arc<Generation>,
        entropy: &SharedEntropy,
    ) -> Result<(), Failure> {
        let target = backend.create(&index_name(keys.number))?;
        pages::copy(&self.file, &self.keys, &target, keys, entropy)?;
        Ok(target.sync()?)
    }
}

/// Bytes of pages in memory while an index is checked.
const CHECK_CACHE_LEN: usize = 1 << 20;

/// The name of the file of an index.
pub(crate) fn index_name(generation: u32) -> String {
    format!("index-{generation:08x}")
}

/// Does something with redb, which panics when its pages contradict each other. They do in a copy that
/// was made while the store was in use: each page is authentic, and they are not of one moment.
fn contained<R>(work: impl FnOnce() -> Result<R, Failure>) -> Result<R, Failure> {
    let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(work));
    result.unwrap_or(Err(Failure::IndexLost))
}

/// Says what a failure of redb means for the store.
fn failure(error: impl Into<redb::Error>) -> Failure {
    match error.into() {
        redb::Error::Io(error) if error.kind() == io::ErrorKind::InvalidData => Failure::IndexLost,
        redb::Error::Io(error) => error.into(),
        redb::Error::PreviousIo => Failure::Poisoned,
        _ => Failure::IndexLost,
    }
}
