//! Whether we are a server: only who can be dialled is listed by others. spec: DHT-24.
//!
//! ```text
//! client -- three members have dialled us back, 15 minutes have passed --> server
//! server -- three in a row could not -----------------------------------> client
//! ```

use std::time::Duration;

use stc::Entropy;
use stt_wire::{Ask, DialOutcome, Mode};

use super::answers::Errand;
use super::{Engine, Output, draw_u64};
use crate::config::Serving;
use crate::{Keyring, Moment, Now};

/// What we are to others, and why.
#[derive(Debug, Clone)]
pub(super) struct Standing {
    policy: Serving,
    mode: Mode,
    since: Moment,
    reached: u8,
    missed: u8,
    next: Moment,
}

const ENOUGH: u8 = 3;
const STABLE: Duration = Duration::from_secs(15 * 60);
const WHILE_CLIENT: Duration = Duration::from_secs(60);
const WHILE_SERVER: Duration = Duration::from_secs(20 * 60);

impl Standing {
    pub(super) const fn new(now: Moment, policy: Serving) -> Self {
        let mode = match policy {
            Serving::Always => Mode::Server,
            Serving::Adaptive | Serving::Never => Mode::Client,
        };
        Self {
            policy,
            mode,
            since: now,
            reached: 0,
            missed: 0,
            next: now,
        }
    }

    pub(super) const fn mode(&self) -> Mode {
        self.mode
    }

    pub(super) fn leave(&mut self) {
        self.mode = Mode::Leaving;
    }

    /// Counts a try to dial us. True if that changes what we are.
    fn tried(&mut self, now: Moment, outcome: DialOutcome) -> bool {
        match outcome {
            DialOutcome::Reached => {
                self.reached = self.reached.saturating_add(1);
                self.missed = 0;
            }
            DialOutcome::NotReached => self.missed = self.missed.saturating_add(1),
            DialOutcome::NotTried => {}
        }
        let is_adaptive = self.policy == Serving::Adaptive;
        match self.mode {
            Mode::Client if is_adaptive && self.reached >= ENOUGH => {
                let is_stable = now.since(self.since) >= STABLE;
                if is_stable {
                    self.become_mode(now, Mode::Server);
                }
                is_stable
            }
            Mode::Server if is_adaptive && self.missed >= ENOUGH => {
                self.become_mode(now, Mode::Client);
                true
            }
            _ => false,
        }
    }

    const fn become_mode(&mut self, now: Moment, mode: Mode) {
        self.mode = mode;
        self.since = now;
        (self.reached, self.missed) = (0, 0);
    }
}

impl<K: Keyring> Engine<K> {
    /// Asks somebody to dial us, if it is time. Whom, chance decides: liars do not get asked twice in
    /// a row by their own choice.
    pub(super) fn keep_standing(&mut self, now: Now, entropy: &mut dyn Entropy) {
        if self.standing.policy != Serving::Adaptive || now.moment < self.standing.next {
            return;
        }
        let Some(address) = self.own_address else {
            return;
        };
        let pause = if self.mode() == Mode::Server {
            WHILE_SERVER
        } else {
            WHILE_CLIENT
        };
        self.standing.next = now.moment + pause;
        let chosen = draw_u64(entropy) as usize % self.table.len().max(1);
        let Some(entry) = self.table.entries().nth(chosen) else {
            return;
        };
        let (to, key) = (entry.contact, entry.key);
        let next = self.whom(to, key);
        self.send(now, next, Ask::DialBack { address }, Errand::DialBack);
    }

    /// Somebody has tried to dial us.
    pub(super) fn dialled(&mut self, now: Now, outcome: DialOutcome) {
        if self.standing.tried(now.moment, outcome) {
            let mode = self.mode();
            self.outputs.push_back(Output::ModeChanged(mode));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(minutes: u64) -> Moment {
        Moment::after(Duration::from_secs(60 * minutes))
    }

    #[test]
    fn client_serves_after_three_were_able_to_dial_it_and_a_while() {
        let mut standing = Standing::new(at(0), Serving::Adaptive);
        assert!(!(0..10).any(|minute| standing.tried(at(minute), DialOutcome::Reached)));
        assert_eq!(standing.mode(), Mode::Client);
        assert!(standing.tried(at(16), DialOutcome::Reached));
        assert_eq!(standing.mode(), Mode::Server);
    }

    #[test]
    fn server_that_cannot_be_dialled_three_times_is_a_client_again() {
        let mut standing = Standing::new(at(0), Serving::Adaptive);
        standing.become_mode(at(0), Mode::Server);
        let miss = DialOutcome::NotReached;
        assert!(!standing.tried(at(1), miss) && !standing.tried(at(2), miss));
        standing.tried(at(3), DialOutcome::Reached);
        assert!(!standing.tried(at(4), miss) && !standing.tried(at(5), miss));
        assert!(standing.tried(at(6), miss));
        assert_eq!(standing.mode(), Mode::Client);
    }

    #[test]
    fn what_was_decided_by_the_caller_stays() {
        for (policy, mode) in [
            (Serving::Always, Mode::Server),
            (Serving::Never, Mode::Client),
        ] {
            let mut standing = Standing::new(at(0), policy);
            for minute in 0..100 {
                standing.tried(at(minute), DialOutcome::Reached);
            }
            for minute in 0..100 {
                standing.tried(at(minute), DialOutcome::NotReached);
            }
            assert_eq!(standing.mode(), mode);
        }
    }
}
