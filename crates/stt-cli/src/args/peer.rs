//! Where a peer is to be found: `HOST:PORT`, or the URL of a WebSocket.

use std::str::FromStr;

use stt::Target;

use super::HostPort;

/// What `connect` is to reach.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum PeerPlace {
    Udp(HostPort),
    WebSocket(String),
}

impl PeerPlace {
    pub(crate) fn target(&self) -> Target {
        match self {
            Self::Udp(place) => Target::udp(&place.host, place.port),
            Self::WebSocket(url) => Target::ws(url),
        }
    }
}

impl FromStr for PeerPlace {
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
}
