//! Whether a path has gone silent: things were sent on it, and nothing came back.
//!
//! The engine would find out too, but after seconds, and by then acknowledgements of other paths
//! were lost on this one. What was sent may have been acknowledgements, which nobody answers, so a
//! path in doubt is asked before it counts as silent.
//!
//! Two things are a sign of life: a packet that comes by the path, and an acknowledgement of one
//! that went by it, which comes by whatever path the peer sends on. Either tells of one direction.
//! What counts as an answer depends on who asks and why ([`Answer`]); of a path that is silent, only
//! a packet that comes by it proves the contrary.

use std::time::{Duration, Instant};

/// What was counted on one path.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) struct Counts {
    /// Datagrams, each way.
    pub(super) sent: u64,
    pub(super) received: u64,
    /// The newest packet of ours that the peer has acknowledged.
    pub(super) acknowledged: Option<u64>,
    /// What an application sends or gets, both ways. Questions and answers are none of it, or two
    /// sides would keep each other busy for ever.
    pub(super) carried: u64,
}

/// Counts of one path, looked at now and then.
#[derive(Debug)]
pub(super) struct Watch {
    counts: Counts,
    /// Since when something has been sent without any answer.
    unanswered: Option<Instant>,
    asked: Option<Question>,
    silent_since: Option<Instant>,
    sent_at: Instant,
    heard_at: Option<Instant>,
    carried_at: Instant,
    looked_at: Instant,
    /// Whether it was noticed that what came has ceased.
    is_hush_noticed: bool,
}

/// A sign of life that was asked for.
#[derive(Debug, Clone, Copy)]
struct Question {
    at: Instant,
    needs: Answer,
    is_heard: bool,
    is_acknowledged: bool,
}

/// What counts as an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Answer {
    /// Any sign of life.
    Any,
    /// A packet that comes by the path: the peer answers one on a path that stands by.
    Heard,
    /// Both directions have to be shown to work.
    BothWays,
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
            counts: Counts::default(),
            unanswered: None,
            asked: None,
            silent_since: None,
            sent_at: now,
            heard_at: None,
            carried_at: now,
            looked_at: now,
            is_hush_noticed: true,
        }
    }

    /// As of the last look.
    pub(super) fn counts(&self) -> Counts {
        self.counts
    }

    /// Whether it has carried anything lately.
    pub(super) fn is_busy(&self, lately: Duration) -> bool {
        self.looked_at.saturating_duration_since(self.carried_at) < lately
    }

    /// Whether it has between the last two looks.
    pub(super) fn is_carrying(&self) -> bool {
        self.carried_at == self.looked_at
    }

    /// As of the last look.
    pub(super) fn is_silent(&self) -> bool {
        self.silent_since.is_some()
    }

    /// When it was found to be silent.
    pub(super) fn silent_since(&self) -> Option<Instant> {
        self.silent_since
    }

    /// When the question was asked that has no answer so far.
    pub(super) fn asked_at(&self) -> Option<Instant> {
        self.asked.map(|question| question.at)
    }

    /// Whether a packet has come by it since then.
    pub(super) fn is_heard_since(&self, then: Instant) -> bool {
        self.heard_at.is_some_and(|at| at > then)
    }

    /// It has just been made, for which packets went both ways.
    pub(super) fn begin(&mut self, now: Instant) {
        self.heard_at = Some(now);
    }

    /// Nothing has been sent on it for so long.
    pub(super) fn is_quiet_for(&self, pause: Duration) -> bool {
        self.looked_at.saturating_duration_since(self.sent_at) > pause
    }

    /// A sign of life is asked for now; false if it was before, and nothing came yet.
    pub(super) fn ask(&mut self, now: Instant, needs: Answer) -> bool {
        let is_new = self.asked.is_none();
        self.asked.get_or_insert(Question {
            at: now,
            needs,
            is_heard: false,
            is_acknowledged: false,
        });
        is_new
    }

    /// What was found before does not count any more: the peer has chosen it.
    pub(super) fn trust_again(&mut self) {
        (self.unanswered, self.asked, self.silent_since) = (None, None, None);
    }

    pub(super) fn look(&mut self, now: Instant, counts: Counts, round_trip: Duration) -> Verdict {
        self.looked_at = now;
        let before = std::mem::replace(&mut self.counts, counts);
        let has_sent = counts.sent != before.sent;
        let is_heard = counts.received != before.received;
        let is_acknowledged = counts.acknowledged != before.acknowledged;
        if has_sent {
            self.sent_at = now;
        }
        if is_heard {
            self.heard_at = Some(now);
            self.is_hush_noticed = false;
        } else if is_acknowledged {
            self.is_hush_noticed = true;
        }
        if counts.carried != before.carried {
            self.carried_at = now;
        }
        if let Some(question) = &mut self.asked {
            question.is_heard |= is_heard;
            question.is_acknowledged |= is_acknowledged;
            if !question.is_answered(self.silent_since.is_some()) {
                let patience = patience(round_trip) + question.needs.more_patience();
                let is_late = now.saturating_duration_since(question.at) >= patience;
                if self.silent_since.is_none() && !is_late {
                    return Verdict::Fine;
                }
                self.silent_since.get_or_insert(now);
                return Verdict::Silent;
            }
            self.trust_again();
        } else if is_heard || is_acknowledged {
            self.unanswered = None;
        }
        if has_sent && !is_heard && !is_acknowledged {
            self.unanswered.get_or_insert(now);
        }
        if self.is_hushed(now) || self.is_unanswered(now, round_trip) {
            Verdict::Doubtful
        } else {
            Verdict::Fine
        }
    }

    fn is_unanswered(&self, now: Instant, round_trip: Duration) -> bool {
        self.unanswered
            .is_some_and(|since| now.saturating_duration_since(since) >= patience(round_trip))
    }

    /// Whether something came until a moment ago and comes no more: who only receives would not
    /// notice that the path is dead. Once for each time.
    fn is_hushed(&mut self, now: Instant) -> bool {
        let is_hushed = self
            .heard_at
            .is_some_and(|at| now.saturating_duration_since(at) >= HUSH);
        is_hushed && self.is_busy(BUSY) && !std::mem::replace(&mut self.is_hush_noticed, true)
    }
}

