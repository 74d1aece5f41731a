//! Which link applies between which sockets; who is cut off, who is dead.
//!
//! Invariants: the most exact rule wins (socket to socket, socket to host, host to socket, host to
//! host, default); a change to a wide pattern also reaches all narrower rules inside it; cuts and
//! deaths are kept apart from links, so that no rule can hide them.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
};

use crate::{fate::Fate, link::Link};

/// A socket, or all sockets of a host. Made from any address type by `into`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    ip: IpAddr,
    port: Option<u16>,
}

impl Place {
    /// The host that this is, or is on.
    #[must_use]
    pub fn host(self) -> Self {
        Self { port: None, ..self }
    }

    pub(crate) fn ip(self) -> IpAddr {
        self.ip
    }

    pub(crate) fn port(self) -> Option<u16> {
        self.port
    }

    pub(crate) fn covers(self, other: Self) -> bool {
        self == other || self == other.host()
    }
}

impl From<SocketAddr> for Place {
    fn from(addr: SocketAddr) -> Self {
        Self {
            ip: addr.ip(),
            port: Some(addr.port()),
        }
    }
}

impl From<IpAddr> for Place {
    fn from(ip: IpAddr) -> Self {
        Self { ip, port: None }
    }
}

impl From<Ipv4Addr> for Place {
    fn from(ip: Ipv4Addr) -> Self {
        IpAddr::from(ip).into()
    }
}

impl From<Ipv6Addr> for Place {
    fn from(ip: Ipv6Addr) -> Self {
        IpAddr::from(ip).into()
    }
}

/// The map of the network.
#[derive(Debug)]
pub(crate) struct Routes {
    default: Link,
    rules: BTreeMap<Pair, Link>,
    cuts: BTreeSet<Pair>,
    dead: BTreeSet<Place>,
}

/// From, to.
type Pair = (Place, Place);

impl Routes {
    pub(crate) fn new(default: Link) -> Self {
        Self {
            default,
            rules: BTreeMap::new(),
            cuts: BTreeSet::new(),
            dead: BTreeSet::new(),
        }
    }

    /// The link that applies from one place to another.
    pub(crate) fn link(&self, from: Place, to: Place) -> &Link {
        patterns(from, to)
            .iter()
            .find_map(|pair| self.rules.get(pair))
            .unwrap_or(&self.default)
    }

    /// Changes one direction, for all sockets that the places cover.
    pub(crate) fn change(&mut self, from: Place, to: Place, mut f: impl FnMut(&mut Link)) {
        let start = self.link(from, to).clone();
        self.rules.entry((from, to)).or_insert(start);
        for (rule, link) in &mut self.rules {
            if from.covers(rule.0) && to.covers(rule.1) {
                f(link);
            }
        }
    }

    pub(crate) fn change_all(&mut self, mut f: impl FnMut(&mut Link)) {
        f(&mut self.default);
        self.rules.values_mut().for_each(f);
    }

    pub(crate) fn cut(&mut self, a: Place, b: Place) {
        self.cuts.extend([(a, b), (b, a)]);
    }

    pub(crate) fn heal(&mut self, a: Place, b: Place) {
        let is_inside = |x: Place, y: Place| a.covers(x) && b.covers(y);
        self.cuts
            .retain(|&(from, to)| !is_inside(from, to) && !is_inside(to, from));
    }

    pub(crate) fn kill(&mut self, place: Place) {
        self.dead.insert(place);
    }

    pub(crate) fn revive(&mut self, place: Place) {
        self.dead.retain(|&dead| !place.covers(dead));
    }

    pub(crate) fn is_dead(&self, place: Place) -> bool {
        self.dead.contains(&place) || self.dead.contains(&place.host())
    }

    /// Why nothing goes from one place to another at all.
    pub(crate) fn refusal(&self, from: Place, to: Place) -> Option<Fate> {
        if self.is_dead(from) || self.is_dead(to) {
            return Some(Fate::Dead);
        }
        let is_cut = patterns(from, to)
            .iter()
            .any(|pair| self.cuts.contains(pair));
        is_cut.then_some(Fate::Down)
    }
}

/// The patterns that cover a pair, most exact first.
fn patterns(from: Place, to: Place) -> [Pair; 4] {
    [
        (from, to),
        (from, to.host()),
        (from.host(), to),
        (from.host(), to.host()),
    ]
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn host(n: u8) -> Place {
        Ipv4Addr::new(10, 0, 0, n).into()
    }

    fn socket(n: u8, port: u16) -> Place {
        SocketAddr::from(([10, 0, 0, n], port)).into()
    }

    #[test]
    fn the_most_exact_rule_wins() {
        let mut routes = Routes::new(Link::wan());
        routes.change(host(1), host(2), |link| link.rate = 1);
        routes.change(socket(1, 9), host(2), |link| link.rate = 2);
        routes.change(socket(1, 9), socket(2, 9), |link| link.rate = 3);
        assert_eq!(routes.link(socket(1, 8), socket(2, 8)).rate, 1);
        assert_eq!(routes.link(socket(1, 9), socket(2, 8)).rate, 2);
        assert_eq!(routes.link(socket(1, 9), socket(2, 9)).rate, 3);
        assert_eq!(
            routes.link(socket(2, 9), socket(1, 9)),
            &Link::wan(),
            "one direction only"
        );
    }

    #[test]
    fn a_wide_change_reaches_narrow_rules_and_keeps_what_they_say() {
        let mut routes = Routes::new(Link::wan());
        routes.change(socket(1, 9), socket(2, 9), |link| link.rate = 3);
        routes.change(host(1), host(2), |link| link.latency = Duration::ZERO);
        let link = routes.link(socket(1, 9), socket(2, 9));
        assert_eq!((link.rate, link.latency), (3, Duration::ZERO));
        routes.change_all(|link| link.loss = 0.5);
        assert!((routes.link(socket(1, 9), socket(2, 9)).loss - 0.5).abs() < f64::EPSILON);
        assert!((routes.link(host(7), host(8)).loss - 0.5).abs() < f64::EPSILON);
    }

    #[test]
    fn a_partition_of_hosts_holds_for_their_sockets_both_ways_until_healed() {
        let mut routes = Routes::new(Link::wan());
        routes.cut(host(1), host(2));
        assert_eq!(routes.refusal(socket(1, 9), socket(2, 9)), Some(Fate::Down));
        assert_eq!(routes.refusal(socket(2, 9), socket(1, 9)), Some(Fate::Down));
        assert_eq!(routes.refusal(socket(1, 9), socket(3, 9)), None);
        routes.heal(host(2), host(1));
        assert_eq!(routes.refusal(socket(1, 9), socket(2, 9)), None);
    }

    #[test]
    fn a_dead_host_neither_sends_nor_receives_until_revived() {
        let mut routes = Routes::new(Link::wan());
        routes.kill(host(1));
        assert_eq!(routes.refusal(socket(1, 9), socket(2, 9)), Some(Fate::Dead));
        assert_eq!(routes.refusal(socket(2, 9), socket(1, 9)), Some(Fate::Dead));
        routes.revive(host(1));
        assert_eq!(routes.refusal(socket(1, 9), socket(2, 9)), None);
    }
}
