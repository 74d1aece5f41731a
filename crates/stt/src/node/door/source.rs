//! What counts as one source of attempts, and a purse for each.

use std::{
    collections::HashMap,
    net::IpAddr,
    time::{Duration, Instant},
};

use super::purse::{Purse, PurseSize};

/// Purses of one size, one for each source.
#[derive(Debug)]
pub(super) struct Purses {
    size: PurseSize,
    of: HashMap<Source, Purse>,
    forgotten_at: Instant,
}

/// What came of asking a source for a coin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Asked {
    Paid,
    Empty,
    /// So many sources are being watched that this one can't be.
    NotWatched,
}

impl Purses {
    pub(super) fn new(size: PurseSize, now: Instant) -> Self {
        Self {
            size,
            of: HashMap::new(),
            forgotten_at: now,
        }
    }

    pub(super) fn ask(&mut self, source: IpAddr, now: Instant) -> Asked {
        let source = Source::of(source);
        if self.of.len() >= MAX_SOURCES && !self.of.contains_key(&source) {
            self.forget_idle(now);
            if self.of.len() >= MAX_SOURCES {
                return Asked::NotWatched;
            }
        }
        let new = || Purse::full(self.size, now);
        let purse = self.of.entry(source).or_insert_with(new);
        if purse.take(now) {
            Asked::Paid
        } else {
            Asked::Empty
        }
    }

    pub(super) fn give_back(&mut self, source: IpAddr) {
        if let Some(purse) = self.of.get_mut(&Source::of(source)) {
            purse.give_back();
        }
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.of.len()
    }

    /// Looks at all sources, so at most once a second: a flood of new ones must not make it a
    /// habit.
    fn forget_idle(&mut self, now: Instant) {
        if now.saturating_duration_since(self.forgotten_at) >= FORGET_EVERY {
            self.forgotten_at = now;
            self.of.retain(|_, purse| !purse.is_full(now));
        }
    }
}

/// A network that counts as one source: a /24, or a /56.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Source {
    V4([u8; 3]),
    V6([u8; 7]),
}

impl Source {
    fn of(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V4(address) => {
                let [network @ .., _] = address.octets();
                Self::V4(network)
            }
            IpAddr::V6(address) => {
                let [network @ .., _, _, _, _, _, _, _, _, _] = address.octets();
                Self::V6(network)
            }
        }
    }
}

/// The first address of the network that counts as the source of this one.
pub(in crate::node) fn network(address: IpAddr) -> IpAddr {
    match Source::of(address) {
        Source::V4([a, b, c]) => [a, b, c, 0].into(),
        Source::V6(network) => {
            let mut octets = [0; 16];
            octets[..network.len()].copy_from_slice(&network);
            octets.into()
        }
    }
}

/// Sources watched at a time, about 100 bytes each.
pub(super) const MAX_SOURCES: usize = 4_096;

const FORGET_EVERY: Duration = Duration::from_secs(1);
