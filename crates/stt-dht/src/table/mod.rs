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

use std::collections::BTreeMap;

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
    crowds: Crowds,
}

/// How many members of the table each network has: of most, one.
#[derive(Debug, Default, Clone)]
struct Crowds(BTreeMap<Network, usize>);

impl Crowds {
    fn of(&self, network: Network) -> usize {
        self.0.get(&network).copied().unwrap_or_default()
    }

    fn join(&mut self, network: Option<Network>) {
        if let Some(network) = network {
            *self.0.entry(network).or_default() += 1;
        }
    }

    fn leave(&mut self, network: Option<Network>) {
        let Some(network) = network else {
            return;
        };
        match self.of(network) {
            0 | 1 => drop(self.0.remove(&network)),
            more => drop(self.0.insert(network, more - 1)),
        }
    }
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
            crowds: Crowds::default(),
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
                    self.crowds.leave(entry.network);
                    entry.move_to(contact);
                    self.crowds.join(entry.network);
                }
                entry.show(now);
            }
            return Insertion::Known;
        }
        if self.buckets[shared].len() < self.k {
            if !self.is_diverse(shared, &contact) {
                return Insertion::NotAdded;
            }
            self.add(shared, Entry::new(now, contact, key));
            return Insertion::Added;
        }
        let bucket = &mut self.buckets[shared];
        bucket.reserve(contact, key);
        Insertion::NotAdded
    }

    fn add(&mut self, shared: usize, entry: Entry) {
        self.crowds.join(entry.network);
        self.buckets[shared].add(entry);
    }

    fn is_diverse(&self, shared: usize, contact: &Contact) -> bool {
        let Some(network) = Network::of(contact) else {
            return true;
        };
        if !self.defences.has(Defence::Diversity) {
            return true;
        }
        let is_same = |entry: &&Entry| entry.network == Some(network);
        let in_bucket = self.buckets[shared]
            .entries()
            .iter()
            .filter(is_same)
            .count();
        in_bucket < IN_BUCKET && self.crowds.of(network) < IN_TABLE
    }

    /// The member has shown that it is there.
    pub(crate) fn show(&mut self, now: Moment, key: &Key) -> Option<&mut Entry> {
        let entry = self.find(key)?;
        entry.show(now);
        Some(entry)
    }

    /// The member may be gone: it is to be checked before any other.
    pub(crate) fn doubt(&mut self, key: &Key) {
        if let Some(entry) = self.find(key) {
            entry.doubt();
        }
    }

    pub(crate) fn find(&mut self, key: &Key) -> Option<&mut Entry> {
        let shared = self.own.shared_bits(key);
        self.buckets.get_mut(shared)?.find(key)
    }

    pub(crate) fn known(&self, key: &Key) -> Option<&Entry> {
        self.buckets.get(self.own.shared_bits(key))?.known(key)
    }

    /// The member left a request without an answer. True if it was there, and now counts as gone.
    pub(crate) fn strike(&mut self, now: Moment, key: &Key) -> bool {
        let Some(entry) = self.find(key) else {
            return false;
        };
        let (is_out, was_here) = (entry.strike(now), entry.was_here());
        let is_out = is_out && self.defences.has(Defence::Eviction);
        is_out && self.remove(key) && was_here
    }

    /// Forgets a member; one in reserve takes its place. True if it was there.
    pub(crate) fn remove(&mut self, key: &Key) -> bool {
        let shared = self.own.shared_bits(key);
        let Some(bucket) = self.buckets.get_mut(shared) else {
            return false;
        };
        let Some(gone) = bucket.remove(key) else {
            return false;
        };
        self.crowds.leave(gone.network);
        // Taken out while they are looked at: whether one fits depends on the other buckets too.
        let mut spares = std::mem::take(&mut bucket.spares);
        let fits = |(spare, _): &(Contact, Key)| self.is_diverse(shared, spare);
        let place = spares.iter().rposition(fits);
        let promoted = place.map(|place| spares.remove(place));
        self.buckets[shared].spares = spares;
        if let Some((contact, key)) = promoted {
            // Its last sign of life is not remembered, so that it is checked first of all.
            self.add(shared, Entry::new(Moment::default(), contact, key));
        }
        true
    }

    /// Whether a member that shares so many bits would find room.
    pub(crate) fn has_room(&self, key: &Key) -> bool {
        let bucket = self.buckets.get(self.own.shared_bits(key));
        bucket.is_none_or(|bucket| bucket.len() < self.k)
    }

    /// The `count` members closest to `target`, in no order, of those that pass.
    pub(crate) fn closest(
        &self,
        target: &Key,
        count: usize,
        passes: impl Fn(&Entry) -> bool,
    ) -> Vec<&Entry> {
        let mut found: Vec<&Entry> = Vec::with_capacity(count + self.k);
        for bucket in self.buckets_towards(target) {
            let known = found.len();
            found.extend(bucket.entries().iter().filter(|entry| passes(entry)));
            if found.len() >= count {
                let room = count - known;
                let last = &mut found[known..];
                if last.len() > room {
                    last.select_nth_unstable_by_key(room, |entry| target.distance(&entry.key));
                }
                found.truncate(count);
                break;
            }
        }
        found
    }

    /// The buckets by how far their members are from `target`: all of one are closer than all of the
    /// next.
    ///
    /// Members of a bucket agree with us up to its bit and differ in it. So the bits in which we
    /// differ from the target name the buckets whose members agree with it for longer than we do,
    /// and the others those whose members agree for shorter.
    fn buckets_towards(&self, target: &Key) -> impl Iterator<Item = &Bucket> {
        let differs = |bit: &usize| self.own.differs_in(target, *bit);
        let all = 0..self.buckets.len();
        let closer = all.clone().filter(differs);
        let farther = all.rev().filter(move |bit| !differs(bit));
        closer.chain(farther).map(|bit| &self.buckets[bit])
    }

    /// All members, from the farthest bucket to the closest.
    pub(crate) fn entries(&self) -> impl Iterator<Item = &Entry> {
        self.buckets.iter().flat_map(Bucket::entries)
    }

    pub(crate) fn entries_mut(&mut self) -> impl Iterator<Item = &mut Entry> {
        self.buckets.iter_mut().flat_map(Bucket::entries_mut)
    }

    pub(crate) fn len(&self) -> usize {
        self.fill().sum()
    }

    /// How many members of its bucket have been there for longer than a member; none if it is not there.
    pub(crate) fn age_rank(&self, key: &Key) -> Option<usize> {
        self.buckets.get(self.own.shared_bits(key))?.place(key)
    }

    /// Whether a place is closer to us than all but `count` members. Whoever shares more bits is closer.
    pub(crate) fn is_near(&self, key: &Key, count: usize) -> bool {
        let shared = self.own.shared_bits(key);
        let mut buckets = self.buckets.iter().skip(shared);
        let bucket = buckets.next().map_or(&[][..], Bucket::entries);
        let closer: usize = buckets.map(Bucket::len).sum();
        let distance = self.own.distance(key);
        let is_closer = |entry: &&Entry| self.own.distance(&entry.key) < distance;
        closer < count && closer + bucket.iter().filter(is_closer).count() < count
    }

    /// How many members each bucket has, the farthest first.
    pub(crate) fn fill(&self) -> impl DoubleEndedIterator<Item = usize> + '_ {
        self.buckets.iter().map(Bucket::len)
    }
}

#[cfg(test)]
mod tests;
