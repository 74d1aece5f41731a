//! What a NAT turns out to be: the tests of RFC 4787 with two hosts outside, two ports on each.
//!
//! That a packet does not arrive is not awaited: after those that may be lost comes one that
//! must arrive, by the same way, and what has not come by then has been lost.

use std::io;
use std::net::{SocketAddr, UdpSocket};

use crate::error::{Attempt, LabError};
use crate::host::Host;
use crate::nat::{Dependence, Ports};

/// What was found out about a NAT.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Findings {
    /// Which destinations saw the same endpoint.
    pub mapping: Dependence,
    /// Whose packets came in.
    pub filtering: Dependence,
    /// Whether the internal port was seen outside.
    pub ports: Ports,
}

/// Finds out what lies between a host and two others.
///
/// # Errors
/// [`LabError::Io`], if a packet that no NAT may lose is lost.
pub fn probe(inside: &Host, outside: [&Host; 2]) -> Result<Findings, LabError> {
    let sites = Sites::open(outside)?;
    Ok(Findings {
        mapping: sites.mapping(&inside.udp(0)?)?,
        filtering: sites.filtering(&inside.udp(0)?)?,
        ports: sites.ports(inside)?,
    })
}

/// Two hosts outside: the first with two ports, the second with one that has the first's number.
#[derive(Debug)]
struct Sites {
    first: UdpSocket,
    other_port: UdpSocket,
    other_host: UdpSocket,
    addresses: [SocketAddr; 3],
}

impl Sites {
    fn open([first, second]: [&Host; 2]) -> Result<Self, LabError> {
        let sockets = [first.udp(0)?, first.udp(0)?, second.udp(0)?];
        let address = |host: &Host, socket: &UdpSocket| {
            let port = socket.local_addr().attempt("ask a socket")?.port();
            Ok::<_, LabError>(SocketAddr::from((host.ipv4(), port)))
        };
        let addresses = [
            address(first, &sockets[0])?,
            address(first, &sockets[1])?,
            address(second, &sockets[2])?,
        ];
        let [first, other_port, other_host] = sockets;
        Ok(Self {
            first,
            other_port,
            other_host,
            addresses,
        })
    }

    /// Whom the three see when one socket sends to each.
    fn mapping(&self, socket: &UdpSocket) -> Result<Dependence, LabError> {
        let [to_first, to_port, to_host] = self.addresses;
        let first = seen(socket, &self.first, to_first)?;
        let by_port = seen(socket, &self.other_port, to_port)?;
        let by_host = seen(socket, &self.other_host, to_host)?;
        Ok(dependence(first == by_port, first == by_host))
    }

    /// Who of the three gets in when one socket has sent to the first.
    fn filtering(&self, socket: &UdpSocket) -> Result<Dependence, LabError> {
        let [to_first, ..] = self.addresses;
        let external = seen(socket, &self.first, to_first)?;
        for (name, from) in [
            (b'h', &self.other_host),
            (b'p', &self.other_port),
            (b'f', &self.first),
        ] {
            from.send_to(&[name], external).attempt("send inside")?;
        }
        let mut came = Vec::new();
        while came.last() != Some(&b'f') {
            let (name, _) = receive(socket).attempt("receive the answer of a peer")?;
            came.push(name);
        }
        Ok(dependence(came.contains(&b'p'), came.contains(&b'h')))
    }

    /// Whether each of some ports is kept.
    fn ports(&self, inside: &Host) -> Result<Ports, LabError> {
        let [to_first, ..] = self.addresses;
        for port in [40_001, 40_100, 50_007] {
            if seen(&inside.udp(port)?, &self.first, to_first)?.port() != port {
                return Ok(Ports::Random);
            }
        }
        Ok(Ports::Preserved)
    }
}

fn dependence(alike_by_port: bool, alike_by_host: bool) -> Dependence {
    match (alike_by_port, alike_by_host) {
        (true, true) => Dependence::EndpointIndependent,
        (true, false) => Dependence::AddressDependent,
        (false, _) => Dependence::AddressAndPortDependent,
    }
}

/// Sends from `socket` to a site, and says from where the site sees it come.
///
/// # Errors
/// [`LabError::Io`], if nothing comes within the site's patience.
pub fn seen(socket: &UdpSocket, site: &UdpSocket, at: SocketAddr) -> Result<SocketAddr, LabError> {
    socket.send_to(b"?", at).attempt(format!("send to {at}"))?;
    let (_, from) = receive(site).attempt(format!("receive at {at}"))?;
    Ok(from)
}

/// Whether hosts behind one NAT reach each other by their external addresses. Returns from where
/// `second` sees `first` come, or nothing if it does not.
///
/// # Errors
/// [`LabError::Io`], if a packet that no NAT may lose is lost.
pub fn hairpin(
    [first, second]: [&Host; 2],
    outside: &Host,
) -> Result<Option<SocketAddr>, LabError> {
    let site = outside.udp(0)?;
    let port = site.local_addr().attempt("ask a socket")?.port();
    let at = SocketAddr::from((outside.ipv4(), port));
    let sockets = [first.udp(0)?, second.udp(0)?];
    let external = [seen(&sockets[0], &site, at)?, seen(&sockets[1], &site, at)?];
    // Each opens its filter for the other before the one that counts.
    send(&sockets[1], b"o", external[0])?;
    send(&sockets[0], b"h", external[1])?;
    send(&site, b"e", external[1])?;
    let (name, from) = receive(&sockets[1]).attempt("receive the answer of a peer")?;
    Ok((name == b'h').then_some(from))
}

fn send(socket: &UdpSocket, text: &[u8], to: SocketAddr) -> Result<(), LabError> {
    socket
        .send_to(text, to)
        .attempt(format!("send to {to}"))
        .map(drop)
}

fn receive(socket: &UdpSocket) -> io::Result<(u8, SocketAddr)> {
    let mut bytes = [0; 64];
    let (_, from) = socket.recv_from(&mut bytes)?;
    Ok((bytes[0], from))
}
