//! By IPv4: one socket speaks, on each interface in turn.

use std::{
    io,
    net::{IpAddr, Ipv4Addr, SocketAddr, SocketAddrV4},
};

use socket2::Domain;
use tokio::net::UdpSocket;

use super::Sharing;

/// Administratively scoped, link-local use (RFC 2365 section 6.1).
const GROUP: Ipv4Addr = Ipv4Addr::new(239, 255, 83, 84);

#[derive(Debug)]
pub(super) struct Air {
    port: u16,
    shared: UdpSocket,
    own: UdpSocket,
    joined: Vec<Ipv4Addr>,
}

impl Air {
    pub(super) fn open(port: u16) -> io::Result<Self> {
        Ok(Self {
            port,
            shared: bind(port, Sharing::Port)?,
            own: bind(0, Sharing::Nothing)?,
            joined: Vec::new(),
        })
    }

    pub(super) fn sockets(&self) -> [&UdpSocket; 2] {
        [&self.shared, &self.own]
    }

    pub(super) fn join(&mut self, interfaces: &[IpAddr]) {
        let wanted: Vec<Ipv4Addr> = interfaces.iter().filter_map(v4).collect();
        for gone in self.joined.iter().filter(|ip| !wanted.contains(ip)) {
            // The interface may be gone too.
            let _ = self.shared.leave_multicast_v4(GROUP, *gone);
        }
        self.joined.retain(|ip| wanted.contains(ip));
        for new in wanted {
            if self.joined.contains(&new) {
                continue;
            }
            match self.shared.join_multicast_v4(GROUP, new) {
                Ok(()) => self.joined.push(new),
                Err(error) => tracing::debug!(interface = %new, %error, "no multicast"),
            }
        }
    }

    pub(super) async fn say(&self, datagram: &[u8]) {
        let to = SocketAddrV4::new(GROUP, self.port);
        for interface in &self.joined {
            let by = socket2::SockRef::from(&self.own).set_multicast_if_v4(interface);
            let said = match by {
                Ok(()) => self.own.send_to(datagram, to).await,
                Err(error) => Err(error),
            };
            if let Err(error) = said {
                tracing::debug!(%interface, %error, "a beacon was not sent");
            }
        }
    }

    pub(super) async fn answer(&self, to: SocketAddr, datagram: &[u8]) -> io::Result<()> {
        self.own.send_to(datagram, to).await.map(drop)
    }
}

fn bind(port: u16, sharing: Sharing) -> io::Result<UdpSocket> {
    let socket = super::socket(Domain::IPV4, sharing)?;
    socket.set_multicast_ttl_v4(1)?;
    socket.set_multicast_loop_v4(true)?;
    socket.bind(&SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, port).into())?;
    UdpSocket::from_std(socket.into())
}

const fn v4(ip: &IpAddr) -> Option<Ipv4Addr> {
    match ip {
        IpAddr::V4(ip) => Some(*ip),
        IpAddr::V6(_) => None,
    }
}
