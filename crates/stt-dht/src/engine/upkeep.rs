//! Keeps the table fresh at a steady, small cost. spec: DHT-16, DHT-18, DHT-19.
//!
//! ```text
//! each tick:     the members not heard of for longest are asked whether they are there
//!                who owes nothing for what it has asked is forgotten
//! each minute:   what has ended is dropped
//! 15 minutes:    a lookup for our own key: our neighbours
//! 20 minutes:    a lookup for a key by chance: how many members there are
//! a bucket with room: a member of it is asked whom it knows there, now and then
//! each minute:   one of those who were dropped is asked whom it knows around us
//! ```
//!
//! A member is asked at least once an hour, and more often where members come and go: every fifth
//! of the time that they stay, down to a minute. Neighbours are looked for in the same way. When many
//! vanish at once, all are asked within a minute: what was seen of members' stays in quiet hours is
//! no guide then. Who is cut off itself judges nobody.

use std::collections::VecDeque;
use std::time::Duration;

use stc::Entropy;
use stt_wire::{Ask, Contact};

use super::answers::Errand;
use super::commands::Haste;
use super::{Engine, draw, draw_u64};
use crate::query::{Goal, Lookup};
use crate::table::{Entry, Table};
use crate::{Key, Keyring, Moment, Now};

/// When what is due, and what has been seen of others' comings and goings.
#[derive(Debug, Clone)]
pub(super) struct Upkeep {
    next: Moment,
    next_self: Moment,
    next_refresh: Moment,
    next_survey: Moment,
    next_sweep: Moment,
    last_tick: Moment,
    /// Member-seconds that were watched, and members that went meanwhile; both fade.
    watched: f64,
    left: f64,
    /// The part of the last members checked that did not answer; it fades with each.
    silent: f32,
    /// Members that have asked us and may have a place in the table, if they can be dialled.
    met: VecDeque<(Contact, Key)>,
    /// Members that others told of, for whom there is room.
    heard: VecDeque<(Contact, Key)>,
    first_checks: usize,
    /// Members that were dropped, the latest last.
    lost: VecDeque<(Contact, Key)>,
    next_lost: Moment,
}

const SELF_LOOKUP: Duration = Duration::from_secs(15 * 60);
const SURVEY: Duration = Duration::from_secs(20 * 60);
const SWEEP: Duration = Duration::from_secs(60);
/// Members checked in one tick.
const AT_ONCE: usize = 6;
const LONGEST_TICK: Duration = Duration::from_secs(60);
/// How long a member that was asked is not asked again: until its answer no longer counts.
const AGAIN: Duration = Duration::from_secs(6);
/// When nobody has answered for so long, we may be cut off.
const ALONE: Duration = Duration::from_secs(10);
/// How soon whoever asks us is dialled, if there is room for it.
const SOON: Duration = Duration::from_millis(200);
const SHORTEST_TICK: Duration = Duration::from_secs(1);
/// What is taken for the mean stay before anything was seen, in seconds.
const FIRST_GUESS: f64 = 1_800.0;
/// Members waiting to be dialled for the first time.
const WAITING: usize = 32;
/// Members remembered after they were dropped, and how often one of them is asked.
const LOST: usize = 32;
const SEEK_LOST: Duration = Duration::from_secs(60);
/// First dials at once.
const FIRST_CHECKS: usize = 4;

/// What came of a check.
#[derive(Debug, Clone, Copy)]
pub(super) enum Check {
    Answered,
    Silent,
}

/// Whether all members in doubt were asked, or as many as may be at once.
enum InDoubt {
    AllAsked,
    SomeLeft,
}

impl Upkeep {
    pub(super) fn new(now: Moment) -> Self {
        Self {
            next: now,
            next_self: now + SWEEP,
            next_refresh: now + SHORTEST_TICK,
            next_survey: now + SHORTEST_TICK,
            next_sweep: now + SWEEP,
            last_tick: now,
            watched: FIRST_GUESS,
            left: 1.0,
            silent: 0.0,
            met: VecDeque::new(),
            heard: VecDeque::new(),
            first_checks: 0,
            lost: VecDeque::new(),
            next_lost: now,
        }
    }

    pub(super) const fn next(&self) -> Moment {
        self.next
    }

    /// How long members stay, on average.
    pub(super) fn mean_stay(&self) -> Duration {
        Duration::from_secs_f64((self.watched / self.left).clamp(30.0, 30.0 * 86_400.0))
    }

    /// A member that was thought to be well was asked whether it is there.
    pub(super) fn was_checked(&mut self, outcome: Check) {
        let silent = match outcome {
            Check::Silent => 1.0,
            Check::Answered => 0.0,
        };
        self.silent += (silent - self.silent) / 8.0;
    }

    /// Whether so many have gone of late that all should be asked: where members come and go as ever, few
    /// of those who are due are gone.
    fn is_alarmed(&self) -> bool {
        self.silent > 0.4
    }

