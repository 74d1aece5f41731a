//! How others see this node: what peers report of the addresses our packets come from.
//!
//! From what two peers say follows how the network on the way translates addresses (RFC 4787 section
//! 4.1). One peer could say anything, so its word changes only what is offered to others as a place to
//! probe.

use std::{
    collections::{BTreeMap, HashMap, btree_map::Entry},
    net::SocketAddr,
};

use parking_lot::Mutex;
use stt_wire::Mapping;

/// The reports of the sessions there are.
#[derive(Debug, Default)]
pub(crate) struct Outside(Mutex<Reports>);

#[derive(Debug, Default)]
struct Reports {
    /// By session, and by family: the second is IPv6.
    said: HashMap<(u64, bool), SocketAddr>,
    /// How many say so: a node has thousands of sessions, and few addresses.
    votes: BTreeMap<SocketAddr, usize>,
    /// Where a router lets others in because it was asked to.
    mapped: Option<SocketAddr>,
}

impl Outside {
    /// The peer of `session` sees us at `address`.
    pub(crate) fn reported(&self, session: u64, address: SocketAddr) {
        let mut reports = self.0.lock();
        reports.retract(session, address.is_ipv6());
        reports.said.insert((session, address.is_ipv6()), address);
        *reports.votes.entry(address).or_default() += 1;
    }

    /// The session is over.
    pub(crate) fn forget(&self, session: u64) {
        let mut reports = self.0.lock();
        reports.retract(session, false);
        reports.retract(session, true);
    }

    /// A router lets others in at this address, or at none any more.
    #[cfg(feature = "portmap")]
    pub(crate) fn set_mapped(&self, address: Option<SocketAddr>) {
        self.0.lock().mapped = address;
    }

    /// Where a router lets others in.
    #[cfg(feature = "portmap")]
    pub(crate) fn mapped(&self) -> Option<SocketAddr> {
        self.0.lock().mapped
    }

    /// What a router granted, then the addresses reported, those that most peers agree on first.
    pub(crate) fn addresses(&self) -> Vec<SocketAddr> {
        self.reported_by(1)
    }

    /// Those that at least so many sessions report, the most agreed on first.
    pub(crate) fn reported_by(&self, sessions: usize) -> Vec<SocketAddr> {
        let reports = self.0.lock();
        let agreed = reports
            .votes
            .iter()
            .filter(|(_, votes)| **votes >= sessions);
        let mut addresses: Vec<_> = agreed.collect();
        addresses.sort_by_key(|(_, votes)| std::cmp::Reverse(**votes));
        let reported = addresses.into_iter().map(|(address, _)| *address);
        let reported = reported.filter(|address| Some(*address) != reports.mapped);
        reports.mapped.into_iter().chain(reported).collect()
    }

    /// How IPv4 addresses are translated, as far as two peers have told.
    pub(crate) fn mapping(&self) -> Mapping {
        let reports = self.0.lock();
        let mut v4 = reports.votes.iter().filter(|(at, _)| at.is_ipv4());
        match (v4.next(), v4.next()) {
            (None | Some((_, 1)), None) => Mapping::Unknown,
            (Some(_), None) => Mapping::Independent,
            (_, Some(_)) => Mapping::Dependent,
        }
    }
}

impl Reports {
    fn retract(&mut self, session: u64, is_v6: bool) {
        let Some(address) = self.said.remove(&(session, is_v6)) else {
            return;
        };
        if let Entry::Occupied(mut votes) = self.votes.entry(address) {
            *votes.get_mut() -= 1;
            if *votes.get() == 0 {
                votes.remove();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(port: u16) -> SocketAddr {
        ([192, 0, 2, 1], port).into()
    }

    #[test]
    fn two_peers_that_agree_or_differ_tell_how_addresses_are_mapped() {
        let outside = Outside::default();
        outside.reported(1, at(7));
        assert_eq!(outside.mapping(), Mapping::Unknown);
        outside.reported(2, at(7));
        assert_eq!(outside.mapping(), Mapping::Independent);
        outside.reported(3, at(8));
        assert_eq!(outside.mapping(), Mapping::Dependent);
        assert_eq!(outside.addresses(), [at(7), at(8)]);
        outside.forget(3);
        assert_eq!(outside.mapping(), Mapping::Independent);
        outside.reported(1, at(9));
        outside.reported(2, at(9));
        assert_eq!(outside.addresses(), [at(9)], "what was said before is not");
    }
}
