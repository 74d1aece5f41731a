//! A store in an object store: immutable parts of segments there, the index here.
//!
//! ```text
//! append ──> tail, in memory ──sync──> put, if there is none of this name ──> acknowledged
//! ```
//!
//! *Invariants.* A part is put once and never changed. Whoever was replaced as the owner cannot have
//! a change acknowledged. spec: STORE-20 to STORE-23.

mod bridge;
mod file;
mod owner;

use std::collections::BTreeSet;
use std::io;
use std::path::Path;
use std::sync::Arc;

use object_store::ObjectStore;
use stc::Entropy;

use super::{Backend, BackendFile, DiskBackend};
use crate::error::OpenError;
use bridge::Remote;
use file::{PlainFile, SegmentFile};
use owner::Owner;

/// What to do when the object store says that somebody has the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Takeover {
    /// Refuse: [`OpenError::InUse`].
    #[default]
    Refuse,
    /// Fence the owner off, who is believed to be dead. If he lives, nothing that he goes on to do is
    /// acknowledged to him.
    FenceOff,
}

/// Segments and keys in an object store, below a prefix; the index in a directory of this machine.
///
/// It brings a thread of its own for the requests, so it works from threads with and without a
/// runtime. It must honour conditions of puts (`If-None-Match`, `If-Match`), as S3 does. One who writes at a
/// time: another one is refused, or, after [`Takeover::FenceOff`], it is the former one whose next
/// change fails.
#[derive(Debug)]
pub struct ObjectBackend {
    remote: Remote,
    index: DiskBackend,
    owner: Owner,
}

impl ObjectBackend {
    /// Takes the store below `prefix`. `index` is a directory for its index, which may be lost.
    ///
    /// A store whose owner died on this machine, with this directory, is free. One whose owner died elsewhere is
    /// not known to be, and it is for `takeover` to say.
    ///
    /// # Errors
    /// [`OpenError::InUse`] when somebody has it, or a [`Failure`](crate::Failure) of either side.
    pub fn open(
        store: Arc<dyn ObjectStore>,
        prefix: &str,
        index: impl AsRef<Path>,
        takeover: Takeover,
        entropy: &mut dyn Entropy,
    ) -> Result<Self, OpenError> {
        let index = DiskBackend::open(index)?;
        let remote = Remote::new(store, prefix)?;
        let mut token = [0; 16];
        entropy.fill(&mut token);
        let owner = Owner::take(&remote, &index, takeover, token)?;
        Ok(Self {
            remote,
            index,
            owner,
        })
    }
}

impl Drop for ObjectBackend {
    fn drop(&mut self) {
        // Who cannot say that he is gone is taken for dead by the next one with his index.
        let _ = self.owner.leave(&self.remote);
    }
}

fn is_local(name: &str) -> bool {
    name.starts_with("index-")
}

fn is_segment(name: &str) -> bool {
    name.starts_with("seg-")
}

impl Backend for ObjectBackend {
    fn names(&self) -> io::Result<Vec<String>> {
        let mut names = BTreeSet::new();
        for (path, size) in self.remote.list("")? {
            match path.split_once('/') {
                // A segment of which there is nothing but a fence is not begun.
                Some((segment, _)) if size > 0 => drop(names.insert(segment.to_owned())),
                Some(_) => {}
                None => drop(names.insert(path)),
            }
        }
        let local = self.index.names()?.into_iter();
        names.extend(local.filter(|name| is_local(name)));
        Ok(names.into_iter().collect())
    }

    fn open(&self, name: &str) -> io::Result<Arc<dyn BackendFile>> {
        if is_local(name) {
            return self.index.open(name);
        }
        if is_segment(name) {
            return Ok(Arc::new(SegmentFile::open(self.remote.clone(), name)?));
        }
        Ok(Arc::new(PlainFile::open(&self.remote, name)?))
    }

    fn create(&self, name: &str) -> io::Result<Arc<dyn BackendFile>> {
        if is_local(name) {
            return self.index.create(name);
        }
        // Its header is put, on condition, by the first sync.
        let fence = self.owner.own_fence(name);
        let remote = self.remote.clone();
        Ok(Arc::new(SegmentFile::begin(remote, name, fence)))
    }

    fn replace(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        if is_local(name) {
            return self.index.replace(name, bytes);
        }
        self.owner.check(&self.remote)?;
        self.remote.replace(name, bytes)
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        if is_local(name) {
            return self.index.remove(name);
        }
        if !is_segment(name) {
            return self.remote.delete(name);
        }
        self.owner.check(&self.remote)?;
        // The header goes last: without it the rest would be a lost segment.
        let parts = self.remote.list(name)?;
        let parts = parts.iter().rev().filter(|(_, size)| *size > 0);
        parts
            .map(|(path, _)| path)
            .try_for_each(|path| self.remote.delete(path))
    }
}
