//! The records that we hold for others, within bounds that nobody can push.
//!
//! | what is bounded          | by                                          | when it is reached                       |
//! |--------------------------|---------------------------------------------|------------------------------------------|
//! | records, bytes           | [`Config::records`], [`Config::record_bytes`] | the signer with the most loses one, or the newcomer is refused |
//! | signers under one key    | [`Config::records_a_key`]                   | a lottery over (signer, key, day), not first come |
//! | copies held as a cache   | [`Config::cached_records`]                  | the newcomer is refused                  |
//!
//! *Invariant T8.* No record is given out after its end, under another key, or without having been
//! verified: whoever calls [`Store::put`] has verified it.
//! *Invariant T9.* Memory stays within the bounds, whatever comes.
//!
//! spec: DHT-21, DHT-22, DHT-40 to DHT-44.

mod rate;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use stt_wire::{PutOutcome, Record, RecordKind};

pub(crate) use self::rate::Rates;
use crate::config::{Config, Defence};
use crate::{Key, Moment, Now};

/// How wrong two clocks may be about each other: 10 minutes each.
pub(crate) const SKEW: u64 = 20 * 60;
/// The longest lifetime of a record.
pub(crate) const LONGEST: u64 = 24 * 60 * 60;
/// How long a copy is held as a cache.
const CACHED: Duration = Duration::from_secs(10 * 60);

/// Records under their keys.
#[derive(Debug, Clone, Default)]
pub(crate) struct Store {
    held: BTreeMap<Place, Held>,
    signers: BTreeMap<[u8; 32], BTreeSet<(Key, RecordKind)>>,
    /// Signers by how many records they have here.
    ranks: BTreeSet<(usize, [u8; 32])>,
    bytes: usize,
    cached: usize,
}

/// Where a record is found: what is together under one key is together here.
type Place = (Key, RecordKind, [u8; 32]);

#[derive(Debug, Clone)]
struct Held {
    record: Record,
    until: Moment,
    is_cached: bool,
}

/// What a record takes beyond its bytes, roughly.
const OVERHEAD: usize = 200;

impl Store {
    /// Holds a verified record, if the law and the bounds allow it.
    pub(crate) fn put(
        &mut self,
        now: Now,
        config: &Config,
        record: Record,
        is_cached: bool,
    ) -> PutOutcome {
        let left = match time_left(now, &record) {
            Some(left) => left,
            None if config.defences.has(Defence::Verification) => return PutOutcome::BAD_TIME,
            None => Duration::from_secs(LONGEST),
        };
        let place = (Key::from_bytes(record.key), record.kind, record.node);
        let known = self.held.get(&place);
        if known.is_some_and(|held| held.record.issued >= record.issued) {
            return PutOutcome::NOT_NEWER;
        }
        // What was held as a replica stays one.
        let is_cached = is_cached && known.is_none_or(|held| held.is_cached);
        self.remove(&place);
        if !self.has_room(config, &place, &record, is_cached) {
            return PutOutcome::FULL;
        }
        let until = now.moment + if is_cached { left.min(CACHED) } else { left };
        self.insert(
            place,
            Held {
                record,
                until,
                is_cached,
            },
        );
        PutOutcome::HELD
    }

    /// Makes room where that is just. False if the newcomer is the one to go without.
    fn has_room(&mut self, config: &Config, new: &Place, record: &Record, is_cached: bool) -> bool {
        if !config.defences.has(Defence::Quotas) {
            // Without quotas: first come, first held.
            return self.held.len() < config.records;
        }
        if is_cached && self.cached >= config.cached_records {
            return false;
        }
        if !self.wins_lottery(config, new, record) {
            return false;
        }
        while self.held.len() >= config.records
            || self.bytes + size_of(record) > config.record_bytes
        {
            if !self.make_room(&record.node) {
                return false;
            }
        }
        true
    }

    /// Under a key with too many signers, those stay whom the lottery of the day favours: who came
    /// first, or shouts loudest, gains nothing.
    fn wins_lottery(&mut self, config: &Config, new: &Place, record: &Record) -> bool {
        let (key, kind, node) = new;
        let under = (*key, *kind, [0; 32])..=(*key, *kind, [0xff; 32]);
        let day = record.issued.get() / LONGEST;
        let ticket = |node: &[u8; 32]| lottery(key, node, day);
        let signers = self.held.range(under).map(|((_, _, node), _)| *node);
        let (count, worst) = signers.fold((0, None), |(count, worst), node| {
            let ticket = (ticket(&node), node);
            (count + 1, worst.max(Some(ticket)))
        });
        match worst {
            Some((worst, _)) if count >= config.records_a_key && ticket(node) >= worst => false,
            Some((_, loser)) if count >= config.records_a_key => {
                self.remove(&(*key, *kind, loser));
                true
            }
            _ => true,
        }
    }

