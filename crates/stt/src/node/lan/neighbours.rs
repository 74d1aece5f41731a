//! Who is on the local network.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    time::{Duration, Instant},
};

use parking_lot::Mutex;
use stc::NodeId;
use tokio::sync::Notify;

use super::{air::Audience, speech::Heard};

/// A member on the local network that takes sessions: event [`Neighbour::NAME`] when it is new.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Neighbour {
    /// Who it says it is. A session proves it.
    pub peer: NodeId,
    /// Where it says it takes sessions by UDP: at least one address, at most 8 of each way by which it is
    /// heard, IPv4 first and then each interface of this node by IPv6. A link-local one has its interface.
    pub addresses: Vec<SocketAddr>,
}

impl Neighbour {
    /// Its name as an event.
    pub const NAME: &'static str = "node.neighbour_found";
}

/// Those there are; at most [`MOST`].
#[derive(Debug, Default)]
pub(in crate::node) struct Neighbours {
    known: Mutex<BTreeMap<NodeId, Known>>,
    pub(super) changed: Notify,
}

/// What one has said, by the way it was heard: no more ways than this node has interfaces.
type Known = BTreeMap<Audience, (Vec<SocketAddr>, Instant)>;

impl Neighbours {
    /// Takes in what was said; the neighbour if it is new, or somewhere else than before. The first of
    /// the addresses of a way is the one that it spoke from.
    pub(super) fn heard(
        &self,
        now: Instant,
        heard: &Heard,
        source: SocketAddr,
    ) -> Option<Neighbour> {
        if heard.addresses.is_empty() {
            return None;
        }
        let way = Audience::of(source)?;
        let mut addresses = heard.addresses.clone();
        addresses.sort_by_key(|address| address.ip() != source.ip());
        let mut known = self.known.lock();
        known.retain(|_, ways| {
            ways.retain(|_, (_, at)| is_believed(now, *at));
            !ways.is_empty()
        });
        if known.len() >= MOST && !known.contains_key(&heard.peer) {
            return None;
        }
        let ways = known.entry(heard.peer).or_default();
        let before = all_of(now, ways);
        ways.insert(way, (addresses, now));
        let addresses = all_of(now, ways);
        if before == addresses {
            return None;
        }
        drop(known);
        self.changed.notify_waiters();
        Some(Neighbour {
            peer: heard.peer,
            addresses,
        })
    }

    /// Those that have been heard of lately, by their ids.
    pub(in crate::node) fn all(&self, now: Instant) -> Vec<Neighbour> {
        let known = self.known.lock();
        let all = known.iter().map(|(peer, ways)| Neighbour {
            peer: *peer,
            addresses: all_of(now, ways),
        });
        all.filter(|found| !found.addresses.is_empty()).collect()
    }
}

fn all_of(now: Instant, ways: &Known) -> Vec<SocketAddr> {
    let mut all = Vec::new();
    for (addresses, at) in ways.values() {
        for address in addresses {
            if is_believed(now, *at) && !all.contains(address) {
                all.push(*address);
            }
        }
    }
    all
}

fn is_believed(now: Instant, at: Instant) -> bool {
    now.saturating_duration_since(at) < BELIEVED
}

/// Members say every minute that they are there.
const BELIEVED: Duration = Duration::from_secs(200);
/// A member that invents others fills a table of this size and no more.
const MOST: usize = 256;

#[cfg(test)]
mod tests {
    use super::*;

    fn heard(peer: u8, port: u16) -> Heard {
        Heard {
            peer: NodeId::from_bytes([peer; 32]),
            addresses: vec![([192, 0, 2, 1], port).into(), ([192, 0, 2, 2], port).into()],
            asks: false,
        }
    }

    fn source() -> SocketAddr {
        ([192, 0, 2, 2], 9).into()
    }

    #[test]
    fn a_neighbour_is_new_once_and_again_when_it_has_moved() {
        let neighbours = Neighbours::default();
        let now = Instant::now();
        let found = neighbours.heard(now, &heard(1, 7), source()).unwrap();
        assert_eq!(
            found.addresses[0].ip(),
            source().ip(),
            "the way that it came"
        );
        assert_eq!(neighbours.heard(now, &heard(1, 7), source()), None);
        assert!(neighbours.heard(now, &heard(1, 8), source()).is_some());
        assert_eq!(neighbours.all(now).len(), 1);
    }

    #[test]
    fn a_neighbour_that_is_heard_in_two_ways_is_one_and_new_once_for_each() {
        let neighbours = Neighbours::default();
        let now = Instant::now();
        assert!(neighbours.heard(now, &heard(1, 7), source()).is_some());
        let link_local = "[fe80::1%3]:7".parse().unwrap();
        let mut by_v6 = heard(1, 7);
        by_v6.addresses = vec![link_local];
        let source_v6 = "[fe80::1%3]:9".parse().unwrap();
        let found = neighbours.heard(now, &by_v6, source_v6).unwrap();
        assert_eq!(found.addresses[0].ip(), source().ip(), "IPv4 first");
        assert_eq!(found.addresses.last(), Some(&link_local));
        for (said, from) in [(&heard(1, 7), source()), (&by_v6, source_v6)] {
            assert_eq!(neighbours.heard(now, said, from), None);
        }
        // One of the two falls silent.
        let later = now + BELIEVED;
        neighbours.heard(later, &by_v6, source_v6);
        assert_eq!(neighbours.all(later)[0].addresses, [link_local]);
    }

    #[test]
    fn a_neighbour_that_is_silent_is_forgotten() {
        let neighbours = Neighbours::default();
        let now = Instant::now();
        neighbours.heard(now, &heard(1, 7), source());
        let later = now + BELIEVED;
        assert_eq!(neighbours.all(later), []);
        assert!(neighbours.heard(later, &heard(1, 7), source()).is_some());
    }

    #[test]
    fn a_member_that_invents_others_fills_the_table_and_no_more() {
        let neighbours = Neighbours::default();
        let now = Instant::now();
        for number in 0..2_000_u16 {
            let mut invented = heard(0, 7);
            let mut id = [0; 32];
            id[..2].copy_from_slice(&number.to_be_bytes());
            invented.peer = NodeId::from_bytes(id);
            neighbours.heard(now, &invented, source());
        }
        assert_eq!(neighbours.all(now).len(), MOST);
    }
}
