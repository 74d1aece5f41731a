//! What a relay does for its members at most.

use std::{
    num::NonZeroU64,
    time::{Duration, Instant},
};

use parking_lot::Mutex;

/// Bounds of a node that forwards for others. Start from [`RelayLimits::default`] and change what you
/// must.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct RelayLimits {
    /// Members registered at a time. Default 1,024. Each costs a session and some 2 KB.
    pub members: usize,
    /// Channels that a member may have at a time, whoever asked for them. Default 64. Each costs some
    /// 5 KB, and up to 512 KiB while its receivers take nothing.
    pub channels: usize,
    /// Bytes a second that a member may send through this node, with 24 bytes more for each packet.
    /// Default 12.5 million, 100 Mbit/s. What is beyond is dropped, and the member's congestion control
    /// slows down.
    pub rate: NonZeroU64,
    /// Bytes beyond [`rate`](Self::rate) that a member may send at once. Default 1 MiB. Below what is
    /// under way at the full rate (rate times round trip), a sender does not reach it.
    pub burst: u64,
}

impl Default for RelayLimits {
    fn default() -> Self {
        Self {
            members: 1_024,
            channels: 64,
            rate: NonZeroU64::MIN.saturating_add(12_499_999),
            burst: 1 << 20,
        }
    }
}

/// What is left of something, bytes for example. Filled by time that comes as an argument.
#[derive(Debug)]
pub(super) struct Allowance {
    rate: NonZeroU64,
    /// How far [`paid_until`](Self::paid_until) may be ahead.
    ahead: Duration,
    /// Until when all that was taken is paid for.
    paid_until: Mutex<Instant>,
}

impl Allowance {
    /// So much a second, and `burst` at once.
    pub(super) fn new(rate: NonZeroU64, burst: u64, now: Instant) -> Self {
        Self {
            rate,
            ahead: time_for(burst, rate),
            paid_until: Mutex::new(now),
        }
    }

    /// Takes so much if it is there. spec: RELAY-26
    pub(super) fn take(&self, now: Instant, amount: usize) -> bool {
        let cost = time_for(amount as u64, self.rate);
        let mut paid_until = self.paid_until.lock();
        let until = (*paid_until).max(now) + cost;
        let is_there = until.saturating_duration_since(now) <= self.ahead;
        if is_there {
            *paid_until = until;
        }
        is_there
    }

    /// Whether nothing has been taken lately: it is as a new one.
    pub(super) fn is_full(&self, now: Instant) -> bool {
        *self.paid_until.lock() <= now
    }
}

/// At most a day, so that no sum of times is too large.
fn time_for(amount: u64, rate: NonZeroU64) -> Duration {
    let nanos = u128::from(amount) * 1_000_000_000 / u128::from(rate.get());
    let nanos = u64::try_from(nanos).unwrap_or(u64::MAX);
    Duration::from_nanos(nanos).min(Duration::from_hours(24))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_member_gets_its_burst_at_once_and_then_its_rate() {
        let start = Instant::now();
        let allowance = Allowance::new(1_000.try_into().unwrap(), 5_000, start);
        let taken = (0..100).filter(|_| allowance.take(start, 100)).count();
        assert_eq!(taken, 50);
        assert!(!allowance.is_full(start));
        let mut taken = 0;
        for tenth in 1..=100 {
            let now = start + Duration::from_millis(100) * tenth;
            taken += (0..10).filter(|_| allowance.take(now, 100)).count();
        }
        assert_eq!(taken, 100);
        assert!(allowance.is_full(start + Duration::from_secs(16)));
    }

    #[test]
    fn no_rate_and_no_burst_is_too_large_to_reckon_with() {
        for rate in [1, u64::MAX] {
            let now = Instant::now();
            let allowance = Allowance::new(rate.try_into().unwrap(), u64::MAX, now);
            assert!(allowance.take(now, 1_452));
        }
    }
}
