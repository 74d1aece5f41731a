//! Things that happen once, and that others wait for.
//!
//! A session has a dozen of these, so it matters that they take a few dozen bytes together.

use std::sync::atomic::{AtomicU16, Ordering::SeqCst};

use tokio::sync::Notify;

/// Lowered at first, raised for good.
#[derive(Debug, Default)]
pub(crate) struct Flag(Flags);

impl Flag {
    /// Raises it; true if this was the first time.
    pub(crate) fn raise(&self) -> bool {
        self.0.raise(0)
    }

    pub(crate) fn is_raised(&self) -> bool {
        self.0.is_raised(0)
    }

    /// Resolves when it is raised. Cancel safe.
    pub(crate) async fn raised(&self) {
        self.0.raised(0).await;
    }
}

/// Up to sixteen flags by number. Whoever waits for one is woken by each, so they suit what
/// happens seldom.
#[derive(Debug, Default)]
pub(crate) struct Flags {
    raised: AtomicU16,
    changed: Notify,
}

impl Flags {
    /// Raises one; true if this was the first time.
    pub(crate) fn raise(&self, flag: u8) -> bool {
        let is_first = self.raised.fetch_or(1 << flag, SeqCst) & 1 << flag == 0;
        self.changed.notify_waiters();
        is_first
    }

    pub(crate) fn is_raised(&self, flag: u8) -> bool {
        self.raised.load(SeqCst) & 1 << flag != 0
    }

    /// Resolves when this one is raised. Cancel safe.
    pub(crate) async fn raised(&self, flag: u8) {
        loop {
            let mut changed = std::pin::pin!(self.changed.notified());
            changed.as_mut().enable();
            if self.is_raised(flag) {
                return;
            }
            changed.await;
        }
    }
}
