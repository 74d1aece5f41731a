//! Which places are probed when.
//!
//! A round probes each place seven times in three seconds, soon at first: what is not through by then
//! will not be. A ping from a place that is not known yet is a place too, because the peer's address
//! translator may have made it up on the spot (RFC 8445 section 7.3.1.3 calls it peer-reflexive). Such
//! a place is taken along into the next round: the peer's round may have begun a moment before ours,
//! and who was answered does not ask again.
//!
//! Bounds, whatever the peer says: [`MAX_PLACES`] places a round, seven pings each, one pong a ping,
//! and all of them together no more than [`BUDGET`] in a round.
//!
//! Pure: time and randomness come in as arguments.

use std::{
    collections::HashMap,
    net::SocketAddr,
    time::{Duration, Instant},
};

use super::message::{Message, Sender};
use crate::transport::link::Spot;

/// The probing of one session.
#[derive(Debug, Default)]
pub(crate) struct Prober {
    places: Vec<Place>,
    pings: HashMap<u64, (Spot, Instant)>,
    budget: u32,
    sender: Sender,
}

#[derive(Debug)]
struct Place {
    at: Spot,
    tries: usize,
    next: Instant,
    is_answered: bool,
    /// The peer has asked from there since the round began.
    is_heard: bool,
}

/// A way that was found: the peer answered there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Found {
    /// Where the peer is.
    pub(crate) at: Spot,
    /// Where the peer sees us.
    pub(crate) seen_from: SocketAddr,
    pub(crate) round_trip: Duration,
}

/// What becomes of a probe that arrived.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reaction {
    /// To be answered.
    Answer(Message),
    /// A way, not known before.
    Found(Found),
    /// Nothing.
    None,
}

impl Prober {
    /// Begins a round; what is left of the one before is given up, but where the peer was heard in it.
    pub(crate) fn begin(
        &mut self,
        now: Instant,
        sender: Sender,
        places: impl IntoIterator<Item = SocketAddr>,
    ) {
        self.sender = sender;
        self.places.retain(|place| place.is_heard);
        for place in &mut self.places {
            *place = Place::new(now, place.at);
        }
        let kept = &self.places;
        let is_kept = |at: Spot| kept.iter().any(|place| place.at == at);
        self.pings.retain(|_, (at, _)| is_kept(*at));
        self.budget = BUDGET;
        for address in places {
            self.add(now, Spot::first(address));
        }
    }

    fn add(&mut self, now: Instant, at: Spot) {
        let is_known = self.places.iter().any(|place| place.at == at);
        if is_known || self.places.len() >= MAX_PLACES || is_senseless(at.remote) {
            return;
        }
        self.places.push(Place::new(now, at));
    }

    /// The peer asks from there.
    fn hear(&mut self, now: Instant, at: Spot) {
        self.add(now, at);
        if let Some(place) = self.places.iter_mut().find(|place| place.at == at) {
            place.is_heard = true;
        }
    }

    /// When [`next`](Self::next) has something again; `None` when the round is over.
    pub(crate) fn next_at(&self) -> Option<Instant> {
        if self.budget == 0 {
            return None;
        }
        let waiting = self.places.iter().filter(|place| place.is_waiting());
        waiting.map(|place| place.next).min()
    }

    /// The next ping that is due. `id` is random, or others could guess it.
    pub(crate) fn next(&mut self, now: Instant, id: u64) -> Option<(Spot, Message)> {
        if self.budget == 0 {
            return None;
        }
        let due = |place: &Place| place.is_waiting() && place.next <= now;
        let place = self.places.iter_mut().find(|place| due(place))?;
        place.next = now + PAUSES.get(place.tries).copied()?;
        place.tries += 1;
        self.budget -= 1;
        let at = place.at;
        Some((at, self.ping(now, id, at)))
    }

