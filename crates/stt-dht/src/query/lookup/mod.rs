//! The way to a key: whom to ask next, and when it is known who is closest.
//!
//! ```text
//! closest first:   A  A  A  A  v  A  v  v  .  .  |  .  .  .
//!                  answered    |                 width: k, or all of the region if those are more
//!                              vouched for by three who answered: not asked,
//!                              as long as no two of those asked fail
//! ```
//!
//! | invariant | what holds                                                      | proof |
//! |-----------|-----------------------------------------------------------------|-------|
//! | T5        | it ends, whatever is told: within a number of requests          | `lookup_ends_whatever_it_is_told` |
//! | T6        | nobody is asked twice                                           | `lookup_ends_whatever_it_is_told` |
//! | T7        | paths share nobody who is asked                                 | `paths_share_nobody_who_is_asked` |
//!
//! spec: DHT-31 to DHT-36.

use stt_wire::Contact;

use super::candidate::{Candidate, State};
use crate::Key;
use crate::config::Config;

/// One lookup.
#[derive(Debug, Clone)]
pub(crate) struct Lookup {
    pub(crate) target: Key,
    shape: Shape,
    /// Closest first.
    candidates: Vec<Candidate>,
    /// Members that told of others, and how many of those failed.
    tellers: Vec<(Key, u8)>,
    failures: usize,
    pub(crate) requests: usize,
    pub(crate) dials: usize,
    next_path: u8,
}

/// How a lookup goes about it.
#[derive(Debug, Clone)]
pub(crate) struct Shape {
    pub(crate) k: usize,
    pub(crate) alpha: usize,
    pub(crate) cold_alpha: usize,
    pub(crate) paths: u8,
    /// The part of the space around the target whose members are all wanted.
    pub(crate) region: f64,
    /// Of the closest, so many must answer themselves; the others may be vouched for.
    pub(crate) must_answer: usize,
    pub(crate) most_requests: usize,
    /// Whether who tells of members that do not answer loses its word.
    pub(crate) blames: bool,
}

/// Who is to be asked next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Next {
    pub(crate) contact: Contact,
    pub(crate) key: Key,
    pub(crate) is_cold: bool,
}

/// Members that vouch for another, so that it need not be asked.
const VOUCHERS: u8 = 3;
/// Failures among those it told of at which a member loses its word.
const BLAMED: u8 = 4;
/// Most candidates kept, as times `k`.
const KEPT: usize = 3;
/// The most in any case.
const MOST_KEPT: usize = 160;

impl Shape {
    pub(crate) fn new(config: &Config, is_background: bool) -> Self {
        let alpha = if is_background {
            config.background_alpha
        } else {
            config.alpha
        };
        Self {
            k: config.k,
            alpha,
            cold_alpha: config.cold_alpha.min(alpha),
            paths: 1,
            region: 0.0,
            must_answer: if is_background {
                config.k
            } else {
                config.k * 2 / 5
            },
            most_requests: config.query_requests,
            blames: config.defences.has(crate::Defence::Blame),
        }
    }
}

impl Lookup {
    pub(crate) fn new(target: Key, shape: Shape) -> Self {
        let candidates = Vec::with_capacity(shape.k * KEPT + 1);
        Self {
            target,
            shape,
            candidates,
            tellers: Vec::new(),
            failures: 0,
            requests: 0,
            dials: 0,
            next_path: 0,
        }
    }

    /// Begins with members that are known. With several paths each gets its share of them.
    pub(crate) fn begin(&mut self, known: impl Iterator<Item = (Contact, Key)>) {
        let mut known: Vec<_> = known.collect();
        known.sort_by_key(|(_, key)| self.target.distance(key));
        for (place, (contact, key)) in known.into_iter().enumerate() {
            let path = (place % usize::from(self.shape.paths)) as u8;
            self.learn(contact, key, 1 << path, None);
        }
    }

    fn learn(&mut self, contact: Contact, key: Key, paths: u8, teller: Option<u16>) {
        let distance = self.target.distance(&key);
        match self
            .candidates
            .binary_search_by(|known| known.distance.cmp(&distance))
        {
            Ok(place) => {
                let known = &mut self.candidates[place];
                known.vouchers = known.vouchers.saturating_add(1);
                known.paths |= paths;
            }
            Err(place) if place < self.most_kept() => {
                self.candidates.insert(
                    place,
                    Candidate {
                        contact,
                        key,
                        distance,
                        state: State::Heard,
                        vouchers: 1,
                        teller,
                        paths,
                        asked_on: None,
                        is_empty_handed: false,
                    },
                );
                self.make_room();
            }
            Err(_) => {}
        }
    }

    fn most_kept(&self) -> usize {
        let wide = self.shape.region > 0.0 || self.shape.paths > 1;
        if wide { MOST_KEPT } else { self.shape.k * KEPT }
    }

