//! Where this node can be reached, as far as it knows.

use std::net::SocketAddr;

use stt_wire::{Candidate, Candidates, limits::MAX_CANDIDATES};

use super::socket::Link;

/// Where this node is, by who says so.
#[derive(Debug, Clone, Default)]
pub(crate) struct Places {
    /// Its own sockets and interfaces.
    pub(crate) own: Vec<SocketAddr>,
    /// Any peer.
    pub(crate) reported: Vec<SocketAddr>,
    /// Two sessions at least.
    pub(crate) agreed: Vec<SocketAddr>,
}

impl Link {
    /// Where this node is.
    pub(crate) fn whereabouts(&self) -> Places {
        Places {
            own: self.interface_addresses(),
            reported: self.outside.addresses(),
            agreed: self.outside.reported_by(2),
        }
    }

    /// Asks the system which interfaces there are: a dozen system calls, too many for each session.
    pub(crate) fn look_at_interfaces(&self) {
        *self.interfaces.lock() = self.platform.interfaces();
    }

    /// The addresses of the UDP sockets, with those of all interfaces, as last looked at, for a socket
    /// that is bound to none in particular.
    pub(crate) fn interface_addresses(&self) -> Vec<SocketAddr> {
        let interfaces = self.interfaces.lock();
        let mut addresses = Vec::new();
        for bound in self.addresses() {
            if !bound.ip().is_unspecified() {
                addresses.push(bound);
                continue;
            }
            let of_family = interfaces
                .iter()
                .filter(|ip| ip.is_ipv6() == bound.is_ipv6() && !ip.is_loopback());
            addresses.extend(of_family.map(|ip| SocketAddr::new(*ip, bound.port())));
        }
        addresses
    }

    /// What to tell a member.
    pub(crate) fn candidates(&self) -> Candidates {
        let interfaces = self.interface_addresses();
        let outside = self.outside.addresses();
        let outside = outside
            .into_iter()
            .filter(|address| !interfaces.contains(address))
            .map(Candidate::Outside);
        let places = interfaces.iter().copied().map(Candidate::Interface);
        Candidates {
            mapping: self.outside.mapping(),
            places: places.chain(outside).take(MAX_CANDIDATES).collect(),
        }
    }
}
