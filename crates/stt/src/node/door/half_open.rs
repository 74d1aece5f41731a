//! Attempts in progress, and who makes room when there are too many.
//!
//! An honest attempt takes a few round trips, so the oldest one goes. But first of all goes one of
//! the address that has the most: whoever floods makes room for others, not they for it. Addresses
//! that had a session lately go last.

use std::{
    collections::{BTreeMap, HashMap},
    net::IpAddr,
    sync::Arc,
};

use tokio::sync::Notify;

/// The attempts in progress.
#[derive(Debug)]
pub(in crate::node) struct HalfOpen {
    limit: usize,
    next: u64,
    places: BTreeMap<u64, Place>,
    by_source: HashMap<IpAddr, usize>,
}

#[derive(Debug)]
struct Place {
    source: IpAddr,
    known: bool,
    evicted: Arc<Notify>,
}

impl HalfOpen {
    pub(in crate::node) fn new(limit: usize) -> Self {
        Self {
            limit: limit.max(1),
            next: 0,
            places: BTreeMap::new(),
            by_source: HashMap::new(),
        }
    }

    pub(in crate::node) fn len(&self) -> usize {
        self.places.len()
    }

    /// Whether half of the places are taken.
    pub(in crate::node) fn is_busy(&self) -> bool {
        self.places.len() >= self.limit / 2
    }

    /// Gives `source` a place, if need be somebody else's. Returns its number, and what tells its
    /// holder to leave.
    pub(in crate::node) fn enter(&mut self, source: IpAddr, known: bool) -> (u64, Arc<Notify>) {
        while self.places.len() >= self.limit {
            let Some(number) = self.who_leaves() else {
                break;
            };
            if let Some(place) = self.leave(number) {
                place.notify_one();
            }
        }
        let (number, evicted) = (self.next, Arc::new(Notify::new()));
        self.next += 1;
        let place = Place {
            source,
            known,
            evicted: Arc::clone(&evicted),
        };
        self.places.insert(number, place);
        *self.by_source.entry(source).or_default() += 1;
        (number, evicted)
    }

    /// Gives a place back, if it wasn't taken away before.
    pub(in crate::node) fn leave(&mut self, number: u64) -> Option<Arc<Notify>> {
        let place = self.places.remove(&number)?;
        if let Some(count) = self.by_source.get_mut(&place.source) {
            *count -= 1;
            if *count == 0 {
                self.by_source.remove(&place.source);
            }
        }
        Some(place.evicted)
    }

    /// Looks at every place, of which there are few thousand at most, and only at the limit.
    fn who_leaves(&self) -> Option<u64> {
        let crowd = |place: &Place| self.by_source.get(&place.source).copied().unwrap_or(0);
        let leaves = self.places.iter().max_by_key(|(number, place)| {
            let crowd = crowd(place);
            (crowd > 1 || !place.known, crowd, u64::MAX - **number)
        });
        leaves.map(|(number, _)| *number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(last: u8) -> IpAddr {
        [10, 0, 0, last].into()
    }

    #[test]
    fn of_equals_the_oldest_leaves() {
        let mut half_open = HalfOpen::new(2);
        let (first, _) = half_open.enter(ip(1), false);
        let (second, _) = half_open.enter(ip(2), false);
        half_open.enter(ip(3), false);
        assert!(half_open.leave(first).is_none());
        assert!(half_open.leave(second).is_some());
    }

    #[test]
    fn whoever_floods_makes_room_for_others() {
        let mut half_open = HalfOpen::new(4);
        let (honest, _) = half_open.enter(ip(1), false);
        for _ in 0..100 {
            half_open.enter(ip(2), true);
        }
        assert_eq!(half_open.len(), 4);
        assert!(half_open.leave(honest).is_some());
    }

    #[test]
    fn who_had_a_session_lately_leaves_last() {
        let mut half_open = HalfOpen::new(2);
        let (known, _) = half_open.enter(ip(1), true);
        for last in 2..100 {
            half_open.enter(ip(last), false);
        }
        assert!(half_open.leave(known).is_some());
    }
}
