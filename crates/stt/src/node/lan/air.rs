//! The sockets by which neighbours hear each other: IPv4 multicast that no router passes on.
//!
//! All nodes of a machine listen at one port, so what is sent to one of them alone would reach any. Each
//! therefore speaks from a socket of its own, and answers are sent there.

use std::{
    io,
    net::{IpAddr, Ipv4Addr, SocketAddr, SocketAddrV4},
};

use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::UdpSocket;

/// Administratively scoped, link-local use (RFC 2365 section 6.1).
const GROUP: Ipv4Addr = Ipv4Addr::new(239, 255, 83, 84);

/// Where beacons are heard, and said.
#[derive(Debug)]
pub(in crate::node) struct Air {
    port: u16,
    shared: UdpSocket,
    own: UdpSocket,
    joined: Vec<Ipv4Addr>,
}

impl Air {
    /// Begins to listen; must be called inside a Tokio runtime.
    pub(in crate::node) fn open(port: u16) -> io::Result<Self> {
        Ok(Self {
            port,
            shared: bind(port, Sharing::Port)?,
            own: bind(0, Sharing::Nothing)?,
            joined: Vec::new(),
        })
    }

    /// Listens on these interfaces, given by their addresses, and no longer on others.
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

    /// To all who listen on the interfaces that were joined.
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

    /// To one, from the socket of this node alone.
    pub(super) async fn answer(&self, to: SocketAddr, datagram: &[u8]) {
        if let Err(error) = self.own.send_to(datagram, to).await {
            tracing::debug!(%to, %error, "a beacon was not answered");
        }
    }

    /// The next datagram; what is longer than `buffer` is cut. Cancel safe.
    pub(super) async fn hear(&self, buffer: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        loop {
            tokio::select! {
                ready = self.shared.readable() => ready?,
                ready = self.own.readable() => ready?,
            }
            for socket in [&self.shared, &self.own] {
                match socket.try_recv_from(buffer) {
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                    heard => return heard,
                }
            }
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Sharing {
    Port,
    Nothing,
}

fn bind(port: u16, sharing: Sharing) -> io::Result<UdpSocket> {
    let socket = Socket::new(Domain::IPV4, Type::DGRAM, Some(Protocol::UDP))?;
    if sharing == Sharing::Port {
        socket.set_reuse_address(true)?;
        // Linux lets other users of the machine share without this, and would not with it.
        #[cfg(any(target_vendor = "apple", target_os = "freebsd"))]
        socket.set_reuse_port(true)?;
    }
    socket.set_multicast_ttl_v4(1)?;
    socket.set_multicast_loop_v4(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, port).into())?;
    UdpSocket::from_std(socket.into())
}

const fn v4(ip: &IpAddr) -> Option<Ipv4Addr> {
    match ip {
        IpAddr::V4(ip) => Some(*ip),
        IpAddr::V6(_) => None,
    }
}
