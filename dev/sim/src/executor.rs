//! The executor and its clock.
//!
//! The loop: poll what is runnable, in the order of waking; when nothing is, jump to the earliest
//! timer and wake all that are due then; when there is no timer either, panic.
//!
//! Invariants: the clock moves only when no task is runnable, and never backwards; polling costs
//! no virtual time. Resolution: one nanosecond.

use std::{
    fmt, io,
    pin::{Pin, pin},
    sync::Arc,
    task::{Context, Poll, Waker},
    time::{Duration, Instant, SystemTime},
};

use noq::{AsyncTimer, AsyncUdpSocket, Runtime, TimeSource};

use crate::{
    core::Core,
    rng::SimEntropy,
    task::Task,
    timer::{Elapsed, Sleep, Timer},
};

/// A single-threaded executor with a virtual clock. Clones share one executor.
///
/// It is the engine's `Runtime` and its `TimeSource`.
#[derive(Clone)]
pub struct Sim(Arc<Core>);

impl Sim {
    /// A simulation at time zero, in which everything random descends from `seed`.
    pub fn new(seed: u64) -> Self {
        Self(Arc::new(Core::new(seed)))
    }

    /// The seed this simulation was made from.
    pub fn seed(&self) -> u64 {
        self.0.seed()
    }

    /// Virtual time since the simulation was made.
    pub fn elapsed(&self) -> Duration {
        Duration::from_nanos(self.0.now())
    }

    /// The virtual present.
    pub fn now(&self) -> Instant {
        self.0.instant()
    }

    /// Bounds the virtual time that one [`block_on`](Self::block_on) may take; an hour by default.
    /// A run that would pass it panics, so that loops stop by themselves.
    pub fn limit(&self, limit: Duration) {
        self.0.set_limit(limit);
    }

    /// Completes when `duration` of virtual time has passed since this call.
    pub fn sleep(&self, duration: Duration) -> Sleep {
        Sleep::new(self.0.clone(), duration)
    }

    /// Runs `future` for at most `duration` of virtual time from this call on. A future that is
    /// done at the very deadline is done.
    ///
    /// # Errors
    ///
    /// [`Elapsed`] when the time is up first; the future is dropped then.
    pub fn timeout<F: Future>(
        &self,
        duration: Duration,
        future: F,
    ) -> impl Future<Output = Result<F::Output, Elapsed>> + use<F> {
        let mut sleep = self.sleep(duration);
        async move {
            let mut future = pin!(future);
            std::future::poll_fn(|cx| {
                if let Poll::Ready(value) = future.as_mut().poll(cx) {
                    return Poll::Ready(Ok(value));
                }
                Pin::new(&mut sleep).poll(cx).map(|()| Err(Elapsed))
            })
            .await
        }
    }

    /// Starts a task. It first runs after all that are runnable now, and whenever a
    /// [`block_on`](Self::block_on) drives the simulation, this one or a later one.
    pub fn spawn<F>(&self, future: F) -> Task<F::Output>
    where
        F: Future<Output: Send> + Send + 'static,
    {
        let (handle, future) = Task::split(future);
        self.0.spawn(future);
        handle
    }

    /// A sequence of bytes of its own for `name`.
    pub fn entropy(&self, name: &str) -> SimEntropy {
        SimEntropy::new(self.seed(), name)
    }

    /// This simulation as the engine takes it.
    pub fn runtime(&self) -> Arc<dyn Runtime> {
        Arc::new(self.clone())
    }

    /// Drops every task and timer. Tasks that hold this simulation (engine drivers do) otherwise
    /// keep each other in memory until the process ends.
    ///
    /// # Panics
    ///
    /// When called from inside [`block_on`](Self::block_on).
    pub fn shutdown(&self) {
        self.0.shutdown();
    }

    pub(crate) fn core(&self) -> &Arc<Core> {
        &self.0
    }

    /// Drives `root` and all spawned tasks until `root` is done. Tasks that aren't done then stay,
    /// and go on in the next call.
    ///
    /// # Panics
    ///
    /// When nothing can ever happen again though `root` isn't done, when the run takes longer than
    /// [`limit`](Self::limit), when tasks wake each other forever while the clock stands still, and
    /// when called from inside itself. Each message carries the seed and the virtual time; a panic
    /// of a task or of `root` passes through, and the seed goes to standard error.
    pub fn block_on<F: Future>(&self, root: F) -> F::Output {
        let _run = Run::begin(&self.0);
        let deadline = self.0.deadline();
        let mut root = pin!(root);
        let root_job = self.0.root_job();
        let root_waker = Waker::from(root_job.clone());
        root_waker.wake_by_ref();
        let mut polls = 0_u64;
        loop {
            let Some(job) = self.0.next() else {
                self.0.advance(deadline);
                polls = 0;
                continue;
            };
            polls += 1;
            if polls > MAX_POLLS_AT_ONE_TIME {
                self.0
                    .fail("tasks wake each other while the clock stands still");
            }
            if Arc::ptr_eq(&job, &root_job) {
                let mut cx = Context::from_waker(&root_waker);
                if let Poll::Ready(value) = root.as_mut().poll(&mut cx) {
                    return value;
                }
            } else {
                self.0.poll(&job);
            }
        }
    }
}

impl Runtime for Sim {
    fn new_timer(&self, deadline: Instant) -> Pin<Box<dyn AsyncTimer>> {
        Box::pin(Timer::new(self.0.clone(), self.0.nanos_at(deadline)))
    }

    fn spawn(&self, future: Pin<Box<dyn Future<Output = ()> + Send>>) {
        self.0.spawn(future);
    }

    /// Always refused: a real socket has no place in here.
    fn wrap_udp_socket(&self, _: std::net::UdpSocket) -> io::Result<Box<dyn AsyncUdpSocket>> {
        Err(io::ErrorKind::Unsupported.into())
    }

    fn now(&self) -> Instant {
        self.now()
    }
}

impl TimeSource for Sim {
    /// Wall-clock time: 2027-01-01 00:00:00 UTC at the start of the simulation.
    fn now(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH + START_OF_WALL_CLOCK + self.elapsed()
    }
}

impl fmt::Debug for Sim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sim(seed {}, {:?})", self.seed(), self.elapsed())
    }
}

/// Marks the simulation as running; tells the seed when a panic passes.
struct Run<'a>(&'a Core);

impl<'a> Run<'a> {
    fn begin(core: &'a Core) -> Self {
        core.start();
        Self(core)
    }
}

impl Drop for Run<'_> {
    #[expect(
        clippy::print_stderr,
        reason = "a failing test must show how to replay it"
    )]
    fn drop(&mut self) {
        self.0.stop();
        if std::thread::panicking() {
            let at = Duration::from_nanos(self.0.now());
            eprintln!("simulation: seed {}, virtual time {at:?}", self.0.seed());
        }
    }
}

/// Far above what a real burst needs (a GiB at one instant takes some three million), and reached
/// in seconds.
const MAX_POLLS_AT_ONE_TIME: u64 = 10_000_000;

/// 2027-01-01 00:00:00 UTC.
const START_OF_WALL_CLOCK: Duration = Duration::from_hours(20_819 * 24);
