//! Sockets, hosts and NATs whose address changes.
//!
//! Invariant: a move that is refused changes nothing.

use std::{
    io,
    net::{IpAddr, SocketAddr},
};

use crate::{nat::ports_of, routes::Place, state::State};

impl State {
    pub(crate) fn readdress(&mut self, from: Place, to: Place) -> io::Result<()> {
        if from.ip().is_ipv4() != to.ip().is_ipv4() {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        if self.doors.is_nat(from.ip()) {
            return self.readdress_nat(from, to);
        }
        let moves = self.moves(from, to)?;
        for (_, new) in &moves {
            self.check_free(*new)?;
        }
        for (old, new) in moves {
            if let Some(mut inbox) = self.inboxes.remove(&old) {
                inbox.move_to(new);
                self.inboxes.insert(new, inbox);
            }
        }
        Ok(())
    }

    /// Which sockets move where.
    fn moves(&self, from: Place, to: Place) -> io::Result<Vec<(SocketAddr, SocketAddr)>> {
        let sockets: Vec<_> = self
            .inboxes
            .range(ports_of(from.ip()))
            .map(|(addr, _)| *addr)
            .filter(|addr| from.covers((*addr).into()))
            .collect();
        if sockets.is_empty() {
            return Err(io::ErrorKind::NotFound.into());
        }
        if from.port().is_none() && to.port().is_some() {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        let moved = |old: SocketAddr| {
            let port = to.port().unwrap_or_else(|| old.port());
            (old, SocketAddr::new(to.ip(), port))
        };
        Ok(sockets.into_iter().map(moved).collect())
    }

    fn readdress_nat(&mut self, from: Place, to: Place) -> io::Result<()> {
        if from.port().is_some() || to.port().is_some() {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        self.check_vacant(to.ip())?;
        self.doors.move_nat(from.ip(), to.ip())
    }

    /// Whether a socket can have this address.
    pub(crate) fn check_free(&self, addr: SocketAddr) -> io::Result<()> {
        let ip = addr.ip();
        if ip.is_unspecified() || addr.port() == 0 || self.doors.is_nat(ip) {
            return Err(io::ErrorKind::AddrNotAvailable.into());
        }
        if self.inboxes.contains_key(&addr) {
            return Err(io::ErrorKind::AddrInUse.into());
        }
        Ok(())
    }

    /// Whether a NAT can have this address.
    pub(crate) fn check_vacant(&self, ip: IpAddr) -> io::Result<()> {
        if ip.is_unspecified() {
            return Err(io::ErrorKind::AddrNotAvailable.into());
        }
        let is_taken = self.inboxes.range(ports_of(ip)).next().is_some();
        if is_taken || self.doors.is_nat(ip) {
            return Err(io::ErrorKind::AddrInUse.into());
        }
        Ok(())
    }
}
