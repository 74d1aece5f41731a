//! Who takes the peer's streams of one direction from the engine.
//!
//! A task of the session does, always, since some of them are STT's own and an application may
//! never ask. But each stream that the task takes for an application costs a queue and a wake-up.
//! So an application that waits takes streams from the engine by itself, and the task lets it go
//! first. It only goes first: a waiting application that nobody polls holds up nothing.

use std::{
    future::{Future, poll_fn},
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst},
    },
    task::{Context, Poll, Wake, Waker},
};

use futures_util::task::AtomicWaker;

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
    ///
    /// Only what `accept` waits for makes it give way: other futures of the same task wake it too, and
    /// two that gave way in turn would wake each other for ever.
    pub(super) async fn after_those_who_wait<F: Future>(&self, accept: F) -> F::Output {
        let mut accept = pin!(accept);
        let mut gave_way = false;
        let bell = Arc::new(Bell::default());
        let rung = Waker::from(Arc::clone(&bell));
        poll_fn(|cx| {
            bell.task.register(cx.waker());
            if !std::mem::take(&mut gave_way) {
                if bell.is_silent.swap(true, SeqCst) {
                    return Poll::Pending;
                }
                if self.waiting.load(SeqCst) > 0 {
                    gave_way = true;
                    cx.waker().wake_by_ref();
                    return Poll::Pending;
                }
            }
            accept.as_mut().poll(&mut Context::from_waker(&rung))
        })
        .await
    }
}

/// Tells whether what was waited for has happened, and wakes the task that waits.
#[derive(Default)]
struct Bell {
    is_silent: AtomicBool,
    task: AtomicWaker,
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.is_silent.store(false, SeqCst);
        self.task.wake();
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, SeqCst);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How often its task was woken.
    #[derive(Default)]
    struct Wakes(AtomicUsize);

    impl Wake for Wakes {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, SeqCst);
        }
    }

    #[test]
    fn two_that_give_way_in_one_task_do_not_keep_each_other_awake() {
        let (one, two) = (Way::<()>::new(), Way::<()>::new());
        let _waiting = (one.wait(), two.wait());
        let mut task = pin!(async {
            let first = async {
                one.after_those_who_wait(std::future::ready(())).await;
                one.after_those_who_wait(std::future::pending::<()>()).await;
            };
            tokio::join!(
                first,
                two.after_those_who_wait(std::future::pending::<()>())
            );
        });
        let wakes = Arc::new(Wakes::default());
        let waker = Waker::from(Arc::clone(&wakes));
        wakes.0.store(1, SeqCst);
        let mut polls = 0;
        while wakes.0.swap(0, SeqCst) > 0 {
            polls += 1;
            assert!(polls < 20, "never at rest");
            assert!(
                task.as_mut()
                    .poll(&mut Context::from_waker(&waker))
                    .is_pending()
            );
        }
    }
}
