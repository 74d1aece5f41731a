//! A token bucket, filled by time that comes as an argument.

use std::time::{Duration, Instant};

/// A token bucket.
#[derive(Debug)]
pub(super) struct Purse {
    size: PurseSize,
    coins: u32,
    counted_at: Instant,
}

/// How much a purse holds, and how long one coin takes to come back.
#[derive(Debug, Clone, Copy)]
pub(super) struct PurseSize {
    pub(super) coins: u32,
    pub(super) refill: Duration,
}

impl Purse {
    pub(super) fn full(size: PurseSize, now: Instant) -> Self {
        Self {
            size,
            coins: size.coins,
            counted_at: now,
        }
    }

    pub(super) fn take(&mut self, now: Instant) -> bool {
        self.refill(now);
        let some = self.coins > 0;
        self.coins = self.coins.saturating_sub(1);
        some
    }

    pub(super) fn give_back(&mut self) {
        self.coins = (self.coins + 1).min(self.size.coins);
    }

    pub(super) fn is_full(&mut self, now: Instant) -> bool {
        self.refill(now);
        self.coins == self.size.coins
    }

    fn refill(&mut self, now: Instant) {
        let passed = now.saturating_duration_since(self.counted_at);
        let coins = passed.as_nanos() / self.size.refill.as_nanos();
        if coins >= u128::from(self.size.coins) {
            *self = Self::full(self.size, now);
        } else if coins > 0 {
            self.coins = (self.coins + coins as u32).min(self.size.coins);
            self.counted_at += self.size.refill * coins as u32;
        }
    }
}
