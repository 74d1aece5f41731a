//! Reaching a peer: names to addresses, addresses and epochs to attempts, the first success wins.
//!
//! Attempts start 200 ms apart (the spirit of RFC 8305): the newest epoch at each address, IPv6 and
//! IPv4 in turn, then older epochs. A refusal starts the next at once.

use std::{
    collections::VecDeque,
    net::{IpAddr, SocketAddr},
    ops::RangeInclusive,
    sync::{Arc, OnceLock},
    time::Duration,
};

use futures_util::stream::{FuturesUnordered, StreamExt};
use noq::{Connection, ConnectionError};
use stc::{NodeId, SeedKeys, handshake::HandshakeError};

use super::{
    race::{self, WayFailed},
    relays::{self, RelayError},
    shared::{NotAdded, Shared},
    target::{Place, Target},
    websocket,
};
use crate::{
    session::{By, CloseReason, Session},
    transport::{
        crypto::Authenticated,
        endpoint::DialFailure,
        websocket::{
            dial::{Way, WebSocketError},
            proxy::Proxy,
            url::{Url, UrlError},
        },
    },
};

/// Why no session came of a dial.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectError {
    /// The name has no address.
    #[error("cannot resolve {host}: {source}")]
    Resolve {
        /// The name.
        host: String,
        /// What the resolver said.
        source: std::io::Error,
    },
    /// That is no URL of a WebSocket.
    #[error("{url:?} can't be dialled: {reason}")]
    Url {
        /// The text.
        url: String,
        /// What is wrong with it.
        reason: UrlError,
    },
    /// No WebSocket came of it.
    #[error("{url}: {reason}")]
    WebSocket {
        /// The URL.
        url: String,
        /// Why.
        reason: WebSocketError,
    },
    /// The relay did not bring us to the peer.
    #[error("through {relay}: {reason}")]
    Relay {
        /// The relay.
        relay: String,
        /// Why.
        reason: RelayError,
    },
    /// None of several ways led there.
    #[error("no way leads there: {}", race::all(failed))]
    EveryWay {
        /// What each of them said, in the order in which they failed.
        failed: Vec<WayFailed>,
    },
    /// No socket of this node can send to any address of the host.
    #[error("no socket of this node reaches {host}")]
    Unreachable {
        /// The host.
        host: String,
    },
    /// Nothing came back: nobody is there, UDP is blocked, or the peer holds a different seed and
    /// stays silent.
    #[error("no answer from {address} in {waited:?}")]
    NoAnswer {
        /// One of the addresses that were tried.
        address: SocketAddr,
        /// How long.
        waited: Duration,
    },
    /// The peer answered and holds a different seed, or is no correct peer.
    #[error("authentication refused")]
    AuthenticationRefused,
    /// A member answered, but not the one asked for.
    #[error("peer is {actual}, not {expected}")]
    WrongPeer {
        /// Who was asked for.
        expected: NodeId,
        /// Who answered.
        actual: NodeId,
    },
    /// The address is this node's own.
    #[error("that is this very node")]
    SelfDial,
    /// The peer ended the attempt.
    #[error("peer ended the attempt: {0}")]
    Closed(CloseReason),
    /// This node has as many sessions as it may.
    #[error("this node has as many sessions as it may")]
    TooManySessions,
    /// This node is shut down.
    #[error("this node is shut down")]
    ShutDown,
}

/// Reaches a target, through a relay if it says so, within the node's handshake timeout.
pub(super) async fn reach(shared: &Arc<Shared>, target: &Target) -> Result<Session, ConnectError> {
    match &target.place {
        Place::Relayed(relay, peer) => match target.peer {
            Some(expected) if expected != *peer => Err(ConnectError::WrongPeer {
                expected,
                actual: *peer,
            }),
            _ => relays::connect(shared, relay, *peer).await,
        },
        Place::Any(ways) => race::reach(shared, ways).await,
        _ => connect(shared, target).await,
    }
}

