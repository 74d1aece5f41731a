//! Something that happens once, and that others wait for.
//!
//! A session has several of these, so it matters that one takes a few dozen bytes.

use std::sync::atomic::{AtomicBool, Ordering::SeqCst};

use tokio::sync::Notify;

/// Lowered at first, raised for good.
#[derive(Debug, Default)]
pub(crate) struct Flag {
    raised: AtomicBool,
    changed: Notify,
}

impl Flag {
    /// Raises it; true if this was the first time.
    pub(crate) fn raise(&self) -> bool {
        let is_first = !self.raised.swap(true, SeqCst);
        self.changed.notify_waiters();
        is_first
    }

    pub(crate) fn is_raised(&self) -> bool {
        self.raised.load(SeqCst)
    }

    /// Resolves when it is raised. Cancel safe.
    pub(crate) async fn raised(&self) {
        let mut changed = std::pin::pin!(self.changed.notified());
        changed.as_mut().enable();
        if !self.is_raised() {
            changed.await;
        }
    }
}
