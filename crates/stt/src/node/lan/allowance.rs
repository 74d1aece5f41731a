//! How much is done for whoever sends: a bucket of tokens that fills with time.

use std::time::{Duration, Instant};

/// Tokens, up to a number, so many a second.
#[derive(Debug)]
pub(super) struct Allowance {
    a_second: u32,
    most: u32,
    spent: Duration,
    at: Instant,
}

impl Allowance {
    /// A full one.
    pub(super) const fn new(now: Instant, a_second: u32, most: u32) -> Self {
        Self {
            a_second,
            most,
            spent: Duration::ZERO,
            at: now,
        }
    }

    /// Takes a token, if there is one.
    pub(super) fn take(&mut self, now: Instant) -> Option<()> {
        let refilled = now.saturating_duration_since(self.at);
        self.at = now;
        self.spent = self.spent.saturating_sub(refilled);
        let one = Duration::from_secs(1) / self.a_second;
        if self.spent + one > one * self.most {
            return None;
        }
        self.spent += one;
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_run_out_and_come_back() {
        let start = Instant::now();
        let mut allowance = Allowance::new(start, 10, 3);
        assert_eq!((0..9).filter_map(|_| allowance.take(start)).count(), 3);
        let later = start + Duration::from_millis(100);
        assert_eq!((0..9).filter_map(|_| allowance.take(later)).count(), 1);
        let much_later = start + Duration::from_secs(100);
        assert_eq!((0..9).filter_map(|_| allowance.take(much_later)).count(), 3);
    }
}
