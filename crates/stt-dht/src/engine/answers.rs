//! Requests under way, and what is made of their answers.

use std::time::Duration;

use stc::Entropy;
use stt_wire::{Ask, Contact, DhtAnswer, DialOutcome, PutOutcome, Record};

use super::upkeep::Check;
use super::{Dialled, Engine, Output, Over, RequestId, Timer};
use crate::config::Defence;
use crate::diversity::is_global;
use crate::keyring::is_in_place;
use crate::outcome::QueryId;
use crate::pace::{Pace, Patience};
use crate::query::Goal;
use crate::query::lookup::Next;
use crate::store::time_left;
use crate::table::{Entry, Insertion};
use crate::{Key, Keyring, Moment, Now};

/// A request under way.
#[derive(Debug, Clone)]
pub(super) struct Flight {
    to: Contact,
    key: Key,
    sent: Moment,
    /// When its timer runs out.
    due: Moment,
    give_up: Moment,
    is_cold: bool,
    stage: Stage,
    errand: Errand,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// Until it takes longer than nearly all others do.
    Early,
    /// Until it is given up.
    Slow,
    /// It is given up; an answer that comes after all still counts for a while.
    GivenUp,
}

/// What a request is for.
#[derive(Debug, Clone)]
pub(super) enum Errand {
    /// A step of a lookup.
    Lookup { query: u64 },
    /// Records to be held, by their places in the query.
    Put { query: u64, which: Vec<u16> },
    /// Whether a member is there.
    Check,
    /// Who is in a part of the space.
    LookAround,
    /// Whether a member that dialled us can be dialled.
    FirstCheck,
    /// Whether we can be dialled.
    DialBack,
    /// It is not waited for.
    Nothing,
}

impl Flight {
    pub(super) fn is_for(&self, query: u64) -> bool {
        self.errand.query() == Some(query)
    }
}

impl Errand {
    const fn query(&self) -> Option<u64> {
        match self {
            Self::Lookup { query } | Self::Put { query, .. } => Some(*query),
            _ => None,
        }
    }

    pub(super) const fn over(&self) -> Over {
        match self {
            Self::FirstCheck => Over::NewSession,
            _ => Over::AnySession,
        }
    }
}

/// How long an answer that was given up still counts.
const AFTERWARDS: Duration = Duration::from_secs(3);
/// What a request to be dialled back, or to hold many records, may take more than others.
const LONG: Duration = Duration::from_secs(8);

impl<K: Keyring> Engine<K> {
    /// Remembers a request that is being sent, and when to lose patience.
    pub(super) fn watch(&mut self, now: Now, next: Next, errand: Errand) -> RequestId {
        let Next {
            contact: to,
            key,
            is_cold,
        } = next;
        let number = self.number();
        let known = self.table.known(&key).map(|entry| entry.rtt);
        let mut patience = if self.config.defences.has(Defence::AdaptiveWaiting) {
            self.pace.patience(known, is_cold)
        } else {
            Pace::fixed(is_cold)
        };
        match errand {
            Errand::DialBack | Errand::FirstCheck => patience = Patience::of(LONG),
            // Nobody waits for these: what comes late is in time.
            Errand::Check | Errand::LookAround | Errand::Nothing => {
                patience = Patience::of(patience.give_up + AFTERWARDS);
            }
            Errand::Lookup { .. } | Errand::Put { .. } => {}
        }
        let sent = now.moment;
        let give_up = sent + patience.give_up;
        let due = sent + patience.hedge;
        self.timers.insert((due, Timer::Flight(number)));
        let stage = Stage::Early;
        self.flights.insert(
            number,
            Flight {
                to,
                key,
                sent,
                due,
                give_up,
                is_cold,
                stage,
                errand,
            },
        );
        RequestId(number)
    }

    /// A timer of a request has run out.
    pub(super) fn flight_is_late(&mut self, now: Now, number: u64, entropy: &mut dyn Entropy) {
        let Some(flight) = self.flights.get_mut(&number) else {
            return;
        };
        match flight.stage {
            Stage::Early if flight.give_up > now.moment => {
                flight.stage = Stage::Slow;
                flight.due = flight.give_up;
                let (give_up, key) = (flight.give_up, flight.key);
                let query = match flight.errand {
                    Errand::Lookup { query } => Some(query),
                    _ => None,
                };
                self.timers.insert((give_up, Timer::Flight(number)));
                if let Some(query) = query {
                    if let Some(query) = self.queries.get_mut(&query) {
                        query.lookup.slow(&key);
                    }
                    self.drive(now, query, entropy);
                }
            }
            Stage::Early | Stage::Slow if flight.errand.query().is_none() => {
                self.take_failure(now, number, entropy);
            }
            Stage::Early | Stage::Slow => {
                flight.stage = Stage::GivenUp;
                flight.due = now.moment + AFTERWARDS;
                let flight = flight.clone();
                self.timers.insert((flight.due, Timer::Flight(number)));
                self.strike(now, &flight);
                self.give_up(now, &flight, entropy);
            }
            Stage::GivenUp => {
                let query = flight.errand.query();
                self.flights.remove(&number);
                // Only whoever has waited for it goes on now.
                if let Some(query) = query.filter(|query| self.is_stuck(*query)) {
                    self.drive(now, query, entropy);
                }
            }
        }
    }

