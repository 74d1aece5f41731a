//! Timers: a queue ordered by deadline, the engine's timer, and what tests await.
//!
//! Invariants: timers fire in the order of (deadline, registration); a timer is in the queue only
//! between a poll that found it pending and its firing, reset or drop.
//! Units: `u64` times are nanoseconds of virtual time.

use std::{
    collections::BTreeMap,
    fmt,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, Waker},
    time::{Duration, Instant},
};

use noq::AsyncTimer;

use crate::{core::Core, lock::lock};

/// The time was up before the future was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Elapsed;

impl fmt::Display for Elapsed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("virtual time is up")
    }
}

impl std::error::Error for Elapsed {}

/// Completes at a point of virtual time; see [`Sim::sleep`](crate::Sim::sleep).
#[derive(Debug)]
#[must_use = "a sleep does nothing unless awaited"]
pub struct Sleep(Timer);

impl Sleep {
    pub(crate) fn new(core: Arc<Core>, duration: Duration) -> Self {
        let at = core.now().saturating_add(nanos(duration));
        Self(Timer::new(core, at))
    }
}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        self.0.poll_due(cx)
    }
}

/// One deadline, which may be moved.
pub(crate) struct Timer {
    core: Arc<Core>,
    at: u64,
    key: Option<Key>,
}

impl Timer {
    pub(crate) fn new(core: Arc<Core>, at: u64) -> Self {
        Self {
            core,
            at,
            key: None,
        }
    }

    /// Moves the deadline. Whoever waits has to poll again.
    pub(crate) fn move_to(&mut self, at: u64) {
        self.unregister();
        self.at = at;
    }

    pub(crate) fn poll_due(&mut self, cx: &Context<'_>) -> Poll<()> {
        if self.core.now() >= self.at {
            self.unregister();
            return Poll::Ready(());
        }
        let mut timers = lock(&self.core.timers);
        let key = *self.key.get_or_insert_with(|| timers.key(self.at));
        timers.register(key, cx.waker());
        Poll::Pending
    }

    fn unregister(&mut self) {
        if let Some(key) = self.key.take() {
            lock(&self.core.timers).queue.remove(&key);
        }
    }
}

impl AsyncTimer for Timer {
    fn reset(mut self: Pin<&mut Self>, deadline: Instant) {
        let at = self.core.nanos_at(deadline);
        self.move_to(at);
    }

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        self.poll_due(cx)
    }
}

impl Drop for Timer {
    fn drop(&mut self) {
        self.unregister();
    }
}

impl fmt::Debug for Timer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Timer({:?})", Duration::from_nanos(self.at))
    }
}

/// Deadline, then order of registration.
type Key = (u64, u64);

/// Who is to be woken, and when.
#[derive(Debug, Default)]
pub(crate) struct Timers {
    queue: BTreeMap<Key, Waker>,
    registered: u64,
}

impl Timers {
    /// The earliest deadline.
    pub(crate) fn earliest(&self) -> Option<u64> {
        self.queue.keys().next().map(|key| key.0)
    }

    /// Removes all that are due at `now`, in order.
    pub(crate) fn take_due(&mut self, now: u64) -> Vec<Waker> {
        let mut due = Vec::new();
        while let Some(first) = self.queue.first_entry() {
            if first.key().0 > now {
                break;
            }
            due.push(first.remove());
        }
        due
    }

    pub(crate) fn clear(&mut self) {
        self.queue.clear();
    }

    fn key(&mut self, at: u64) -> Key {
        self.registered += 1;
        (at, self.registered)
    }

    fn register(&mut self, key: Key, waker: &Waker) {
        self.queue
            .entry(key)
            .and_modify(|known| known.clone_from(waker))
            .or_insert_with(|| waker.clone());
    }
}

/// A duration as virtual time; five centuries are enough for anyone.
pub(crate) fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}
