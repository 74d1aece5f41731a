//! The sockets by which neighbours hear each other: multicast that no router passes on.
//!
//! All nodes of a machine listen at one port, so what is sent to one of them alone would reach any. Each
//! therefore speaks from sockets of its own, and answers are sent there: one for IPv4 ([`v4`]), and for
//! IPv6 one for each interface ([`v6`]), because a link-local address counts on its interface alone.
//!
//! spec: REACH-70, REACH-79

mod v4;
mod v6;

use std::{
    future::poll_fn,
    io,
    net::{IpAddr, SocketAddr},
    task::{Context, Poll, ready},
};

use socket2::{Domain, Protocol, Socket, Type};
use tokio::{io::ReadBuf, net::UdpSocket};

pub(super) use self::v6::Spot;

/// Where beacons are heard, and said.
#[derive(Debug)]
pub(in crate::node) struct Air {
    v4: v4::Air,
    /// Without IPv6 there is nothing to miss.
    v6: Option<v6::Air>,
}

/// To whom something is said: a beacon names addresses that they can reach.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Audience {
    /// All who hear IPv4.
    V4,
    /// Those on one interface who hear IPv6.
    V6 { interface: u32 },
}

impl Audience {
    /// The one that somebody belongs to; nobody's, if it can't be on the local network.
    pub(super) fn of(source: SocketAddr) -> Option<Self> {
        match source {
            SocketAddr::V4(_) => Some(Self::V4),
            SocketAddr::V6(at) if at.ip().is_unicast_link_local() && at.scope_id() != 0 => {
                let interface = at.scope_id();
                Some(Self::V6 { interface })
            }
            SocketAddr::V6(_) => None,
        }
    }
}

impl Air {
    /// Begins to listen; must be called inside a Tokio runtime.
    pub(in crate::node) fn open(port: u16) -> io::Result<Self> {
        let v6 = match v6::Air::open(port) {
            Ok(air) => Some(air),
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => return Err(error),
            Err(error) => {
                tracing::debug!(%error, "no IPv6 on the local network");
                None
            }
        };
        Ok(Self {
            v4: v4::Air::open(port)?,
            v6,
        })
    }

    /// Listens on these interfaces, those of IPv4 given by their addresses, and no longer on others.
    pub(super) fn join(&mut self, v4: &[IpAddr], v6: &[Spot]) {
        self.v4.join(v4);
        if let Some(air) = &mut self.v6 {
            air.join(v6);
        }
    }

    /// Those that can be spoken to.
    pub(super) fn audiences(&self) -> Vec<Audience> {
        let v6 = self.v6.iter().flat_map(v6::Air::interfaces);
        let v6 = v6.map(|interface| Audience::V6 { interface });
        std::iter::once(Audience::V4).chain(v6).collect()
    }

    /// To all who listen there.
    pub(super) async fn say(&self, to: Audience, datagram: &[u8]) {
        match (to, &self.v6) {
            (Audience::V4, _) => self.v4.say(datagram).await,
            (Audience::V6 { interface }, Some(air)) => air.say(interface, datagram).await,
            (Audience::V6 { .. }, None) => {}
        }
    }

    /// To one, from a socket of this node alone.
    pub(super) async fn answer(&self, to: SocketAddr, datagram: &[u8]) {
        let answered = match (to, &self.v6) {
            (SocketAddr::V4(_), _) => self.v4.answer(to, datagram).await,
            (SocketAddr::V6(to), Some(air)) => air.answer(to, datagram).await,
            (SocketAddr::V6(_), None) => Ok(()),
        };
        if let Err(error) = answered {
            tracing::debug!(%to, %error, "a beacon was not answered");
        }
    }

    /// The next datagram; what is longer than `buffer` is cut. Cancel safe.
    pub(super) async fn hear(&self, buffer: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        poll_fn(|cx| {
            let v6 = self.v6.iter().flat_map(v6::Air::sockets);
            for socket in self.v4.sockets().into_iter().chain(v6) {
                if let Poll::Ready(heard) = receive(socket, cx, buffer) {
                    return Poll::Ready(heard);
                }
            }
            Poll::Pending
        })
        .await
    }
}

fn receive(
    socket: &UdpSocket,
    cx: &mut Context<'_>,
    buffer: &mut [u8],
) -> Poll<io::Result<(usize, SocketAddr)>> {
    let mut buffer = ReadBuf::new(buffer);
    let source = ready!(socket.poll_recv_from(cx, &mut buffer))?;
    Poll::Ready(Ok((buffer.filled().len(), source)))
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Sharing {
    Port,
    Nothing,
}

/// A socket that speaks to its own network alone, bound nowhere yet.
fn socket(domain: Domain, sharing: Sharing) -> io::Result<Socket> {
    let socket = Socket::new(domain, Type::DGRAM, Some(Protocol::UDP))?;
    if sharing == Sharing::Port {
        socket.set_reuse_address(true)?;
        // Linux lets other users of the machine share without this, and would not with it.
        #[cfg(any(target_vendor = "apple", target_os = "freebsd"))]
        socket.set_reuse_port(true)?;
    }
    socket.set_nonblocking(true)?;
    Ok(socket)
}
