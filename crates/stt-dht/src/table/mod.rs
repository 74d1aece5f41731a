//! The members we know to be there, more of them the closer they are to us.
//!
//! | invariant | what holds                                                      | proof |
//! |-----------|-----------------------------------------------------------------|-------|
//! | T1        | we are never in our own table                                   | `table_keeps_its_invariants_whatever_happens` |
//! | T2        | each member is in exactly the bucket of the bits it shares      | `table_keeps_its_invariants_whatever_happens` |
//! | T3        | at most `k` a bucket, and few of one network                    | `table_keeps_its_invariants_whatever_happens` |
//! | T4        | whoever answers is never displaced                              | `member_that_answers_is_never_displaced` |
//!
//! Whoever calls [`Table::insert`] vouches that the member has answered at its address.
//!
//! spec: DHT-15 to DHT-18.

mod bucket;
mod entry;

use stt_wire::Contact;

use self::bucket::Bucket;
pub(crate) use self::entry::Entry;
use crate::config::{Defence, Defences};
use crate::diversity::{IN_BUCKET, IN_TABLE, Network};
use crate::{Key, Moment};

/// The routing table.
#[derive(Debug, Clone)]
pub(crate) struct Table {
    own: Key,
    k: usize,
    defences: Defences,
    /// By shared bits; as many as were ever needed.
    buckets: Vec<Bucket>,
}

/// What became of a member that answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Insertion {
    /// It is new in the table.
    Added,
    /// It was there already.
    Known,
    /// There is no room for it, now or ever.
    NotAdded,
}

impl Table {
    pub(crate) fn new(own: Key, k: usize, defences: Defences) -> Self {
        Self {
            own,
            k,
            defences,
            buckets: Vec::new(),
        }
    }

    /// Takes in a member that has just answered.
    pub(crate) fn insert(&mut self, now: Moment, contact: Contact, key: Key) -> Insertion {
        if key == self.own {
            return Insertion::NotAdded;
        }
        let shared = self.own.shared_bits(&key);
        if self.buckets.len() <= shared {
            self.buckets.resize_with(shared + 1, Bucket::default);
        }
        if let Some(network) = self.known(&key).map(|entry| entry.network) {
            // A member that moves to a crowded network keeps its place for as long as it is found
            // where it was.
            let stays = network == Network::of(&contact);
            let may_move = !stays && self.is_diverse(shared, &contact);
            if let Some(entry) = self.buckets[shared].find(&key) {
                if stays || may_move {
                    entry.move_to(contact);
                }
                entry.show(now);
            }
            return Insertion::Known;
        }
        if self.buckets[shared].entries.len() < self.k {
            if !self.is_diverse(shared, &contact) {
                return Insertion::NotAdded;
            }
            self.buckets[shared].add(Entry::new(now, contact, key));
            return Insertion::Added;
        }
        let bucket = &mut self.buckets[shared];
        bucket.reserve(contact, key);
        Insertion::NotAdded
    }

    fn is_diverse(&self, shared: usize, contact: &Contact) -> bool {
        let Some(network) = Network::of(contact) else {
            return true;
        };
        if !self.defences.has(Defence::Diversity) {
            return true;
        }
        let is_same = |entry: &&Entry| entry.network == Some(network);
        let in_bucket = self.buckets[shared].entries.iter().filter(is_same).count();
        let in_table = || self.entries().filter(is_same).count();
        in_bucket < IN_BUCKET && in_table() < IN_TABLE
    }

    /// The member has shown that it is there.
    pub(crate) fn show(&mut self, now: Moment, key: &Key) -> Option<&mut Entry> {
        let entry = self.find(key)?;
        entry.show(now);
        Some(entry)
    }

    pub(crate) fn find(&mut self, key: &Key) -> Option<&mut Entry> {
        let shared = self.own.shared_bits(key);
        self.buckets.get_mut(shared)?.find(key)
    }

    pub(crate) fn known(&self, key: &Key) -> Option<&Entry> {
        let bucket = self.buckets.get(self.own.shared_bits(key))?;
        bucket.entries.iter().find(|entry| entry.key == *key)
    }

