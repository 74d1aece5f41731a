//! What the engine's addresses mean.
//!
//! All are IPv6. An IPv4 address is mapped (RFC 4291 section 2.5.5.2), an IPv6 address stands for
//! itself, and everything that is not UDP has an address below a prefix of its own. The prefix is a
//! unique local one (RFC 4193) and no packet with it ever leaves by a kernel's socket.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// Where a packet goes to or comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// By a UDP socket.
    Udp(SocketAddr),
    /// By the tunnel of this number, a WebSocket.
    Tunnel(u64),
    /// By the tunnel of this number, a relayed channel.
    Relay(u64),
    /// Below the prefix, and nothing of ours.
    Nowhere,
}

impl Place {
    /// What an address of the engine's stands for.
    pub(crate) fn of(address: SocketAddr) -> Self {
        let IpAddr::V6(ip) = address.ip() else {
            return Self::Udp(address);
        };
        match ip.segments() {
            [PREFIX_0, PREFIX_1, TUNNELS, 0, a, b, c, d] => Self::Tunnel(join([a, b, c, d])),
            [PREFIX_0, PREFIX_1, CHANNELS, 0, a, b, c, d] => Self::Relay(join([a, b, c, d])),
            [PREFIX_0, PREFIX_1, ..] => Self::Nowhere,
            _ => Self::Udp(unmapped(address)),
        }
    }

    /// What a path to it consists of.
    pub(crate) fn kind(self) -> PathKind {
        match self {
            Self::Tunnel(_) => PathKind::WebSocket,
            Self::Relay(_) => PathKind::Relay,
            Self::Udp(_) | Self::Nowhere => PathKind::Udp,
        }
    }

    /// The address the engine knows it by.
    pub(crate) fn address(self) -> SocketAddr {
        match self {
            Self::Udp(address) => mapped(address),
            Self::Tunnel(number) => below(TUNNELS, number),
            Self::Relay(number) => below(CHANNELS, number),
            Self::Nowhere => SocketAddr::from((Ipv6Addr::UNSPECIFIED, 0)),
        }
    }
}

/// The address of a tunnel.
pub(super) fn tunnel_address(kind: PathKind, number: u64) -> SocketAddr {
    match kind {
        PathKind::Relay => Place::Relay(number).address(),
        _ => Place::Tunnel(number).address(),
    }
}

fn below(what: u16, number: u64) -> SocketAddr {
    let [a, b, c, d] = split(number);
    let ip = Ipv6Addr::from([PREFIX_0, PREFIX_1, what, 0, a, b, c, d]);
    SocketAddr::from((ip, VIRTUAL_PORT))
}

/// How the engine knows a UDP address.
pub(crate) fn mapped(address: SocketAddr) -> SocketAddr {
    match address {
        SocketAddr::V4(v4) => SocketAddr::from((v4.ip().to_ipv6_mapped(), v4.port())),
        SocketAddr::V6(_) => address,
    }
}

/// A UDP address as the kernel and people know it.
pub(crate) fn unmapped(address: SocketAddr) -> SocketAddr {
    match address {
        SocketAddr::V6(v6) => match v6.ip().to_ipv4_mapped() {
            Some(v4) => SocketAddr::from((v4, v6.port())),
            None => address,
        },
        SocketAddr::V4(_) => address,
    }
}

/// A packet that claims to come from below the prefix, but came by a UDP socket.
pub(super) fn is_forged(address: SocketAddr) -> bool {
    match address.ip() {
        IpAddr::V6(ip) => matches!(ip.segments(), [PREFIX_0, PREFIX_1, ..]),
        IpAddr::V4(_) => false,
    }
}

/// What a path consists of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum PathKind {
    /// UDP, straight to the peer.
    Udp,
    /// A WebSocket connection to the peer, perhaps by way of a proxy.
    WebSocket,
    /// A relay: a member of the group that forwards sealed packets.
    Relay,
}

/// The local side of a path: which of the UDP sockets, and with which source address.
///
/// The engine keeps nothing but an IP address of the local side. The first socket of a family is
/// known by the source address alone, so that a path found by the kernel needs no translation; any
/// other has a number in it, and an IPv4 source address besides. With an IPv6 socket beyond the
/// first, the kernel chooses the source address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Local {
    pub(crate) socket: u16,
    pub(crate) source: Option<IpAddr>,
}

