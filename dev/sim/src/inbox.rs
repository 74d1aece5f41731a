//! Packets on their way to one socket, and the task that waits for them.
//!
//! Invariants: packets come out in the order of (arrival, sending); the waiting task is woken when
//! a packet is added that arrives earlier than the moment it waits for.

use std::{cmp::Ordering, collections::BinaryHeap, net::SocketAddr, task::Waker};

use noq::udp::EcnCodepoint;

use crate::local::Local;

/// A packet that will arrive.
#[derive(Debug)]
pub(crate) struct Arrival {
    pub(crate) at: u64,
    /// Place in the order of sending, over the whole network.
    pub(crate) sequence: u64,
    pub(crate) from: SocketAddr,
    pub(crate) ecn: Option<EcnCodepoint>,
    pub(crate) bytes: Vec<u8>,
}

impl Ord for Arrival {
    /// Reversed: the earliest is the greatest, as `BinaryHeap` wants it.
    fn cmp(&self, other: &Self) -> Ordering {
        (other.at, other.sequence).cmp(&(self.at, self.sequence))
    }
}

impl PartialOrd for Arrival {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Arrival {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Arrival {}

/// What travels to one bound socket.
#[derive(Debug)]
pub(crate) struct Inbox {
    local: Local,
    travelling: BinaryHeap<Arrival>,
    waiting: Option<Waiting>,
}

#[derive(Debug)]
struct Waiting {
    until: u64,
    waker: Waker,
}

impl Inbox {
    pub(crate) fn new(local: Local) -> Self {
        Self {
            local,
            travelling: BinaryHeap::new(),
            waiting: None,
        }
    }

    /// Gives its socket another address; what is on its way to the old one is lost.
    pub(crate) fn move_to(&mut self, addr: SocketAddr) {
        self.local.move_to(addr);
        self.clear();
    }

    /// Adds a packet. The caller wakes the task that is returned, once nothing is locked.
    pub(crate) fn push(&mut self, arrival: Arrival) -> Option<Waker> {
        let at = arrival.at;
        self.travelling.push(arrival);
        self.waiting
            .take_if(|waiting| at < waiting.until)
            .map(|waiting| waiting.waker)
    }

    /// The next packet that has arrived by `now`.
    pub(crate) fn pop(&mut self, now: u64) -> Option<Arrival> {
        if self.travelling.peek()?.at > now {
            return None;
        }
        self.travelling.pop()
    }

    /// Registers a task that found nothing; returns when it has to look again, if it's known.
    pub(crate) fn wait(&mut self, waker: &Waker) -> Option<u64> {
        let next = self.travelling.peek().map(|arrival| arrival.at);
        self.waiting = Some(Waiting {
            until: next.unwrap_or(u64::MAX),
            waker: waker.clone(),
        });
        next
    }

    /// Forgets all that is on its way.
    pub(crate) fn clear(&mut self) {
        self.travelling.clear();
    }
}