    /// Forgets one that was not asked, if there are too many.
    fn make_room(&mut self) {
        if self.candidates.len() <= self.most_kept() {
            return;
        }
        let is_search = self.shape.region > 0.0 && self.shape.paths == 1;
        let crowd = is_search.then(|| self.largest_crowd()).flatten();
        let is_idle = |candidate: &Candidate| match crowd {
            Some(teller) => candidate.is_word_of(teller),
            None => matches!(candidate.state, State::Heard | State::Failed),
        };
        if let Some(place) = self.candidates.iter().rposition(is_idle) {
            self.candidates.remove(place);
        }
    }

    /// Who told of most members that were not asked and that nobody else has told of. Members that are made up
    /// are closer to the target than any that are there: they make room for those, not those for them.
    fn largest_crowd(&self) -> Option<u16> {
        let mut crowds = vec![0_u8; self.tellers.len()];
        for candidate in &self.candidates {
            let teller = candidate
                .teller
                .filter(|teller| candidate.is_word_of(*teller));
            if let Some(crowd) = teller.and_then(|teller| crowds.get_mut(usize::from(teller))) {
                *crowd = crowd.saturating_add(1);
            }
        }
        let crowds = (0..).zip(crowds).filter(|(_, count)| *count > 0);
        crowds
            .max_by_key(|(_, count)| *count)
            .map(|(teller, _)| teller)
    }

    /// Whom to ask now, if anyone. `random` decides between those of the region.
    pub(crate) fn next(&mut self, is_warm: impl Fn(&Contact) -> bool, random: u64) -> Option<Next> {
        if self.requests >= self.shape.most_requests {
            return None;
        }
        for step in 0..self.shape.paths {
            let path = (self.next_path + step) % self.shape.paths;
            if let Some(place) = self.choose(path, &is_warm, random) {
                self.next_path = (path + 1) % self.shape.paths;
                let candidate = &mut self.candidates[place];
                let is_cold = !is_warm(&candidate.contact);
                candidate.state = State::Asked { is_cold };
                candidate.asked_on = Some(path);
                self.requests += 1;
                self.dials += usize::from(is_cold);
                let (contact, key) = (candidate.contact, candidate.key);
                return Some(Next {
                    contact,
                    key,
                    is_cold,
                });
            }
        }
        None
    }

    fn choose(&self, path: u8, is_warm: impl Fn(&Contact) -> bool, random: u64) -> Option<usize> {
        let (mut open, mut open_cold) = (0, 0);
        for candidate in &self.candidates {
            if let State::Asked { is_cold } = candidate.state {
                open += usize::from(candidate.asked_on == Some(path));
                open_cold += usize::from(is_cold);
            }
        }
        let share = self.shape.alpha.div_ceil(usize::from(self.shape.paths));
        if open >= share {
            return None;
        }
        let wanted: Vec<usize> = self.wanted(path).take(share.max(self.shape.k)).collect();
        let (first, rest) = self.in_order(&wanted, random)?;
        let warm = std::iter::once(first)
            .chain(rest.iter().copied())
            .take(share);
        let mut warm = warm.filter(|place| is_warm(&self.candidates[*place].contact));
        let may_dial = open_cold < self.shape.cold_alpha || self.is_doubtful();
        warm.next().or_else(|| may_dial.then_some(first))
    }

