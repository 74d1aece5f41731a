//! Packets on their way to a door, which is as it is when they arrive.
//!
//! Invariant: packets come out in the order of (arrival, sending).

use std::{cmp::Ordering, collections::BinaryHeap, net::SocketAddr};

use crate::inbox::Arrival;

/// A packet that will arrive at a door.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Knock {
    pub(crate) arrival: Arrival,
    pub(crate) to: SocketAddr,
}

impl Ord for Knock {
    /// As arrivals: the earliest is the greatest.
    fn cmp(&self, other: &Self) -> Ordering {
        self.arrival.cmp(&other.arrival)
    }
}

impl PartialOrd for Knock {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// What travels to all doors.
#[derive(Debug, Default)]
pub(crate) struct Queue(BinaryHeap<Knock>);

impl Queue {
    pub(crate) fn push(&mut self, arrival: Arrival, to: SocketAddr) {
        self.0.push(Knock { arrival, to });
    }

    /// The next packet that has arrived by `now`.
    pub(crate) fn pop(&mut self, now: u64) -> Option<Knock> {
        if self.next()? > now {
            return None;
        }
        self.0.pop()
    }

    /// When the next packet arrives.
    pub(crate) fn next(&self) -> Option<u64> {
        self.0.peek().map(|knock| knock.arrival.at)
    }

    pub(crate) fn retain(&mut self, f: impl FnMut(&Knock) -> bool) {
        self.0.retain(f);
    }
}
