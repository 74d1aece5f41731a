//! How a node is set up and started.

use std::{
    io,
    net::{Ipv4Addr, Ipv6Addr, SocketAddr},
    sync::Arc,
};

use stc::{ContextError, Group, NodeSeed, handshake::HandshakeContext};
use stt_wire::Name;

use super::{
    Node, Target,
    lan::{self, LanError, LanOptions},
    relays::Relays,
    shared::{Shared, Ways},
    websocket::{Dress, Listener, WebSockets},
};
#[cfg(feature = "tls")]
use crate::transport::websocket::tls::TlsIdentity;
use crate::{
    dht::{DhtOptions, Service},
    limits::Limits,
    relay::{limits::RelayLimits, service::Relaying},
    storage::BinaryStorage,
    swarm::{Content, Giving, LeasesError, Offer, OfferOptions, Rack, Shelves},
    transport::{
        crypto::DoorKeys,
        endpoint::{Endpoint, EndpointSetup},
        link::{Disclosure, Link, Said},
        platform::Platform,
        socket::DroppedDatagrams,
        websocket::{
            proxy::ProxyChoice,
            url::{Url, UrlError},
        },
    },
};

/// Sets up a [`Node`]. Only the group has no default.
#[derive(Debug)]
#[must_use = "a node begins with `start`"]
pub struct NodeBuilder {
    group: Group,
    seed: Option<NodeSeed>,
    addresses: Vec<SocketAddr>,
    websockets: Vec<(SocketAddr, Dress)>,
    announced: Vec<String>,
    proxy: ProxyChoice,
    disclosure: Disclosure,
    relay: Option<RelayLimits>,
    use_relays: Vec<Target>,
    accepting: Accepting,
    limits: Limits,
    lan: Option<LanOptions>,
    storage: Option<BinaryStorage>,
    offer: Option<OfferOptions>,
    #[cfg(feature = "portmap")]
    maps_port: bool,
    platform: Option<Platform>,
    dht: Option<DhtOptions>,
}

/// Whether others may begin sessions with this node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_enums, reason = "a door is open or closed")]
pub enum Accepting {
    /// Members may.
    Members,
    /// Nobody may, and nobody is answered. Sessions that exist go on.
    Nobody,
}

