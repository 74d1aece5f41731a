//! Addresses that had a session lately.

use std::{
    collections::{HashMap, VecDeque},
    net::IpAddr,
    time::{Duration, Instant},
};

use super::purse::{Purse, PurseSize};

/// Addresses that had a session lately, each with a purse of its own.
#[derive(Debug, Default)]
pub(super) struct Known {
    purses: HashMap<IpAddr, Purse>,
    order: VecDeque<IpAddr>,
}

impl Known {
    pub(super) fn contains(&self, source: IpAddr) -> bool {
        self.purses.contains_key(&source)
    }

    pub(super) fn take(&mut self, source: IpAddr, now: Instant) -> bool {
        self.purses
            .get_mut(&source)
            .is_some_and(|purse| purse.take(now))
    }

    pub(super) fn remember(&mut self, source: IpAddr, now: Instant) {
        if self
            .purses
            .insert(source, Purse::full(KNOWN, now))
            .is_none()
        {
            self.order.push_back(source);
        }
        if self.order.len() > MAX_KNOWN
            && let Some(oldest) = self.order.pop_front()
        {
            self.purses.remove(&oldest);
        }
    }
}

/// Attempts of an address that had a session lately; a session fills it up again.
const KNOWN: PurseSize = PurseSize {
    coins: 32,
    refill: Duration::from_secs(2),
};

/// Addresses remembered at a time, about 100 bytes each.
const MAX_KNOWN: usize = 4_096;
