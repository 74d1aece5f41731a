//! Who has a lease of what, and whether there is room for more. Pure: time is an argument.
//!
//! *Invariant*: the objects that are kept and those that are on their way never have more bytes than are offered, and
//! those of one owner never more than its share. spec: COPY-5, COPY-6.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use stc::NodeId;
use stt_wire::{Declined, KeptLease, KeptLeases, limits::MAX_KEPT_LEASES};

use super::options::Terms;
use crate::storage::{Address, Reference};

/// All leases, and the objects that are on their way.
#[derive(Debug, Default)]
pub(super) struct Leases {
    granted: BTreeMap<(Address, NodeId), Lease>,
    coming: BTreeMap<Address, Coming>,
}

/// One owner's of one object.
#[derive(Debug, Clone, Copy)]
struct Lease {
    root: [u8; 32],
    length: u64,
    until: Instant,
}

#[derive(Debug, Clone, Copy)]
struct Coming {
    owner: NodeId,
    length: u64,
}

/// What is to be done for a lease.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Admission {
    /// Nothing: the object is here.
    Here,
    /// It has to come; room is kept for it until [`Leases::came`].
    Comes,
    /// It has to wait: for others, or for this object, which is coming for somebody else.
    Busy,
}

impl Leases {
    /// Whether an owner may have a lease of an object. Room for an object that has to come is kept from now on.
    pub(super) fn admit(
        &mut self,
        terms: &Terms,
        owner: NodeId,
        object: &Reference,
    ) -> Result<Admission, Declined> {
        let address = object.address;
        let here = self.of_object(address).next().map(|(_, lease)| *lease);
        if here.is_some_and(|lease| (lease.root, lease.length) != (object.root, object.length)) {
            return Err(Declined::False);
        }
        if self.granted.contains_key(&(address, owner)) {
            return Ok(Admission::Here);
        }
        if self.coming.contains_key(&address) {
            return Ok(Admission::Busy);
        }
        let share = self.share_of(owner).saturating_add(object.length);
        let all = self.bytes().saturating_add(object.length);
        if self.granted.len() + self.coming.len() >= MAX_KEPT_LEASES {
            return Err(Declined::Full);
        }
        if here.is_none() && all > terms.bytes {
            return Err(Declined::Full);
        }
        if share > terms.share {
            return Err(Declined::Share);
        }
        if here.is_some() {
            return Ok(Admission::Here);
        }
        let of_owner = (self.coming.values()).filter(|coming| coming.owner == owner);
        if self.coming.len() >= MAX_COMING || of_owner.count() >= MAX_COMING_OF_ONE {
            return Ok(Admission::Busy);
        }
        let length = object.length;
        self.coming.insert(address, Coming { owner, length });
        Ok(Admission::Comes)
    }

    /// An object that had to come is here, or never will be.
    pub(super) fn came(&mut self, address: Address) {
        self.coming.remove(&address);
    }

    /// Gives a lease, or another end to one.
    pub(super) fn grant(&mut self, owner: NodeId, object: &Reference, until: Instant) {
        let lease = Lease {
            root: object.root,
            length: object.length,
            until,
        };
        self.granted.insert((object.address, owner), lease);
    }

    /// Ends a lease; true if it was the object's last.
    pub(super) fn release(&mut self, owner: NodeId, address: Address) -> bool {
        let had = self.granted.remove(&(address, owner)).is_some();
        had && !self.is_kept(address)
    }

    /// Ends what is over; returns the objects without a lease since.
    pub(super) fn expire(&mut self, now: Instant) -> Vec<Address> {
        let over =
            |(key, lease): (&(Address, NodeId), &Lease)| (lease.until <= now).then_some(*key);
        let over: Vec<_> = self.granted.iter().filter_map(over).collect();
        let ended = over
            .into_iter()
            .filter(|(address, owner)| self.release(*owner, *address));
        let ended: Vec<_> = ended.map(|(address, _)| address).collect();
        ended
    }

    /// When the next one is over.
    pub(super) fn next_end(&self) -> Option<Instant> {
        self.granted.values().map(|lease| lease.until).min()
    }