    /// The member left a request without an answer. True if it left the table for it.
    pub(crate) fn strike(&mut self, now: Moment, key: &Key) -> bool {
        let shared = self.own.shared_bits(key);
        let Some(bucket) = self.buckets.get_mut(shared) else {
            return false;
        };
        let is_out = bucket.strike(key, now) && self.defences.has(Defence::Eviction);
        is_out && self.remove(key)
    }

    /// Forgets a member; one in reserve takes its place. True if it was there.
    pub(crate) fn remove(&mut self, key: &Key) -> bool {
        let shared = self.own.shared_bits(key);
        let Some(bucket) = self.buckets.get_mut(shared) else {
            return false;
        };
        if !bucket.remove(key) {
            return false;
        }
        // Taken out while they are looked at: whether one fits depends on the other buckets too.
        let mut spares = std::mem::take(&mut bucket.spares);
        let fits = |(spare, _): &(Contact, Key)| self.is_diverse(shared, spare);
        let place = spares.iter().rposition(fits);
        let promoted = place.map(|place| spares.remove(place));
        let bucket = &mut self.buckets[shared];
        bucket.spares = spares;
        if let Some((contact, key)) = promoted {
            // Its last sign of life is not remembered, so that it is checked first of all.
            bucket
                .entries
                .push(Entry::new(Moment::default(), contact, key));
        }
        true
    }

    /// Whether a member that shares so many bits would find room.
    pub(crate) fn has_room(&self, key: &Key) -> bool {
        let bucket = self.buckets.get(self.own.shared_bits(key));
        bucket.is_none_or(|bucket| bucket.entries.len() < self.k)
    }

    /// The `count` members closest to `target`, in no order, of those that pass.
    pub(crate) fn closest(
        &self,
        target: &Key,
        count: usize,
        passes: impl Fn(&Entry) -> bool,
    ) -> Vec<&Entry> {
        let shared = self.own.shared_bits(target);
        let mut found: Vec<&Entry> = Vec::with_capacity(count);
        // From close to far: those that share more bits with the target than we do, then those
        // that share as many as we do, then bucket after bucket those that share fewer.
        let own_bucket = shared..shared + 1;
        let closer_to_us = shared + 1..usize::MAX;
        let farther = (0..shared).rev().map(|bits| bits..bits + 1);
        for bits in [own_bucket, closer_to_us].into_iter().chain(farther) {
            let range = bits.start.min(self.buckets.len())..bits.end.min(self.buckets.len());
            let group = self.buckets[range]
                .iter()
                .flat_map(|bucket| &bucket.entries);
            let known = found.len();
            found.extend(group.filter(|entry| passes(entry)));
            if found.len() >= count {
                let room = count - known;
                let group = &mut found[known..];
                if group.len() > room {
                    group.select_nth_unstable_by_key(room, |entry| target.distance(&entry.key));
                }
                found.truncate(count);
                break;
            }
        }
        found
    }

    /// All members, from the farthest bucket to the closest.
    pub(crate) fn entries(&self) -> impl Iterator<Item = &Entry> {
        self.buckets.iter().flat_map(|bucket| &bucket.entries)
    }

    pub(crate) fn entries_mut(&mut self) -> impl Iterator<Item = &mut Entry> {
        self.buckets
            .iter_mut()
            .flat_map(|bucket| &mut bucket.entries)
    }

    pub(crate) fn len(&self) -> usize {
        self.buckets.iter().map(|bucket| bucket.entries.len()).sum()
    }

    pub(crate) const fn own(&self) -> Key {
        self.own
    }

    /// The members of a key's bucket that have been there longest.
    pub(crate) fn oldest_of_bucket(&self, key: &Key, count: usize) -> impl Iterator<Item = &Entry> {
        let bucket = self.buckets.get(self.own.shared_bits(key));
        bucket
            .into_iter()
            .flat_map(move |bucket| bucket.entries.iter().take(count))
    }

    /// How many members each bucket has, the farthest first.
    pub(crate) fn fill(&self) -> impl DoubleEndedIterator<Item = usize> + '_ {
        self.buckets.iter().map(|bucket| bucket.entries.len())
    }
}

#[cfg(test)]
mod tests;
