//! What went over the network: a digest of everything, and the last packets in full.
//!
//! Invariant: two runs with equal digests carried the same packets at the same times with the same
//! fates (up to collisions of 64 bits).

use std::{collections::VecDeque, net::SocketAddr, time::Duration};

use noq::udp::EcnCodepoint;

use crate::{fate::Fate, rng::Digest, wire::Passage};

/// A packet as it was recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Packet {
    /// Virtual time at which it was sent.
    pub sent: Duration,
    /// Virtual time at which it arrives, if it does.
    pub arrival: Option<Duration>,
    /// Its source address.
    pub from: SocketAddr,
    /// Its destination address.
    pub to: SocketAddr,
    /// The ECN codepoint it has on arrival.
    pub ecn: Option<EcnCodepoint>,
    /// What became of it.
    pub fate: Fate,
    /// How often it arrives.
    pub copies: u8,
    /// Which bit was flipped on the way: bit `n % 8`, counted from the lowest, of byte `n / 8`.
    pub flipped_bit: Option<usize>,
    /// Its UDP payload as it was sent.
    pub bytes: Vec<u8>,
}

/// A packet of which the fate is decided.
pub(crate) struct Event<'a> {
    pub(crate) now: u64,
    pub(crate) from: SocketAddr,
    pub(crate) to: SocketAddr,
    pub(crate) passage: &'a Passage,
    pub(crate) bytes: &'a [u8],
}

/// The digest and the recording.
#[derive(Debug)]
pub(crate) struct Capture {
    digest: Digest,
    is_recording: bool,
    packets: VecDeque<Packet>,
    weight: usize,
}

impl Capture {
    pub(crate) fn new() -> Self {
        Self {
            digest: Digest::new(0),
            is_recording: false,
            packets: VecDeque::new(),
            weight: 0,
        }
    }

    pub(crate) fn record(&mut self, is_recording: bool) {
        if is_recording && !self.is_recording {
            self.packets.clear();
            self.weight = 0;
        }
        self.is_recording = is_recording;
    }

    pub(crate) fn packets(&self) -> Vec<Packet> {
        self.packets.iter().cloned().collect()
    }

    pub(crate) fn trace(&self) -> u64 {
        self.digest.value()
    }

    pub(crate) fn add(&mut self, event: &Event<'_>) {
        self.digest(event);
        if !self.is_recording {
            return;
        }
        let packet = Packet {
            sent: Duration::from_nanos(event.now),
            arrival: (event.passage.copies > 0)
                .then(|| Duration::from_nanos(event.passage.arrival)),
            from: event.from,
            to: event.to,
            ecn: event.passage.ecn,
            fate: event.passage.fate,
            copies: event.passage.copies,
            flipped_bit: event.passage.flip,
            bytes: event.bytes.to_vec(),
        };
        self.weight += weight(&packet);
        self.packets.push_back(packet);
        while self.weight > MAX_WEIGHT {
            let Some(oldest) = self.packets.pop_front() else {
                break;
            };
            self.weight -= weight(&oldest);
        }
    }

    fn digest(&mut self, event: &Event<'_>) {
        let Event {
            now,
            from,
            to,
            passage,
            bytes,
        } = event;
        self.digest.word(*now);
        self.digest.word(passage.arrival);
        for addr in [from, to] {
            let ip = addr.ip().to_canonical();
            self.digest.word(u64::from(addr.port()));
            match ip {
                std::net::IpAddr::V4(ip) => self.digest.bytes(&ip.octets()),
                std::net::IpAddr::V6(ip) => self.digest.bytes(&ip.octets()),
            }
        }
        let ecn = passage.ecn.map_or(0, |ecn| ecn as u64);
        self.digest
            .word(passage.fate as u64 | u64::from(passage.copies) << 8 | ecn << 16);
        self.digest
            .word(passage.flip.map_or(u64::MAX, |bit| bit as u64));
        self.digest.bytes(bytes);
    }
}

/// What a recorded packet costs in memory, roughly, in bytes.
fn weight(packet: &Packet) -> usize {
    size_of::<Packet>() + packet.bytes.len()
}

/// Memory for recorded packets, in bytes: some 40,000 full-sized ones.
const MAX_WEIGHT: usize = 64 << 20;
