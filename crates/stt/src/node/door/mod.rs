//! Who is let in to try: limits on handshakes that others begin, and on guesses at a passphrase.
//!
//! Pure: time comes as an argument.
//!
//! *Gated door.* Only holders of the seed get this far, and all of them are let in; at the limit
//! somebody makes room (`half_open.rs`).
//!
//! *Open door.* Anyone gets this far, and every attempt that doesn't end in a session may have been
//! a guess. A source (a /24, or a /56) has a few attempts free of doubt; then it must first show
//! that its address is real (Retry), and only then is an attempt counted against it, so nobody can
//! use up the guesses of somebody else. Addresses that had a session lately have a purse of their
//! own, so a flood of guesses doesn't lock members out.

mod half_open;
mod known;
mod purse;
mod source;

use std::{
    net::IpAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use stc::Door;
use tokio::sync::Notify;

pub(super) use half_open::HalfOpen;
use known::Known;
use purse::{Purse, PurseSize};
pub(super) use source::network;
use source::{Asked, Purses};

/// Decides about attempts to reach us.
#[derive(Debug)]
pub(super) struct Doorkeeper {
    door: Door,
    half_open: HalfOpen,
    free: Purses,
    free_of_all: Purse,
    guesses: Purses,
    guesses_of_all: Purse,
    known: Known,
}

/// What to do with an attempt.
#[derive(Debug)]
pub(super) enum Verdict {
    /// Let it try, until it is told to make room.
    Admit(Ticket),
    /// Let it first show that its address is real.
    Retry,
    /// Don't answer.
    Ignore,
}

/// One admitted attempt.
#[derive(Debug)]
pub(super) struct Ticket {
    number: u64,
    /// Notified when the attempt must make room.
    pub(super) evicted: Arc<Notify>,
    source: IpAddr,
    paid: Paid,
}

/// How an attempt was paid for, to be given back when it was no guess.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Paid {
    Nothing,
    Free,
    Guess,
}

impl Doorkeeper {
    pub(super) fn new(door: Door, limit: usize, now: Instant) -> Self {
        Self {
            door,
            half_open: HalfOpen::new(limit),
            free: Purses::new(FREE, now),
            free_of_all: Purse::full(FREE_OF_ALL, now),
            guesses: Purses::new(GUESSES, now),
            guesses_of_all: Purse::full(GUESSES_OF_ALL, now),
            known: Known::default(),
        }
    }

    /// Whether an address had a session lately.
    pub(super) fn knows(&self, source: IpAddr) -> bool {
        self.known.contains(source)
    }

    /// Judges an attempt from `source`, whose address is known to be real if `validated`.
    pub(super) fn judge(&mut self, source: IpAddr, validated: bool, now: Instant) -> Verdict {
        match self.door {
            Door::Gated => {
                let known = self.known.contains(source);
                self.admit(source, known, Paid::Nothing)
            }
            Door::Open if validated => self.judge_real_address(source, now),
            Door::Open => self.judge_claimed_address(source, now),
        }
    }

    /// A sender may claim any address, so nothing is counted against one that is only claimed.
    fn judge_claimed_address(&mut self, source: IpAddr, now: Instant) -> Verdict {
        if self.half_open.is_busy() || !self.free_of_all.take(now) {
            return Verdict::Retry;
        }
        if self.free.ask(source, now) != Asked::Paid {
            self.free_of_all.give_back();
            return Verdict::Retry;
        }
        let known = self.known.contains(source);
        self.admit(source, known, Paid::Free)
    }

    fn judge_real_address(&mut self, source: IpAddr, now: Instant) -> Verdict {
        if self.known.take(source, now) {
            return self.admit(source, true, Paid::Nothing);
        }
        if !self.guesses_of_all.take(now) {
            return Verdict::Ignore;
        }
        if self.guesses.ask(source, now) == Asked::Empty {
            self.guesses_of_all.give_back();
            return Verdict::Ignore;
        }
        self.admit(source, false, Paid::Guess)
    }

    fn admit(&mut self, source: IpAddr, known: bool, paid: Paid) -> Verdict {
        let (number, evicted) = self.half_open.enter(source, known);
        Verdict::Admit(Ticket {
            number,
            evicted,
            source,
            paid,
        })
    }

    /// The peer is authenticated: it was no guess.
    pub(super) fn authenticated(&mut self, ticket: &Ticket, now: Instant) {
        self.was_no_guess(ticket);
        self.known.remember(ticket.source, now);
    }

