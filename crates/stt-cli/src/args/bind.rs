//! Where to bind: an address and a port, or a name of this machine and a port.

use std::{
    net::{SocketAddr, UdpSocket},
    str::FromStr,
};

use super::host_port::{split, zone_less};
use crate::exit::Failure;

/// What `--bind` names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Bind {
    host: String,
    port: u16,
}

impl FromStr for Bind {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (host, port) = split(text).map_err(|why| format!("{why}; {FORMS}"))?;
        let host = host.to_owned();
        Ok(Self { host, port })
    }
}

impl Bind {
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

const FORMS: &str = "give IPV4:PORT, [IPV6]:PORT or NAME:PORT, port 0 for any free one";

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn names_and_addresses_can_be_bound_and_a_port_may_be_any() {
        for (text, expected) in [
            ("127.0.0.1:7000", "127.0.0.1:7000"),
            ("[::1]:0", "[::1]:0"),
            ("[fe80::1%7]:7000", "[fe80::1%7]:7000"),
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