/// Why a node did not start. Nothing of it is left.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// An address could not be bound.
    #[error("cannot bind {address}: {source}")]
    Bind {
        /// The address asked for.
        address: SocketAddr,
        /// What the operating system said.
        source: io::Error,
    },
    /// What is to be announced is no URL of a WebSocket, or one of more than 255 bytes.
    #[error("{url:?} can't be announced: {reason}")]
    Announce {
        /// The text.
        url: String,
        /// What is wrong with it.
        reason: UrlError,
    },
    /// Members on the local network can't be found.
    #[error(transparent)]
    Lan(#[from] LanError),
    /// The packet engine did not start.
    #[error("the packet engine did not start: {0}")]
    Engine(io::Error),
    /// Which copies the last run kept for others is not known.
    #[error("the leases of copies that are kept for others: {0}")]
    Leases(#[from] LeasesError),
    /// The group has no DHT: what names things in it could be tested against guesses of a passphrase.
    #[error("no DHT: {0}")]
    NoDht(#[from] ContextError),
}

impl NodeBuilder {
    pub(super) fn new(group: Group) -> Self {
        Self {
            group,
            seed: None,
            addresses: Vec::new(),
            websockets: Vec::new(),
            announced: Vec::new(),
            proxy: ProxyChoice::default(),
            disclosure: Disclosure::default(),
            relay: None,
            use_relays: Vec::new(),
            accepting: Accepting::Members,
            limits: Limits::default(),
            lan: None,
            storage: None,
            offer: None,
            #[cfg(feature = "portmap")]
            maps_port: false,
            platform: None,
            dht: None,
        }
    }

    /// Who this node is. Default: someone new at each start.
    pub fn node_seed(mut self, seed: NodeSeed) -> Self {
        self.seed = Some(seed);
        self
    }

    /// Binds one more address, exactly as given; port 0 lets the system choose. `[::]` is IPv6
    /// only. Default: a port of the system's choice on all IPv4 and, where there is IPv6, all
    /// IPv6 addresses.
    pub fn bind(mut self, address: SocketAddr) -> Self {
        self.addresses.push(address);
        self
    }

    /// Also listens for WebSockets, at this TCP address, exactly as given; port 0 lets the system
    /// choose. Whoever comes without a member's tag gets a bare 404.
    pub fn listen_ws(mut self, address: SocketAddr) -> Self {
        self.websockets.push((address, Dress::Plain));
        self
    }

    /// Listens for WebSockets in TLS, otherwise as [`listen_ws`](Self::listen_ws). Whoever dials
    /// need not be able to check the certificate: see [`Target::certificates`](super::Target::certificates).
    #[cfg(feature = "tls")]
    pub fn listen_wss(mut self, address: SocketAddr, identity: TlsIdentity) -> Self {
        self.websockets.push((address, Dress::Tls(identity)));
        self
    }

    /// Tells members that this node is also reached under this URL, because a reverse proxy forwards it to where
    /// the node listens for WebSockets. Members use it when nothing else leads here any more, and only if its
    /// host is one at which they have reached this node before: no member makes others dial whom it names.
    /// Call it again for each, up to 8.
    pub fn announce_ws(mut self, url: impl Into<String>) -> Self {
        self.announced.push(url.into());
        self
    }

    /// Whether WebSockets are dialled through an HTTP proxy. Default: as the environment says.
    pub fn proxy(mut self, choice: ProxyChoice) -> Self {
        self.proxy = choice;
        self
    }

    /// Forwards sealed packets between members that can't reach each other, within these limits; it can
    /// read nothing of them. A member that others shall reach here uses this node as a relay
    /// ([`use_relay`](Self::use_relay)). Default: it does not.
    pub fn relay(mut self, limits: RelayLimits) -> Self {
        self.relay = Some(limits);
        self
    }

    /// Uses a relay from the start, as [`Node::use_relay`] does later. Call it again for each.
    pub fn use_relay(mut self, relay: impl Into<Target>) -> Self {
        self.use_relays.push(relay.into());
        self
    }

    /// What members are told of where this node is. Default: its addresses. A node that tells nothing
    /// is reached by the address, relay or proxy that others were given, and by nothing else.
    pub fn disclosure(mut self, disclosure: Disclosure) -> Self {
        self.disclosure = disclosure;
        self
    }

    /// Whether others may begin sessions. Default: members may.
    pub fn accepting(mut self, accepting: Accepting) -> Self {
        self.accepting = accepting;
        self
    }

    /// The bounds of the node and its sessions. Default: [`Limits::default`].
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Takes part in the DHT of the group, which finds members and content: see
    /// [`Dht`](crate::dht::Dht). Default: it does not.
    pub fn dht(mut self, options: DhtOptions) -> Self {
        self.dht = Some(options);
        self
    }

    /// Finds members on the local network, and lets them find this node: [`Node::neighbours`].
    /// By beacons that are sealed for the group, on the interfaces whose addresses the node is bound to:
    /// by IPv4, and by IPv6 on those where it is at the link-local address.
    /// Default: neither.
    pub fn lan(mut self, options: LanOptions) -> Self {
        self.lan = Some(options);
        self
    }

    /// Where content that is fetched goes, and from where it is published. Default: none, and then
    /// the node does neither.
    pub fn storage(mut self, storage: BinaryStorage) -> Self {
        self.storage = Some(storage);
        self
    }

    /// Offers room for copies of other members' objects, in a storage of its own. Default: it keeps nothing for others.
    ///
    /// Members that want copies ask ([`Node::replicate`]); a node with a [`dht`](Self::dht) is found by them. What is kept
    /// is served to whoever asks for it.
    pub fn offer(mut self, offer: OfferOptions) -> Self {
        self.offer = Some(offer);
        self
    }

    /// Asks the router on the way, if there is one that takes such wishes, to let others reach this node at
    /// a port of the router's, by UPnP, NAT-PMP or PCP. Default: it is not asked.
    #[cfg(feature = "portmap")]
    pub fn map_port(mut self) -> Self {
        self.maps_port = true;
        self
    }

    /// Runs on a simulated network and clock.
    #[cfg(feature = "simulation")]
    pub fn platform(mut self, platform: Platform) -> Self {
        self.platform = Some(platform);
        self
    }

    /// Binds the addresses and begins to serve.
    ///
    /// Must be called inside a Tokio runtime, which then drives the node.
    ///
    /// # Errors
    ///
    /// [`StartError`], if one of the addresses asked for can't be bound.
    #[expect(
        clippy::unused_async,
        reason = "starting may come to wait, callers shall not change"
    )]
    pub async fn start(self) -> Result<Node, StartError> {
        let platform = self.platform.unwrap_or_else(Platform::system);
        let seed = self
            .seed
            .unwrap_or_else(|| NodeSeed::generate(&mut platform.entropy()));
        let dht = (self.dht)
            .map(|options| Service::new(options, &seed, &self.group, &platform))
            .transpose()?;
        let identity = Arc::new(seed.identity());
        let door = Arc::new(DoorKeys::default());
        let dropped = Arc::new(DroppedDatagrams::default());
        let setup = EndpointSetup {
            platform,
            limits: self.limits,
            handshake: Arc::new(HandshakeContext::new(Arc::clone(&identity))),
            door,
            dropped,
        };
        let announced = self.announced.into_iter().map(announced);
        let announced = announced.collect::<Result<Vec<_>, _>>()?;
        let link = Link::new(&setup.platform);
        bind_all(&link, &self.addresses, &setup.platform)?;
        let listeners = listen_all(self.websockets, &setup)?;
        let listening: Vec<_> = listeners.iter().map(Listener::address).collect();
        link.say(Said {
            disclosure: self.disclosure,
            websockets: listening.iter().map(|at| (at.scheme, at.address)).collect(),
            announced,
        });
        let websockets = WebSockets::new(listening, self.proxy, setup.limits.half_open);
        let relaying = self
            .relay
            .map(|limits| Relaying::new(limits, &link, &setup.platform));
        let air = self.lan.map(|lan| lan.open(&self.group)).transpose()?;
        let endpoint = Endpoint::start(link, &setup).map_err(StartError::Engine)?;
        let platform = setup.platform.clone();
        let has_content = self.storage.is_some() || self.offer.is_some();
        let shelves = Arc::new(Shelves::new(platform, Arc::clone(&identity)));
        let content = (self.storage)
            .map(|storage| Arc::new(Content::new(storage, Arc::clone(&shelves), Rack::Own)));
        let offer = (self.offer)
            .map(|offer| Offer::new(offer, &shelves, &seed))
            .transpose()?;
        let shared = Shared::new(
            identity.node_id(),
            self.group,
            self.accepting,
            endpoint,
            setup,
            Ways {
                websockets,
                relays: Relays::new(relaying),
                dht,
                giving: has_content.then(|| Arc::new(Giving { shelves, offer })),
                content,
            },
        );
        #[cfg(feature = "portmap")]
        if self.maps_port {
            let mapping = super::port_mapping::run(Arc::clone(&shared));
            shared.platform.spawn(mapping);
        }
        if let Some(air) = air {
            let speaking = lan::run(Arc::clone(&shared), air);
            shared.platform.spawn(speaking);
        }
        let node = Node::run(shared, listeners);
        for relay in self.use_relays {
            node.use_relay(relay);
        }
        Ok(node)
    }
}

