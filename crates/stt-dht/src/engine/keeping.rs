//! Keeps records where they belong: ours by republishing, others' by handing them over.
//! spec: DHT-37, DHT-39, DHT-45.
//!
//! ```text
//! a round of republishing: half of the time that half of the members stay, within 15 minutes and 6 hours
//! a record's lifetime:     four rounds, at most a day
//! ```

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use stc::Entropy;
use stt_wire::{Ask, Contact, Mode, Purpose, Record, RecordKind, VarInt, limits};

use super::Engine;
use super::answers::Errand;
use super::upkeep::jitter;
use crate::config::Defence;
use crate::outcome::{Found, QueryError, QueryId};
use crate::store::LONGEST;
use crate::{Key, Keyring, Moment, Now};

/// What we have announced, and when it is to be announced again.
#[derive(Debug, Clone, Default)]
pub(super) struct Keeping {
    ours: BTreeMap<(Key, RecordKind), Announced>,
    /// Puts that nobody waits for but we.
    rounds: BTreeMap<u64, Vec<(Key, RecordKind)>>,
}

#[derive(Debug, Clone)]
struct Announced {
    sealed: Bytes,
    next: Moment,
}

const LONGEST_ROUND: Duration = Duration::from_secs(6 * 60 * 60);
/// After a round that failed.
const AGAIN: Duration = Duration::from_secs(60);
/// Records of one round of one region.
const A_REGION: usize = 512;
/// Regions republished at once.
const ROUNDS: usize = 4;
/// Records handed over to one newcomer.
const HANDED_OVER: usize = 256;

impl Keeping {
    /// Whether a put was one of ours that nobody waits for; what failed is tried again soon.
    pub(super) fn was_ours(&mut self, query: u64, result: &Result<Found, QueryError>) -> bool {
        let Some(keys) = self.rounds.get(&query) else {
            return false;
        };
        if result.is_err() {
            for key in keys {
                if let Some(ours) = self.ours.get_mut(key) {
                    // It was set to a round from now; a failure brings it forward.
                    ours.next = ours.next.min(ours.next - LONGEST_ROUND + AGAIN);
                }
            }
        }
        self.rounds.remove(&query);
        true
    }

    fn again(&mut self, keys: &[(Key, RecordKind)], at: Moment) {
        for key in keys {
            if let Some(ours) = self.ours.get_mut(key) {
                ours.next = at;
            }
        }
    }
}

impl<K: Keyring> Engine<K> {
    /// Announces, and goes on announcing until [`Engine::withdraw`], that we have the content of a
    /// key ([`RecordKind::PROVIDER`]), or where we are ([`RecordKind::PEER`], under our own place).
    /// `sealed` is what providers or peers say, sealed; at most 512 bytes.
    pub fn announce(
        &mut self,
        now: Now,
        key: Key,
        kind: RecordKind,
        sealed: Bytes,
        entropy: &mut dyn Entropy,
    ) -> QueryId {
        let next = now.moment + jitter(self.round(), entropy);
        let record = self.record(now, key, kind, sealed.clone());
        self.keeping
            .ours
            .insert((key, kind), Announced { sealed, next });
        self.put(now, key, vec![record], entropy)
    }

    /// As [`Engine::announce`], but by the rounds of republishing alone, the first of them at `due`:
    /// for many keys at once, or to say something else from then on.
    pub fn announce_from(&mut self, due: Moment, key: Key, kind: RecordKind, sealed: Bytes) {
        let next = due;
        self.keeping
            .ours
            .insert((key, kind), Announced { sealed, next });
        self.upkeep.due(due);
    }

    /// Announces a key again at `due`, unless its round comes first.
    pub fn hasten(&mut self, due: Moment, key: Key, kind: RecordKind) {
        if let Some(ours) = self.keeping.ours.get_mut(&(key, kind)) {
            ours.next = ours.next.min(due);
            self.upkeep.due(due);
        }
    }

    /// Stops announcing, and tells nobody: what is held comes to its end by itself.
    pub fn let_lapse(&mut self, key: Key, kind: RecordKind) {
        self.keeping.ours.remove(&(key, kind));
    }

    /// Stops announcing, and tells the holders.
    pub fn withdraw(
        &mut self,
        now: Now,
        key: Key,
        kind: RecordKind,
        entropy: &mut dyn Entropy,
    ) -> QueryId {
        self.keeping.ours.remove(&(key, kind));
        let mut record = self.record(now, key, kind, Bytes::new());
        record.lifetime = VarInt::ZERO;
        // Later than anything announced in the same second.
        record.issued = VarInt::saturating(now.unix.saturating_add(1));
        self.keyring.sign(&mut record);
        self.put(now, key, vec![record], entropy)
    }

    /// Keys announced at present.
    pub fn announced(&self) -> usize {
        self.keeping.ours.len()
    }

    fn record(&self, now: Now, key: Key, kind: RecordKind, sealed: Bytes) -> Record {
        let lifetime = (4 * self.round().as_secs()).min(LONGEST);
        let mut record = Record {
            kind,
            key: *key.as_bytes(),
            node: self.me,
            issued: VarInt::saturating(now.unix),
            lifetime: VarInt::saturating(lifetime),
            sealed,
            signature: [0; 64],
        };
        self.keyring.sign(&mut record);
        record
    }

