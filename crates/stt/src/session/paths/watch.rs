//! Whether a path has gone silent: things were sent on it, and nothing came back.
//!
//! The engine would find out too, but after seconds, and by then acknowledgements of other paths
//! were lost on this one. What was sent may have been acknowledgements, which nobody answers, so a
//! path in doubt is asked before it is given up: any path that works answers that.

use std::time::{Duration, Instant};

/// Counts of one path, looked at now and then.
#[derive(Debug)]
pub(super) struct Watch {
    sent: u64,
    received: u64,
    /// Since when something has been sent without any answer.
    unanswered: Option<Instant>,
    asked: Option<Instant>,
    is_silent: bool,
    busy_at: Instant,
    looked_at: Instant,
}

/// What a look says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Nothing to be said against it.
    Fine,
    /// Shall be asked for a sign of life.
    Doubtful,
    /// Was asked, and did not answer.
    Silent,
}

impl Watch {
    pub(super) fn new(now: Instant) -> Self {
        Self {
            sent: 0,
            received: 0,
            unanswered: None,
            asked: None,
            is_silent: false,
            busy_at: now,
            looked_at: now,
        }
    }

    /// Whether anything was sent lately.
    pub(super) fn is_busy(&self) -> bool {
        self.looked_at.saturating_duration_since(self.busy_at) < BUSY
    }

    /// As of the last look.
    pub(super) fn is_silent(&self) -> bool {
        self.is_silent
    }

    /// A sign of life is asked for now, whatever was sent before.
    pub(super) fn ask(&mut self, now: Instant) {
        self.unanswered = Some(now);
        self.asked = Some(now);
        self.busy_at = now;
    }

    pub(super) fn look(
        &mut self,
        now: Instant,
        sent: u64,
        received: u64,
        round_trip: Duration,
    ) -> Verdict {
        self.looked_at = now;
        let (has_sent, has_received) = (sent != self.sent, received != self.received);
        (self.sent, self.received) = (sent, received);
        if has_sent {
            self.busy_at = now;
        }
        if has_received {
            (self.unanswered, self.asked, self.is_silent) = (None, None, false);
        } else if has_sent && self.unanswered.is_none() {
            self.unanswered = Some(now);
        }
        let Some(since) = self.unanswered else {
            return Verdict::Fine;
        };
        let patience = patience(round_trip);
        let is_over = |since| now.saturating_duration_since(since) >= patience;
        match self.asked {
            Some(asked) if is_over(asked) => {
                self.is_silent = true;
                Verdict::Silent
            }
            None if is_over(since) => {
                self.asked = Some(now);
                Verdict::Doubtful
            }
            _ => Verdict::Fine,
        }
    }
}

/// How long an answer may take: one and a half round trips and what a peer may wait with an
/// acknowledgement, at least what a busy machine may need.
fn patience(round_trip: Duration) -> Duration {
    (round_trip + round_trip / 2 + Duration::from_millis(25)).max(LEAST_PATIENCE)
}

const LEAST_PATIENCE: Duration = Duration::from_millis(150);
const BUSY: Duration = Duration::from_secs(2);

#[cfg(test)]
mod tests {
    use super::*;

    const ROUND_TRIP: Duration = Duration::from_millis(50);

    fn looks(counts: impl IntoIterator<Item = (u64, u64)>) -> Vec<Verdict> {
        let start = Instant::now();
        let mut watch = Watch::new(start);
        let mut now = start;
        let mut verdicts = Vec::new();
        for (sent, received) in counts {
            now += Duration::from_millis(50);
            verdicts.push(watch.look(now, sent, received, ROUND_TRIP));
        }
        verdicts
    }

    #[test]
    fn a_path_that_answers_is_never_doubted() {
        let verdicts = looks((1..100).map(|n| (n, n)));
        assert!(verdicts.iter().all(|verdict| *verdict == Verdict::Fine));
    }

    #[test]
    fn a_path_on_which_nothing_is_sent_is_not_doubted() {
        let verdicts = looks((1..100).map(|_| (7, 7)));
        assert!(verdicts.iter().all(|verdict| *verdict == Verdict::Fine));
    }

    #[test]
    fn a_path_that_stopped_to_answer_is_asked_once_and_then_silent() {
        let verdicts = looks((1..12).map(|n| (n, n.min(2))));
        let asked = verdicts
            .iter()
            .filter(|verdict| **verdict == Verdict::Doubtful);
        assert_eq!(asked.count(), 1);
        assert_eq!(verdicts.last(), Some(&Verdict::Silent));
    }

    #[test]
    fn a_path_that_answers_the_question_is_fine_again() {
        let verdicts = looks([
            (1, 1),
            (2, 1),
            (2, 1),
            (2, 1),
            (2, 1),
            (2, 1),
            (3, 2),
            (3, 2),
        ]);
        assert!(verdicts.contains(&Verdict::Doubtful));
        assert!(!verdicts.contains(&Verdict::Silent));
        assert_eq!(verdicts.last(), Some(&Verdict::Fine));
    }
}
