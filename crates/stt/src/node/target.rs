//! Whom to reach, and where.

use std::{fmt, net::SocketAddr};

use stc::NodeId;

use crate::{
    session::Session,
    transport::{
        link::Route,
        websocket::{
            certificates::Certificates,
            url::{Url, UrlError},
        },
    },
};

/// Whom to reach, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use = "a target is reached with `Node::connect`"]
pub struct Target {
    pub(super) place: Place,
    pub(super) peer: Option<NodeId>,
    pub(super) certificates: Certificates,
}

/// Where a target is to be found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Place {
    Name {
        host: String,
        port: u16,
    },
    Address(SocketAddr),
    WebSocket(Result<Url, UrlError>, String),
    /// Through a relay, which is there.
    Relayed(Box<Target>, NodeId),
    /// By the first of these that leads there.
    Any(Vec<Target>),
}

impl Place {
    /// What an error calls it.
    pub(super) fn host(&self) -> String {
        match self {
            Self::WebSocket(Ok(url), _) => url.host.clone(),
            Self::WebSocket(Err(_), text) => text.clone(),
            Self::Name { host, .. } => host.clone(),
            Self::Address(address) => address.ip().to_string(),
            Self::Relayed(relay, _) => relay.place.host(),
            Self::Any(ways) => ways
                .first()
                .map_or_else(String::new, |way| way.place.host()),
        }
    }
}

/// A URL, or a host and its port; of a peer behind a relay, its id.
impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.place {
            Place::Name { host, port } => write!(f, "{host}:{port}"),
            Place::Address(address) => address.fmt(f),
            Place::WebSocket(_, url) => f.write_str(url),
            Place::Relayed(relay, peer) => write!(f, "{peer} through {relay}"),
            Place::Any(ways) => {
                for (number, way) in ways.iter().enumerate() {
                    let between = if number == 0 { "" } else { " or " };
                    write!(f, "{between}{way}")?;
                }
                Ok(())
            }
        }
    }
}

impl Target {
    /// A host name or IP address, and a UDP port.
    ///
    /// A link-local IPv6 address needs its interface, by name or number: `fe80::1%eth0`.
    pub fn udp(host: impl Into<String>, port: u16) -> Self {
        let host = host.into();
        Self::at(Place::Name { host, port })
    }

    /// A node that listens for WebSockets: `ws://host:port` or `wss://host:port`, and a path before
    /// which a reverse proxy forwards to it, if there is one. A text that is no such URL is an error
    /// when it is dialled.
    pub fn ws(url: impl Into<String>) -> Self {
        let url = url.into();
        Self::at(Place::WebSocket(url.parse(), url))
    }

    /// A member that uses a relay which this node uses too, or begins to use with this: its session
    /// goes through the relay at first. spec: `spec/relay.md`
    ///
    /// There is no knowing where such a peer is, so it is named by its id.
    pub fn relayed(relay: impl Into<Self>, peer: NodeId) -> Self {
        Self::at(Place::Relayed(Box::new(relay.into()), peer))
    }

    /// One peer that is to be found in several places, best first: they are tried one after the other,
    /// 250 ms apart or as soon as one has failed, and the first session that comes about is kept (in the
    /// manner of RFC 8305). A session finds a better path on its own later. Up to 16 places count.
    ///
    /// ```
    /// use stt::Target;
    ///
    /// let target = Target::any([
    ///     Target::udp("node.example", 7000),
    ///     Target::ws("wss://node.example/stt"),
    /// ]);
    /// # let _ = target;
    /// ```
    pub fn any(ways: impl IntoIterator<Item = impl Into<Self>>) -> Self {
        let ways = ways.into_iter().flat_map(|way| {
            let way = way.into();
            match way.place {
                Place::Any(ways) => ways,
                _ => vec![way],
            }
        });
        Self::at(Place::Any(ways.take(MAX_WAYS).collect()))
    }

    /// Where a tunnel may lead to whom this session is with, if this is such a place.
    pub(super) fn name_detour(&self, session: &Session) {
        if let Place::WebSocket(Ok(url), _) = &self.place {
            session.core().paths.detours().named(Route {
                url: url.clone(),
                certificates: self.certificates.clone(),
                only: None,
            });
        }
    }

    pub(super) fn is_relayed(&self) -> bool {
        matches!(self.place, Place::Relayed(..))
    }

    fn at(place: Place) -> Self {
        Self {
            place,
            peer: None,
            certificates: Certificates::default(),
        }
    }

    /// Which certificates do for `wss://`. Default: those the operating system trusts.
    pub fn certificates(mut self, certificates: Certificates) -> Self {
        for way in self.ways_mut() {
            way.certificates = certificates.clone();
        }
        self.certificates = certificates;
        self
    }

    /// Accepts no other peer than this one.
    pub fn peer(mut self, peer: NodeId) -> Self {
        for way in self.ways_mut() {
            way.peer = Some(peer);
        }
        self.peer = Some(peer);
        self
    }

    fn ways_mut(&mut self) -> &mut [Self] {
        match &mut self.place {
            Place::Any(ways) => ways,
            _ => &mut [],
        }
    }
}

impl From<SocketAddr> for Target {
    fn from(address: SocketAddr) -> Self {
        Self::at(Place::Address(address))
    }
}

const MAX_WAYS: usize = 16;
