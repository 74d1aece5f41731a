//! What stands between hosts: who is behind which NAT, which host has a firewall or no UDP.
//!
//! A packet goes up from its sender through NATs until it's in the same network as the address it
//! is sent to; there it takes its link; then it waits at the door of that address until it arrives,
//! and goes down through NATs and firewalls as they are at that moment.
//!
//! Invariants: no NAT is behind itself, and what is behind a NAT stays there, so ways up and down
//! end; without doors nothing here costs more than a look.
//! Units: `u64` times are nanoseconds of virtual time.

mod bell;
mod crossing;
mod hands;
mod moving;
mod queue;

use std::{
    collections::{BTreeMap, BTreeSet},
    io,
    net::{IpAddr, SocketAddr},
};

use crate::{
    fate::Fate,
    nat::{Firewall, Nat, NatId, Permits, Table},
    routes::Place,
};

pub(crate) use bell::Bell;
use queue::Knock;
pub(crate) use queue::Queue;

/// All doors of a network, and who waits at them.
#[derive(Debug, Default)]
pub(crate) struct Doors {
    nats: Vec<Table>,
    /// The NAT at an outside address.
    outsides: BTreeMap<IpAddr, NatId>,
    /// The NAT that an address is behind; others are on the open network.
    homes: BTreeMap<IpAddr, NatId>,
    walls: BTreeMap<IpAddr, Wall>,
    without_udp: BTreeSet<IpAddr>,
    pub(crate) queue: Queue,
}

/// A firewall at work.
#[derive(Debug)]
struct Wall {
    rules: Firewall,
    /// By the host's own endpoint.
    permits: BTreeMap<SocketAddr, Permits>,
}

impl Doors {
    /// Whether packets to this address wait at a door.
    pub(crate) fn is_guarded(&self, ip: IpAddr) -> bool {
        self.is_nat(ip) || (!self.walls.is_empty() && self.walls.contains_key(&ip))
    }

    pub(crate) fn is_nat(&self, ip: IpAddr) -> bool {
        !self.outsides.is_empty() && self.outsides.contains_key(&ip)
    }

    pub(crate) fn is_without_udp(&self, ip: IpAddr) -> bool {
        !self.without_udp.is_empty() && self.without_udp.contains(&ip)
    }

    fn is_empty(&self) -> bool {
        self.nats.is_empty() && self.walls.is_empty() && self.without_udp.is_empty()
    }

    /// The source that a packet has when it's in the network of its destination.
    pub(crate) fn depart(
        &mut self,
        now: u64,
        from: SocketAddr,
        to: SocketAddr,
    ) -> Result<SocketAddr, Fate> {
        if self.is_empty() {
            return Ok(from);
        }
        if self.is_without_udp(to.ip()) {
            return Err(Fate::Filtered);
        }
        let network = self.homes.get(&to.ip()).copied();
        let mut source = from;
        loop {
            self.leave(now, source, to)?;
            let home = self.homes.get(&source.ip()).copied();
            if home == network {
                return Ok(source);
            }
            let nat = home
                .and_then(|home| self.nats.get_mut(home.0))
                .ok_or(Fate::Unreachable)?;
            if nat.outside == to.ip() && !nat.rules.hairpin {
                return Err(Fate::Filtered);
            }
            source = nat.outbound(now, source, to).ok_or(Fate::Filtered)?;
        }
    }

    /// Out of the door of one address.
    fn leave(&mut self, now: u64, from: SocketAddr, to: SocketAddr) -> Result<(), Fate> {
        if self.is_without_udp(from.ip()) {
            return Err(Fate::Filtered);
        }
        let Some(wall) = self.walls.get_mut(&from.ip()) else {
            return Ok(());
        };
        let is_noted = wall
            .permits
            .entry(from)
            .or_default()
            .note(now, to, &wall.rules);
        is_noted.then_some(()).ok_or(Fate::Filtered)
    }