    /// A request is under way no longer.
    fn land(&mut self, number: u64) -> Option<Flight> {
        let flight = self.flights.remove(&number)?;
        self.timers.remove(&(flight.due, Timer::Flight(number)));
        Some(flight)
    }

    /// A member has left a request without an answer. If nobody has answered any, it may be we who are cut
    /// off: then it is in doubt, and keeps its place.
    fn strike(&mut self, now: Now, flight: &Flight) {
        let key = &flight.key;
        if matches!(flight.errand, Errand::Check) && self.is_well(key) {
            self.upkeep.was_checked(Check::Silent);
        }
        if self.is_alone(flight.sent) {
            self.table.doubt(key);
        } else if self.table.strike(now.moment, key) {
            self.member_left(now, flight.to, *key);
        }
    }

    fn is_well(&self, key: &Key) -> bool {
        self.table.known(key).is_some_and(Entry::is_well)
    }

    /// Goes on without an answer.
    fn give_up(&mut self, now: Now, flight: &Flight, entropy: &mut dyn Entropy) {
        match &flight.errand {
            Errand::Lookup { query } => {
                if let Some(query) = self.queries.get_mut(query) {
                    query.lookup.failed(&flight.key);
                }
                self.drive(now, *query, entropy);
            }
            Errand::Put { query, .. } => {
                if let Some(query) = self.queries.get_mut(query)
                    && let Goal::Spread(spread) = &mut query.goal
                {
                    spread.failed();
                }
                self.drive(now, *query, entropy);
            }
            Errand::FirstCheck => self.upkeep.first_check_ended(),
            Errand::DialBack => self.dialled(now, DialOutcome::NotTried),
            Errand::Check | Errand::LookAround | Errand::Nothing => {}
        }
    }

    /// A member could not be asked, or broke off.
    pub(super) fn take_failure(&mut self, now: Now, number: u64, entropy: &mut dyn Entropy) {
        let Some(flight) = self.land(number) else {
            return;
        };
        if flight.stage != Stage::GivenUp {
            self.strike(now, &flight);
            self.give_up(now, &flight, entropy);
        }
    }

    /// A member has answered.
    pub(super) fn take_answer(
        &mut self,
        now: Now,
        number: u64,
        answer: DhtAnswer,
        entropy: &mut dyn Entropy,
    ) {
        let Some(flight) = self.land(number) else {
            return;
        };
        let is_first_check = matches!(flight.errand, Errand::FirstCheck);
        if is_first_check {
            self.upkeep.first_check_ended();
        }
        self.has_answered(now, &flight, is_first_check);
        let was_given_up = flight.stage == Stage::GivenUp;
        let is_taken = match (&flight.errand, answer) {
            (Errand::Lookup { query }, DhtAnswer::Nodes(told)) => {
                self.take_nodes(*query, &flight, told);
                true
            }
            (Errand::Lookup { query }, DhtAnswer::Records { records, closer }) => {
                self.take_records(now, *query, &flight, records, closer)
            }
            (Errand::Put { query, which }, DhtAnswer::Stored(outcomes)) => {
                self.take_stored(*query, which, &outcomes, was_given_up);
                true
            }
            (Errand::LookAround, DhtAnswer::Nodes(told)) => {
                let told = self.told_by(&flight, told);
                self.hear_of(&told);
                true
            }
            (Errand::DialBack, DhtAnswer::Dialled(outcome)) => {
                self.dialled(now, outcome);
                true
            }
            (Errand::Check | Errand::FirstCheck | Errand::Nothing, _) => true,
            _ => false,
        };
        if !is_taken && !was_given_up {
            self.give_up(now, &flight, entropy);
        }
        if let Some(query) = flight.errand.query() {
            self.drive(now, query, entropy);
        }
    }