    pub(super) fn is_kept(&self, address: Address) -> bool {
        self.of_object(address).next().is_some()
    }

    /// The objects that are kept.
    pub(super) fn objects(&self) -> impl Iterator<Item = Address> + '_ {
        let mut last = None;
        let addresses = self.granted.keys().map(|(address, _)| *address);
        addresses.filter(move |address| last.replace(*address) != Some(*address))
    }

    pub(super) fn len(&self) -> usize {
        self.granted.len()
    }

    /// Bytes of all objects that are kept or coming, each counted once.
    pub(super) fn bytes(&self) -> u64 {
        let mut last = None;
        let kept = self.granted.iter().filter_map(|((address, _), lease)| {
            (last.replace(*address) != Some(*address)).then_some(lease.length)
        });
        let coming = self.coming.values().map(|coming| coming.length);
        kept.chain(coming).fold(0, u64::saturating_add)
    }

    fn share_of(&self, owner: NodeId) -> u64 {
        let granted = self.granted.iter().filter(|((_, of), _)| *of == owner);
        let granted = granted.map(|(_, lease)| lease.length);
        let coming = self.coming.values().filter(|coming| coming.owner == owner);
        let coming = coming.map(|coming| coming.length);
        granted.chain(coming).fold(0, u64::saturating_add)
    }

    fn of_object(&self, address: Address) -> impl Iterator<Item = (&(Address, NodeId), &Lease)> {
        let [first, last] = [0, 0xff].map(|byte| (address, NodeId::from_bytes([byte; 32])));
        self.granted.range(first..=last)
    }

    /// For the next run.
    pub(super) fn to_keep(&self, now: Instant, unix: u64) -> KeptLeases {
        KeptLeases::new(self.granted.iter().map(|((address, owner), lease)| {
            let left = lease.until.saturating_duration_since(now);
            KeptLease {
                owner: *owner.as_bytes(),
                address: *address.as_bytes(),
                root: lease.root,
                length: lease.length,
                until: unix.saturating_add(left.as_secs()),
            }
        }))
    }

    /// Those of the last run. What ended meanwhile is over at the next [`expire`](Self::expire).
    pub(super) fn kept(kept: &KeptLeases, terms: &Terms, now: Instant, unix: u64) -> Self {
        let mut leases = Self::default();
        for lease in kept.leases() {
            let object = Reference {
                address: Address::from_bytes(lease.address),
                root: lease.root,
                length: lease.length,
            };
            // A clock that was wrong makes no lease longer than any may be.
            let left = Duration::from_secs(lease.until.saturating_sub(unix)).min(terms.longest);
            leases.grant(NodeId::from_bytes(lease.owner), &object, now + left);
        }
        leases
    }
}

/// Objects on their way at a time, and those of one owner among them.
const MAX_COMING: usize = 8;
const MAX_COMING_OF_ONE: usize = 2;

#[cfg(test)]
mod tests {
    use super::*;

    const TERMS: Terms = Terms {
        bytes: 100,
        share: 60,
        longest: Duration::from_secs(1_000),
    };

    fn owner(number: u8) -> NodeId {
        NodeId::from_bytes([number; 32])
    }

    fn object(number: u8, length: u64) -> Reference {
        Reference {
            address: Address::from_bytes([number; 32]),
            root: [number; 32],
            length,
        }
    }

    fn after(seconds: u64) -> Instant {
        static START: std::sync::OnceLock<Instant> = std::sync::OnceLock::new();
        *START.get_or_init(Instant::now) + Duration::from_secs(seconds)
    }

    /// Takes an object in for an owner, as far as there is room.
    fn keep(leases: &mut Leases, by: u8, what: &Reference, until: u64) -> Result<(), Declined> {
        let admission = leases.admit(&TERMS, owner(by), what)?;
        assert_ne!(admission, Admission::Busy);
        leases.came(what.address);
        leases.grant(owner(by), what, after(until));
        Ok(())
    }

