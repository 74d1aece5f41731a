//! How fast members answer: what to wait for one that is not known, and when to stop waiting.
//!
//! ```text
//! patience = smoothed + 4 * deviation, within 150 ms and 2 s       (RFC 6298, in shape)
//! hedge    = what 95 of 100 answers were faster than               (stochastic approximation)
//! ```
//!
//! Only answers over warm sessions count; a cold one waits a round trip more.

use std::time::Duration;

/// Round trips to one member, in 4 bytes.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Rtt {
    smoothed_ms: u16,
    deviation_ms: u16,
}

impl Rtt {
    pub(crate) fn sample(&mut self, rtt: Duration) {
        let ms = u16::try_from(rtt.as_millis()).unwrap_or(u16::MAX).max(1);
        if self.smoothed_ms == 0 {
            (self.smoothed_ms, self.deviation_ms) = (ms, ms / 2);
            return;
        }
        let off = self.smoothed_ms.abs_diff(ms);
        self.deviation_ms = blend(self.deviation_ms, off, 4);
        self.smoothed_ms = blend(self.smoothed_ms, ms, 8);
    }

    /// How long to wait, if any round trip is known.
    fn patience(self) -> Option<Duration> {
        let ms = u64::from(self.smoothed_ms) + 4 * u64::from(self.deviation_ms);
        (self.smoothed_ms > 0).then(|| Duration::from_millis(ms))
    }
}

fn blend(old: u16, new: u16, weight: u32) -> u16 {
    let sum = u32::from(old) * (weight - 1) + u32::from(new);
    (sum / weight) as u16
}

/// Round trips to all members together.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pace {
    all: Rtt,
    hedge_ms: f32,
}

/// How long to wait for one answer.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Patience {
    /// From then on another is asked as well.
    pub(crate) hedge: Duration,
    /// From then on the member counts as failed, until it answers after all.
    pub(crate) give_up: Duration,
}

impl Patience {
    /// So long, and nobody else is asked meanwhile.
    pub(crate) const fn of(time: Duration) -> Self {
        Self {
            hedge: time,
            give_up: time,
        }
    }
}

/// What a member that answers at last may take at most; a later answer is of no use to anyone.
const FIXED: Duration = Duration::from_secs(1);
const LEAST: Duration = Duration::from_millis(150);
const MOST: Duration = Duration::from_secs(2);

impl Pace {
    pub(crate) const fn new() -> Self {
        let all = Rtt {
            smoothed_ms: 0,
            deviation_ms: 0,
        };
        Self {
            all,
            hedge_ms: 400.0,
        }
    }

    pub(crate) fn sample(&mut self, rtt: Duration) {
        self.all.sample(rtt);
        let ms = rtt.as_secs_f32() * 1_000.0;
        // Rests where 95 of 100 samples push down by 1 and 5 push up by 19.
        let step = self.hedge_ms * 0.01;
        self.hedge_ms += if ms > self.hedge_ms {
            19.0 * step
        } else {
            -step
        };
        self.hedge_ms = self.hedge_ms.clamp(20.0, 2_000.0);
    }

    /// How long to wait for a member with these round trips, `dials` round trips more for a new
    /// session.
    pub(crate) fn patience(self, known: Option<Rtt>, is_cold: bool) -> Patience {
        let all = self.all.patience().unwrap_or(FIXED);
        let one = known.and_then(Rtt::patience).unwrap_or(all).max(all / 2);
        let give_up = one.clamp(LEAST, MOST);
        let hedge = Duration::from_secs_f32(self.hedge_ms / 1_000.0).min(give_up);
        let times = if is_cold { 2 } else { 1 };
        Patience {
            hedge: hedge * times,
            give_up: give_up * times,
        }
    }

    /// The same, by a clock that knows nothing of the network.
    pub(crate) fn fixed(is_cold: bool) -> Patience {
        let times = if is_cold { 2 } else { 1 };
        Patience {
            hedge: FIXED * times,
            give_up: FIXED * times,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patience_follows_the_answers_and_stays_within_its_bounds() {
        let mut pace = Pace::new();
        assert_eq!(pace.patience(None, false).give_up, FIXED);
        for _ in 0..200 {
            pace.sample(Duration::from_millis(80));
        }
        let fast = pace.patience(None, false);
        assert!(fast.give_up == LEAST && fast.hedge < Duration::from_millis(100));
        assert_eq!(pace.patience(None, true).give_up, 2 * LEAST);
        for _ in 0..200 {
            pace.sample(Duration::from_secs(30));
        }
        assert_eq!(pace.patience(None, false).give_up, MOST);
    }

    #[test]
    fn slow_member_is_given_its_own_time() {
        let (mut pace, mut slow) = (Pace::new(), Rtt::default());
        for _ in 0..100 {
            pace.sample(Duration::from_millis(50));
            slow.sample(Duration::from_millis(600));
        }
        let patience = pace.patience(Some(slow), false);
        assert!(patience.give_up >= Duration::from_millis(600));
    }
}
