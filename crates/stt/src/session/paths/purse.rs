//! How many rounds of probes may begin, whatever a peer asks for.
//!
//! spec: REACH-29

use std::time::{Duration, Instant};

/// A peer that asks for rounds without end gets one in six seconds.
pub(super) struct Purse {
    rounds: u32,
    since: Instant,
}

impl Purse {
    pub(super) fn new(now: Instant) -> Self {
        Self {
            rounds: MAX_ROUNDS,
            since: now,
        }
    }

    pub(super) fn take(&mut self, now: Instant) -> bool {
        while self.rounds < MAX_ROUNDS && now.saturating_duration_since(self.since) >= ROUND_EVERY {
            self.rounds += 1;
            self.since += ROUND_EVERY;
        }
        if self.rounds == MAX_ROUNDS {
            self.since = now;
        }
        let may = self.rounds > 0;
        self.rounds = self.rounds.saturating_sub(1);
        may
    }
}

/// Rounds in a row, and afterwards.
const MAX_ROUNDS: u32 = 5;
const ROUND_EVERY: Duration = Duration::from_secs(6);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_peer_that_asks_without_end_gets_five_rounds_and_then_ten_a_minute() {
        let start = Instant::now();
        let mut purse = Purse::new(start);
        let seconds = (0..600).map(|tenth| start + Duration::from_millis(100 * tenth));
        let begun = seconds.filter(|now| purse.take(*now)).count();
        assert_eq!(begun, 5 + 9);
    }
}