impl Question {
    fn is_answered(self, is_silent: bool) -> bool {
        match self.needs {
            Answer::Any if is_silent => self.is_heard,
            Answer::Any => self.is_heard || self.is_acknowledged,
            Answer::Heard => self.is_heard,
            Answer::BothWays => self.is_heard && self.is_acknowledged,
        }
    }
}

impl Answer {
    /// The peer answers on a path that stands by when it looks next.
    fn more_patience(self) -> Duration {
        match self {
            Self::Any => Duration::ZERO,
            Self::Heard | Self::BothWays => 2 * super::LOOK,
        }
    }
}

/// How long an answer may take: one and a half round trips and what a peer may wait with an
/// acknowledgement, at least what a busy machine may need.
fn patience(round_trip: Duration) -> Duration {
    (round_trip + round_trip / 2 + Duration::from_millis(25)).max(LEAST_PATIENCE)
}

const LEAST_PATIENCE: Duration = Duration::from_millis(150);
const HUSH: Duration = Duration::from_millis(500);

/// A session is busy until it has carried nothing for this long.
pub(super) const BUSY: Duration = Duration::from_secs(2);

#[cfg(test)]
mod tests {
    use super::*;

    const ROUND_TRIP: Duration = Duration::from_millis(50);

    /// Looks every 50 ms; whoever is in doubt asks for `needs`.
    fn looks(needs: Answer, counts: impl IntoIterator<Item = (u64, u64, u64)>) -> Vec<Verdict> {
        let start = Instant::now();
        let mut watch = Watch::new(start);
        let mut now = start;
        let mut verdicts = Vec::new();
        for (sent, received, acknowledged) in counts {
            now += Duration::from_millis(50);
            let counts = Counts {
                sent,
                received,
                acknowledged: Some(acknowledged),
                carried: sent + received,
            };
            let verdict = watch.look(now, counts, ROUND_TRIP);
            if verdict == Verdict::Doubtful {
                watch.ask(now, needs);
            }
            verdicts.push(verdict);
        }
        verdicts
    }