    fn watch(&mut self, now: Moment, members: usize) {
        let seconds = now.since(self.last_tick).as_secs_f64();
        self.last_tick = now;
        self.watched += seconds * members as f64;
        // Half of what was seen is forgotten in about half an hour.
        let kept = (-seconds / 2_600.0).exp();
        self.watched *= kept;
        self.left = (self.left * kept).max(0.05);
    }

    pub(super) fn met(&mut self, now: Moment, contact: Contact, key: Key) {
        remember(&mut self.met, contact, key);
        self.next = self.next.min(now + SOON);
    }

    /// Something is to be done then, or sooner.
    pub(super) fn due(&mut self, at: Moment) {
        self.next = self.next.min(at);
    }

    pub(super) fn heard_of(&mut self, contact: Contact, key: Key) {
        remember(&mut self.heard, contact, key);
    }

    pub(super) fn first_check_ended(&mut self) {
        self.first_checks = self.first_checks.saturating_sub(1);
    }
}

/// Whether a member is one of our neighbours, or one of the oldest of its bucket.
pub(super) fn wants(table: &Table, k: usize, key: &Key) -> bool {
    table
        .age_rank(key)
        .is_some_and(|rank| rank < 2 || table.is_near(key, k))
}

fn remember(queue: &mut VecDeque<(Contact, Key)>, contact: Contact, key: Key) {
    if queue.len() < WAITING && queue.iter().all(|(_, known)| *known != key) {
        queue.push_back((contact, key));
    }
}

impl<K: Keyring> Engine<K> {
    /// Does what is due.
    pub(super) fn keep_up(&mut self, now: Now, entropy: &mut dyn Entropy) {
        if now.moment < self.upkeep.next {
            return;
        }
        self.upkeep.watch(now.moment, self.table.len());
        self.requests.sweep(now.moment);
        self.puts.sweep(now.moment);
        self.check_newcomers(now);
        let are_left = self.check_stalest(now);
        if now.moment >= self.upkeep.next_sweep {
            self.upkeep.next_sweep = now.moment + SWEEP;
            self.store.expire(now.moment);
            self.keep_standing(now, entropy);
        }
        if now.moment >= self.upkeep.next_self {
            self.upkeep.next_self = now.moment + jitter(self.neighbour_interval(), entropy);
            self.look_around(now, self.own, Goal::Upkeep, entropy);
        }
        if now.moment >= self.upkeep.next_survey && self.table.len() >= self.config.k {
            let pause = if self.size.is_known() {
                SURVEY
            } else {
                SWEEP / 2
            };
            self.upkeep.next_survey = now.moment + jitter(pause, entropy);
            self.look_around(now, Key::from_bytes(draw(entropy)), Goal::Survey, entropy);
        }
        if now.moment >= self.upkeep.next_refresh {
            self.refresh_thinnest(now, entropy);
        }
        self.seek_lost(now, entropy);
        self.republish(now, entropy);
        let tick = self.check_interval() * AT_ONCE as u32 / (self.table.len().max(1) as u32);
        let tick = match are_left {
            InDoubt::SomeLeft => SHORTEST_TICK,
            InDoubt::AllAsked => tick.clamp(SHORTEST_TICK, LONGEST_TICK),
        };
        self.upkeep.next = now.moment + jitter(tick, entropy);
    }

    /// A fifth of how long members stay; as short as can be when many vanish.
    fn check_interval(&self) -> Duration {
        if self.upkeep.is_alarmed() {
            return SWEEP;
        }
        let stay = self.upkeep.mean_stay() / 5;
        stay.clamp(SWEEP, self.config.longest_check)
    }

    fn neighbour_interval(&self) -> Duration {
        if self.upkeep.is_alarmed() {
            return SWEEP;
        }
        (self.upkeep.mean_stay() / 6).clamp(SWEEP, SELF_LOOKUP)
    }

    fn check_newcomers(&mut self, now: Now) {
        while self.upkeep.first_checks < FIRST_CHECKS {
            let Some((contact, key)) = self.upkeep.met.pop_front() else {
                break;
            };
            if self.table.has_room(&key) && self.table.known(&key).is_none() {
                self.upkeep.first_checks += 1;
                self.check(now, contact, key, Errand::FirstCheck);
            }
        }
        let count = self.upkeep.heard.len().min(AT_ONCE);
        let heard: Vec<_> = self.upkeep.heard.drain(..count).collect();
        for (contact, key) in heard {
            if self.table.has_room(&key) && self.table.known(&key).is_none() {
                self.check(now, contact, key, Errand::Check);
            }
        }
    }

    /// Whether nobody answers us: then it may be we who are cut off.
    pub(super) fn is_alone(&self, at: Moment) -> bool {
        self.heard + ALONE < at
    }

