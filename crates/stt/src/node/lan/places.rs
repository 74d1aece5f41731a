//! Where neighbours can reach the node, as each of its audiences is told.
//!
//! spec: REACH-79, REACH-80

use std::net::{IpAddr, SocketAddr};

use super::air::{Audience, Spot};
use crate::transport::link::Link;

/// See the module.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Places {
    /// By IPv4; those of the loopback interface only if there are no others, for nodes of one machine.
    v4: Vec<SocketAddr>,
    /// By IPv6, wherever it is heard.
    v6: Vec<SocketAddr>,
    /// Interfaces at whose link-local address the node is, and at which ports.
    at_spots: Vec<(Spot, u16)>,
    /// Each of these interfaces.
    pub(super) spots: Vec<Spot>,
}

impl Places {
    pub(super) fn of(link: &Link) -> Self {
        let is_v6 = |address: &SocketAddr| address.is_ipv6();
        if link.addresses().iter().any(is_v6) {
            Self::new(&link.addresses(), link.interface_addresses(), &Spot::all())
        } else {
            Self::new(&link.addresses(), link.interface_addresses(), &[])
        }
    }

    /// Of a node with these sockets, which are at these addresses of interfaces, on a machine with these
    /// link-local ones.
    fn new(bound: &[SocketAddr], addresses: Vec<SocketAddr>, machine: &[Spot]) -> Self {
        let (mut v4, mut v6): (Vec<_>, Vec<_>) =
            addresses.into_iter().partition(SocketAddr::is_ipv4);
        if v4.is_empty() {
            let bound = bound.iter().filter(|at| at.is_ipv4());
            let loopback = bound.map(|at| SocketAddr::from(([127, 0, 0, 1], at.port())));
            v4 = loopback.collect();
        }
        v6.retain(|at| !at.ip().is_loopback() && !is_link_local(at.ip()));
        let mut places = Self {
            v4,
            v6,
            ..Self::default()
        };
        for spot in machine {
            let ports = bound.iter().filter(|at| is_at(at, *spot));
            let ports: Vec<_> = ports.map(|at| (*spot, at.port())).collect();
            if !ports.is_empty() {
                places.spots.push(*spot);
            }
            places.at_spots.extend(ports);
        }
        places
    }

    pub(super) fn v4_interfaces(&self) -> Vec<IpAddr> {
        self.v4.iter().map(SocketAddr::ip).collect()
    }

    /// What they can reach, and first what they hear it from.
    pub(super) fn named_to(&self, audience: Audience) -> Vec<SocketAddr> {
        let Audience::V6 { interface } = audience else {
            return self.v4.clone();
        };
        let here = self.at_spots.iter();
        let here = here.filter(|(spot, _)| spot.interface == interface);
        here.map(|(spot, port)| SocketAddr::from((spot.ip, *port)))
            .chain(self.v6.iter().copied())
            .collect()
    }
}

/// Whether a socket takes what comes there.
fn is_at(bound: &SocketAddr, spot: Spot) -> bool {
    match bound {
        SocketAddr::V4(_) => false,
        SocketAddr::V6(at) if at.ip().is_unspecified() => true,
        SocketAddr::V6(at) => *at.ip() == spot.ip && at.scope_id() == spot.interface,
    }
}

fn is_link_local(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(_) => false,
        IpAddr::V6(ip) => ip.is_unicast_link_local(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn addresses<const N: usize>(texts: [&str; N]) -> Vec<SocketAddr> {
        texts.map(|text| text.parse().unwrap()).to_vec()
    }

    fn spot(interface: u32) -> Spot {
        let last = u16::try_from(interface).unwrap();
        let ip = std::net::Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, last);
        Spot { interface, ip }
    }

    #[test]
    fn each_interface_is_told_its_own_link_local_address_and_all_that_lead_there_from_everywhere() {
        let bound = addresses(["0.0.0.0:7", "[::]:8"]);
        let own = addresses(["192.0.2.1:7", "[2001:db8::1]:8"]);
        let places = Places::new(&bound, own, &[spot(2), spot(3)]);
        let named = |interface| places.named_to(Audience::V6 { interface });
        assert_eq!(named(2), addresses(["[fe80::2]:8", "[2001:db8::1]:8"]));
        assert_eq!(named(3), addresses(["[fe80::3]:8", "[2001:db8::1]:8"]));
        assert_eq!(places.named_to(Audience::V4), addresses(["192.0.2.1:7"]));
        assert_eq!(places.spots, [spot(2), spot(3)]);
    }

    #[test]
    fn a_node_speaks_on_no_interface_that_it_is_not_at() {
        let bound = addresses(["[fe80::2%2]:7", "[2001:db8::1]:7"]);
        let places = Places::new(&bound, bound.clone(), &[spot(2), spot(3)]);
        assert_eq!(places.spots, [spot(2)]);
        let named = places.named_to(Audience::V6 { interface: 2 });
        assert_eq!(named, addresses(["[fe80::2]:7", "[2001:db8::1]:7"]));
        let places = Places::new(&bound[1..], bound.clone(), &[spot(2), spot(3)]);
        assert_eq!(places.spots, []);
    }

    #[test]
    fn nodes_of_one_machine_find_each_other_by_the_loopback_interface() {
        let places = Places::new(&addresses(["0.0.0.0:7"]), Vec::new(), &[]);
        assert_eq!(places.named_to(Audience::V4), addresses(["127.0.0.1:7"]));
    }
}
