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
    said: HashMap<(u64, bool), Report>,
    /// Who says so: a node has thousands of sessions, and few addresses.
    votes: BTreeMap<SocketAddr, Votes>,
    /// Where a router lets others in because it was asked to.
    mapped: Option<SocketAddr>,
}

#[derive(Debug, Clone, Copy)]
struct Report {
    /// Where we are seen.
    seen_at: SocketAddr,
    /// Where the peer that says so is.
    by: SocketAddr,
}

/// Sessions that report the same address, by where their peers are.
#[derive(Debug, Default)]
struct Votes {
    sessions: usize,
    by: BTreeMap<SocketAddr, usize>,
}

impl Outside {
    /// The peer of `session`, which is at `by`, sees us at `seen_at`.
    pub(crate) fn reported(&self, session: u64, seen_at: SocketAddr, by: SocketAddr) {
        let mut reports = self.0.lock();
        reports.retract(session, seen_at.is_ipv6());
        let report = Report { seen_at, by };
        reports.said.insert((session, seen_at.is_ipv6()), report);
        let votes = reports.votes.entry(seen_at).or_default();
        votes.sessions += 1;
        *votes.by.entry(by).or_default() += 1;
    }

    /// Where the peer of `session` sees us.
    pub(crate) fn reported_in(&self, session: u64) -> Option<SocketAddr> {
        let reports = self.0.lock();
        let mut said = [false, true]
            .into_iter()
            .filter_map(|is_v6| reports.said.get(&(session, is_v6)));
        said.next().map(|report| report.seen_at)
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
            .filter(|(_, votes)| votes.sessions >= sessions);
        let mut addresses: Vec<_> = agreed.collect();
        addresses.sort_by_key(|(_, votes)| std::cmp::Reverse(votes.sessions));
        let reported = addresses.into_iter().map(|(address, _)| *address);
        let reported = reported.filter(|address| Some(*address) != reports.mapped);
        reports.mapped.into_iter().chain(reported).collect()
    }

    /// How IPv4 addresses are translated, as far as two peers have told, of a node that has these
    /// addresses on its interfaces. A peer that sees one of them is on the near side of the translator, if
    /// there is one, and tells nothing about it.
    pub(crate) fn mapping(&self, interfaces: &[SocketAddr]) -> Mapping {
        let reports = self.0.lock();
        let v4 = reports.votes.iter().filter(|(at, _)| at.is_ipv4());
        let (own, translated): (Vec<_>, Vec<_>) =
            v4.partition(|(at, _)| at.ip().is_loopback() || interfaces.contains(at));
        match translated.as_slice() {
            [_, _, ..] => Mapping::Dependent,
            [(_, votes)] if votes.are_of_two_hosts() => Mapping::Independent,
            [] if own.iter().map(|(_, votes)| votes.by.len()).sum::<usize>() > 1 => {
                Mapping::Independent
            }
            _ => Mapping::Unknown,
        }
    }
}

impl Votes {
    /// A translator may go by the host that is sent to, and not by its port.
    fn are_of_two_hosts(&self) -> bool {
        let (first, last) = (self.by.first_key_value(), self.by.last_key_value());
        first.map(|(by, _)| by.ip()) != last.map(|(by, _)| by.ip())
    }
}

impl Reports {
    fn retract(&mut self, session: u64, is_v6: bool) {
        let Some(Report { seen_at, by }) = self.said.remove(&(session, is_v6)) else {
            return;
        };
        let Entry::Occupied(mut votes) = self.votes.entry(seen_at) else {
            return;
        };
        votes.get_mut().sessions -= 1;
        if let Entry::Occupied(mut sessions) = votes.get_mut().by.entry(by) {
            *sessions.get_mut() -= 1;
            if *sessions.get() == 0 {
                sessions.remove();
            }
        }
        if votes.get().sessions == 0 {
            votes.remove();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(port: u16) -> SocketAddr {
        ([192, 0, 2, 1], port).into()
    }

    /// A peer, each on a host of its own.
    fn peer(host: u8) -> SocketAddr {
        ([198, 51, 100, host], 7).into()
    }

    #[test]
    fn two_peers_that_agree_or_differ_tell_how_addresses_are_mapped() {
        let outside = Outside::default();
        outside.reported(1, at(7), peer(1));
        assert_eq!(outside.mapping(&[]), Mapping::Unknown);
        outside.reported(2, at(7), peer(2));
        assert_eq!(outside.mapping(&[]), Mapping::Independent);
        outside.reported(3, at(8), peer(3));
        assert_eq!(outside.mapping(&[]), Mapping::Dependent);
        assert_eq!(outside.addresses(), [at(7), at(8)]);
        assert_eq!(outside.reported_in(3), Some(at(8)));
        outside.forget(3);
        assert_eq!(outside.mapping(&[]), Mapping::Independent);
        outside.reported(1, at(9), peer(1));
        outside.reported(2, at(9), peer(2));
        assert_eq!(outside.addresses(), [at(9)], "what was said before is not");
    }

    #[test]
    fn one_peer_that_is_asked_twice_tells_no_more_than_once() {
        let outside = Outside::default();
        outside.reported(1, at(7), peer(1));
        outside.reported(2, at(7), peer(1));
        assert_eq!(outside.mapping(&[]), Mapping::Unknown);
        outside.forget(1);
        outside.forget(2);
        assert_eq!(outside.addresses(), []);
    }

    #[test]
    fn a_neighbour_that_sees_an_address_of_an_interface_tells_nothing_of_the_translator() {
        let (outside, own) = (Outside::default(), [SocketAddr::from(([10, 0, 0, 2], 7))]);
        outside.reported(1, own[0], ([10, 0, 0, 3], 7).into());
        outside.reported(2, at(9), peer(1));
        assert_eq!(outside.mapping(&own), Mapping::Unknown);
        outside.reported(3, at(9), peer(2));
        assert_eq!(outside.mapping(&own), Mapping::Independent);
    }
}
