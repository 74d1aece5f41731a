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
    /// What to dial, through a relay if there is one.
    pub(crate) fn target(&self, relay: Option<&Place>) -> Result<Target, Failure> {
        match (self, relay) {
            (Self::Udp(place), None) => Ok(Target::udp(&place.host, place.port)),
            (Self::WebSocket(url), None) => Ok(Target::ws(url)),
            (Self::Member(id), Some(relay)) => Ok(Target::relayed(relay.target(), *id)),
            (Self::Member(_), None) => Err(Failure::usage(
                "a node id says who, not where: give a relay that the peer uses, with --relay ADDR",
            )),
            (_, Some(_)) => Err(Failure::usage(
                "with --relay, say who the peer is by its node id, as `stt id` prints it there",
            )),
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
        assert!(matches!(id, PeerPlace::Member(_)));
        let place: PeerPlace = "a.example:7".parse().unwrap();
        let relay: Place = "ws://b.example".parse().unwrap();
        assert!(id.target(Some(&relay)).is_ok() && id.target(None).is_err());
        assert!(place.target(None).is_ok() && place.target(Some(&relay)).is_err());
    }
}
