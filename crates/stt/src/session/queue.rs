//! A queue between the session and its application: one side pushes, any number of callers wait.
//!
//! It holds no memory while it is empty, which most of a session's queues always are. It has no
//! bound of its own; whoever pushes has one.

use std::collections::VecDeque;

use parking_lot::Mutex;
use tokio::sync::Notify;

/// A queue that can be closed.
#[derive(Debug)]
pub(crate) struct Queue<T> {
    items: Mutex<Items<T>>,
    /// One permit is left for each push, and passed on while items are left.
    pushed: Notify,
}

#[derive(Debug)]
struct Items<T> {
    waiting: VecDeque<T>,
    closed: bool,
}

impl<T> Queue<T> {
    pub(crate) fn new() -> Self {
        let items = Items {
            waiting: VecDeque::new(),
            closed: false,
        };
        Self {
            items: Mutex::new(items),
            pushed: Notify::new(),
        }
    }

    /// Adds an item; drops it if the queue is closed.
    pub(crate) fn push(&self, item: T) {
        let mut items = self.items.lock();
        if !items.closed {
            items.waiting.push_back(item);
            drop(items);
            self.pushed.notify_one();
        }
    }

    /// The next item; `None` once the queue is closed and empty. Cancel safe.
    pub(crate) async fn pop(&self) -> Option<T> {
        loop {
            let mut pushed = std::pin::pin!(self.pushed.notified());
            pushed.as_mut().enable();
            {
                let mut items = self.items.lock();
                if let Some(item) = items.take() {
                    if !items.waiting.is_empty() {
                        self.pushed.notify_one();
                    }
                    return Some(item);
                }
                if items.closed {
                    return None;
                }
            }
            pushed.await;
        }
    }

    /// Takes an item if there is one.
    pub(crate) fn try_pop(&self) -> Option<T> {
        self.items.lock().take()
    }

    pub(crate) fn len(&self) -> usize {
        self.items.lock().waiting.len()
    }

    /// Drops what nobody needs to take any more.
    pub(crate) fn retain(&self, keep: impl FnMut(&T) -> bool) {
        self.items.lock().waiting.retain(keep);
    }

    /// No more will come; what waits can still be taken.
    pub(crate) fn close(&self) {
        self.items.lock().closed = true;
        self.pushed.notify_waiters();
    }

    /// No more will come, and what nobody took is dropped.
    pub(crate) fn close_and_drop(&self) {
        let dropped = std::mem::take(&mut self.items.lock().waiting);
        self.close();
        drop(dropped);
    }
}

impl<T> Items<T> {
    /// The first, and with the last one the memory.
    fn take(&mut self) -> Option<T> {
        let first = self.waiting.pop_front();
        if self.waiting.is_empty() {
            self.waiting = VecDeque::new();
        }
        first
    }
}
