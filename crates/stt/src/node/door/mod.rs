//! Who is let in to try: limits on handshakes that others begin, and on guesses at a passphrase.
//!
//! Pure: time comes as an argument.
//!
//! *Gated door.* Only holders of the seed get this far. At the limit the oldest attempt makes room:
//! an honest one takes a round trip or two, so it is long done when its turn to go would come.
//!
//! *Open door.* Anyone gets this far, and every attempt that doesn't end in a session may have been
//! a guess. A source (a /24, or a /56) has a few attempts free of doubt; then it must first show
//! that its address is real (Retry), and only then is an attempt counted against it, so nobody can
//! use up the guesses of somebody else. Addresses that had a session lately have a purse of their
//! own, so a flood of guesses doesn't lock members out.

mod known;
mod purse;
mod source;

use std::{
    collections::{BTreeMap, HashMap},
    net::IpAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use stc::Door;
use tokio::sync::Notify;

use known::Known;
use purse::{Purse, PurseSize};
use source::{Purses, Source};

/// Decides about attempts to reach us.
#[derive(Debug)]
pub(super) struct Doorkeeper {
    door: Door,
    limit: usize,
    next_ticket: u64,
    half_open: BTreeMap<u64, Arc<Notify>>,
    sources: HashMap<Source, Purses>,
    forgotten_at: Instant,
    everyone: Purse,
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
    Known,
}

impl Doorkeeper {
    pub(super) fn new(door: Door, limit: usize, now: Instant) -> Self {
        Self {
            door,
            limit: limit.max(1),
            next_ticket: 0,
            half_open: BTreeMap::new(),
            sources: HashMap::new(),
            forgotten_at: now,
            everyone: Purse::full(EVERYONE, now),
            known: Known::default(),
        }
    }

    /// Judges an attempt from `source`, whose address is known to be real if `validated`.
    pub(super) fn judge(&mut self, source: IpAddr, validated: bool, now: Instant) -> Verdict {
        match self.door {
            Door::Gated => {
                self.make_room();
                self.admit(source, Paid::Nothing)
            }
            Door::Open => self.judge_at_open_door(source, validated, now),
        }
    }

    fn judge_at_open_door(&mut self, source: IpAddr, validated: bool, now: Instant) -> Verdict {
        let busy = self.half_open.len() >= self.limit / 2;
        if !validated {
            let free = !busy && self.purses(source, now).is_some_and(|it| it.free.take(now));
            return if free {
                self.admit(source, Paid::Free)
            } else {
                Verdict::Retry
            };
        }
        if self.known.take(source, now) {
            self.make_room();
            return self.admit(source, Paid::Known);
        }
        if self.half_open.len() >= self.limit || !self.everyone.take(now) {
            return Verdict::Ignore;
        }
        if self
            .purses(source, now)
            .is_some_and(|it| it.guesses.take(now))
        {
            self.admit(source, Paid::Guess)
        } else {
            self.everyone.give_back();
            Verdict::Ignore
        }
    }

    /// The attempt became a session: it was no guess.
    pub(super) fn succeeded(&mut self, ticket: &Ticket, now: Instant) {
        self.half_open.remove(&ticket.number);
        match ticket.paid {
            Paid::Nothing => return,
            Paid::Free => {
                if let Some(purses) = self.purses(ticket.source, now) {
                    purses.free.give_back();
                }
            }
            Paid::Guess => {
                self.everyone.give_back();
                if let Some(purses) = self.purses(ticket.source, now) {
                    purses.guesses.give_back();
                }
            }
            Paid::Known => {}
        }
        self.known.remember(ticket.source, now);
    }

    /// The attempt came to nothing.
    pub(super) fn failed(&mut self, ticket: &Ticket) {
        self.half_open.remove(&ticket.number);
    }

    pub(super) fn half_open(&self) -> usize {
        self.half_open.len()
    }

    fn admit(&mut self, source: IpAddr, paid: Paid) -> Verdict {
        let (number, evicted) = (self.next_ticket, Arc::new(Notify::new()));
        self.next_ticket += 1;
        self.half_open.insert(number, Arc::clone(&evicted));
        Verdict::Admit(Ticket {
            number,
            evicted,
            source,
            paid,
        })
    }

    fn make_room(&mut self) {
        while self.half_open.len() >= self.limit {
            let Some((_, oldest)) = self.half_open.pop_first() else {
                return;
            };
            oldest.notify_one();
        }
    }

    /// The purses of a source; `None` when too many sources are being watched and none is idle.
    fn purses(&mut self, source: IpAddr, now: Instant) -> Option<&mut Purses> {
        let source = Source::of(source);
        if self.sources.len() >= MAX_SOURCES && !self.sources.contains_key(&source) {
            self.forget_idle_sources(now);
            if self.sources.len() >= MAX_SOURCES {
                return None;
            }
        }
        Some(
            self.sources
                .entry(source)
                .or_insert_with(|| Purses::new(now)),
        )
    }

    /// Looks at all sources, so at most once a second: a flood of new ones must not make it a
    /// habit.
    fn forget_idle_sources(&mut self, now: Instant) {
        if now.saturating_duration_since(self.forgotten_at) >= FORGET_EVERY {
            self.forgotten_at = now;
            self.sources.retain(|_, purses| !purses.are_full(now));
        }
    }
}

const FORGET_EVERY: Duration = Duration::from_secs(1);

/// Guesses of all sources together.
const EVERYONE: PurseSize = PurseSize {
    coins: 256,
    refill: Duration::from_millis(62),
};

/// Sources watched at a time, about 100 bytes each.
const MAX_SOURCES: usize = 4_096;

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::{
        source::{FREE, GUESSES},
        *,
    };

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
    fn at_the_limit_of_a_gated_door_the_oldest_attempt_makes_room() {
        let now = Instant::now();
        let mut door = Doorkeeper::new(Door::Gated, 2, now);
        let tickets: Vec<_> = (0..3)
            .map(|_| ticket(door.judge(ip("10.0.0.1"), false, now)))
            .collect();
        assert_eq!(door.half_open(), 2);
        door.failed(&tickets[0]);
        door.failed(&tickets[1]);
        assert_eq!(door.half_open(), 1);
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
            door.failed(&guess);
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
        door.succeeded(&admitted, now);
        for _ in 0..GUESSES.coins {
            let guess = ticket(door.judge(neighbour, true, now));
            door.failed(&guess);
        }
        assert!(matches!(door.judge(neighbour, true, now), Verdict::Ignore));
        assert!(matches!(door.judge(member, true, now), Verdict::Admit(_)));
    }

    #[test]
    fn a_flood_of_sources_takes_bounded_memory() {
        let now = Instant::now();
        let mut door = Doorkeeper::new(Door::Open, usize::MAX, now);
        for source in 0..20_000_u32 {
            let _ = door.judge(Ipv4Addr::from_bits(source << 8).into(), false, now);
        }
        assert!(door.sources.len() <= MAX_SOURCES);
    }
}