/// Reaches a target within the node's handshake timeout.
pub(super) async fn connect(
    shared: &Arc<Shared>,
    target: &Target,
) -> Result<Session, ConnectError> {
    let started = shared.platform.now();
    let limit = shared.limits.handshake_timeout;
    let first = OnceLock::new();
    let reach = async {
        let proxy = proxy_to(shared, target)?;
        let addresses = resolve(target, proxy.as_ref()).await?;
        if let Some(address) = addresses.first() {
            first.get_or_init(|| *address);
        }
        race(shared, target, proxy.as_ref(), &addresses).await
    };
    let Some(outcome) = shared.platform.timeout(limit, reach).await else {
        let waited = shared.platform.now().saturating_duration_since(started);
        return Err(match first.get() {
            Some(address) => ConnectError::NoAnswer {
                address: *address,
                waited,
            },
            None => ConnectError::Resolve {
                host: target.place.host(),
                source: std::io::ErrorKind::TimedOut.into(),
            },
        });
    };
    let (connection, proved) = outcome?;
    let session = shared.start_session(connection, proved);
    if let Err(not_added) = shared.add(&session, By::Us) {
        session.core().end(not_added.reason());
        return Err(match not_added {
            NotAdded::Stopping => ConnectError::ShutDown,
            NotAdded::Full => ConnectError::TooManySessions,
            NotAdded::Duplicate | NotAdded::EpochDropped => {
                ConnectError::Closed(not_added.reason())
            }
        });
    }
    target.name_detour(&session);
    session.core().establish();
    Ok(session)
}

/// The proxy on the way to a target, if it is dialled through one.
fn proxy_to(shared: &Shared, target: &Target) -> Result<Option<Proxy>, ConnectError> {
    let Place::WebSocket(Ok(url), _) = &target.place else {
        return Ok(None);
    };
    let found = websocket::proxy_to(shared, url);
    found.map_err(|error| no_websocket(url, error.into()))
}

fn no_websocket(url: &Url, reason: WebSocketError) -> ConnectError {
    ConnectError::WebSocket {
        url: url.to_string(),
        reason,
    }
}

/// All addresses of the host, or of the proxy, the two families in turn.
async fn resolve(target: &Target, proxy: Option<&Proxy>) -> Result<Vec<SocketAddr>, ConnectError> {
    let (host, port) = match (&target.place, proxy) {
        (Place::WebSocket(Ok(_), _), Some(proxy)) => (proxy.host.as_str(), proxy.port),
        (Place::Name { host, port }, _) => (host.as_str(), *port),
        // As it is: only it knows the interface of a link-local one.
        (Place::Address(address), _) => return Ok(vec![*address]),
        (Place::WebSocket(Ok(url), _), None) => (url.host.as_str(), url.port),
        (Place::WebSocket(Err(reason), url), _) => {
            let (url, reason) = (url.clone(), *reason);
            return Err(ConnectError::Url { url, reason });
        }
        // Whoever dials it has its channel for an address.
        (Place::Relayed(..) | Place::Any(_), _) => return Ok(Vec::new()),
    };
    addresses_of(host, port).await
}

/// All addresses of a host, the two families in turn.
pub(super) async fn addresses_of(host: &str, port: u16) -> Result<Vec<SocketAddr>, ConnectError> {
    let host = host.trim_start_matches('[').trim_end_matches(']');
    if let Ok(address) = host.parse::<IpAddr>() {
        return Ok(vec![SocketAddr::new(address, port)]);
    }
    let found = tokio::net::lookup_host((host, port)).await;
    let found = found.map_err(|source| ConnectError::Resolve {
        host: host.into(),
        source,
    })?;
    let (v6, v4): (VecDeque<_>, VecDeque<_>) = found.partition(SocketAddr::is_ipv6);
    Ok(in_turn(v6, v4))
}

fn in_turn<T>(mut first: VecDeque<T>, mut second: VecDeque<T>) -> Vec<T> {
    let mut all = Vec::with_capacity(first.len() + second.len());
    while !first.is_empty() || !second.is_empty() {
        all.extend(first.pop_front());
        all.extend(second.pop_front());
    }
    all
}

/// Runs the attempts; dropping it ends those that are under way.
async fn race(
    shared: &Arc<Shared>,
    target: &Target,
    proxy: Option<&Proxy>,
    addresses: &[SocketAddr],
) -> Result<(Connection, Authenticated), ConnectError> {
    let mut waiting = plan(shared, target, addresses);
    let mut running = FuturesUnordered::new();
    let mut worst = ConnectError::Unreachable {
        host: target.place.host(),
    };
    loop {
        if let Some((address, seed)) = waiting.pop_front() {
            running.push(attempt(shared, target, proxy, address, seed));
        } else if running.is_empty() {
            return Err(worst);
        }
        let pause = shared.platform.sleep(STAGGER);
        let ended = tokio::select! {
            biased;
            Some(ended) = running.next() => Some(ended),
            () = pause, if !waiting.is_empty() => None,
        };
        match ended {
            Some(Ok(won)) => return Ok(won),
            Some(Err(error)) => worst = error.or_rather(worst),
            None => {}
        }
    }
}

