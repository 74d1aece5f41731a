//! What the application asks for. Each begins a query that ends with [`Output::Ended`](super::Output::Ended).

use stc::{Entropy, NodeId};
use stt_wire::{Contact, Record, RecordKind, limits};

use super::{Engine, Output, Timer};
use crate::config::Defence;
use crate::outcome::QueryId;
use crate::query::{Goal, Lookup, Query, Shape, lookup};
use crate::{Key, Keyring, Now};
use std::collections::BTreeMap;

/// How a query is to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Haste {
    /// Somebody waits for it.
    Foreground,
    /// Nobody does.
    Background,
}

impl<K: Keyring> Engine<K> {
    /// Joins by members that are known from elsewhere: dialled by address, or from the last run.
    /// Ends with the members closest to us.
    pub fn join(&mut self, now: Now, known: &[Contact], entropy: &mut dyn Entropy) -> QueryId {
        let known = known.iter().filter(|contact| contact.node != self.me);
        let known: Vec<_> = known
            .map(|contact| (*contact, self.keyring.place(&contact.node)))
            .collect();
        let shape = Shape {
            must_answer: self.config.k,
            ..self.shape(Haste::Foreground)
        };
        let mut lookup = Lookup::new(self.own, shape);
        lookup.begin(known.into_iter());
        self.begin(now, lookup, Goal::Closest, entropy)
    }

    /// Finds the members closest to a key.
    pub fn find_closest(&mut self, now: Now, key: Key, entropy: &mut dyn Entropy) -> QueryId {
        let lookup = self.lookup(key, self.shape(Haste::Foreground));
        self.begin(now, lookup, Goal::Closest, entropy)
    }

    /// Finds what providers say about content. It ends with the records of `enough` signers, or when
    /// all of the region were asked. Each is told as it is found.
    pub fn find_providers(
        &mut self,
        now: Now,
        content: Key,
        enough: usize,
        entropy: &mut dyn Entropy,
    ) -> QueryId {
        self.find_records(now, content, RecordKind::PROVIDER, enough, entropy)
    }

    /// Finds where a member says it is.
    pub fn find_peer(&mut self, now: Now, node: &NodeId, entropy: &mut dyn Entropy) -> QueryId {
        let place = self.keyring.place(node.as_bytes());
        self.find_records(now, place, RecordKind::PEER, 1, entropy)
    }

    fn find_records(
        &mut self,
        now: Now,
        key: Key,
        kind: RecordKind,
        enough: usize,
        entropy: &mut dyn Entropy,
    ) -> QueryId {
        let shape = Shape {
            region: self.region(),
            // That nobody has the record is only known when all were asked: accomplices vouch for
            // each other.
            must_answer: usize::MAX,
            // Where members come and go, those who hold it are no longer the closest.
            k: 2 * self.config.k,
            ..self.shape(Haste::Foreground)
        };
        let lookup = self.lookup(key, shape);
        // Nobody else may hold what we hold: the others are asked for what we lack.
        let most = limits::MAX_FOUND_RECORDS;
        let held = self.store.find(now, &key, kind, most, *self.own.as_bytes());
        let tellers = usize::from(!held.is_empty());
        let number = self.number();
        let query = QueryId(number);
        let mut found = BTreeMap::new();
        for record in held {
            found.insert(record.node, record.clone());
            self.outputs
                .push_back(Output::RecordFound { query, record });
        }
        let wanted = crate::query::Wanted {
            kind,
            enough: enough.max(1),
            found,
            tellers,
        };
        self.begin_as(now, number, lookup, Goal::Records(wanted), entropy)
    }

    /// Has signed records held by the members closest to them. All of them must lie together: they
    /// are taken to those around `region`.
    pub fn put(
        &mut self,
        now: Now,
        region: Key,
        records: Vec<Record>,
        entropy: &mut dyn Entropy,
    ) -> QueryId {
        let is_split = self.config.defences.has(Defence::DisjointPaths);
        let shape = Shape {
            region: self.region(),
            paths: if is_split {
                self.config.paths.clamp(1, 8) as u8
            } else {
                1
            },
            ..self.shape(Haste::Foreground)
        };
        let lookup = self.lookup(region, shape);
        self.begin(now, lookup, Goal::Put(records), entropy)
    }

    /// Ends a search for records with what it has found: it is enough.
    pub fn conclude(&mut self, now: Now, query: QueryId, entropy: &mut dyn Entropy) {
        let query = query.0;
        let is_search = |query: &Query| matches!(query.goal, Goal::Records(_));
        if self.queries.get(&query).is_some_and(is_search) {
            self.arrive(now, query, entropy);
        }
    }

    /// Ends a query without a result: nobody waits for it any longer.
    pub fn cancel(&mut self, query: QueryId) {
        self.forget(query.0);
    }

    pub(super) fn shape(&self, haste: Haste) -> Shape {
        let mut shape = Shape::new(&self.config, haste == Haste::Background);
        if !self.config.defences.has(Defence::AdaptiveWaiting) {
            // What others do: whoever is slow holds up one of three lanes.
            shape.alpha = shape.alpha.min(3);
        }
        shape
    }

    /// The part of the space around a key whose members hold its records.
    pub(super) fn region(&self) -> f64 {
        if !self.config.defences.has(Defence::Region) {
            return 0.0;
        }
        let members = self.size_estimate().unwrap_or(f64::INFINITY);
        1.5 * self.config.k as f64 / members
    }

    pub(super) fn lookup(&self, target: Key, shape: Shape) -> Lookup {
        let count = shape.k * usize::from(shape.paths);
        let known = self.table.closest(&target, count, |_| true);
        let mut lookup = Lookup::new(target, shape);
        lookup.begin(known.into_iter().map(|entry| (entry.contact, entry.key)));
        lookup
    }

    pub(super) fn begin(
        &mut self,
        now: Now,
        lookup: lookup::Lookup,
        goal: Goal,
        entropy: &mut dyn Entropy,
    ) -> QueryId {
        let number = self.number();
        self.begin_as(now, number, lookup, goal, entropy)
    }

    fn begin_as(
        &mut self,
        now: Now,
        number: u64,
        lookup: lookup::Lookup,
        goal: Goal,
        entropy: &mut dyn Entropy,
    ) -> QueryId {
        let started = now.moment;
        let query = Query {
            lookup,
            goal,
            started,
            answered: 0,
            is_told: false,
        };
        self.queries.insert(number, query);
        self.timers
            .insert((started + self.config.query_time, Timer::Query(number)));
        if self.queries.len() > self.config.queries {
            let queries = self.config.queries;
            self.fail(now, number, crate::QueryError::Overloaded { queries });
        } else {
            self.drive(now, number, entropy);
        }
        QueryId(number)
    }
}
