//! Tasks: a spawned future with its place in the queue, and the handle to its result.
//!
//! Invariants: a task is in the ready queue at most once; tasks run in the order in which they
//! were woken.

use std::{
    collections::VecDeque,
    fmt,
    pin::Pin,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    task::{Context, Poll, Wake, Waker},
};

use crate::lock::lock;

/// The result of a spawned future, to be awaited.
///
/// Dropping it lets the task run on by itself. Awaiting the handle of a task that was dropped
/// by [`Sim::shutdown`](crate::Sim::shutdown) never completes.
pub struct Task<T>(Arc<Mutex<Outcome<T>>>);

impl<T: Send + 'static> Task<T> {
    /// Wraps `future` so that its result reaches the handle.
    pub(crate) fn split(
        future: impl Future<Output = T> + Send + 'static,
    ) -> (Self, Pin<Box<dyn Future<Output = ()> + Send>>) {
        let outcome = Arc::new(Mutex::new(Outcome {
            value: None,
            waiting: None,
        }));
        let handle = Self(outcome.clone());
        let future = async move {
            let value = future.await;
            let mut outcome = lock(&outcome);
            outcome.value = Some(value);
            if let Some(waker) = outcome.waiting.take() {
                waker.wake();
            }
        };
        (handle, Box::pin(future))
    }

    /// Whether the result is there and was not taken yet.
    pub fn is_finished(&self) -> bool {
        lock(&self.0).value.is_some()
    }
}

impl<T> Future for Task<T> {
    type Output = T;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<T> {
        let mut outcome = lock(&self.0);
        if let Some(value) = outcome.value.take() {
            return Poll::Ready(value);
        }
        outcome.waiting = Some(cx.waker().clone());
        Poll::Pending
    }
}

impl<T> fmt::Debug for Task<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Task")
    }
}

struct Outcome<T> {
    value: Option<T>,
    waiting: Option<Waker>,
}

pub(crate) type BoxFuture = Pin<Box<dyn Future<Output = ()> + Send>>;

/// A future in the executor's care. The root of a run has none here: it lives on the stack.
pub(crate) struct Job {
    pub(crate) id: u64,
    pub(crate) future: Mutex<Option<BoxFuture>>,
    queued: AtomicBool,
    ready: Arc<Ready>,
}

impl Job {
    pub(crate) fn new(id: u64, future: Option<BoxFuture>, ready: Arc<Ready>) -> Arc<Self> {
        Arc::new(Self {
            id,
            future: Mutex::new(future),
            queued: AtomicBool::new(false),
            ready,
        })
    }
}

impl Wake for Job {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if !self.queued.swap(true, Relaxed) {
            lock(&self.ready.0).push_back(self.clone());
        }
    }
}

/// The runnable tasks, first woken first.
#[derive(Default)]
pub(crate) struct Ready(Mutex<VecDeque<Arc<Job>>>);

impl Ready {
    /// The next task to poll; from now on it may be woken again.
    pub(crate) fn pop(&self) -> Option<Arc<Job>> {
        let job = lock(&self.0).pop_front()?;
        job.queued.store(false, Relaxed);
        Some(job)
    }

    pub(crate) fn clear(&self) {
        let jobs = std::mem::take(&mut *lock(&self.0));
        drop(jobs); // outside the lock: dropping futures may wake others
    }
}
