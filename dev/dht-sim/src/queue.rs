//! What is going to happen, in order of time.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// Things by the microsecond at which they happen; those of one microsecond in the order in which
/// they were put in.
#[derive(Debug)]
pub(crate) struct Queue<T> {
    order: BinaryHeap<Reverse<(u64, u64, u32)>>,
    things: Vec<Option<T>>,
    free: Vec<u32>,
    number: u64,
}

impl<T> Queue<T> {
    pub(crate) const fn new() -> Self {
        Self {
            order: BinaryHeap::new(),
            things: Vec::new(),
            free: Vec::new(),
            number: 0,
        }
    }

    pub(crate) fn push(&mut self, at: u64, thing: T) {
        let slot = self.free.pop().unwrap_or_else(|| {
            self.things.push(None);
            self.things.len() as u32 - 1
        });
        self.things[slot as usize] = Some(thing);
        self.number += 1;
        self.order.push(Reverse((at, self.number, slot)));
    }

    /// When the next thing happens.
    pub(crate) fn next(&self) -> Option<u64> {
        self.order.peek().map(|next| next.0.0)
    }

    /// The next thing, if it happens before `end`.
    pub(crate) fn pop(&mut self, end: u64) -> Option<(u64, T)> {
        let Reverse((at, _, slot)) = *self.order.peek().filter(|next| next.0.0 < end)?;
        self.order.pop();
        self.free.push(slot);
        Some((at, self.things[slot as usize].take()?))
    }
}