    /// Whoever answers at an address that we dialled has a place in the table.
    fn has_answered(&mut self, now: Now, flight: &Flight, is_first_check: bool) {
        let rtt = now.moment.since(flight.sent);
        self.heard = now.moment;
        if matches!(flight.errand, Errand::Check) && self.is_well(&flight.key) {
            self.upkeep.was_checked(Check::Answered);
        }
        if !flight.is_cold {
            self.pace.sample(rtt);
        }
        let dialled_us = self.session(&flight.to.node) == Some(Dialled::ByPeer);
        if dialled_us && !is_first_check {
            self.table.show(now.moment, &flight.key);
        } else if self.table.insert(now.moment, flight.to, flight.key) == Insertion::Added {
            self.hand_over_to(now, &flight.to, flight.key);
        }
        if let Some(entry) = self.table.find(&flight.key) {
            entry.checked = now.moment;
            if !flight.is_cold {
                entry.rtt.sample(rtt);
            }
        }
    }

    fn take_nodes(&mut self, query: u64, flight: &Flight, told: Vec<Contact>) {
        let told = self.told_by(flight, told);
        if let Some(query) = self.queries.get_mut(&query) {
            query.answered += 1;
            query.lookup.answered(&flight.key, told.iter().copied());
            self.hear_of(&told);
        }
    }

    /// What of that which a member tells is worth knowing.
    fn told_by(&self, flight: &Flight, told: Vec<Contact>) -> Vec<(Contact, Key)> {
        let may_be_private = !is_global(flight.to.addresses.first().ip());
        let told = told.into_iter().take(self.config.k).filter(|contact| {
            // Nobody far away makes us knock at doors of our own network.
            contact.node != self.me && (may_be_private || is_global(contact.addresses.first().ip()))
        });
        let mut with_places = Vec::with_capacity(self.config.k);
        with_places.extend(told.map(|contact| (contact, self.keyring.place(&contact.node))));
        with_places
    }

    /// Members for whom there is room are going to be asked whether they are there.
    fn hear_of(&mut self, told: &[(Contact, Key)]) {
        for (contact, key) in told {
            if self.table.has_room(key) && self.table.known(key).is_none() {
                self.upkeep.heard_of(*contact, *key);
            }
        }
    }

    /// False if a record proves that the member lies.
    fn take_records(
        &mut self,
        now: Now,
        number: u64,
        flight: &Flight,
        records: Vec<Record>,
        closer: Vec<Contact>,
    ) -> bool {
        let Some(query) = self.queries.get(&number) else {
            return true;
        };
        let Goal::Records(wanted) = &query.goal else {
            return false;
        };
        let (kind, target) = (wanted.kind, query.lookup.target);
        let believes_all = !self.config.defences.has(Defence::Verification);
        let is_honest = records.iter().all(|record| {
            let fits = record.kind == kind && record.key == *target.as_bytes();
            fits && is_in_place(&self.keyring, record) && self.keyring.is_genuine(record)
        });
        if !is_honest && !believes_all {
            return false;
        }
        let is_current = |record: &Record| {
            record.lifetime.get() > 0 && (believes_all || time_left(now, record).is_some())
        };
        let current: Vec<_> = records.into_iter().filter(is_current).collect();
        let is_empty = current.is_empty();
        for record in current {
            self.note_record(number, record);
        }
        if let Some(query) = self.queries.get_mut(&number)
            && let Goal::Records(wanted) = &mut query.goal
        {
            wanted.tellers += usize::from(!is_empty);
            if is_empty {
                query.lookup.empty_handed(&flight.key);
            }
        }
        self.take_nodes(number, flight, closer);
        true
    }

    fn note_record(&mut self, number: u64, record: Record) {
        let Some(query) = self.queries.get_mut(&number) else {
            return;
        };
        let Goal::Records(wanted) = &mut query.goal else {
            return;
        };
        let known = wanted.found.get(&record.node);
        let is_new = known.is_none_or(|known| known.issued < record.issued);
        let is_bounded = known.is_some() || wanted.found.len() < self.config.records_a_key;
        if is_new && is_bounded {
            wanted.found.insert(record.node, record.clone());
            self.outputs.push_back(Output::RecordFound {
                query: QueryId(number),
                record,
            });
        }
    }

    fn take_stored(
        &mut self,
        query: u64,
        which: &[u16],
        outcomes: &[PutOutcome],
        was_given_up: bool,
    ) {
        if let Some(query) = self.queries.get_mut(&query)
            && let Goal::Spread(spread) = &mut query.goal
        {
            // It was counted as failed before.
            spread.open += usize::from(was_given_up);
            spread.answered(which, outcomes);
        }
    }

    /// Asks a member whether it is there.
    pub(super) fn check(&mut self, now: Now, to: Contact, key: Key, errand: Errand) {
        let next = self.whom(to, key);
        self.send(now, next, Ask::Ping, errand);
    }
}
