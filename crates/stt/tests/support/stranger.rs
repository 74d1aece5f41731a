//! Somebody who holds no seed: makes packets, sends them from addresses of its own, and counts what
//! comes back.

use std::net::SocketAddr;

use stt_sim::{Net, Packet, SimEntropy};

use super::World;

/// The version all nodes speak.
pub const VERSION: [u8; 4] = *b"STC1";

/// Packets of all kinds, from one sequence of numbers.
pub struct Forger(SimEntropy);

impl Forger {
    pub fn new(world: &World, name: &str) -> Self {
        Self(world.sim.entropy(name))
    }

    pub fn number(&mut self, below: usize) -> usize {
        (u64::from_be_bytes(self.0.bytes()) % below.max(1) as u64) as usize
    }

    pub fn bytes(&mut self, len: usize) -> Vec<u8> {
        let mut bytes = vec![0; len];
        self.0.fill(&mut bytes);
        bytes
    }

    /// A long header as QUIC's invariants have it, and random bytes up to `len`.
    pub fn long(&mut self, first: u8, version: [u8; 4], to: &[u8], len: usize) -> Vec<u8> {
        let source = self.bytes(8);
        let mut packet = vec![first | 0xc0];
        packet.extend_from_slice(&version);
        for id in [to, &source] {
            packet.push(id.len() as u8);
            packet.extend_from_slice(id);
        }
        self.fill_up(packet, len)
    }

    /// A first packet of our version that is well-formed as far as those without keys can tell.
    pub fn initial(&mut self, to: &[u8], token: &[u8], len: usize) -> Vec<u8> {
        let mut packet = self.first_of_long(to);
        packet.extend_from_slice(&(0x4000 | token.len() as u16).to_be_bytes());
        packet.extend_from_slice(token);
        let rest = len.saturating_sub(packet.len() + 2);
        packet.extend_from_slice(&(0x4000 | rest as u16).to_be_bytes());
        self.fill_up(packet, len)
    }

    fn first_of_long(&mut self, to: &[u8]) -> Vec<u8> {
        let bits = self.number(0x10) as u8;
        self.long(bits, VERSION, to, 0)
    }

    /// A short header to the connection id `to`.
    pub fn short(&mut self, to: &[u8], len: usize) -> Vec<u8> {
        let mut packet = vec![0x40 | self.number(0x40) as u8];
        packet.extend_from_slice(to);
        self.fill_up(packet, len)
    }

    /// Version negotiation that offers our version and another.
    pub fn version_negotiation(&mut self, to: &[u8]) -> Vec<u8> {
        let mut packet = self.long(0, [0; 4], to, 0);
        packet.extend_from_slice(&VERSION);
        packet.extend_from_slice(&[0, 0, 0, 1]);
        packet
    }

    /// A Retry with a token, and a tag that is random.
    pub fn retry(&mut self, to: &[u8]) -> Vec<u8> {
        self.long(0x30, VERSION, to, 120)
    }

    fn fill_up(&mut self, mut packet: Vec<u8>, len: usize) -> Vec<u8> {
        let missing = len.saturating_sub(packet.len());
        packet.extend(self.bytes(missing));
        packet
    }
}

/// Everything a stranger may think of, those things included that it can only know from `recorded`
/// packets of others.
pub fn probes(forger: &mut Forger, recorded: &[Packet]) -> Vec<Vec<u8>> {
    let mut probes: Vec<_> = (0..1_472)
        .step_by(13)
        .map(|len| forger.bytes(len))
        .collect();
    probes.extend((0..12).map(|len| forger.bytes(len)));
    let versions = [[0, 0, 0, 1], *b"STC2", [0x0a, 0x1a, 0x2a, 0x3a], [0xff; 4]];
    for version in versions {
        for len in [7, 30, 100, 600, 1_199, 1_200, 1_472] {
            let to = forger.bytes(8);
            let first = forger.number(0x40) as u8;
            probes.push(forger.long(first, version, &to, len));
        }
    }
    let mut ids: Vec<_> = (0..=20).map(|len| forger.bytes(len)).collect();
    ids.extend(connection_ids(recorded));
    for id in &ids {
        for len in [600, 1_200, 1_200, 1_200, 1_200, 1_472] {
            let token = forger.bytes(len % 7 * 20);
            probes.push(forger.initial(id, &token, len));
            probes.push(forger.initial(id, &[], len));
        }
        for len in [21, 22, 43, 100, 1_200, 1_472] {
            let first = 0x10 + forger.number(0x30) as u8;
            probes.push(forger.long(first, VERSION, id, len));
            probes.push(forger.short(id, len));
        }
        probes.push(forger.version_negotiation(id));
        probes.push(forger.retry(id));
    }
    probes.extend(recorded.iter().map(|packet| packet.bytes.clone()));
    probes
}

/// All destination connection ids of recorded packets, each once.
pub fn connection_ids(recorded: &[Packet]) -> Vec<Vec<u8>> {
    let mut ids: Vec<_> = recorded
        .iter()
        .map(|packet| destination_id(&packet.bytes).to_vec())
        .collect();
    ids.sort();
    ids.dedup();
    ids
}

/// Where a packet of ours says that it goes.
pub fn destination_id(packet: &[u8]) -> &[u8] {
    match packet {
        [first, .., _] if first & 0x80 != 0 => &packet[6..6 + usize::from(packet[5])],
        _ => &packet[1..9],
    }
}

/// Packets from one address to another, of those that were recorded.
pub fn recorded(net: &Net, from: SocketAddr, to: SocketAddr) -> Vec<Packet> {
    let mut packets = net.packets();
    packets.retain(|packet| packet.from == from && packet.to == to);
    packets
}

/// Packets that went from one address to another, whether anybody was there or not.
pub fn sent(world: &World, from: SocketAddr, to: SocketAddr) -> u64 {
    world.net.stats(from, to).sent
}
