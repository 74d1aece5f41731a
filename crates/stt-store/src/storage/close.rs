//! An orderly end: everything is durable already; this makes the next opening fast.

use super::{BinaryStorage, Shared};
use crate::error::Failure;
use crate::index::Persist;
use crate::log::{Kind, Note};

impl BinaryStorage {
    /// Closes the store: the next opening has nothing to read again. Dropping it does the same,
    /// but cannot tell of a failure. A store that just ends loses nothing either.
    ///
    /// # Errors
    /// [`Failure`] of what lies below; what was acknowledged is durable nevertheless.
    pub fn close(self) -> Result<(), Failure> {
        self.checkpoint()
    }

    /// What [`close`](Self::close) does, for a store that goes on.
    ///
    /// # Errors
    /// [`Failure`] of what lies below; what was acknowledged is durable nevertheless.
    pub fn checkpoint(&self) -> Result<(), Failure> {
        self.shared.checkpoint()
    }
}

impl Drop for BinaryStorage {
    fn drop(&mut self) {
        // What fails here is found, and repaired, by the next opening.
        let _ = self.shared.checkpoint();
    }
}

impl Shared {
    /// Marks how far the log is durable, and lets the index cover it. Nothing if nothing changed.
    fn checkpoint(&self) -> Result<(), Failure> {
        let core = &mut *self.core.lock();
        let has_news = core.since_checkpoint > 0 || core.writer.unsynced() > 0;
        let has_uses = !self.used.lock().is_empty() || !self.let_go.lock().is_empty();
        if !has_news && !has_uses {
            return Ok(());
        }
        self.change_and(core, Persist::Now, |step| {
            if has_news {
                // What was appended before has to be durable before something says so.
                step.core.writer.sync()?;
                step.append(Note::of(Kind::Mark), &[])?;
            }
            Ok(())
        })
    }
}
