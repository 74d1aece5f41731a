//! How others see this node: what peers report of the addresses our packets come from.
//!
//! From what two peers say follows how the network on the way translates addresses (RFC 4787 section
//! 4.1). One peer could say anything, so its word changes only what is offered to others as a place to
//! probe.

use std::{collections::BTreeMap, net::SocketAddr};

use parking_lot::Mutex;
use stt_wire::Mapping;

/// The reports of the sessions there are.
#[derive(Debug, Default)]
pub(crate) struct Outside {
    /// By session, and by family: the second is IPv6.
    reports: Mutex<BTreeMap<(u64, bool), SocketAddr>>,
}

impl Outside {
    /// The peer of `session` sees us at `address`.
    pub(crate) fn reported(&self, session: u64, address: SocketAddr) {
        let key = (session, address.is_ipv6());
        self.reports.lock().insert(key, address);
    }

    /// The session is over.
    pub(crate) fn forget(&self, session: u64) {
        let mut reports = self.reports.lock();
        reports.retain(|(of, _), _| *of != session);
    }

    /// The addresses reported, those that most peers agree on first.
    pub(crate) fn addresses(&self) -> Vec<SocketAddr> {
        let mut votes = BTreeMap::<SocketAddr, usize>::new();
        for address in self.reports.lock().values() {
            *votes.entry(*address).or_default() += 1;
        }
        let mut addresses: Vec<_> = votes.into_iter().collect();
        addresses.sort_by_key(|(_, votes)| std::cmp::Reverse(*votes));
        addresses.into_iter().map(|(address, _)| address).collect()
    }

    /// How IPv4 addresses are translated, as far as two peers have told.
    pub(crate) fn mapping(&self) -> Mapping {
        let reports = self.reports.lock();
        let mut v4 = reports.values().filter(|address| address.is_ipv4());
        let Some(first) = v4.next() else {
            return Mapping::Unknown;
        };
        let (mut others, mut differ) = (0, false);
        for address in v4 {
            others += 1;
            differ |= address != first;
        }
        match (others, differ) {
            (0, _) => Mapping::Unknown,
            (_, false) => Mapping::Independent,
            (_, true) => Mapping::Dependent,
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
    }
}
