//! Whom one endpoint has sent to, and when last: the memory of a filter.
//!
//! Invariants: an endpoint was used no earlier than any of its remotes; at most [`MAX_REMOTES`]
//! are remembered.
//! Units: `u64` times are nanoseconds of virtual time.

use std::{
    collections::BTreeMap,
    net::{IpAddr, SocketAddr},
};

use super::{Dependence, Firewall, Refresh};
use crate::timer::nanos;

/// The memory of one endpoint.
#[derive(Debug, Default)]
pub(crate) struct Permits {
    used: Option<u64>,
    remotes: BTreeMap<SocketAddr, u64>,
}

impl Permits {
    /// Whether the endpoint was used lately.
    pub(crate) fn is_live(&self, now: u64, rules: &Firewall) -> bool {
        self.used.is_some_and(|used| is_fresh(now, used, rules))
    }

    /// Remembers a packet out, unless the memory is full of fresh remotes.
    pub(crate) fn note(&mut self, now: u64, remote: SocketAddr, rules: &Firewall) -> bool {
        if self.remotes.len() >= MAX_REMOTES && !self.remotes.contains_key(&remote) {
            self.remotes.retain(|_, used| is_fresh(now, *used, rules));
            if self.remotes.len() >= MAX_REMOTES {
                return false;
            }
        }
        self.used = Some(now);
        self.remotes.insert(remote, now);
        true
    }

    /// Whether a packet from `remote` is let in; if so, it may count as use.
    pub(crate) fn admit(&mut self, now: u64, remote: SocketAddr, rules: &Firewall) -> bool {
        let is_admitted = match rules.filtering {
            Dependence::EndpointIndependent => self.is_live(now, rules),
            Dependence::AddressDependent => self
                .remotes
                .range(ports_of(remote.ip()))
                .any(|(_, used)| is_fresh(now, *used, rules)),
            Dependence::AddressAndPortDependent => self
                .remotes
                .get(&remote)
                .is_some_and(|used| is_fresh(now, *used, rules)),
        };
        if is_admitted && rules.refresh == Refresh::Both {
            self.refresh(now, remote, rules.filtering);
        }
        is_admitted
    }

    fn refresh(&mut self, now: u64, remote: SocketAddr, filtering: Dependence) {
        self.used = Some(now);
        match filtering {
            Dependence::EndpointIndependent => {}
            Dependence::AddressDependent => self
                .remotes
                .range_mut(ports_of(remote.ip()))
                .for_each(|(_, used)| *used = now),
            Dependence::AddressAndPortDependent => {
                self.remotes.insert(remote, now);
            }
        }
    }
}

fn is_fresh(now: u64, used: u64, rules: &Firewall) -> bool {
    now.saturating_sub(used) < nanos(rules.lifetime)
}

/// All endpoints of a host.
pub(crate) fn ports_of(ip: IpAddr) -> std::ops::RangeInclusive<SocketAddr> {
    SocketAddr::new(ip, 0)..=SocketAddr::new(ip, u16::MAX)
}

/// Far above what guessing a port takes.
const MAX_REMOTES: usize = 16_384;

#[cfg(test)]
mod tests {
    use super::*;

    fn remote(n: u32) -> SocketAddr {
        SocketAddr::from((n.to_be_bytes(), 1))
    }

    #[test]
    fn a_full_memory_takes_no_newcomer_until_the_old_are_forgotten() {
        let rules = Firewall::default();
        let mut permits = Permits::default();
        let count = MAX_REMOTES as u32;
        assert!((0..count).all(|n| permits.note(0, remote(n), &rules)));
        assert!(!permits.note(1, remote(count), &rules));
        assert!(permits.note(1, remote(0), &rules), "known ones go on");
        let later = nanos(rules.lifetime);
        assert!(permits.note(later, remote(count), &rules));
        assert_eq!(permits.remotes.len(), 2);
    }
}