    /// A ping to a place that was only guessed, beside those of the round.
    pub(crate) fn ping(&mut self, now: Instant, id: u64, at: Spot) -> Message {
        self.pings.insert(id, (at, now));
        let sender = self.sender;
        Message::Ping { id, sender }
    }

    /// Takes an authentic probe.
    pub(crate) fn received(&mut self, now: Instant, from: Spot, message: Message) -> Reaction {
        match message {
            Message::Ping { id, .. } => {
                if self.budget == 0 {
                    return Reaction::None;
                }
                self.budget -= 1;
                self.hear(now, from);
                let from = from.remote;
                Reaction::Answer(Message::Pong { id, from })
            }
            Message::Pong {
                id,
                from: seen_from,
            } => self.answered(now, from, id, seen_from),
        }
    }

    /// Only an answer from where the question went proves the way.
    fn answered(&mut self, now: Instant, from: Spot, id: u64, seen_from: SocketAddr) -> Reaction {
        let Some((at, asked_at)) = self.pings.remove(&id) else {
            return Reaction::None;
        };
        if at != from {
            return Reaction::None;
        }
        self.add(now, at);
        match self.places.iter_mut().find(|place| place.at == at) {
            Some(place) if !place.is_answered => {
                place.is_answered = true;
                Reaction::Found(Found {
                    at,
                    seen_from,
                    round_trip: now.saturating_duration_since(asked_at),
                })
            }
            _ => Reaction::None,
        }
    }

    /// Lets a peer that was told nothing new be answered: it may probe on its own.
    pub(crate) fn refill(&mut self) {
        self.budget = self.budget.max(BUDGET / 4);
    }
}

impl Place {
    fn new(now: Instant, at: Spot) -> Self {
        Self {
            at,
            tries: 0,
            next: now,
            is_answered: false,
            is_heard: false,
        }
    }

    fn is_waiting(&self) -> bool {
        !self.is_answered && self.tries < PAUSES.len()
    }
}

/// Nothing there can be a member.
fn is_senseless(address: SocketAddr) -> bool {
    address.port() == 0 || address.ip().is_unspecified() || address.ip().is_multicast()
}

/// After each try.
const PAUSES: [Duration; 7] = [
    Duration::from_millis(50),
    Duration::from_millis(100),
    Duration::from_millis(200),
    Duration::from_millis(400),
    Duration::from_millis(800),
    Duration::from_millis(1_600),
    Duration::ZERO,
];

const MAX_PLACES: usize = 48;

/// Probes of both kinds that are sent in a round: 32 KB.
const BUDGET: u32 = 512;

#[cfg(test)]
mod tests {
    use super::*;

    fn place(port: u16) -> SocketAddr {
        ([192, 0, 2, 1], port).into()
    }

    fn spot(port: u16) -> Spot {
        Spot::first(place(port))
    }

    fn ping(id: u64) -> Message {
        let sender = Sender::Stayed;
        Message::Ping { id, sender }
    }

    /// All pings of a round that nobody answers, with their times.
    fn run(prober: &mut Prober, start: Instant) -> Vec<(Duration, SocketAddr)> {
        let (mut now, mut id, mut sent) = (start, 0, Vec::new());
        while let Some(at) = prober.next_at() {
            now = now.max(at);
            while let Some((to, _)) = prober.next(now, id) {
                sent.push((now - start, to.remote));
                id += 1;
            }
        }
        sent
    }

    #[test]
    fn a_round_probes_each_place_seven_times_and_ends() {
        let (mut prober, start) = (Prober::default(), Instant::now());
        prober.begin(start, Sender::Stayed, [place(1), place(2), place(1)]);
        let sent = run(&mut prober, start);
        assert_eq!(sent.len(), 14);
        assert!(sent.iter().all(|(at, _)| *at <= Duration::from_secs(4)));
    }