/// Which address with which seed, in the order of trying.
fn plan(
    shared: &Shared,
    target: &Target,
    addresses: &[SocketAddr],
) -> VecDeque<(SocketAddr, Arc<SeedKeys>)> {
    let group = shared.group();
    let seeds = group.seeds();
    let attempts = seeds.flat_map(|seed| addresses.iter().map(|address| (*address, seed.clone())));
    let link = shared.endpoint.link();
    let is_tcp = matches!(target.place, Place::WebSocket(..));
    attempts
        .filter(|(address, _)| is_tcp || link.reaches(*address))
        .take(MAX_ATTEMPTS)
        .collect()
}

async fn attempt(
    shared: &Arc<Shared>,
    target: &Target,
    proxy: Option<&Proxy>,
    address: SocketAddr,
    seed: Arc<SeedKeys>,
) -> Result<(Connection, Authenticated), ConnectError> {
    let started = shared.platform.now();
    let dialled = match &target.place {
        Place::WebSocket(Ok(url), _) => {
            let way = Way {
                url,
                proxy,
                certificates: &target.certificates,
            };
            let opened = websocket::open(shared, way, address, &seed).await;
            let (remote, _hold) = opened.map_err(|reason| no_websocket(url, reason))?;
            shared.endpoint.dial(remote, seed, target.peer).await
        }
        _ => shared.endpoint.dial(address, seed, target.peer).await,
    };
    dialled.map_err(|failure| {
        let waited = shared.platform.now().saturating_duration_since(started);
        explain(failure, address, waited)
    })
}

fn explain(failure: DialFailure, address: SocketAddr, waited: Duration) -> ConnectError {
    match failure {
        DialFailure::Refused(error) => match error {
            HandshakeError::WrongPeer { expected, actual } => {
                ConnectError::WrongPeer { expected, actual }
            }
            HandshakeError::SelfDial => ConnectError::SelfDial,
            _ => ConnectError::AuthenticationRefused,
        },
        DialFailure::Lost(ConnectionError::TimedOut) => ConnectError::NoAnswer { address, waited },
        DialFailure::Lost(ConnectionError::ConnectionClosed(close)) => {
            if CRYPTO_CODES.contains(&u64::from(close.error_code)) {
                ConnectError::AuthenticationRefused
            } else {
                // Before the peer is authenticated it has no other reason to let go.
                ConnectError::Closed(CloseReason::AtLimit { by: By::Peer })
            }
        }
        DialFailure::Lost(ConnectionError::LocallyClosed) => ConnectError::ShutDown,
        DialFailure::Lost(error) => ConnectError::Closed(CloseReason::of(&error)),
        DialFailure::NotStarted(error) => {
            tracing::debug!(%error, %address, "dial");
            match error {
                noq_proto::ConnectError::EndpointStopping => ConnectError::ShutDown,
                _ => ConnectError::Unreachable {
                    host: address.to_string(),
                },
            }
        }
    }
}

impl ConnectError {
    /// Of two failed attempts, the one that says more.
    pub(crate) fn or_rather(self, other: Self) -> Self {
        if self.weight() >= other.weight() {
            self
        } else {
            other
        }
    }

    fn weight(&self) -> u8 {
        match self {
            Self::Unreachable { .. } => 0,
            Self::NoAnswer { .. } => 1,
            Self::AuthenticationRefused | Self::WebSocket { .. } | Self::Relay { .. } => 2,
            Self::Closed(_)
            | Self::TooManySessions
            | Self::ShutDown
            | Self::Resolve { .. }
            | Self::EveryWay { .. }
            | Self::Url { .. } => 3,
            Self::WrongPeer { .. } | Self::SelfDial => 4,
        }
    }
}

/// QUIC's codes for what a handshake refuses (RFC 9000 section 20.1).
pub(super) const CRYPTO_CODES: RangeInclusive<u64> = 0x100..=0x1ff;

/// Between the starts of two attempts.
const STAGGER: Duration = Duration::from_millis(200);

/// More are not worth the peer's time.
const MAX_ATTEMPTS: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn families_take_turns() {
        let v6 = VecDeque::from(["a", "b", "c"]);
        assert_eq!(in_turn(v6, VecDeque::from(["x"])), ["a", "x", "b", "c"]);
    }

    #[tokio::test]
    async fn a_link_local_address_keeps_its_interface() {
        let address: SocketAddr = "[fe80::1%7]:7000".parse().unwrap();
        assert_eq!(resolve(&address.into(), None).await.unwrap(), [address]);
        assert_eq!(
            resolve(&Target::udp("fe80::1%7", 7_000), None)
                .await
                .unwrap(),
            [address]
        );
    }

    #[test]
    fn a_wrong_peer_says_more_than_silence() {
        let silence = ConnectError::NoAnswer {
            address: ([127, 0, 0, 1], 1).into(),
            waited: Duration::from_secs(1),
        };
        assert!(matches!(
            silence.or_rather(ConnectError::SelfDial),
            ConnectError::SelfDial
        ));
    }
}