    /// The time between two rounds. Members leave by chance, so half have gone after 0.7 of the mean.
    fn round(&self) -> Duration {
        let half = self.upkeep.mean_stay().mul_f64(0.35);
        half.max(self.config.least_republish).min(LONGEST_ROUND)
    }

    /// Announces what is due again, a region at a time: what lies together goes in one lookup.
    pub(super) fn republish(&mut self, now: Now, entropy: &mut dyn Entropy) {
        while self.keeping.rounds.len() < ROUNDS {
            let is_due = |ours: &Announced| ours.next <= now.moment;
            let mut due = self.keeping.ours.iter().filter(|(_, ours)| is_due(ours));
            let Some((&(first, _), _)) = due.next() else {
                return;
            };
            let bits = self.region_bits();
            let soon = now.moment + self.round() / 4;
            let from = (first, RecordKind::from(0));
            let together: Vec<_> = (self.keeping.ours.range_mut(from..))
                .take_while(|((key, _), _)| key.shared_bits(&first) >= bits)
                .filter(|(_, ours)| ours.next <= soon)
                .take(A_REGION)
                .map(|(key, ours)| (*key, ours.sealed.clone()))
                .collect();
            let next = now.moment + jitter(self.round(), entropy);
            let mut records = Vec::with_capacity(together.len());
            let mut keys = Vec::with_capacity(together.len());
            for ((key, kind), sealed) in together {
                records.push(self.record(now, key, kind, sealed));
                keys.push((key, kind));
                if let Some(ours) = self.keeping.ours.get_mut(&(key, kind)) {
                    ours.next = next;
                }
            }
            let query = self.put(now, first, records, entropy);
            if self.queries.contains_key(&query.0) {
                self.keeping.rounds.insert(query.0, keys);
            } else {
                // It ended at once: there was nobody to ask.
                self.keeping.again(&keys, now.moment + AGAIN);
            }
        }
    }

    /// The bits that keys of one region share: as many as leave about two times `k` members.
    fn region_bits(&self) -> usize {
        let members = self.size_estimate().unwrap_or(1.0);
        let regions = (members / (2.0 * self.config.k as f64)).max(1.0);
        // The nearest power of two that is not more.
        (0..64)
            .take_while(|bits| 2.0_f64.powi(bits + 1) <= regions)
            .count()
    }

    /// A member has come close: it gets the records that it is to hold, from whoever is closest to
    /// each.
    pub(super) fn hand_over_to(&mut self, now: Now, to: &Contact, key: Key) {
        if !self.config.defences.has(Defence::Handover) || self.store.len() == 0 {
            return;
        }
        let k = self.config.k;
        let is_mine_to_give = |record: &&Record| {
            let target = Key::from_bytes(record.key);
            let newcomer = target.distance(&key);
            let own = target.distance(&self.own);
            let closest = self.table.closest(&target, k, |_| true);
            let closer = |limit| {
                closest
                    .iter()
                    .filter(|entry| target.distance(&entry.key) < limit)
                    .count()
            };
            // Two give it, for one of them may be gone or lie.
            closer(newcomer) < k && closer(own) - usize::from(newcomer < own) < 2
        };
        let records = self.store.replicas(now.moment).filter(is_mine_to_give);
        let records: Vec<_> = records.take(HANDED_OVER).cloned().collect();
        self.give(now, to, key, &records);
    }

    fn give(&mut self, now: Now, to: &Contact, key: Key, records: &[Record]) {
        for records in records.chunks(limits::MAX_PUT_RECORDS) {
            let (purpose, records) = (Purpose::Replica, records.to_vec());
            let ask = Ask::PutRecords { purpose, records };
            let next = self.whom(*to, key);
            self.send(now, next, ask, Errand::Nothing);
        }
    }

    /// Hands what we hold to the members that will be the closest without us, and takes leave. After
    /// the outputs have been sent, the engine can be dropped.
    pub fn leave(&mut self, now: Now) {
        let mut plan: BTreeMap<Key, (Contact, Vec<Record>)> = BTreeMap::new();
        if self.config.defences.has(Defence::Handover) {
            for record in self.store.replicas(now.moment) {
                let target = Key::from_bytes(record.key);
                let mut next = self.table.closest(&target, self.config.k, |_| true);
                next.sort_by_key(|entry| target.distance(&entry.key));
                // The farthest of them did not belong to the closest while we did.
                for entry in next.iter().rev().take(2) {
                    let (_, records) = plan.entry(entry.key).or_insert((entry.contact, Vec::new()));
                    records.push(record.clone());
                }
            }
        }
        self.standing.leave();
        for (key, (to, records)) in plan {
            self.give(now, &to, key, &records);
        }
        let near = self.table.closest(&self.own, self.config.k, |_| true);
        let near: Vec<_> = near
            .into_iter()
            .map(|entry| (entry.contact, entry.key))
            .collect();
        for (to, key) in near {
            self.check(now, to, key, Errand::Nothing);
        }
        debug_assert_eq!(self.mode(), Mode::Leaving);
    }
}
