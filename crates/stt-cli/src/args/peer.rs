//! Where a peer is to be found: `HOST:PORT`, the URL of a WebSocket, or who it is behind a relay.

use std::{fmt, str::FromStr};

use stt::{NodeId, Target};

use super::HostPort;
use crate::exit::Failure;

/// What `connect` is to reach.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum PeerPlace {
    Udp(HostPort),
    WebSocket(String),
    Member(NodeId),
}

/// A node that listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Place {
    Udp(HostPort),
    WebSocket(String),
}

impl PeerPlace {
    /// The peer of these places, and of `relays` at which it waits: the first way that leads there. Behind a
    /// relay it is known by its node id, which is among the places or `peer`.
    pub(crate) fn target(
        places: &[Self],
        relays: &[Place],
        peer: Option<NodeId>,
    ) -> Result<Target, Failure> {
        let named = places.iter().find_map(|place| match place {
            Self::Member(id) => Some(*id),
            _ => None,
        });
        let mut ways: Vec<_> = places.iter().filter_map(Self::straight).collect();
        match (named.or(peer), relays) {
            (_, []) if named.is_some() && ways.is_empty() => {
                return Err(Failure::usage(
                    "a node id says who, not where: give a relay that the peer uses, with --relay ADDR",
                ));
            }
            (_, []) => {}
            (Some(id), relays) => {
                ways.extend(
                    relays
                        .iter()
                        .map(|relay| Target::relayed(relay.target(), id)),
                );
            }
            (None, _) => {
                return Err(Failure::usage(
                    "with --relay, say who the peer is by its node id, as `stt id` prints it there",
                ));
            }
        }
        let target = match ways.as_slice() {
            [only] => only.clone(),
            _ => Target::any(ways),
        };
        Ok(match named.or(peer) {
            Some(id) => target.peer(id),
            None => target,
        })
    }

    /// Where it is, if that is said.
    fn straight(&self) -> Option<Target> {
        match self {
            Self::Udp(place) => Some(Target::udp(&place.host, place.port)),
            Self::WebSocket(url) => Some(Target::ws(url)),
            Self::Member(_) => None,
        }
    }
}

impl fmt::Display for PeerPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Udp(place) => place.fmt(f),
            Self::WebSocket(url) => f.write_str(url),
            Self::Member(id) => id.fmt(f),
        }
    }
}

impl Place {
    pub(crate) fn target(&self) -> Target {
        match self {
            Self::Udp(place) => Target::udp(&place.host, place.port),
            Self::WebSocket(url) => Target::ws(url),
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Udp(place) => place.fmt(f),
            Self::WebSocket(url) => f.write_str(url),
        }
    }
}

impl FromStr for PeerPlace {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if let Ok(id) = text.parse() {
            return Ok(Self::Member(id));
        }
        text.parse().map(|place| match place {
            Place::Udp(place) => Self::Udp(place),
            Place::WebSocket(url) => Self::WebSocket(url),
        })
    }
}

impl FromStr for Place {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.starts_with("ws://") || text.starts_with("wss://") {
            return Ok(Self::WebSocket(text.to_owned()));
        }
        text.parse().map(Self::Udp)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_told_from_a_host_and_a_port() {
        let url: PeerPlace = "wss://a.example/x".parse().unwrap();
        assert_eq!(url, PeerPlace::WebSocket("wss://a.example/x".into()));
        assert!(matches!("a.example:7".parse(), Ok(PeerPlace::Udp(_))));
        assert!("a.example".parse::<PeerPlace>().is_err());
    }

    #[test]
    fn a_member_is_named_by_its_id_with_a_relay_and_by_its_place_without() {
        let id: PeerPlace = "a".repeat(52).parse().unwrap();
        let PeerPlace::Member(peer) = id else {
            panic!("{id:?}")
        };
        let place: PeerPlace = "a.example:7".parse().unwrap();
        let relay: Place = "ws://b.example".parse().unwrap();
        let is_fine = |places: &[PeerPlace], relays: &[Place], peer| {
            PeerPlace::target(places, relays, peer).is_ok()
        };
        let (id, place, relay) = (&[id][..], &[place][..], &[relay][..]);
        assert!(is_fine(id, relay, None) && !is_fine(id, &[], None));
        assert!(is_fine(place, &[], None) && is_fine(place, &[], Some(peer)));
        assert!(!is_fine(place, relay, None) && is_fine(place, relay, Some(peer)));
        assert!(is_fine(&[], relay, Some(peer)) && !is_fine(&[], relay, None));
    }
}
