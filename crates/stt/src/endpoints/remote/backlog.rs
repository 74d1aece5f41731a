//! What a node holds of items from peers that are in no endpoint's queue yet.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering::SeqCst},
};

use parking_lot::Mutex;
use tokio::sync::Notify;

use crate::session::messages::{
    budget::{Budget, Held},
    room::{Room, while_room},
};

/// The node's bound on staged items, over all sessions.
#[derive(Debug)]
pub(crate) struct Backlog {
    budget: Mutex<Budget>,
    freed: Notify,
    /// Long items that wait for room.
    waiting: AtomicUsize,
}

/// One that waits; no longer, once dropped.
struct Waiting<'a>(&'a AtomicUsize);

/// What one endpoint stream takes of the bound; nothing, once dropped.
#[derive(Debug)]
pub(super) struct Share {
    backlog: Arc<Backlog>,
    held: Held,
}

impl Backlog {
    /// A bound of `limit` units of cost.
    pub(crate) fn new(limit: usize) -> Arc<Self> {
        Arc::new(Self {
            budget: Mutex::new(Budget::new(limit as u64)),
            freed: Notify::new(),
            waiting: AtomicUsize::new(0),
        })
    }

    /// Bytes held or promised.
    pub(crate) fn used(&self) -> u64 {
        self.budget.lock().total()
    }

    /// Runs `read` while the node has room for more. Cancel safe if `read` is.
    pub(super) async fn while_room<F: Future>(&self, read: F) -> F::Output {
        let full = || {
            let has_room = self.budget.lock().has_room();
            (!has_room).then(|| Box::pin(self.wait_until(|budget| budget.has_room())) as Room<'_>)
        };
        while_room(full, read).await
    }

    /// Resolves when an item of `total` bytes may come. Cancel safe.
    pub(super) async fn promise(self: Arc<Self>, total: u64) -> Share {
        let held = Held {
            promised: total,
            ..Held::default()
        };
        let waiting = Waiting::begin(&self.waiting);
        self.wait_until(|budget| {
            let may = budget.may_promise(total);
            if may {
                budget.change(Held::default(), held);
            }
            may
        })
        .await;
        drop(waiting);
        Share {
            backlog: self,
            held,
        }
    }

    /// Whether a long item waits for room.
    pub(super) fn is_waited_for(&self) -> bool {
        self.waiting.load(SeqCst) > 0
    }

    /// Whether more may be read now.
    pub(super) fn has_room(&self) -> bool {
        self.budget.lock().has_room()
    }

    async fn wait_until(&self, mut met: impl FnMut(&mut Budget) -> bool + Send) {
        loop {
            let mut freed = std::pin::pin!(self.freed.notified());
            freed.as_mut().enable();
            if met(&mut self.budget.lock()) {
                return;
            }
            freed.await;
        }
    }
}

impl<'a> Waiting<'a> {
    fn begin(count: &'a AtomicUsize) -> Self {
        count.fetch_add(1, SeqCst);
        Self(count)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, SeqCst);
    }
}

impl Share {
    pub(super) fn new(backlog: &Arc<Backlog>) -> Self {
        Self {
            backlog: Arc::clone(backlog),
            held: Held::default(),
        }
    }

    /// This much is held now. Promises have shares of their own.
    pub(super) fn hold(&mut self, held: Held) {
        let held = Held {
            promised: 0,
            ..held
        };
        if held != self.held {
            self.change(held);
        }
    }

    fn change(&mut self, held: Held) {
        let before = std::mem::replace(&mut self.held, held);
        self.backlog.budget.lock().change(before, held);
        self.backlog.freed.notify_waiters();
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.change(Held::default());
    }
}