impl Local {
    pub(crate) fn of(ip: IpAddr) -> Self {
        let first = |source| Self {
            socket: 0,
            source: Some(source),
        };
        let IpAddr::V6(v6) = ip else {
            return first(ip);
        };
        match v6.segments() {
            [PREFIX_0, PREFIX_1, SOCKETS, socket, 0, 0, a, b] => Self {
                socket,
                source: (a != 0 || b != 0).then(|| v4_of(a, b)),
            },
            _ => first(v6.to_canonical()),
        }
    }

    /// The address the engine knows it by; `None` leaves the choice to the socket.
    pub(crate) fn ip(self) -> Option<IpAddr> {
        if self.socket == 0 {
            return self.source.map(|source| match source {
                IpAddr::V4(v4) => v4.to_ipv6_mapped().into(),
                IpAddr::V6(_) => source,
            });
        }
        let [a, b] = match self.source {
            Some(IpAddr::V4(v4)) => {
                let [a, b, c, d] = v4.octets();
                [u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d])]
            }
            _ => [0, 0],
        };
        let ip = Ipv6Addr::from([PREFIX_0, PREFIX_1, SOCKETS, self.socket, 0, 0, a, b]);
        Some(ip.into())
    }
}

fn v4_of(a: u16, b: u16) -> IpAddr {
    let ([a, b], [c, d]) = (a.to_be_bytes(), b.to_be_bytes());
    Ipv4Addr::new(a, b, c, d).into()
}

fn split(number: u64) -> [u16; 4] {
    [48, 32, 16, 0].map(|shift| {
        #[expect(clippy::cast_possible_truncation, reason = "the four parts in turn")]
        let part = (number >> shift) as u16;
        part
    })
}

fn join(parts: [u16; 4]) -> u64 {
    parts
        .into_iter()
        .fold(0, |number, part| number << 16 | u64::from(part))
}

/// `fd73:7463::/32`: "stc", below the prefix of unique local addresses.
const PREFIX_0: u16 = 0xfd73;
const PREFIX_1: u16 = 0x7463;

/// What a number below the prefix counts.
const TUNNELS: u16 = 1;
const SOCKETS: u16 = 2;
const CHANNELS: u16 = 3;

/// The engine takes no packet from port 0.
const VIRTUAL_PORT: u16 = 1;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_found_again_by_its_address() {
        for place in [
            Place::Udp("192.0.2.1:7".parse().unwrap()),
            Place::Udp("[2001:db8::1]:7".parse().unwrap()),
            Place::Tunnel(0),
            Place::Tunnel(u64::MAX - 5),
            Place::Relay(u64::MAX - 6),
        ] {
            assert!(place.address().is_ipv6());
            assert_eq!(Place::of(place.address()), place);
        }
    }

    #[test]
    fn what_is_below_the_prefix_and_not_ours_is_nowhere_and_forged_over_udp() {
        let address: SocketAddr = "[fd73:7463:9::1]:1".parse().unwrap();
        assert_eq!(Place::of(address), Place::Nowhere);
        assert!(is_forged(address));
        assert!(is_forged(Place::Relay(3).address()));
        assert!(!is_forged("[fd73:7464::1]:1".parse().unwrap()));
        assert!(!is_forged("10.0.0.1:1".parse().unwrap()));
    }

    #[test]
    fn a_local_side_is_found_again_by_its_address() {
        let v4: IpAddr = "192.0.2.9".parse().unwrap();
        let v6: IpAddr = "2001:db8::9".parse().unwrap();
        for (socket, source) in [
            (0, Some(v4)),
            (0, Some(v6)),
            (1, Some(v4)),
            (u16::MAX, None),
        ] {
            let local = Local { socket, source };
            let ip = local.ip().unwrap();
            assert!(ip.is_ipv6());
            assert_eq!(Local::of(ip), local);
        }
        let unknown = Local {
            socket: 0,
            source: None,
        };
        assert_eq!(unknown.ip(), None);
    }
}
