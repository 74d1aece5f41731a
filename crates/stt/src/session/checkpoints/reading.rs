//! The reader's half of a checkpoint: how far the application has come.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering::SeqCst},
};

use super::Checkpoints;

/// Shared with whoever hears the peer's question.
#[derive(Debug)]
pub(super) struct Progress {
    pub(super) consumed: AtomicU64,
    pub(super) wanted: AtomicU64,
}

impl Default for Progress {
    fn default() -> Self {
        Self {
            consumed: AtomicU64::new(0),
            wanted: AtomicU64::new(NOTHING_WANTED),
        }
    }
}

const NOTHING_WANTED: u64 = u64::MAX;

/// The reader's half: tells the peer when it has come far enough.
#[derive(Debug)]
pub(crate) struct ReadProgress {
    pub(super) stream: u64,
    pub(super) consumed: u64,
    pub(super) progress: Arc<Progress>,
}

impl ReadProgress {
    /// The application took `bytes` more.
    #[inline]
    pub(crate) fn advance(&mut self, bytes: usize, checkpoints: &Checkpoints) {
        self.consumed += bytes as u64;
        self.progress.consumed.store(self.consumed, SeqCst);
        let wanted = self.progress.wanted.load(SeqCst);
        if self.consumed >= wanted {
            self.progress.wanted.store(NOTHING_WANTED, SeqCst);
            checkpoints.control.reached(self.stream, wanted);
        }
    }

    /// The application holds nothing of the stream any more.
    pub(crate) fn end(&self, checkpoints: &Checkpoints) {
        checkpoints.reading.lock().progress.remove(&self.stream);
        let wanted = self.progress.wanted.load(SeqCst);
        if wanted != NOTHING_WANTED {
            checkpoints.control.reached(self.stream, wanted);
        }
    }
}