    /// The attempt was no guess, for instance because it was not even a first packet.
    pub(super) fn was_no_guess(&mut self, ticket: &Ticket) {
        match ticket.paid {
            Paid::Nothing => {}
            Paid::Free => {
                self.free_of_all.give_back();
                self.free.give_back(ticket.source);
            }
            Paid::Guess => {
                self.guesses_of_all.give_back();
                self.guesses.give_back(ticket.source);
            }
        }
    }

    /// The attempt is over, one way or the other.
    pub(super) fn over(&mut self, ticket: &Ticket) {
        self.half_open.leave(ticket.number);
    }

    pub(super) fn half_open(&self) -> usize {
        self.half_open.len()
    }
}

/// Attempts of one source without any doubt.
const FREE: PurseSize = PurseSize {
    coins: 8,
    refill: Duration::from_secs(8),
};

/// Attempts of all sources without any doubt; more must show their address.
const FREE_OF_ALL: PurseSize = PurseSize {
    coins: 64,
    refill: Duration::from_millis(250),
};

/// Guesses of one source.
const GUESSES: PurseSize = PurseSize {
    coins: 16,
    refill: Duration::from_secs(4),
};

/// Guesses of all sources together.
const GUESSES_OF_ALL: PurseSize = PurseSize {
    coins: 256,
    refill: Duration::from_millis(62),
};

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::{source::MAX_SOURCES, *};

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    fn ticket(verdict: Verdict) -> Ticket {
        match verdict {
            Verdict::Admit(ticket) => ticket,
            other => panic!("not admitted: {other:?}"),
        }
    }

    #[test]
    fn a_source_has_few_free_attempts_and_then_must_show_its_address() {
        let now = Instant::now();
        let mut door = Doorkeeper::new(Door::Open, 1_000, now);
        for last in 0..FREE.coins {
            let source = ip(&format!("10.0.0.{last}"));
            assert!(matches!(door.judge(source, false, now), Verdict::Admit(_)));
        }
        assert!(matches!(
            door.judge(ip("10.0.0.99"), false, now),
            Verdict::Retry
        ));
        assert!(matches!(
            door.judge(ip("10.0.1.99"), false, now),
            Verdict::Admit(_)
        ));
    }

    #[test]
    fn guesses_of_one_source_run_out_and_come_back_with_time() {
        let now = Instant::now();
        let mut door = Doorkeeper::new(Door::Open, 1_000, now);
        let source = ip("2001:db8::1");
        for _ in 0..GUESSES.coins {
            let guess = ticket(door.judge(source, true, now));
            door.over(&guess);
        }
        assert!(matches!(door.judge(source, true, now), Verdict::Ignore));
        let later = now + GUESSES.refill;
        assert!(matches!(door.judge(source, true, later), Verdict::Admit(_)));
        assert!(matches!(door.judge(source, true, later), Verdict::Ignore));
    }

    #[test]
    fn a_session_is_no_guess_and_its_address_is_known_afterwards() {
        let now = Instant::now();
        let mut door = Doorkeeper::new(Door::Open, 1_000, now);
        let (member, neighbour) = (ip("10.0.0.1"), ip("10.0.0.2"));
        let admitted = ticket(door.judge(member, true, now));
        door.authenticated(&admitted, now);
        for _ in 0..GUESSES.coins {
            let guess = ticket(door.judge(neighbour, true, now));
            door.over(&guess);
        }
        assert!(matches!(door.judge(neighbour, true, now), Verdict::Ignore));
        assert!(matches!(door.judge(member, true, now), Verdict::Admit(_)));
    }

    #[test]
    fn claimed_addresses_take_bounded_memory_and_lock_nobody_out() {
        let now = Instant::now();
        let mut door = Doorkeeper::new(Door::Open, usize::MAX, now);
        for source in 0..20_000_u32 {
            let _ = door.judge(Ipv4Addr::from_bits(source << 8).into(), false, now);
        }
        assert!(door.free.len() <= MAX_SOURCES);
        assert!(matches!(
            door.judge(ip("10.0.0.1"), true, now),
            Verdict::Admit(_)
        ));
    }

    #[test]
    fn guesses_of_all_sources_together_are_limited() {
        let now = Instant::now();
        let mut door = Doorkeeper::new(Door::Open, usize::MAX, now);
        let mut admitted = 0;
        for source in 0..20_000_u32 {
            let source = IpAddr::from(Ipv4Addr::from_bits(source << 8));
            for validated in [false, true] {
                if let Verdict::Admit(guess) = door.judge(source, validated, now) {
                    door.over(&guess);
                    admitted += 1;
                }
            }
        }
        assert_eq!(admitted, FREE_OF_ALL.coins + GUESSES_OF_ALL.coins);
    }
}
