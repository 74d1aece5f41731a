//! One NAT and its mappings.
//!
//! Invariants: a port has one mapping; a dead mapping is as if it weren't there, and its port is
//! free; the port of a mapping doesn't depend on the other mappings unless they have it.
//! Units: `u64` times are nanoseconds of virtual time.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::{IpAddr, SocketAddr},
};

use super::{Dependence, Nat, Permits, Ports};
use crate::rng::Rng;

/// A NAT at work.
#[derive(Debug)]
pub(crate) struct Table {
    pub(crate) rules: Nat,
    pub(crate) outside: IpAddr,
    seed: u64,
    mappings: BTreeMap<u16, Mapping>,
    ports: BTreeMap<Key, u16>,
    /// Ports that were in use at the last rebinding.
    spent: BTreeSet<u16>,
}

#[derive(Debug)]
struct Mapping {
    key: Key,
    permits: Permits,
}

/// The inside endpoint, and toward whom it's mapped.
type Key = (SocketAddr, Toward);

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Toward {
    All,
    Host(IpAddr),
    Endpoint(SocketAddr),
}

impl Table {
    pub(crate) fn new(seed: u64, outside: IpAddr, rules: Nat) -> Self {
        Self {
            rules,
            outside,
            seed,
            mappings: BTreeMap::new(),
            ports: BTreeMap::new(),
            spent: BTreeSet::new(),
        }
    }

    /// The outside address of a packet on its way out; none when no port is free.
    pub(crate) fn outbound(
        &mut self,
        now: u64,
        inside: SocketAddr,
        remote: SocketAddr,
    ) -> Option<SocketAddr> {
        let key = self.key(inside, remote);
        let port = match self.port(now, &key) {
            Some(port) => port,
            None => self.map(now, key)?,
        };
        let rules = self.rules.firewall();
        let permits = &mut self.mappings.get_mut(&port)?.permits;
        permits
            .note(now, remote, &rules)
            .then_some(SocketAddr::new(self.outside, port))
    }

    /// Whom a packet to an outside port is for, if it's let in.
    pub(crate) fn inbound(
        &mut self,
        now: u64,
        remote: SocketAddr,
        port: u16,
    ) -> Option<SocketAddr> {
        let rules = self.rules.firewall();
        let mapping = self.mappings.get_mut(&port)?;
        mapping
            .permits
            .admit(now, remote, &rules)
            .then_some(mapping.key.0)
    }

    /// Whose port this is, or was last.
    pub(crate) fn owner(&self, port: u16) -> Option<SocketAddr> {
        self.mappings.get(&port).map(|mapping| mapping.key.0)
    }

    /// Where an inside endpoint is mapped toward a remote one, if it is.
    pub(crate) fn mapped(
        &self,
        now: u64,
        inside: SocketAddr,
        remote: SocketAddr,
    ) -> Option<SocketAddr> {
        let port = self.port(now, &self.key(inside, remote))?;
        Some(SocketAddr::new(self.outside, port))
    }

    /// Forgets all mappings, and keeps their ports from being given out again.
    pub(crate) fn rebind(&mut self) {
        self.spent = std::mem::take(&mut self.mappings).into_keys().collect();
        self.ports.clear();
    }

    fn key(&self, inside: SocketAddr, remote: SocketAddr) -> Key {
        let toward = match self.rules.mapping {
            Dependence::EndpointIndependent => Toward::All,
            Dependence::AddressDependent => Toward::Host(remote.ip()),
            Dependence::AddressAndPortDependent => Toward::Endpoint(remote),
        };
        (inside, toward)
    }

    /// The port of a live mapping.
    fn port(&self, now: u64, key: &Key) -> Option<u16> {
        let port = *self.ports.get(key)?;
        (!self.is_free(now, port)).then_some(port)
    }

    fn is_free(&self, now: u64, port: u16) -> bool {
        let rules = self.rules.firewall();
        self.mappings
            .get(&port)
            .is_none_or(|mapping| !mapping.permits.is_live(now, &rules))
    }

