//! Whether the relay is still there.
//!
//! A relay that was started anew knows nothing of this session and says nothing to it, so silence is all
//! there is to go by. Where packets are under way, silence is noticed within a second or two; where
//! nothing is, it is asked for now and then.
//!
//! Pure: time comes as an argument.
//!
//! spec: RELAY-10

use std::time::{Duration, Instant};

/// When the relay was heard, and asked.
#[derive(Debug)]
pub(super) struct Pulse {
    heard_at: Instant,
    /// For the first time, and the last.
    asked_at: Option<(Instant, Instant)>,
    /// Whether something was sent, and the relay was not heard much later.
    is_waiting: bool,
}

/// What a look found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Look {
    /// Something came from the relay since the last look.
    pub(super) has_heard: bool,
    /// Packets of channels were sent to it.
    pub(super) has_sent: bool,
    /// There are channels.
    pub(super) has_channels: bool,
    pub(super) round_trip: Duration,
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
            is_waiting: false,
        }
    }

    pub(super) fn look(&mut self, now: Instant, look: Look) -> Verdict {
        if look.has_heard {
            (self.heard_at, self.asked_at, self.is_waiting) = (now, None, false);
        }
        // What was sent last may have been an answer: whoever receives a lot notices as soon.
        self.is_waiting |= look.has_sent;
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
        let quiet = now.saturating_duration_since(self.heard_at);
        if quiet < self.ask_after(look) {
            return Verdict::Fine;
        }
        self.ask(now)
    }

    /// Asks now, whatever was heard.
    pub(super) const fn ask(&mut self, now: Instant) -> Verdict {
        self.asked_at = Some((now, now));
        Verdict::Ask
    }

    /// When to look again: soon, while it matters.
    pub(super) const fn next_look(&self) -> Duration {
        if self.is_waiting || self.asked_at.is_some() {
            SOON
        } else {
            LOOK
        }
    }

    fn ask_after(&self, look: Look) -> Duration {
        if self.is_waiting {
            QUIET_AFTER_SENDING.max(look.round_trip * 2)
        } else if look.has_channels {
            QUIET_WITH_CHANNELS
        } else {
            QUIET
        }
    }
}

/// Between two looks.
pub(super) const LOOK: Duration = Duration::from_millis(250);
const SOON: Duration = Duration::from_millis(50);

const QUIET_AFTER_SENDING: Duration = Duration::from_millis(300);
const QUIET_WITH_CHANNELS: Duration = Duration::from_secs(2);
const QUIET: Duration = Duration::from_secs(5);
const LEAST_PATIENCE: Duration = Duration::from_secs(1);

/// Questions and answers may be lost.
const ASK_AGAIN: Duration = Duration::from_millis(150);

#[cfg(test)]
mod tests {
    use super::*;

    /// How long it takes until a relay that says nothing is given up, and how often it was asked.
    fn given_up_after(has_sent: bool, has_channels: bool) -> (Duration, usize) {
        let start = Instant::now();
        let (mut pulse, mut now, mut asked) = (Pulse::new(start), start, 0);
        loop {
            now += pulse.next_look();
            let look = Look {
                has_heard: false,
                has_sent,
                has_channels,
                round_trip: Duration::from_millis(50),
            };
            match pulse.look(now, look) {
                Verdict::Fine => {}
                Verdict::Ask => asked += 1,
                Verdict::Gone => return (now - start, asked),
            }
        }
    }

    #[test]
    fn a_relay_that_is_gone_is_noticed_within_seconds() {
        let millis = Duration::from_millis;
        assert_eq!(given_up_after(true, true), (millis(1_300), 7));
        assert_eq!(given_up_after(false, true), (millis(3_000), 7));
        assert_eq!(given_up_after(false, false), (millis(6_000), 7));
    }

    #[test]
    fn a_relay_that_answers_is_never_given_up() {
        let start = Instant::now();
        let (mut pulse, mut now, mut answer) = (Pulse::new(start), start, false);
        for _ in 0..1_000 {
            now += LOOK;
            let look = Look {
                has_heard: answer,
                has_sent: true,
                has_channels: true,
                round_trip: Duration::from_millis(50),
            };
            answer = match pulse.look(now, look) {
                Verdict::Ask => true,
                Verdict::Fine => false,
                Verdict::Gone => panic!("given up"),
            };
        }
    }
}