    /// The host that a packet reaches, or the address at which it's refused.
    pub(crate) fn arrive(
        &mut self,
        now: u64,
        from: SocketAddr,
        to: SocketAddr,
    ) -> Result<SocketAddr, SocketAddr> {
        let mut host = to;
        loop {
            if self.is_without_udp(host.ip()) || !self.enter(now, from, host) {
                return Err(host);
            }
            let Some(nat) = self.nat_at(host.ip()) else {
                return Ok(host);
            };
            host = nat.inbound(now, from, host.port()).ok_or(host)?;
        }
    }

    /// In at the firewall of one address.
    fn enter(&mut self, now: u64, from: SocketAddr, to: SocketAddr) -> bool {
        let Some(wall) = self.walls.get_mut(&to.ip()) else {
            return true;
        };
        wall.permits
            .get_mut(&to)
            .is_some_and(|permits| permits.admit(now, from, &wall.rules))
    }

    fn nat_at(&mut self, outside: IpAddr) -> Option<&mut Table> {
        let id = self.outsides.get(&outside)?;
        self.nats.get_mut(id.0)
    }

    /// Forgets packets that wait on their way to a place.
    pub(crate) fn clear(&mut self, place: Place) {
        let Self {
            nats,
            outsides,
            queue,
            ..
        } = self;
        queue.retain(|knock| {
            let mut addr = Some(knock.to);
            while let Some(at) = addr {
                if place.covers(at.into()) {
                    return false;
                }
                let nat = outsides.get(&at.ip()).and_then(|id| nats.get(id.0));
                addr = nat.and_then(|nat| nat.owner(at.port()));
            }
            true
        });
    }

    pub(crate) fn nat(&self, id: NatId) -> Option<&Table> {
        self.nats.get(id.0)
    }

    pub(crate) fn nat_mut(&mut self, id: NatId) -> Option<&mut Table> {
        self.nats.get_mut(id.0)
    }

    pub(crate) fn add_nat(&mut self, seed: u64, outside: IpAddr, rules: Nat) -> NatId {
        let id = NatId(self.nats.len());
        self.nats.push(Table::new(seed, outside, rules));
        self.outsides.insert(outside, id);
        id
    }

    /// Puts an address behind a NAT; that of another NAT as well.
    pub(crate) fn put_behind(&mut self, id: NatId, ip: IpAddr) -> io::Result<()> {
        let nat = self.nat(id).ok_or(io::ErrorKind::NotFound)?;
        let is_loop = self
            .outsides
            .get(&ip)
            .is_some_and(|&below| below == id || self.is_below(nat.outside, below));
        if is_loop || ip.is_unspecified() || ip.is_ipv4() != nat.outside.is_ipv4() {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        if *self.homes.entry(ip).or_insert(id) != id {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        Ok(())
    }

    /// Gives a NAT another outside address.
    pub(crate) fn move_nat(&mut self, from: IpAddr, to: IpAddr) -> io::Result<()> {
        let id = *self.outsides.get(&from).ok_or(io::ErrorKind::NotFound)?;
        if self.is_below(to, id) {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        self.outsides.remove(&from);
        self.outsides.insert(to, id);
        if let Some(nat) = self.nat_mut(id) {
            nat.outside = to;
            nat.rebind();
        }
        Ok(())
    }

    /// Whether an address is behind a NAT, over any number of others.
    fn is_below(&self, ip: IpAddr, id: NatId) -> bool {
        let mut above = self.homes.get(&ip);
        while let Some(&nat) = above {
            if nat == id {
                return true;
            }
            above = self.nat(nat).and_then(|nat| self.homes.get(&nat.outside));
        }
        false
    }

    pub(crate) fn set_wall(&mut self, ip: IpAddr, rules: Option<Firewall>) {
        match (rules, self.walls.get_mut(&ip)) {
            (Some(rules), Some(wall)) => wall.rules = rules,
            (Some(rules), None) => {
                let permits = BTreeMap::new();
                self.walls.insert(ip, Wall { rules, permits });
            }
            (None, _) => {
                self.walls.remove(&ip);
            }
        }
    }

    pub(crate) fn forbid_udp(&mut self, ip: IpAddr) {
        self.without_udp.insert(ip);
    }

    pub(crate) fn allow_udp(&mut self, ip: IpAddr) {
        self.without_udp.remove(&ip);
    }
}