    #[test]
    fn an_answer_from_where_it_was_asked_is_a_way_and_no_other_is() {
        let (mut prober, start) = (Prober::default(), Instant::now());
        prober.begin(start, Sender::Stayed, [place(1)]);
        assert_eq!(prober.next(start, 77), Some((spot(1), ping(77))));
        let later = start + Duration::from_millis(30);
        let pong = |id| Message::Pong { id, from: place(9) };
        assert_eq!(prober.received(later, spot(1), pong(78)), Reaction::None);
        let way = Found {
            at: spot(1),
            seen_from: place(9),
            round_trip: Duration::from_millis(30),
        };
        assert_eq!(
            prober.received(later, spot(1), pong(77)),
            Reaction::Found(way)
        );
        assert_eq!(prober.received(later, spot(1), pong(77)), Reaction::None);
        assert_eq!(prober.next_at(), None, "nothing more is asked there");
    }

    #[test]
    fn an_answer_from_elsewhere_proves_nothing() {
        let (mut prober, start) = (Prober::default(), Instant::now());
        prober.begin(start, Sender::Stayed, [place(1)]);
        prober.next(start, 77);
        let pong = Message::Pong {
            id: 77,
            from: place(9),
        };
        assert_eq!(prober.received(start, spot(2), pong), Reaction::None);
    }

    #[test]
    fn who_asks_from_an_unknown_place_is_answered_and_asked_back() {
        let (mut prober, start) = (Prober::default(), Instant::now());
        prober.begin(start, Sender::Stayed, []);
        let answer = Message::Pong {
            id: 5,
            from: place(3),
        };
        let reaction = prober.received(start, spot(3), ping(5));
        assert_eq!(reaction, Reaction::Answer(answer));
        assert_eq!(prober.next(start, 6), Some((spot(3), ping(6))));
    }

    #[test]
    fn who_asked_before_a_round_began_is_asked_in_it_and_in_no_later_one() {
        let (mut prober, start) = (Prober::default(), Instant::now());
        prober.refill();
        prober.received(start, spot(3), ping(5));
        assert_eq!(prober.next(start, 6), Some((spot(3), ping(6))));
        prober.begin(start, Sender::Stayed, [place(1)]);
        let mut asked: Vec<_> = run(&mut prober, start)
            .into_iter()
            .map(|ping| ping.1)
            .collect();
        asked.sort();
        assert_eq!(asked, [[place(1); 7], [place(3); 7]].concat());
        prober.begin(start, Sender::Stayed, []);
        assert_eq!(prober.next_at(), None);
    }

    #[test]
    fn an_answer_to_a_question_from_before_the_round_is_a_way() {
        let (mut prober, start) = (Prober::default(), Instant::now());
        prober.refill();
        prober.received(start, spot(3), ping(5));
        prober.next(start, 6);
        prober.begin(start, Sender::Stayed, [place(1)]);
        let pong = Message::Pong {
            id: 6,
            from: place(9),
        };
        let reaction = prober.received(start, spot(3), pong);
        assert!(matches!(reaction, Reaction::Found(found) if found.at == spot(3)));
    }

    #[test]
    fn a_peer_that_asks_without_end_gets_what_a_round_allows_and_no_more() {
        let (mut prober, start) = (Prober::default(), Instant::now());
        prober.begin(start, Sender::Stayed, []);
        let mut sent = 0;
        for id in 0..10_000_u64 {
            let from = place(u16::try_from(id % 60_000 + 1).unwrap());
            let reaction = prober.received(start, Spot::first(from), ping(id));
            sent += usize::from(reaction != Reaction::None);
        }
        sent += run(&mut prober, start).len();
        assert_eq!(sent, BUDGET as usize);
        assert!(prober.places.len() <= MAX_PLACES);
    }

    #[test]
    fn places_where_nobody_can_be_are_not_probed() {
        let (mut prober, start) = (Prober::default(), Instant::now());
        prober.begin(
            start,
            Sender::Stayed,
            ["0.0.0.0:1", "224.0.0.1:1", "192.0.2.1:0"].map(|a| a.parse().unwrap()),
        );
        assert_eq!(prober.next_at(), None);
    }
}