    /// Takes a record from whoever has the most, unless that is `newcomer` itself.
    fn make_room(&mut self, newcomer: &[u8; 32]) -> bool {
        let Some((most, signer)) = self.ranks.last().copied() else {
            return false;
        };
        let has = self.signers.get(newcomer).map_or(0, BTreeSet::len);
        if has + 1 >= most {
            return false;
        }
        let Some((key, kind)) = self
            .signers
            .get(&signer)
            .and_then(|keys| keys.last().copied())
        else {
            return false;
        };
        self.remove(&(key, kind, signer))
    }

    fn insert(&mut self, place: Place, held: Held) {
        self.bytes += size_of(&held.record);
        self.cached += usize::from(held.is_cached);
        let keys = self.signers.entry(place.2).or_default();
        self.ranks.remove(&(keys.len(), place.2));
        keys.insert((place.0, place.1));
        self.ranks.insert((keys.len(), place.2));
        self.held.insert(place, held);
    }

    fn remove(&mut self, place: &Place) -> bool {
        let Some(held) = self.held.remove(place) else {
            return false;
        };
        self.bytes -= size_of(&held.record);
        self.cached -= usize::from(held.is_cached);
        if let Some(keys) = self.signers.get_mut(&place.2) {
            self.ranks.remove(&(keys.len(), place.2));
            keys.remove(&(place.0, place.1));
            if keys.is_empty() {
                self.signers.remove(&place.2);
            } else {
                self.ranks.insert((keys.len(), place.2));
            }
        }
        true
    }

    /// What is held under a key, at most `most`, a different part of it for each `salt`.
    pub(crate) fn find(
        &self,
        now: Now,
        key: &Key,
        kind: RecordKind,
        most: usize,
        salt: [u8; 32],
    ) -> Vec<Record> {
        let place = |node| (*key, kind, node);
        let late = self.held.range(place(salt)..=place([0xff; 32]));
        let early = self.held.range(place([0; 32])..place(salt));
        late.chain(early)
            .filter(|(_, held)| held.until > now.moment && held.record.lifetime.get() > 0)
            .map(|(_, held)| held.record.clone())
            .take(most)
            .collect()
    }

    /// Drops what has ended.
    pub(crate) fn expire(&mut self, now: Moment) {
        let ended = self.held.iter().filter(|(_, held)| held.until <= now);
        let ended: Vec<Place> = ended.map(|(place, _)| *place).collect();
        for place in ended {
            self.remove(&place);
        }
    }

    /// All that is held as a replica and has not ended.
    pub(crate) fn replicas(&self, now: Moment) -> impl Iterator<Item = &Record> {
        let is_replica = move |held: &&Held| !held.is_cached && held.until > now;
        self.held
            .values()
            .filter(is_replica)
            .map(|held| &held.record)
    }

    pub(crate) fn len(&self) -> usize {
        self.held.len()
    }

    pub(crate) const fn bytes(&self) -> usize {
        self.bytes
    }
}

/// How long a record may still be held; none if it may not be held at all.
pub(crate) fn time_left(now: Now, record: &Record) -> Option<Duration> {
    let (issued, lifetime) = (record.issued.get(), record.lifetime.get());
    if lifetime > LONGEST || issued > now.unix.saturating_add(SKEW) {
        return None;
    }
    // A withdrawal is held for as long as what it withdraws could come back.
    let lifetime = if lifetime == 0 { LONGEST } else { lifetime };
    let end = issued.saturating_add(lifetime).saturating_add(SKEW);
    let left = end.checked_sub(now.unix).filter(|left| *left > 0)?;
    Some(Duration::from_secs(left.min(lifetime)))
}

fn size_of(record: &Record) -> usize {
    record.encoded_len() + OVERHEAD
}

/// A number that nobody chooses: another order of signers for each key and day.
fn lottery(key: &Key, node: &[u8; 32], day: u64) -> u64 {
    let text = [key.as_bytes(), &node[..], &day.to_be_bytes()].concat();
    let hash = stc::content_address(&text);
    u64::from_be_bytes(std::array::from_fn(|place| hash[place]))
}

#[cfg(test)]
mod tests;
