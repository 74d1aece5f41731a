//! What all handles to a simulation share: the clock, the timers, the tasks.
//!
//! Invariants: the clock never moves backwards; no lock is held while a waker is called or the
//! future of another task is dropped.
//! Units: `u64` times are nanoseconds of virtual time.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    },
    task::{Context, Waker},
    time::{Duration, Instant},
};

use crate::{
    lock::lock,
    task::{BoxFuture, Job, Ready},
    timer::{Timers, nanos},
};

/// What all clones, timers and sockets share.
pub(crate) struct Core {
    seed: u64,
    /// The real time at which this was made: an `Instant` can't be made from nothing.
    origin: Instant,
    now: AtomicU64,
    limit: AtomicU64,
    is_running: AtomicBool,
    pub(crate) timers: Mutex<Timers>,
    ready: Arc<Ready>,
    jobs: Mutex<Jobs>,
}

/// Unfinished tasks by id, in the order of spawning.
type Jobs = BTreeMap<u64, Arc<Job>>;

impl Core {
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            seed,
            origin: Instant::now(),
            now: AtomicU64::new(0),
            limit: AtomicU64::new(nanos(DEFAULT_LIMIT)),
            is_running: AtomicBool::new(false),
            timers: Mutex::default(),
            ready: Arc::default(),
            jobs: Mutex::default(),
        }
    }

    /// Virtual time in nanoseconds.
    pub(crate) fn now(&self) -> u64 {
        self.now.load(Relaxed)
    }

    pub(crate) fn seed(&self) -> u64 {
        self.seed
    }

    /// Virtual time as the engine takes it.
    pub(crate) fn instant(&self) -> Instant {
        self.origin + Duration::from_nanos(self.now())
    }

    pub(crate) fn nanos_at(&self, instant: Instant) -> u64 {
        nanos(instant.saturating_duration_since(self.origin))
    }

    pub(crate) fn set_limit(&self, limit: Duration) {
        self.limit.store(nanos(limit), Relaxed);
    }

    /// When a run that starts now has to be over.
    pub(crate) fn deadline(&self) -> u64 {
        self.now().saturating_add(self.limit.load(Relaxed))
    }

    /// Marks the simulation as running.
    pub(crate) fn start(&self) {
        if self.is_running.swap(true, Relaxed) {
            self.fail("block_on inside block_on");
        }
    }

    pub(crate) fn stop(&self) {
        self.is_running.store(false, Relaxed);
    }

    /// A task whose future is elsewhere.
    pub(crate) fn root_job(&self) -> Arc<Job> {
        Job::new(ROOT_ID, None, self.ready.clone())
    }

    pub(crate) fn spawn(&self, future: BoxFuture) {
        let mut jobs = lock(&self.jobs);
        let id = jobs.last_key_value().map_or(ROOT_ID, |(&last, _)| last) + 1;
        let job = Job::new(id, Some(future), self.ready.clone());
        jobs.insert(id, job.clone());
        Waker::from(job).wake();
    }

    /// The next runnable task.
    pub(crate) fn next(&self) -> Option<Arc<Job>> {
        self.ready.pop()
    }

    pub(crate) fn poll(&self, job: &Arc<Job>) {
        let waker = Waker::from(job.clone());
        let mut cx = Context::from_waker(&waker);
        let mut slot = lock(&job.future);
        let Some(future) = slot.as_mut() else {
            return; // woken after it was done
        };
        if future.as_mut().poll(&mut cx).is_ready() {
            *slot = None;
            lock(&self.jobs).remove(&job.id);
        }
    }

    /// Moves the clock to the earliest timer, and wakes all that are due then.
    pub(crate) fn advance(&self, deadline: u64) {
        let mut timers = lock(&self.timers);
        let Some(at) = timers.earliest() else {
            drop(timers);
            self.fail("deadlock: no task is runnable and no timer is set");
        };
        if at > deadline {
            drop(timers);
            self.fail("the limit of virtual time is reached");
        }
        self.now.fetch_max(at, Relaxed);
        let due = timers.take_due(at);
        drop(timers);
        due.into_iter().for_each(Waker::wake);
    }

    /// Drops every task and timer.
    pub(crate) fn shutdown(&self) {
        if self.is_running.load(Relaxed) {
            self.fail("shutdown inside block_on");
        }
        let jobs = std::mem::take(&mut *lock(&self.jobs));
        for job in jobs.into_values() {
            let future = lock(&job.future).take();
            drop(future);
        }
        self.ready.clear();
        lock(&self.timers).clear();
    }

    #[expect(clippy::panic, reason = "a run that can't go on is a failed test")]
    pub(crate) fn fail(&self, why: &str) -> ! {
        let tasks = lock(&self.jobs).len();
        panic!(
            "simulation failed: {why} (seed {}, virtual time {:?}, {tasks} unfinished tasks)",
            self.seed,
            Duration::from_nanos(self.now())
        )
    }
}

/// The id of what `block_on` drives; tasks count up from here.
const ROOT_ID: u64 = 0;

const DEFAULT_LIMIT: Duration = Duration::from_hours(1);
