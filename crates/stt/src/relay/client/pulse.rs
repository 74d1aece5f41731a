//! Whether the relay is still there.
//!
//! A relay that was started anew knows nothing of this session and says nothing to it, so silence is all
//! there is to go by. Where packets of an application are under way, silence is noticed within a second or
//! two. Where sessions go through the relay and are idle, what keeps them alive is answered through it, and
//! only when it is not the relay is asked; where there are none, it is asked now and then.
//!
//! Pure: time comes as an argument.
//!
//! spec: RELAY-10

use std::time::{Duration, Instant};

use crate::session::paths::KEPT_MAPPED;

/// When the relay was heard, and asked.
#[derive(Debug)]
pub(super) struct Pulse {
    heard_at: Instant,
    /// For the first time, and the last.
    asked_at: Option<(Instant, Instant)>,
    /// Since when something was sent, and the relay was not heard much later.
    waiting_since: Option<Instant>,
}

/// What a look found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Look {
    /// Something came from the relay since the last look.
    pub(super) has_heard: bool,
    /// Packets of channels were sent to it.
    pub(super) has_sent: bool,
    /// Packets of the session with it were.
    pub(super) has_spoken: bool,
    pub(super) use_: Use,
    pub(super) round_trip: Duration,
}

/// What the relay is used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Use {
    /// Nothing but to be reached: what is not noticed keeps others away.
    Waiting,
    /// Sessions that have nothing to say.
    Idle,
    /// What applications send, or did lately.
    Busy,
}

/// What to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    Fine,
    /// Ask for a sign of life.
    Ask,
    /// It was asked, and said nothing.
    Gone,
}

impl Pulse {
    pub(super) const fn new(now: Instant) -> Self {
        Self {
            heard_at: now,
            asked_at: None,
            waiting_since: None,
        }
    }

    pub(super) fn look(&mut self, now: Instant, look: Look) -> Verdict {
        if look.has_heard {
            (self.heard_at, self.asked_at, self.waiting_since) = (now, None, None);
        }
        let quiet = now.saturating_duration_since(self.heard_at);
        if look.calls_for_an_answer(quiet) {
            self.waiting_since.get_or_insert(now);
        }
        if let Some((first, last)) = self.asked_at {
            let patience = LEAST_PATIENCE.max(look.round_trip * 4);
            if now.saturating_duration_since(first) >= patience {
                return Verdict::Gone;
            }
            if now.saturating_duration_since(last) < ASK_AGAIN {
                return Verdict::Fine;
            }
            self.asked_at = Some((first, now));
            return Verdict::Ask;
        }
        let is_quiet = |since: Instant, patience| now.saturating_duration_since(since) >= patience;
        let unanswered = QUIET_AFTER_SENDING.max(look.round_trip * 2);
        let is_unanswered = self
            .waiting_since
            .is_some_and(|since| is_quiet(since, unanswered));
        if is_unanswered || is_quiet(self.heard_at, look.use_.quiet()) {
            return self.ask(now);
        }
        Verdict::Fine
    }

    /// Asks now, whatever was heard.
    pub(super) const fn ask(&mut self, now: Instant) -> Verdict {
        self.asked_at = Some((now, now));
        Verdict::Ask
    }

    /// When to look again: soon, while it matters.
    pub(super) const fn next_look(&self) -> Duration {
        if self.waiting_since.is_some() || self.asked_at.is_some() {
            SOON
        } else {
            LOOK
        }
    }
}

impl Look {
    /// While much is under way, what was sent last may have been an answer itself: whoever receives a lot
    /// notices as soon. Otherwise what is sent a moment after something came is taken for one.
    fn calls_for_an_answer(self, quiet: Duration) -> bool {
        match self.use_ {
            Use::Busy => self.has_sent,
            Use::Idle | Use::Waiting => {
                quiet >= ANSWERED_WITHIN && (self.has_sent || self.has_spoken)
            }
        }
    }
}

