//! The hands on NATs, firewalls and moving hosts.

use std::{
    io,
    net::{IpAddr, SocketAddr},
};

use crate::{
    nat::{Firewall, Nat, NatId},
    net::Net,
    routes::Place,
};

impl Net {
    /// Puts a NAT at an address. No host is behind it yet; it may be behind another NAT itself
    /// ([`behind`](Self::behind), with its outside address).
    ///
    /// # Errors
    ///
    /// `AddrInUse` when a socket or another NAT has the address, `AddrNotAvailable` for `0.0.0.0`
    /// and `[::]`.
    pub fn nat(&self, outside: impl Into<IpAddr>, rules: Nat) -> io::Result<NatId> {
        let outside = outside.into();
        let mut state = self.state();
        state.check_vacant(outside)?;
        let seed = state.seed();
        Ok(state.doors.add_nat(seed, outside, rules))
    }

    /// Puts a host behind a NAT, for good; its sockets may be bound before or after. It's free to
    /// send to all that are not behind a NAT, to hosts behind the same NAT directly, and to hosts
    /// behind other NATs by their outside addresses. An inside address means one host in the whole
    /// network: two NATs can't both have a `192.168.1.2`.
    ///
    /// # Errors
    ///
    /// `InvalidInput` when the NAT would be behind itself, for an address of the other IP version,
    /// and for `0.0.0.0` and `[::]`. `AlreadyExists` when the address is behind another NAT.
    /// `NotFound` for a NAT of another network.
    pub fn behind(&self, nat: NatId, inside: impl Into<IpAddr>) -> io::Result<()> {
        self.state().doors.put_behind(nat, inside.into())
    }

    /// Changes what a NAT does from now on. Mappings stay; if the mapping behaviour changes, they
    /// are found again only by packets in.
    pub fn change_nat(&self, nat: NatId, f: impl FnOnce(&mut Nat)) {
        if let Some(nat) = self.state().doors.nat_mut(nat) {
            f(&mut nat.rules);
        }
    }

    /// Makes a NAT forget all mappings at once, as one that restarts does. The ports they had stay
    /// unused until the next rebinding, so that each new mapping has a new port.
    pub fn rebind(&self, nat: NatId) {
        if let Some(nat) = self.state().doors.nat_mut(nat) {
            nat.rebind();
        }
    }

    /// The outside address that packets from `inside` to `remote` have at the moment, if they are
    /// mapped.
    pub fn mapped(&self, nat: NatId, inside: SocketAddr, remote: SocketAddr) -> Option<SocketAddr> {
        let now = self.now();
        self.state().doors.nat(nat)?.mapped(now, inside, remote)
    }

    /// Puts a firewall in front of a host, or changes it. It knows nothing of earlier packets; what
    /// is on its way still arrives.
    pub fn firewall(&self, host: impl Into<IpAddr>, rules: Firewall) {
        self.state().doors.set_wall(host.into(), Some(rules));
    }

    /// Ends [`firewall`](Self::firewall).
    pub fn lift_firewall(&self, host: impl Into<IpAddr>) {
        self.state().doors.set_wall(host.into(), None);
    }

    /// Lets no UDP packet in or out at a host, or (at the outside address of a NAT) at all that is
    /// behind it. What is on its way still arrives.
    pub fn forbid_udp(&self, host: impl Into<IpAddr>) {
        self.state().doors.forbid_udp(host.into());
    }

    /// Ends [`forbid_udp`](Self::forbid_udp).
    pub fn allow_udp(&self, host: impl Into<IpAddr>) {
        self.state().doors.allow_udp(host.into());
    }

    /// Changes the address of a bound socket, of all sockets of a host (they keep their ports), or
    /// of a NAT (it forgets its mappings): from now on what they send comes from the new address,
    /// and what is sent to the old one, or is on its way to it, is lost. Links, partitions,
    /// firewalls and NATs belong to addresses and don't move along.
    ///
    /// # Errors
    ///
    /// `NotFound` when nothing is bound there; `AddrInUse` when the new address is taken;
    /// `AddrNotAvailable` when it can't be bound; `InvalidInput` for the other IP version, for a
    /// host that should become a socket, and for a NAT that would be behind itself.
    pub fn readdress(&self, from: impl Into<Place>, to: impl Into<Place>) -> io::Result<()> {
        self.state().readdress(from.into(), to.into())
    }
}