fn bind_all(link: &Link, addresses: &[SocketAddr], platform: &Platform) -> Result<(), StartError> {
    if addresses.is_empty() {
        return bind_default(link, platform);
    }
    for address in addresses {
        bind(link, *address, platform)?;
    }
    Ok(())
}

/// A URL that others can be told.
fn announced(url: String) -> Result<Name, StartError> {
    match (url.parse::<Url>(), Name::try_from(&url)) {
        (Err(reason), _) => Err(StartError::Announce { url, reason }),
        (Ok(_), Err(_)) => Err(StartError::Announce {
            url,
            reason: UrlError::Length,
        }),
        (Ok(_), Ok(name)) => Ok(name),
    }
}

fn listen_all(
    asked: Vec<(SocketAddr, Dress)>,
    setup: &EndpointSetup,
) -> Result<Vec<Listener>, StartError> {
    let listen = |(address, dress)| {
        let bound = Listener::bind(&setup.platform, address, dress);
        bound.map_err(|source| StartError::Bind { address, source })
    };
    asked.into_iter().map(listen).collect()
}

/// A machine without IPv6 is as good as any.
fn bind_default(link: &Link, platform: &Platform) -> Result<(), StartError> {
    let v4 = bind(link, (Ipv4Addr::UNSPECIFIED, 0).into(), platform)?;
    let same_port = SocketAddr::from((Ipv6Addr::UNSPECIFIED, v4.port()));
    let any_port = SocketAddr::from((Ipv6Addr::UNSPECIFIED, 0));
    let v6 = bind(link, same_port, platform).or_else(|_| bind(link, any_port, platform));
    if let Err(error) = v6 {
        tracing::debug!(%error, "no IPv6");
    }
    Ok(())
}

fn bind(link: &Link, address: SocketAddr, platform: &Platform) -> Result<SocketAddr, StartError> {
    let bound = platform
        .bind(address)
        .and_then(|socket| link.add_socket(socket));
    bound.map_err(|source| StartError::Bind { address, source })
}
