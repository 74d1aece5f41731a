//! Who takes the peer's streams of one direction from the engine.
//!
//! A task of the session does, always, since some of them are STT's own and an application may
//! never ask. But each stream that the task takes for an application costs a queue and a wake-up.
//! So an application that waits takes streams from the engine by itself, and the task lets it go
//! first. It only goes first: a waiting application that nobody polls holds up nothing.

use std::{
    future::{Future, poll_fn},
    pin::pin,
    sync::atomic::{AtomicUsize, Ordering::SeqCst},
    task::Poll,
};

use crate::session::queue::Queue;

/// One direction's streams on their way to the application. Their number is bounded by the
/// engine's limit on open streams, so the queue needs no bound of its own.
#[derive(Debug)]
pub(super) struct Way<T> {
    /// What the task took.
    pub(super) taken: Queue<T>,
    /// Callers of the application that wait.
    waiting: AtomicUsize,
}

/// A caller that waits; it no longer does when this is dropped.
pub(super) struct Waiting<'a>(&'a AtomicUsize);

impl<T> Way<T> {
    pub(super) fn new() -> Self {
        Self {
            taken: Queue::new(),
            waiting: AtomicUsize::new(0),
        }
    }

    pub(super) fn wait(&self) -> Waiting<'_> {
        self.waiting.fetch_add(1, SeqCst);
        Waiting(&self.waiting)
    }

    /// Resolves as `accept` does, but each time there may be something to take, lets those who
    /// wait be polled before it looks.
    pub(super) async fn after_those_who_wait<F: Future>(&self, accept: F) -> F::Output {
        let mut accept = pin!(accept);
        let mut gave_way = false;
        poll_fn(|cx| {
            gave_way = !gave_way && self.waiting.load(SeqCst) > 0;
            if gave_way {
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            accept.as_mut().poll(cx)
        })
        .await
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, SeqCst);
    }
}
