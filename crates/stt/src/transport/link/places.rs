//! Where this node can be reached, as far as it knows.

use std::net::SocketAddr;

use stt_wire::{Candidate, Candidates, Mapping, Name, limits::MAX_CANDIDATES};

use super::socket::Link;
use crate::transport::websocket::url::Scheme;

/// What members are told of where this node is.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(
    clippy::exhaustive_enums,
    reason = "a node says where it is, or does not; in tests that build on this layer it is no API"
)]
pub enum Disclosure {
    /// The addresses of its interfaces, those that others see it at, and where it listens for
    /// WebSockets; so that sessions move to the best way there is, and outlive a change of address.
    #[default]
    Addresses,
    /// Nothing. It probes nobody and answers no probe, so a session stays on the path it began on; one
    /// through a relay or a proxy never shows the peer where this node is.
    Nothing,
}

/// What a node has decided to tell of itself before it began.
#[derive(Debug, Default)]
pub(crate) struct Said {
    pub(crate) disclosure: Disclosure,
    /// Where it listens for WebSockets.
    pub(crate) websockets: Vec<(Scheme, SocketAddr)>,
    /// The URLs under which others reach it besides, by a reverse proxy.
    pub(crate) announced: Vec<Name>,
}

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
    /// Where this node is; nothing, if it tells nobody.
    pub(crate) fn whereabouts(&self) -> Places {
        if self.disclosure() == Disclosure::Nothing {
            return Places::default();
        }
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
        let bound = self.addresses().into_iter();
        bound.flat_map(|bound| self.on_interfaces(bound)).collect()
    }

    /// Where a socket of this address is to be found.
    fn on_interfaces(&self, bound: SocketAddr) -> Vec<SocketAddr> {
        if !bound.ip().is_unspecified() {
            return vec![bound];
        }
        let interfaces = self.interfaces.lock();
        let of_family = interfaces
            .iter()
            .filter(|ip| ip.is_ipv6() == bound.is_ipv6() && !ip.is_loopback());
        of_family
            .map(|ip| SocketAddr::new(*ip, bound.port()))
            .collect()
    }

    /// Decides what is told of this node; before the first session.
    pub(crate) fn say(&self, said: Said) {
        let _ = self.said.set(said);
    }

    pub(crate) fn disclosure(&self) -> Disclosure {
        self.said
            .get()
            .map(|said| said.disclosure)
            .unwrap_or_default()
    }

    /// What to tell a member.
    pub(crate) fn candidates(&self) -> Candidates {
        if self.disclosure() == Disclosure::Nothing {
            return Candidates::default();
        }
        let interfaces = self.interface_addresses();
        let outside = self.outside.addresses();
        let outside = outside
            .into_iter()
            .filter(|address| !interfaces.contains(address))
            .map(Candidate::Outside);
        let places = interfaces.iter().copied().map(Candidate::Interface);
        Candidates {
            mapping: self.outside.mapping(&interfaces),
            places: places
                .chain(outside)
                .take(MAX_CANDIDATES - MAX_WEBSOCKETS)
                .chain(self.websocket_places().take(MAX_WEBSOCKETS))
                .collect(),
        }
    }

    /// How addresses of this node are translated on the way to its peers.
    pub(crate) fn mapping(&self) -> Mapping {
        self.outside.mapping(&self.interface_addresses())
    }

    fn websocket_places(&self) -> impl Iterator<Item = Candidate> {
        let said = || self.said.get().into_iter();
        let announced = said().flat_map(|said| said.announced.iter().cloned());
        let listening = said().flat_map(|said| &said.websockets);
        let listening = listening.flat_map(|(scheme, bound)| {
            let scheme = *scheme;
            let found = self.on_interfaces(*bound).into_iter();
            found.filter_map(move |at| {
                let url = Name::try_from(format!("{scheme}://{at}")).ok()?;
                Some(url)
            })
        });
        announced.chain(listening).map(Candidate::WebSocket)
    }
}

/// Of the places that are told.
const MAX_WEBSOCKETS: usize = 8;