    /// Asks those who were not heard of for longest; before them those in doubt, all of them soon: when
    /// many vanish at once, nobody waits for its turn. Where nobody has answered for long, another is
    /// asked beside them: if it answers, who is silent has gone.
    fn check_stalest(&mut self, now: Now) -> InDoubt {
        let (due, again) = (now.moment - self.check_interval(), now.moment - AGAIN);
        let is_alone = self.is_alone(now.moment);
        let last = |entry: &Entry| entry.seen.max(entry.checked);
        let is_due = |entry: &&mut Entry| {
            let is_in_doubt = !entry.is_well() && entry.checked <= again;
            is_in_doubt || last(entry) <= due
        };
        let mut due: Vec<_> = self.table.entries_mut().filter(is_due).collect();
        due.sort_by_key(|entry| (entry.is_well(), last(entry)));
        let are_left = match due.get(AT_ONCE) {
            Some(next) if !next.is_well() => InDoubt::SomeLeft,
            _ => InDoubt::AllAsked,
        };
        due.truncate(AT_ONCE);
        let are_all_in_doubt = due.iter().all(|entry| !entry.is_well());
        let mut chosen = Vec::with_capacity(due.len() + 1);
        for entry in due {
            entry.checked = now.moment;
            chosen.push((entry.contact, entry.key));
        }
        if are_all_in_doubt && !chosen.is_empty() && is_alone {
            let others = self.table.entries_mut().filter(|entry| entry.is_well());
            if let Some(witness) = others.min_by_key(|entry| last(entry)) {
                witness.checked = now.moment;
                chosen.push((witness.contact, witness.key));
            }
        }
        for (contact, key) in chosen {
            self.check(now, contact, key, Errand::Check);
        }
        are_left
    }

    /// A member of the table has gone. If it was one of our neighbours, there are others to be found.
    pub(super) fn member_left(&mut self, now: Now, contact: Contact, key: Key) {
        self.upkeep.left += 1.0;
        if self.table.is_near(&key, self.config.k) {
            let soon = now.moment + self.neighbour_interval();
            self.upkeep.next_self = self.upkeep.next_self.min(soon);
        }
        if self.upkeep.lost.len() == LOST {
            self.upkeep.lost.pop_front();
        }
        self.upkeep.lost.push_back((contact, key));
    }

    /// Asks one of those who were dropped whom it knows around us. Parts of a group that were cut off from
    /// each other, and have dropped each other, find together again by the first that answers.
    fn seek_lost(&mut self, now: Now, entropy: &mut dyn Entropy) {
        if now.moment < self.upkeep.next_lost {
            return;
        }
        self.upkeep.next_lost = now.moment + jitter(SEEK_LOST, entropy);
        let Some((to, key)) = self.upkeep.lost.pop_front() else {
            return;
        };
        if self.table.known(&key).is_none() {
            self.upkeep.lost.push_back((to, key));
            let target = *self.own.as_bytes();
            let next = self.whom(to, key);
            self.send(now, next, Ask::FindNode { target }, Errand::LookAround);
        }
    }

    /// Looks for members in the farthest bucket that has room, or anywhere if none has: those who are
    /// there know most of the others, so one is asked. Who knows hardly anybody asks on and on.
    fn refresh_thinnest(&mut self, now: Now, entropy: &mut dyn Entropy) {
        let k = self.config.k;
        let fill: Vec<usize> = self.table.fill().collect();
        // The closest buckets are never full: our own neighbours are looked for by our own key.
        let last_full = fill
            .iter()
            .rposition(|members| *members >= k)
            .map_or(0, |last| last + 1);
        let thin = fill.iter().take(last_full).position(|members| *members < k);
        let is_young = fill.iter().sum::<usize>() < 3 * k;
        let shared = match thin {
            Some(bucket) => bucket,
            None => (draw_u64(entropy) % (last_full as u64 + 1)) as usize,
        };
        let pause = if thin.is_some() || is_young {
            self.check_interval() / 8
        } else {
            SELF_LOOKUP
        };
        self.upkeep.next_refresh = now.moment + jitter(pause, entropy);
        let target = self.own.neighbour(shared, draw(entropy));
        if is_young {
            return self.look_around(now, target, Goal::Upkeep, entropy);
        }
        let closest = self.table.closest(&target, 1, Entry::is_well);
        if let Some((to, key)) = closest.first().map(|entry| (entry.contact, entry.key)) {
            let target = *target.as_bytes();
            let next = self.whom(to, key);
            self.send(now, next, Ask::FindNode { target }, Errand::LookAround);
        }
    }

    fn look_around(&mut self, now: Now, target: Key, goal: Goal, entropy: &mut dyn Entropy) {
        let lookup: Lookup = self.lookup(target, self.shape(Haste::Background));
        self.begin(now, lookup, goal, entropy);
    }
}

/// Half to one and a half of a time, so that members do not act in step.
pub(super) fn jitter(time: Duration, entropy: &mut dyn Entropy) -> Duration {
    let share = (draw_u64(entropy) % 1_024) as u32;
    time / 2 + time * share / 1_024
}
