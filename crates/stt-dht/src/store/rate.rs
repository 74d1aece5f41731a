//! How much each peer may ask of us: buckets of tokens, a bounded number of them. spec: DHT-42.

use std::collections::BTreeMap;

use crate::Moment;
use crate::number::Number;

/// Tokens of many peers. One that we do not remember has a full bucket.
#[derive(Debug, Clone)]
pub(crate) struct Rates {
    a_second: u32,
    burst: u32,
    spent: BTreeMap<Number, Spent>,
}

#[derive(Debug, Clone, Copy)]
struct Spent {
    /// Thousandths of a token that are missing.
    missing: u64,
    at: Moment,
}

/// Most peers remembered: those who have asked since the last sweep, or owe.
const PEERS: usize = 4_096;

impl Rates {
    pub(crate) const fn new(a_second: u32, seconds_at_once: u32) -> Self {
        let burst = a_second.saturating_mul(seconds_at_once);
        Self {
            a_second,
            burst,
            spent: BTreeMap::new(),
        }
    }

    /// Takes `tokens` from the peer's bucket, or none and says in how many milliseconds there are
    /// enough.
    pub(crate) fn take(&mut self, now: Moment, peer: &[u8; 32], tokens: u32) -> Result<(), u64> {
        let peer = Number(*peer);
        if self.spent.len() >= PEERS && !self.spent.contains_key(&peer) {
            self.sweep(now);
            // Whoever has so many in debt at once gets them all forgiven, and no memory of ours.
            if self.spent.len() >= PEERS {
                self.spent.clear();
            }
        }
        let (a_second, burst) = (u64::from(self.a_second), u64::from(self.burst) * 1_000);
        let spent = self.spent.entry(peer).or_insert(Spent {
            missing: 0,
            at: now,
        });
        spent.refill(now, a_second);
        let missing = spent.missing + u64::from(tokens) * 1_000;
        if missing > burst {
            return Err((missing - burst).div_ceil(a_second.max(1)));
        }
        spent.missing = missing;
        Ok(())
    }

    /// Forgets those whose buckets are full again: to be called now and then.
    pub(crate) fn sweep(&mut self, now: Moment) {
        let a_second = u64::from(self.a_second);
        self.spent.retain(|_, spent| {
            spent.refill(now, a_second);
            spent.missing > 0
        });
    }
}

impl Spent {
    fn refill(&mut self, now: Moment, a_second: u64) {
        let ms = now.since(self.at).as_millis() as u64;
        self.missing = self.missing.saturating_sub(ms.saturating_mul(a_second));
        self.at = now;
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn at(ms: u64) -> Moment {
        Moment::after(Duration::from_millis(ms))
    }

    #[test]
    fn peer_that_asks_too_much_waits_and_others_do_not() {
        let mut rates = Rates::new(10, 2);
        let taken = (0..100)
            .filter(|_| rates.take(at(0), &[1; 32], 1).is_ok())
            .count();
        assert_eq!(taken, 20);
        assert_eq!(rates.take(at(0), &[1; 32], 1), Err(100));
        assert_eq!(rates.take(at(0), &[2; 32], 20), Ok(()));
        assert_eq!(rates.take(at(100), &[1; 32], 1), Ok(()));
    }

    #[test]
    fn peer_that_owes_nothing_is_forgotten() {
        let mut rates = Rates::new(10, 2);
        assert_eq!(rates.take(at(0), &[1; 32], 1), Ok(()));
        assert_eq!(rates.take(at(0), &[2; 32], 20), Ok(()));
        rates.sweep(at(100));
        assert_eq!(rates.spent.len(), 1);
        assert_eq!(rates.take(at(100), &[2; 32], 2), Err(100));
        rates.sweep(at(2_000));
        assert!(rates.spent.is_empty());
    }

    #[test]
    fn memory_is_bounded_however_many_peers_ask() {
        let mut rates = Rates::new(10, 2);
        for number in 0..20_000_u32 {
            let mut peer = [0; 32];
            peer[..4].copy_from_slice(&number.to_be_bytes());
            let _ = rates.take(at(u64::from(number)), &peer, 1);
            assert!(rates.spent.len() <= PEERS);
        }
    }
}
