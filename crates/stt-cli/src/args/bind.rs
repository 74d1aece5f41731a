//! Where to bind: an address and a port, or a name of this machine and a port.

use std::{
    net::{SocketAddr, UdpSocket},
    str::FromStr,
};

use stt::NodeBuilder;

use super::host_port::{split, zone_less};
use crate::exit::Failure;

/// What `--bind` names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Bind {
    host: String,
    port: u16,
    is_websocket: bool,
}

impl FromStr for Bind {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (is_websocket, place) = match text.strip_prefix("ws://") {
            Some(place) => (true, place.strip_suffix('/').unwrap_or(place)),
            None => (false, text),
        };
        let (host, port) = split(place).map_err(|why| format!("{why}; {FORMS}"))?;
        let host = host.to_owned();
        Ok(Self {
            host,
            port,
            is_websocket,
        })
    }
}

impl Bind {
    /// Binds all it means, for UDP or for WebSockets.
    pub(crate) async fn apply(&self, builder: NodeBuilder) -> Result<NodeBuilder, Failure> {
        let addresses = self.addresses().await?.into_iter();
        Ok(addresses.fold(builder, |builder, address| {
            if self.is_websocket {
                builder.listen_ws(address)
            } else {
                builder.bind(address)
            }
        }))
    }

    /// The addresses it means. A name may have several; those of a family that this machine does
    /// not have are left out, unless nothing else is left.
    pub(crate) async fn addresses(&self) -> Result<Vec<SocketAddr>, Failure> {
        let host = self.host.as_str();
        let found = tokio::net::lookup_host((host, self.port)).await;
        let found = found
            .map_err(|error| Failure::usage(format!("cannot bind {host}: {error}; {FORMS}")))?;
        let mut all: Vec<_> = found.collect();
        all.dedup();
        let is_name = zone_less(host).parse::<std::net::IpAddr>().is_err();
        if is_name && all.iter().any(is_here) {
            all.retain(is_here);
        }
        Ok(all)
    }
}

/// Whether the address is one of this machine.
fn is_here(address: &SocketAddr) -> bool {
    UdpSocket::bind((address.ip(), 0)).is_ok()
}

const FORMS: &str = "give IPV4:PORT, [IPV6]:PORT or NAME:PORT, port 0 for any free one, ws:// before it for WebSockets";

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn names_and_addresses_can_be_bound_and_a_port_may_be_any() {
        for (text, expected) in [
            ("127.0.0.1:7000", "127.0.0.1:7000"),
            ("[::1]:0", "[::1]:0"),
            ("[fe80::1%7]:7000", "[fe80::1%7]:7000"),
            ("ws://127.0.0.1:80", "127.0.0.1:80"),
            ("ws://[::1]:0/", "[::1]:0"),
        ] {
            let bind: Bind = text.parse().unwrap();
            let addresses = bind.addresses().await.unwrap();
            assert_eq!(addresses, [expected.parse().unwrap()], "{text}");
        }
        let bind: Bind = "localhost:7000".parse().unwrap();
        let addresses = bind.addresses().await.unwrap();
        assert!(!addresses.is_empty());
        assert!(addresses.iter().all(|address| address.ip().is_loopback()));
    }

    #[test]
    fn what_cannot_be_bound_is_refused_with_what_can() {
        for text in ["7000", "localhost", "::1:7000", ":7000", "[::1]", "host:x"] {
            let refused = text.parse::<Bind>().unwrap_err();
            assert!(refused.contains("[IPV6]:PORT"), "{text}: {refused}");
        }
    }
}
