//! Peers on both sides of NATs and firewalls, and who reaches whom.

use std::{net::SocketAddr, time::Duration};

use noq::AsyncUdpSocket;
use stt_sim::{Link, Nat, NatId, Net, Sim};

use super::bare;

/// A household, two servers, and what is between.
pub(crate) struct Stage {
    pub(crate) sim: Sim,
    pub(crate) net: Net,
}

/// A bound socket.
pub(crate) struct Peer(pub(crate) Box<dyn AsyncUdpSocket>);

pub(crate) const OUTSIDE: [u8; 4] = [198, 51, 100, 1];
pub(crate) const INSIDE: [u8; 4] = [192, 168, 1, 2];
pub(crate) const NEIGHBOUR: [u8; 4] = [192, 168, 1, 3];
pub(crate) const SERVER: [u8; 4] = [203, 0, 113, 1];
pub(crate) const OTHER: [u8; 4] = [203, 0, 113, 2];

impl Stage {
    pub(crate) fn new() -> Self {
        let (sim, net) = bare::world(Link::wan());
        Self { sim, net }
    }

    /// A stage with a NAT in front of two hosts.
    pub(crate) fn with_nat(rules: Nat) -> (Self, NatId) {
        let stage = Self::new();
        let nat = stage.net.nat(OUTSIDE, rules).unwrap();
        stage.net.behind(nat, INSIDE).unwrap();
        stage.net.behind(nat, NEIGHBOUR).unwrap();
        (stage, nat)
    }

    pub(crate) fn bind(&self, addr: impl Into<SocketAddr>) -> Peer {
        Peer(self.net.bind(addr.into()).unwrap())
    }

    pub(crate) async fn pause(&self, seconds: u64) {
        self.sim.sleep(Duration::from_secs(seconds)).await;
    }

    /// Sends a packet, and tells which source the receiver sees, if it comes.
    pub(crate) async fn reach(
        &self,
        from: &Peer,
        to: impl Into<SocketAddr>,
        receiver: &mut Peer,
    ) -> Option<SocketAddr> {
        from.send(to).await;
        self.heard(receiver).await
    }

    /// The source of the next packet, if one comes within a second.
    pub(crate) async fn heard(&self, receiver: &mut Peer) -> Option<SocketAddr> {
        let receive = bare::receive(&mut *receiver.0, 1);
        let packets = self.sim.timeout(Duration::from_secs(1), receive).await;
        packets.ok().map(|packets| packets[0].1.addr)
    }
}

impl Peer {
    pub(crate) fn addr(&self) -> SocketAddr {
        self.0.local_addr().unwrap()
    }

    pub(crate) async fn send(&self, to: impl Into<SocketAddr>) {
        bare::send(&*self.0, to.into(), b"hello", None).await;
    }
}