    /// The closest first; but among those of the region anyone, so that identities ground around
    /// the key are not all asked before the first honest member.
    fn in_order<'a>(&self, wanted: &'a [usize], random: u64) -> Option<(usize, &'a [usize])> {
        let (first, rest) = wanted.split_first()?;
        let is_inside = |place: &&usize| self.is_inside(&self.candidates[**place]);
        let inside = wanted.iter().take_while(is_inside).count() as u64;
        if inside < 2 {
            return Some((*first, rest));
        }
        let chosen = wanted.get((random % inside) as usize)?;
        Some((*chosen, &[]))
    }

    fn is_inside(&self, candidate: &Candidate) -> bool {
        candidate.distance.fraction() <= self.shape.region
    }

    /// Those that still have to be asked on a path, closest first.
    fn wanted(&self, path: u8) -> impl Iterator<Item = usize> + '_ {
        let width = self.share();
        let on_path = self
            .candidates
            .iter()
            .enumerate()
            .filter(move |(_, candidate)| {
                candidate.is_on(path) && !matches!(candidate.state, State::Failed | State::Slow)
            });
        on_path
            .take(width)
            .enumerate()
            .filter(|(rank, (_, candidate))| {
                candidate.state == State::Heard && self.must_answer(*rank, candidate)
            })
            .map(|(_, (place, _))| place)
    }

    fn must_answer(&self, rank: usize, candidate: &Candidate) -> bool {
        rank < self.shape.must_answer || candidate.vouchers < VOUCHERS || self.is_doubtful()
    }

    /// Whether so many failed that nobody's word is taken for another. One may be a lost packet.
    fn is_doubtful(&self) -> bool {
        let slow = self
            .candidates
            .iter()
            .filter(|candidate| candidate.state == State::Slow);
        self.failures > 1 || self.failures + slow.take(3).count() > 2
    }

    /// How many of its closest each path has to ask.
    fn share(&self) -> usize {
        self.width().div_ceil(usize::from(self.shape.paths))
    }

    /// How many of the closest are wanted.
    fn width(&self) -> usize {
        let inside = self
            .candidates
            .iter()
            .take_while(|candidate| self.is_inside(candidate));
        inside
            .filter(|candidate| !candidate.is_failed())
            .count()
            .max(self.shape.k)
    }

    /// Whether it is known who is closest.
    pub(crate) fn is_settled(&self) -> bool {
        let width = self.share();
        (0..self.shape.paths).all(|path| {
            let alive = self
                .candidates
                .iter()
                .filter(|candidate| !candidate.is_failed());
            let mut closest = alive
                .filter(|candidate| candidate.is_on(path))
                .take(width)
                .enumerate();
            closest.all(|(rank, candidate)| {
                candidate.state == State::Answered || !self.must_answer(rank, candidate)
            })
        })
    }

    /// Whether anybody is waited for.
    pub(crate) fn is_waiting(&self) -> bool {
        self.candidates.iter().any(Candidate::is_open)
    }

    /// A member has answered, and told of others.
    pub(crate) fn answered(&mut self, key: &Key, told: impl Iterator<Item = (Contact, Key)>) {
        let Some(candidate) = self.find(key) else {
            return;
        };
        let was_failed = candidate.is_failed();
        // What comes by a path stays on it.
        let paths = candidate.asked_on.map_or(1, |path| 1 << path);
        candidate.state = State::Answered;
        self.failures -= usize::from(was_failed);
        let teller = self.tellers.len() as u16;
        self.tellers.push((*key, 0));
        for (contact, key) in told {
            self.learn(contact, key, paths, Some(teller));
        }
    }

    /// A member had none of the records that are looked for.
    pub(crate) fn empty_handed(&mut self, key: &Key) {
        if let Some(candidate) = self.find(key) {
            candidate.is_empty_handed = true;
        }
    }

    /// A member takes longer than nearly all others: somebody else may be asked meanwhile.
    pub(crate) fn slow(&mut self, key: &Key) {
        if let Some(candidate) = self.find(key).filter(|candidate| candidate.is_open()) {
            candidate.state = State::Slow;
        }
    }

    /// A member did not answer, or answered with lies.
    pub(crate) fn failed(&mut self, key: &Key) {
        let Some(candidate) = self.find(key).filter(|candidate| !candidate.is_failed()) else {
            return;
        };
        candidate.state = State::Failed;
        let teller = candidate.teller.filter(|_| candidate.vouchers == 1);
        self.failures += 1;
        if let Some(teller) = teller.filter(|_| self.shape.blames) {
            self.blame(teller);
        }
    }

    /// Somebody told of a member that is not there. Who does so often is not listened to.
    fn blame(&mut self, teller: u16) {
        let Some((key, count)) = self.tellers.get_mut(usize::from(teller)) else {
            return;
        };
        *count = count.saturating_add(1);
        if *count != BLAMED {
            return;
        }
        let key = *key;
        self.candidates
            .retain(|candidate| !candidate.is_word_of(teller));
        if let Some(liar) = self.find(&key) {
            liar.state = State::Failed;
        }
    }

    fn find(&mut self, key: &Key) -> Option<&mut Candidate> {
        let distance = self.target.distance(key);
        let place = self
            .candidates
            .binary_search_by(|known| known.distance.cmp(&distance));
        self.candidates.get_mut(place.ok()?)
    }

    /// The closest that answered or were vouched for: `k` of them, or all of the region.
    pub(crate) fn closest(&self) -> impl Iterator<Item = &Candidate> {
        let alive = self
            .candidates
            .iter()
            .filter(|candidate| !candidate.is_failed());
        alive.take(self.width()).filter(|candidate| {
            candidate.state == State::Answered || candidate.vouchers >= VOUCHERS
        })
    }

    /// All that answered, closest first.
    pub(crate) fn who_answered(&self) -> impl Iterator<Item = &Candidate> {
        self.candidates
            .iter()
            .filter(|candidate| candidate.state == State::Answered)
    }

    /// The closest outside the region, but for `k`, that had none of the records.
    pub(crate) fn next_on_the_way(&self) -> Option<&Candidate> {
        let outside = self.candidates.iter().skip(self.width());
        let mut answered = outside.filter(|candidate| candidate.state == State::Answered);
        answered.find(|candidate| candidate.is_empty_handed)
    }

    pub(crate) const fn failures(&self) -> usize {
        self.failures
    }
}

#[cfg(test)]
mod tests;
