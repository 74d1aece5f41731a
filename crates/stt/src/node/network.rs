//! What a node knows of the network it is in.

use std::net::SocketAddr;

use stt_wire::Mapping;

use super::Node;

/// What a node knows of the network it is in. It learns from its peers, so with few sessions it knows
/// little.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct NetworkReport {
    /// The UDP addresses it has on its interfaces.
    pub interfaces: Vec<SocketAddr>,
    /// The UDP addresses that peers see it at, those that most agree on first.
    pub outside: Vec<SocketAddr>,
    /// How its IPv4 addresses are translated on the way.
    pub mapping: AddressMapping,
}

/// How a network translates the address of a socket (RFC 4787 section 4.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum AddressMapping {
    /// Fewer than two peers have told.
    Unknown,
    /// Not at all: peers see an address of an interface.
    None,
    /// To one for all peers: others can be told of it, and find this node there.
    Independent,
    /// To another one for each peer: only peers that are easier to find reach this node directly.
    Dependent,
}

impl Node {
    /// What this node knows of the network it is in, as it is now.
    pub fn network_report(&self) -> NetworkReport {
        let link = self.shared.endpoint.link();
        let (interfaces, outside) = (link.interface_addresses(), link.outside.addresses());
        let v4 = outside.iter().find(|address| address.is_ipv4());
        let mapping = match link.outside.mapping() {
            Mapping::Unknown => AddressMapping::Unknown,
            Mapping::Independent if v4.is_some_and(|at| interfaces.contains(at)) => {
                AddressMapping::None
            }
            Mapping::Independent => AddressMapping::Independent,
            Mapping::Dependent => AddressMapping::Dependent,
        };
        NetworkReport {
            interfaces,
            outside,
            mapping,
        }
    }
}
