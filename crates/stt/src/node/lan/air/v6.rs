//! By IPv6: on each interface speaks a socket that is bound to the link-local address of that
//! interface, so that what it says comes from the address which it names.

use std::{
    io,
    net::{IpAddr, Ipv6Addr, SocketAddrV6},
};

use if_addrs::Interface;
use socket2::Domain;
use tokio::net::UdpSocket;

use super::Sharing;

/// Link-local, assigned by nobody (RFC 4291 section 2.7), with a number from the range for such groups
/// (RFC 3307 section 4.3).
const GROUP: Ipv6Addr = Ipv6Addr::new(0xff12, 0, 0, 0, 0, 0, 0x8053, 0x5454);

#[derive(Debug)]
pub(super) struct Air {
    port: u16,
    shared: UdpSocket,
    voices: Vec<Voice>,
}

/// An interface that has a link-local address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::node::lan) struct Spot {
    pub(in crate::node::lan) interface: u32,
    pub(in crate::node::lan) ip: Ipv6Addr,
}

impl Spot {
    /// Those of this machine, as far as they are up.
    pub(in crate::node::lan) fn all() -> Vec<Self> {
        let interfaces = if_addrs::get_if_addrs().unwrap_or_else(|error| {
            tracing::debug!(%error, "interfaces");
            Vec::new()
        });
        let up = interfaces.into_iter().filter(Interface::is_oper_up);
        up.filter_map(|found| match (found.ip(), found.index) {
            (IpAddr::V6(ip), Some(interface)) if ip.is_unicast_link_local() => {
                Some(Self { interface, ip })
            }
            _ => None,
        })
        .collect()
    }
}

/// What speaks there.
#[derive(Debug)]
struct Voice {
    spot: Spot,
    socket: UdpSocket,
}

impl Air {
    pub(super) fn open(port: u16) -> io::Result<Self> {
        let socket = super::socket(Domain::IPV6, Sharing::Port)?;
        socket.set_only_v6(true)?;
        socket.bind(&SocketAddrV6::new(Ipv6Addr::UNSPECIFIED, port, 0, 0).into())?;
        Ok(Self {
            port,
            shared: UdpSocket::from_std(socket.into())?,
            voices: Vec::new(),
        })
    }

    pub(super) fn sockets(&self) -> impl Iterator<Item = &UdpSocket> {
        let own = self.voices.iter().map(|voice| &voice.socket);
        std::iter::once(&self.shared).chain(own)
    }

    pub(super) fn interfaces(&self) -> impl Iterator<Item = u32> {
        self.voices.iter().map(|voice| voice.spot.interface)
    }

    /// Of several addresses of an interface the first is used.
    pub(super) fn join(&mut self, spots: &[Spot]) {
        let mut wanted = spots.to_vec();
        wanted.sort();
        wanted.dedup_by_key(|spot| spot.interface);
        self.voices.retain(|voice| {
            let is_wanted = wanted.contains(&voice.spot);
            if !is_wanted {
                // The interface may be gone too.
                let _ = self.shared.leave_multicast_v6(&GROUP, voice.spot.interface);
            }
            is_wanted
        });
        for spot in wanted {
            if self.voices.iter().any(|voice| voice.spot == spot) {
                continue;
            }
            match self.begin(spot) {
                Ok(voice) => self.voices.push(voice),
                Err(error) => tracing::debug!(?spot, %error, "no multicast"),
            }
        }
    }

    fn begin(&self, spot: Spot) -> io::Result<Voice> {
        let socket = bind(spot)?;
        self.shared.join_multicast_v6(&GROUP, spot.interface)?;
        Ok(Voice { spot, socket })
    }

    pub(super) async fn say(&self, interface: u32, datagram: &[u8]) {
        let to = SocketAddrV6::new(GROUP, self.port, 0, interface);
        if let Err(error) = self.send(to, datagram).await {
            tracing::debug!(%to, %error, "a beacon was not sent");
        }
    }

    pub(super) async fn answer(&self, to: SocketAddrV6, datagram: &[u8]) -> io::Result<()> {
        self.send(to, datagram).await
    }

    async fn send(&self, to: SocketAddrV6, datagram: &[u8]) -> io::Result<()> {
        let is_there = |voice: &&Voice| voice.spot.interface == to.scope_id();
        match self.voices.iter().find(is_there) {
            Some(voice) => voice.socket.send_to(datagram, to).await.map(drop),
            // It is gone since.
            None => Ok(()),
        }
    }
}

fn bind(spot: Spot) -> io::Result<UdpSocket> {
    let socket = super::socket(Domain::IPV6, Sharing::Nothing)?;
    socket.set_only_v6(true)?;
    socket.set_multicast_if_v6(spot.interface)?;
    socket.set_multicast_hops_v6(1)?;
    socket.set_multicast_loop_v6(true)?;
    socket.bind(&SocketAddrV6::new(spot.ip, 0, 0, spot.interface).into())?;
    UdpSocket::from_std(socket.into())
}
