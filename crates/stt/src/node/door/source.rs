//! What counts as one source of attempts, and what it has left to spend.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    time::{Duration, Instant},
};

use super::purse::{Purse, PurseSize};

/// A network that counts as one source of attempts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Source {
    V4([u8; 3]),
    V6([u8; 7]),
}

impl Source {
    pub(super) fn of(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V4(address) => {
                let [a, b, c, _] = Ipv4Addr::octets(&address);
                Self::V4([a, b, c])
            }
            IpAddr::V6(address) => {
                let [network @ .., _, _, _, _, _, _, _, _, _] = Ipv6Addr::octets(&address);
                Self::V6(network)
            }
        }
    }
}

/// What one source has left.
#[derive(Debug)]
pub(super) struct Purses {
    pub(super) free: Purse,
    pub(super) guesses: Purse,
}

impl Purses {
    pub(super) fn new(now: Instant) -> Self {
        Self {
            free: Purse::full(FREE, now),
            guesses: Purse::full(GUESSES, now),
        }
    }

    pub(super) fn are_full(&mut self, now: Instant) -> bool {
        self.free.is_full(now) && self.guesses.is_full(now)
    }
}

/// Attempts of one source without any doubt.
pub(super) const FREE: PurseSize = PurseSize {
    coins: 8,
    refill: Duration::from_secs(8),
};

/// Guesses of one source.
pub(super) const GUESSES: PurseSize = PurseSize {
    coins: 16,
    refill: Duration::from_secs(4),
};
