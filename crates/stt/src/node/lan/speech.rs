//! What is said on a local network: sealed for the group, with a time, of one length.
//!
//! *Invariant.* A beacon counts only if it comes from an address that it names itself, so that one which
//! a stranger recorded, and plays again from elsewhere, leads nowhere.

use std::{
    net::SocketAddr,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use stc::{Entropy, Group, NodeId, StcContext};
use stt_wire::Beacon;

/// Bytes of every datagram.
pub(super) const DATAGRAM_LEN: usize = Beacon::LEN + StcContext::OVERHEAD;

/// What a member has said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Heard {
    pub(super) peer: NodeId,
    /// Where it takes sessions; empty if it takes none.
    pub(super) addresses: Vec<SocketAddr>,
    pub(super) asks: bool,
}

/// Seals in the newest epoch. `None` for a group that has no contexts.
pub(super) fn seal(group: &Group, beacon: &Beacon, entropy: &mut dyn Entropy) -> Option<Vec<u8>> {
    let context = group.context(LABEL).ok()?;
    Some(context.seal(entropy, &[], &beacon.encode()))
}

/// Opens a datagram that came from `source`, in whatever epoch.
pub(super) fn open(group: &Group, datagram: &[u8], source: SocketAddr) -> Option<Heard> {
    if datagram.len() != DATAGRAM_LEN {
        return None;
    }
    let contexts = group.contexts(LABEL).ok()?;
    let opened = contexts
        .iter()
        .find_map(|context| context.open(&[], datagram).ok())?;
    let beacon = Beacon::decode(opened.into()).ok()?;
    let is_of_now = unix_seconds().abs_diff(beacon.time) <= SKEW.as_secs();
    let is_from_there = beacon.addresses.iter().any(|at| at.ip() == source.ip());
    (is_of_now && (is_from_there || beacon.addresses.is_empty())).then(|| Heard {
        peer: NodeId::from_bytes(beacon.node),
        addresses: as_seen_from(source, beacon.addresses),
        asks: beacon.asks,
    })
}

/// A link-local address counts on the interface by which it was heard of, and nowhere else. spec: REACH-81
fn as_seen_from(source: SocketAddr, named: Vec<SocketAddr>) -> Vec<SocketAddr> {
    let scoped = named.into_iter().filter_map(|address| match address {
        SocketAddr::V6(mut at) if at.ip().is_unicast_link_local() => {
            let SocketAddr::V6(source) = source else {
                return None;
            };
            at.set_scope_id(source.scope_id());
            Some(SocketAddr::V6(at))
        }
        other => Some(other),
    });
    scoped.collect()
}

/// By the clock of the system: only this tells what was said a quarter of an hour ago.
pub(super) fn unix_seconds() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| since.as_secs())
}

const LABEL: &str = "lan beacon";

/// Clocks may differ by this much.
const SKEW: Duration = Duration::from_secs(15 * 60);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SystemEntropy;

    fn beacon(time: u64) -> Beacon {
        Beacon {
            asks: false,
            time,
            node: [1; 32],
            addresses: vec![at(1)],
        }
    }

    fn at(last: u8) -> SocketAddr {
        ([192, 0, 2, last], 7).into()
    }

    #[test]
    fn members_of_both_epochs_understand_each_other_and_strangers_nothing() {
        let mut group = Group::generate(&mut SystemEntropy);
        let before = group.clone();
        group.next_epoch(&mut SystemEntropy).unwrap();
        let said = seal(&before, &beacon(unix_seconds()), &mut SystemEntropy).unwrap();
        assert_eq!(said.len(), DATAGRAM_LEN);
        assert!(open(&group, &said, at(1)).is_some());
        let stranger = Group::generate(&mut SystemEntropy);
        assert_eq!(open(&stranger, &said, at(1)), None);
    }

    #[test]
    fn what_is_played_again_from_elsewhere_or_later_is_not_believed() {
        let group = Group::generate(&mut SystemEntropy);
        let now = unix_seconds();
        let said = seal(&group, &beacon(now), &mut SystemEntropy).unwrap();
        assert_eq!(open(&group, &said, at(2)), None);
        let old = seal(&group, &beacon(now - 1_000), &mut SystemEntropy).unwrap();
        assert_eq!(open(&group, &old, at(1)), None);
        let skewed = seal(&group, &beacon(now - 600), &mut SystemEntropy).unwrap();
        assert!(open(&group, &skewed, at(1)).is_some());
    }

    #[test]
    fn a_link_local_address_is_on_the_interface_by_which_it_was_heard_of() {
        let group = Group::generate(&mut SystemEntropy);
        let mut named = beacon(unix_seconds());
        named.addresses = ["[fe80::1]:7", "[2001:db8::1]:7", "192.0.2.1:7"]
            .map(|at| at.parse().unwrap())
            .to_vec();
        let said = seal(&group, &named, &mut SystemEntropy).unwrap();
        let heard = open(&group, &said, "[fe80::1%3]:9".parse().unwrap()).unwrap();
        let expected = ["[fe80::1%3]:7", "[2001:db8::1]:7", "192.0.2.1:7"];
        assert_eq!(heard.addresses, expected.map(|at| at.parse().unwrap()));
        let heard = open(&group, &said, at(1)).unwrap();
        let expected = ["[2001:db8::1]:7", "192.0.2.1:7"];
        assert_eq!(heard.addresses, expected.map(|at| at.parse().unwrap()));
    }

    #[test]
    fn a_passphrase_says_nothing() {
        let group = Group::from_passphrase("test", "correct horse battery staple").unwrap();
        assert_eq!(seal(&group, &beacon(0), &mut SystemEntropy), None);
    }
}
