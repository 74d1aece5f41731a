//! Shards side by side, each on a thread, and what they send each other.
//!
//! ```text
//!   shard 0  |--- window ---|          |--- window ---|
//!                           |  posts   |
//!   shard 1  |--- window ---|  meet    |--- window ---|
//! ```
//!
//! No message takes less than [`LEAST_ONE_WAY_US`]. So what happens in a window that is not longer
//! cannot change what happens to another shard in the same window: neither need wait for the other
//! before its end. A window begins with the next event of all. What was posted is taken in by shard,
//! in the order in which it was posted: so one run is like the other, whichever thread is faster.
//!
//! A window is some tens of events, less than a system call takes: threads wait for each other by
//! looking.

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use super::shard::{Posted, Shard};
use super::{SHARDS, Setting};
use crate::net::LEAST_ONE_WAY_US;

/// Lets all happen that happens until then, `until` included.
pub(super) fn run(setting: &Setting, shards: &mut [Shard; SHARDS], until: u64, threads: usize) {
    let each = SHARDS.div_ceil(threads.max(1));
    let crossing = Crossing::new(SHARDS.div_ceil(each));
    std::thread::scope(|scope| {
        let mut parts = shards.chunks_mut(each);
        let own = parts.next();
        for part in parts {
            scope.spawn(|| crossing.pass(setting, part, until));
        }
        if let Some(own) = own {
            crossing.pass(setting, own, until);
        }
    });
}

/// Where threads meet after each window, and leave what they have for each other.
#[derive(Debug)]
struct Crossing {
    threads: usize,
    arrived: AtomicUsize,
    /// A thread has panicked: nobody waits for it.
    is_broken: AtomicBool,
    /// For odd windows and for even ones: while some still take, others already leave.
    sides: [Side; 2],
}

#[derive(Debug, Default)]
struct Side {
    /// When the next thing happens, as each shard knows.
    next_us: [AtomicU64; SHARDS],
    /// By who gets it, and by whom it is from.
    posted: [[Mutex<Posted>; SHARDS]; SHARDS],
}

impl Crossing {
    fn new(threads: usize) -> Self {
        Self {
            threads,
            arrived: AtomicUsize::new(0),
            is_broken: AtomicBool::new(false),
            sides: [Side::default(), Side::default()],
        }
    }

    /// What one thread does: window after window with its shards.
    fn pass(&self, setting: &Setting, shards: &mut [Shard], until: u64) {
        let _guard = BreaksInPanic(&self.is_broken);
        for round in 1.. {
            let side = &self.sides[round % 2];
            for shard in &mut *shards {
                side.leave(shard);
            }
            self.meet(round);
            for shard in &mut *shards {
                side.take(shard);
            }
            let next = side.next_us.iter().map(|next| next.load(Ordering::Relaxed));
            let begin = next.min().unwrap_or(u64::MAX);
            if begin > until || self.is_broken.load(Ordering::Relaxed) {
                break;
            }
            let end = (begin + LEAST_ONE_WAY_US).min(until + 1);
            for shard in &mut *shards {
                shard.run(setting, end);
            }
        }
        for shard in shards {
            shard.now_us = until;
        }
    }

    /// Waits until all threads are here.
    fn meet(&self, round: usize) {
        self.arrived.fetch_add(1, Ordering::AcqRel);
        let mut looks = 0_u32;
        while self.arrived.load(Ordering::Acquire) < round * self.threads
            && !self.is_broken.load(Ordering::Relaxed)
        {
            looks += 1;
            if looks.is_multiple_of(LOOKS) {
                // Its core may be somebody else's just now.
                std::thread::yield_now();
            } else {
                std::hint::spin_loop();
            }
        }
    }
}

/// Looks in a row before the core is offered to others: some tens of microseconds.
const LOOKS: u32 = 4_096;

impl Side {
    fn leave(&self, shard: &mut Shard) {
        let from = shard.number();
        self.next_us[from].store(shard.next_us(), Ordering::Relaxed);
        for (to, posted) in self.posted.iter().enumerate() {
            let mut posted = posted[from].lock().unwrap_or_else(PoisonError::into_inner);
            // What is there was taken, and its memory is used again.
            std::mem::swap(&mut *posted, shard.outbox(to));
        }
    }

    fn take(&self, shard: &mut Shard) {
        for posted in &self.posted[shard.number()] {
            let mut posted = posted.lock().unwrap_or_else(PoisonError::into_inner);
            shard.take_in(posted.drain(..));
        }
    }
}

struct BreaksInPanic<'a>(&'a AtomicBool);

impl Drop for BreaksInPanic<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.store(true, Ordering::Relaxed);
        }
    }
}