impl Use {
    /// How long the relay may say nothing, when nothing calls for an answer.
    const fn quiet(self) -> Duration {
        match self {
            Self::Busy => Duration::from_secs(2),
            Self::Waiting => Duration::from_secs(5),
            Self::Idle => KEPT_MAPPED,
        }
    }
}

/// Between two looks.
pub(super) const LOOK: Duration = Duration::from_millis(250);
const SOON: Duration = Duration::from_millis(50);

/// For so long after the last that an application sent or got, more of it is expected.
pub(super) const LATELY: Duration = Duration::from_secs(10);

/// Two looks: an acknowledgement is held back for up to 25 ms, and may be seen by the next one.
const ANSWERED_WITHIN: Duration = Duration::from_millis(500);

const QUIET_AFTER_SENDING: Duration = Duration::from_millis(300);
const LEAST_PATIENCE: Duration = Duration::from_secs(1);

/// Questions and answers may be lost.
const ASK_AGAIN: Duration = Duration::from_millis(150);

#[cfg(test)]
mod tests {
    use super::*;

    fn look(use_: Use, has_heard: bool, has_sent: bool) -> Look {
        Look {
            has_heard,
            has_sent,
            has_spoken: false,
            use_,
            round_trip: Duration::from_millis(50),
        }
    }

    /// How long it takes until a relay that says nothing is given up, and how often it was asked.
    fn given_up_after(has_sent: bool, use_: Use) -> (Duration, usize) {
        let start = Instant::now();
        let (mut pulse, mut now, mut asked) = (Pulse::new(start), start, 0);
        loop {
            now += pulse.next_look();
            match pulse.look(now, look(use_, false, has_sent)) {
                Verdict::Fine => {}
                Verdict::Ask => asked += 1,
                Verdict::Gone => return (now - start, asked),
            }
        }
    }

    #[test]
    fn a_relay_that_is_gone_is_noticed_within_seconds_unless_nothing_is_said() {
        let millis = Duration::from_millis;
        assert_eq!(given_up_after(true, Use::Busy), (millis(1_550), 7));
        for use_ in [Use::Idle, Use::Waiting] {
            assert_eq!(given_up_after(true, use_), (millis(1_800), 7), "{use_:?}");
        }
        assert_eq!(given_up_after(false, Use::Busy), (millis(3_000), 7));
        assert_eq!(given_up_after(false, Use::Waiting), (millis(6_000), 7));
        let idle = KEPT_MAPPED + millis(1_000);
        assert_eq!(given_up_after(false, Use::Idle), (idle, 7));
    }

    #[test]
    fn what_the_session_with_the_relay_says_calls_for_an_answer_too() {
        let start = Instant::now();
        let mut pulse = Pulse::new(start);
        let mut said = look(Use::Idle, false, false);
        said.has_spoken = true;
        let at = start + Duration::from_secs(10);
        assert_eq!(pulse.look(at, said), Verdict::Fine);
        let later = at + QUIET_AFTER_SENDING;
        let silent = look(Use::Idle, false, false);
        assert_eq!(pulse.look(later, silent), Verdict::Ask);
    }

    #[test]
    fn a_relay_that_answers_is_never_given_up() {
        for use_ in [Use::Busy, Use::Idle, Use::Waiting] {
            let start = Instant::now();
            let (mut pulse, mut now, mut answer) = (Pulse::new(start), start, false);
            for _ in 0..1_000 {
                now += LOOK;
                answer = match pulse.look(now, look(use_, answer, true)) {
                    Verdict::Ask => true,
                    Verdict::Fine => false,
                    Verdict::Gone => panic!("given up"),
                };
            }
        }
    }

    #[test]
    fn an_idle_session_that_is_kept_alive_by_others_costs_no_question() {
        let start = Instant::now();
        let (mut pulse, mut now) = (Pulse::new(start), start);
        for number in 0..10_000 {
            now += LOOK;
            // The answer may be seen by the look after.
            let look = look(Use::Idle, number % 40 == 0, number % 40 == 1);
            assert_eq!(pulse.look(now, look), Verdict::Fine);
        }
    }
}
