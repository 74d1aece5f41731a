//! What a node knows of the network it is in.

use std::net::SocketAddr;

use stt_wire::{Candidate, Candidates, Mapping};

use super::{ConnectError, Node, Target, target::Place, websocket};

/// What a node knows of the network it is in. It learns from its peers, so with few sessions it knows
/// little. Of a peer, what that has told of itself ([`Session::peer_network`](crate::Session::peer_network)).
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
        NetworkReport::new(interfaces, outside, link.mapping())
    }

    /// The HTTP proxy by which this node dials a WebSocket at `url`, as `host:port`; `None` if it dials it
    /// straight. Nothing is dialled.
    ///
    /// # Errors
    ///
    /// [`ConnectError::Url`] and [`ConnectError::WebSocket`], for a URL or a proxy that can't be dialled.
    pub fn proxy_to(&self, url: &str) -> Result<Option<String>, ConnectError> {
        let Place::WebSocket(parsed, text) = Target::ws(url).place else {
            return Ok(None);
        };
        let parsed = parsed.map_err(|reason| ConnectError::Url { url: text, reason })?;
        match websocket::proxy_to(&self.shared, &parsed) {
            Ok(proxy) => Ok(proxy.map(|proxy| proxy.authority())),
            Err(error) => Err(ConnectError::WebSocket {
                url: parsed.to_string(),
                reason: error.into(),
            }),
        }
    }
}

impl NetworkReport {
    fn new(interfaces: Vec<SocketAddr>, outside: Vec<SocketAddr>, mapping: Mapping) -> Self {
        let is_own = |at: &SocketAddr| at.ip().is_loopback() || interfaces.contains(at);
        let is_translated = |at: &SocketAddr| at.is_ipv4() && !is_own(at);
        let mapping = match mapping {
            Mapping::Unknown => AddressMapping::Unknown,
            Mapping::Independent if outside.iter().any(is_translated) => {
                AddressMapping::Independent
            }
            Mapping::Independent => AddressMapping::None,
            Mapping::Dependent => AddressMapping::Dependent,
        };
        Self {
            interfaces,
            outside,
            mapping,
        }
    }

    /// What a peer has told of itself. spec: WIRE-130
    pub(crate) fn of_peer(told: &Candidates) -> Self {
        let (mut interfaces, mut outside) = (Vec::new(), Vec::new());
        for place in &told.places {
            match place {
                Candidate::Interface(at) => interfaces.push(*at),
                Candidate::Outside(at) => outside.push(*at),
                _ => {}
            }
        }
        Self::new(interfaces, outside, told.mapping)
    }
}