    fn map(&mut self, now: u64, key: Key) -> Option<u16> {
        let port = self.choose(now, &key)?;
        let mapping = Mapping {
            key,
            permits: Permits::default(),
        };
        if let Some(dead) = self.mappings.insert(port, mapping)
            && self.ports.get(&dead.key) == Some(&port)
        {
            self.ports.remove(&dead.key);
        }
        self.ports.insert(key, port);
        Some(port)
    }

    fn choose(&self, now: u64, key: &Key) -> Option<u16> {
        let is_good = |port: &u16| !self.spent.contains(port) && self.is_free(now, *port);
        let first = match self.rules.ports {
            Ports::Preserving => key.0.port(),
            Ports::Random => {
                let mut draws = self.draws(now, key);
                let drawn = draws.by_ref().take(MAX_DRAWS).find(is_good);
                drawn.or_else(|| draws.next())?
            }
        };
        (first..=u16::MAX).chain(FIRST_PORT..first).find(is_good)
    }

    /// Ports at random.
    fn draws(&self, now: u64, key: &Key) -> impl Iterator<Item = u16> + use<> {
        let name = format!("{} {key:?} {now}", self.outside);
        let mut rng = Rng::named(self.seed, &[b"nat", name.as_bytes()]);
        let count = u64::from(u16::MAX - FIRST_PORT) + 1;
        std::iter::repeat_with(move || FIRST_PORT + (rng.word() % count) as u16)
    }
}

/// The first port beyond the well-known ones (RFC 4787, REQ-3).
const FIRST_PORT: u16 = 1024;

/// After this many taken ports the next free one is as good.
const MAX_DRAWS: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;

    fn endpoint(host: u8, port: u16) -> SocketAddr {
        SocketAddr::from(([10, 0, 0, host], port))
    }

    #[test]
    fn a_nat_without_a_free_port_maps_nobody_until_a_mapping_dies() {
        let mut nat = Table::new(1, endpoint(9, 0).ip(), Nat::home());
        let remote = endpoint(7, 7);
        for port in FIRST_PORT..=u16::MAX {
            assert!(nat.outbound(0, endpoint(1, port), remote).is_some());
        }
        let late = endpoint(2, 5000);
        assert_eq!(nat.outbound(1, late, remote), None);
        let later = nat.rules.lifetime.as_nanos() as u64;
        let mapped = nat.outbound(later, late, remote);
        assert_eq!(mapped, Some(endpoint(9, 5000)));
        assert_eq!(nat.owner(5000), Some(late));
        assert_eq!(nat.mapped(later, endpoint(1, 5000), remote), None);
    }

    #[test]
    fn a_random_port_does_not_depend_on_the_other_mappings() {
        let port = |others: u16| {
            let mut nat = Table::new(1, endpoint(9, 0).ip(), Nat::symmetric());
            for other in 0..others {
                nat.outbound(0, endpoint(1, 1), endpoint(7, 100 + other));
            }
            nat.outbound(0, endpoint(1, 1), endpoint(7, 7))
        };
        assert_eq!(port(0), port(20));
    }

    #[test]
    fn a_mapping_that_died_comes_back_with_another_random_port() {
        let mut nat = Table::new(1, endpoint(9, 0).ip(), Nat::symmetric());
        let first = nat.outbound(0, endpoint(1, 1), endpoint(7, 7));
        let later = nat.rules.lifetime.as_nanos() as u64;
        let second = nat.outbound(later, endpoint(1, 1), endpoint(7, 7));
        assert!(second.is_some() && first != second);
        let mut heard =
            |addr: Option<SocketAddr>| nat.inbound(later, endpoint(7, 7), addr.unwrap().port());
        assert_eq!(heard(second), Some(endpoint(1, 1)));
        assert_eq!(heard(first), None);
    }
}
