//! SHA3-256 of an object that comes in pieces, one block behind whoever hands them over.
//!
//! A thread lives for one block: a source that pauses holds none.

use std::sync::Arc;
use std::thread::{self, JoinHandle};

use stc::ContentHasher;

use crate::error::Failure;

/// The hash of what was handed over so far; `None` when hashing it failed.
#[derive(Debug)]
pub(super) struct Hashing(Option<State>);

#[derive(Debug)]
enum State {
    Idle(ContentHasher),
    /// A block is being hashed.
    Busy(JoinHandle<ContentHasher>),
}

impl Hashing {
    /// Begins with the next block, when the one before is done.
    pub(super) fn begin(&mut self, block: Arc<Vec<u8>>) -> Result<(), Failure> {
        let mut hasher = self.hasher()?;
        let thread = thread::Builder::new().spawn(move || {
            hasher.update(&block);
            hasher
        })?;
        self.0 = Some(State::Busy(thread));
        Ok(())
    }

    /// The address of everything.
    pub(super) fn finish(&mut self) -> Result<[u8; 32], Failure> {
        Ok(self.hasher()?.finish())
    }

    /// Takes the hasher, once it is idle.
    fn hasher(&mut self) -> Result<ContentHasher, Failure> {
        match self.0.take() {
            Some(State::Idle(hasher)) => Ok(hasher),
            Some(State::Busy(thread)) => thread.join().map_err(|_| Failure::Poisoned),
            None => Err(Failure::Poisoned),
        }
    }
}

impl Default for Hashing {
    fn default() -> Self {
        Self(Some(State::Idle(ContentHasher::new())))
    }
}

impl Drop for Hashing {
    /// Waits for the block under way, a few milliseconds: no thread outlives its object.
    fn drop(&mut self) {
        let _ = self.hasher();
    }
}