    #[test]
    fn an_owner_gets_its_share_and_all_of_them_what_is_offered() {
        let mut leases = Leases::default();
        assert_eq!(keep(&mut leases, 1, &object(1, 50), 10), Ok(()));
        assert_eq!(
            keep(&mut leases, 1, &object(2, 11), 10),
            Err(Declined::Share)
        );
        assert_eq!(keep(&mut leases, 1, &object(3, 10), 10), Ok(()));
        assert_eq!(
            keep(&mut leases, 2, &object(4, 41), 10),
            Err(Declined::Full)
        );
        assert_eq!(keep(&mut leases, 2, &object(5, 40), 10), Ok(()));
        assert_eq!(leases.bytes(), 100);
        let huge = object(6, u64::MAX);
        assert_eq!(keep(&mut leases, 3, &huge, 10), Err(Declined::Full));
    }

    #[test]
    fn what_is_on_its_way_has_its_room_until_it_came() {
        let mut leases = Leases::default();
        let first = leases.admit(&TERMS, owner(1), &object(1, 60));
        assert_eq!(first, Ok(Admission::Comes));
        let other = leases.admit(&TERMS, owner(2), &object(2, 41));
        assert_eq!(other, Err(Declined::Full));
        let same = leases.admit(&TERMS, owner(2), &object(1, 60));
        assert_eq!(same, Ok(Admission::Busy));
        leases.came(object(1, 60).address);
        assert_eq!(leases.bytes(), 0);
    }

    #[test]
    fn an_object_that_two_owners_want_counts_once_and_lasts_as_long_as_either() {
        let mut leases = Leases::default();
        let shared = object(1, 60);
        keep(&mut leases, 1, &shared, 10).unwrap();
        keep(&mut leases, 2, &shared, 20).unwrap();
        assert_eq!(leases.bytes(), 60);
        assert_eq!(leases.objects().count(), 1);
        assert!(leases.expire(after(10)).is_empty());
        assert!(!leases.release(owner(1), shared.address));
        assert_eq!(leases.expire(after(20)), [shared.address]);
        assert_eq!((leases.bytes(), leases.next_end()), (0, None));
    }

    #[test]
    fn a_renewed_lease_needs_no_room_and_has_its_new_end() {
        let mut leases = Leases::default();
        let kept = object(1, 60);
        keep(&mut leases, 1, &kept, 10).unwrap();
        keep(&mut leases, 1, &kept, 30).unwrap();
        assert!(leases.expire(after(29)).is_empty());
        assert_eq!(leases.next_end(), Some(after(30)));
        assert!(leases.release(owner(1), kept.address));
        assert!(!leases.release(owner(1), kept.address));
    }

    #[test]
    fn another_root_for_what_is_here_is_false() {
        let mut leases = Leases::default();
        keep(&mut leases, 1, &object(1, 10), 10).unwrap();
        let mut other = object(1, 10);
        other.root = [9; 32];
        assert_eq!(keep(&mut leases, 2, &other, 10), Err(Declined::False));
    }

    #[test]
    fn few_objects_are_on_their_way_at_a_time_and_fewer_of_one_owner() {
        let mut leases = Leases::default();
        let mut admit = |by, number| leases.admit(&TERMS, owner(by), &object(number, 1)).unwrap();
        assert_eq!(admit(1, 1), Admission::Comes);
        assert_eq!(admit(1, 2), Admission::Comes);
        assert_eq!(admit(1, 3), Admission::Busy);
        assert_eq!(admit(2, 1), Admission::Busy);
        for number in 4..10 {
            assert_eq!(admit(number, number), Admission::Comes);
        }
        assert_eq!(admit(10, 10), Admission::Busy);
    }

    #[test]
    fn leases_of_the_last_run_go_on_where_they_were() {
        let mut leases = Leases::default();
        keep(&mut leases, 1, &object(1, 10), 100).unwrap();
        keep(&mut leases, 2, &object(2, 10), 900).unwrap();
        let kept = leases.to_keep(after(0), 5_000);
        let mut next = Leases::kept(&kept, &TERMS, after(0), 5_150);
        assert_eq!(next.expire(after(0)), [object(1, 10).address]);
        assert_eq!(next.next_end(), Some(after(750)));
        let back_in_time = Leases::kept(&kept, &TERMS, after(0), 0);
        assert_eq!(back_in_time.next_end(), Some(after(1_000)));
    }
}