    #[test]
    fn a_path_that_answers_is_never_doubted() {
        let verdicts = looks(Answer::Any, (1..100).map(|n| (n, n, 1)));
        assert!(verdicts.iter().all(|verdict| *verdict == Verdict::Fine));
        let verdicts = looks(Answer::Any, (1..100).map(|n| (n, 1, n)));
        assert!(verdicts.iter().all(|verdict| *verdict == Verdict::Fine));
    }

    #[test]
    fn a_path_on_which_nothing_is_sent_is_not_doubted() {
        let verdicts = looks(Answer::Any, (1..100).map(|_| (0, 0, 0)));
        assert!(verdicts.iter().all(|verdict| *verdict == Verdict::Fine));
    }

    #[test]
    fn a_path_by_which_nothing_comes_any_more_is_asked_once() {
        let mut counts: Vec<_> = (1..10).map(|n| (1, n, 0)).collect();
        counts.extend([(1, 9, 0); 12]);
        counts.extend([(2, 10, 0); 9]);
        let verdicts = looks(Answer::Heard, counts);
        let asked = verdicts
            .iter()
            .filter(|verdict| **verdict == Verdict::Doubtful);
        assert_eq!(asked.count(), 1);
        assert_eq!(verdicts.last(), Some(&Verdict::Fine));
    }

    #[test]
    fn a_path_on_which_only_questions_and_answers_go_is_not_asked_again_and_again() {
        let start = Instant::now();
        let (mut watch, mut counts) = (Watch::new(start), Counts::default());
        let mut asked = 0;
        for look in 1..1_000 {
            let now = start + look * Duration::from_millis(50);
            counts.carried += u64::from(look < 100);
            counts.received += u64::from(look < 100);
            if watch.look(now, counts, ROUND_TRIP) == Verdict::Doubtful {
                watch.ask(now, Answer::Any);
                asked += 1;
                (counts.sent, counts.received) = (counts.sent + 1, counts.received + 1);
            }
        }
        assert!((1..5).contains(&asked), "{asked}");
    }

    #[test]
    fn a_path_that_stopped_to_answer_is_asked_once_and_then_silent() {
        let verdicts = looks(Answer::Any, (1..12).map(|n| (n, n.min(2), 1)));
        let asked = verdicts
            .iter()
            .filter(|verdict| **verdict == Verdict::Doubtful);
        assert_eq!(asked.count(), 1);
        assert_eq!(verdicts.last(), Some(&Verdict::Silent));
    }

    #[test]
    fn a_path_that_answers_the_question_is_fine_again() {
        let mut counts = vec![(1, 1, 1)];
        counts.extend([(2, 1, 1); 5]);
        counts.extend([(3, 2, 1), (3, 2, 1)]);
        let verdicts = looks(Answer::Any, counts);
        assert!(verdicts.contains(&Verdict::Doubtful));
        assert!(!verdicts.contains(&Verdict::Silent));
        assert_eq!(verdicts.last(), Some(&Verdict::Fine));
    }

    #[test]
    fn a_path_that_works_one_way_does_not_answer_who_needs_both() {
        let one_way = (1..30).map(|n| (n, 1, if n < 7 { 1 } else { n }));
        for (needs, last) in [
            (Answer::Any, Verdict::Fine),
            (Answer::Heard, Verdict::Silent),
            (Answer::BothWays, Verdict::Silent),
        ] {
            assert_eq!(
                looks(needs, one_way.clone()).last(),
                Some(&last),
                "{needs:?}"
            );
        }
    }

    #[test]
    fn a_silent_path_is_fine_again_when_it_is_heard_and_not_by_an_acknowledgement() {
        let late = |n: u64| (n, u64::from(n > 25), if n < 12 { 1 } else { n });
        let verdicts = looks(Answer::Any, (1..30).map(late));
        assert_eq!(verdicts[20], Verdict::Silent);
        assert_eq!(verdicts.last(), Some(&Verdict::Fine));
    }
}
