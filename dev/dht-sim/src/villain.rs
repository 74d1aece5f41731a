//! Members that answer as they like.

use stt_dht::Key;
use stt_wire::{Addresses, Ask, Contact, DhtAnswer, PutOutcome, Record, VarInt};

use crate::rng::Rng;

/// How a hostile member behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Villain {
    /// Names only its accomplices, and claims to hold what it does not.
    Colludes,
    /// The same, and answers a search with false providers: itself.
    ProvidesFalsely,
    /// Names members close to the key that do not exist.
    Invents,
    /// Answers after a second and a half, and then like one that colludes.
    IsSlow,
    /// Passes on changed and expired records of others.
    Forges,
}

impl Villain {
    /// How much later than others it answers, in microseconds.
    pub(crate) fn delay(self) -> u64 {
        if self == Self::IsSlow { 1_500_000 } else { 0 }
    }

    /// Its answer. `accomplices` are the hostile members closest to what is asked for.
    pub(crate) fn answer(
        self,
        me: &Contact,
        ask: &Ask,
        accomplices: Vec<Contact>,
        unix: u64,
        rng: &mut Rng,
    ) -> DhtAnswer {
        match ask {
            Ask::Ping => DhtAnswer::Pong,
            Ask::FindNode { target } => DhtAnswer::Nodes(self.names(target, accomplices, rng)),
            Ask::FindRecords { target, kind, .. } => {
                let closer = self.names(target, accomplices, rng);
                let mut record = Record {
                    kind: *kind,
                    key: *target,
                    node: me.node,
                    issued: VarInt::saturating(unix),
                    lifetime: VarInt::from_u32(3_600),
                    sealed: bytes::Bytes::new(),
                    signature: [1; 64],
                };
                let records = match self {
                    Self::ProvidesFalsely => vec![record],
                    Self::Forges => {
                        record.node = rng.bytes();
                        record.signature = [0; 64];
                        vec![record]
                    }
                    _ => Vec::new(),
                };
                DhtAnswer::Records { records, closer }
            }
            Ask::PutRecords { records, .. } => {
                DhtAnswer::Stored(vec![PutOutcome::HELD; records.len()])
            }
            Ask::DialBack { .. } => DhtAnswer::Dialled(stt_wire::DialOutcome::NotReached),
        }
    }

    fn names(self, target: &[u8; 32], accomplices: Vec<Contact>, rng: &mut Rng) -> Vec<Contact> {
        if self != Self::Invents {
            return accomplices;
        }
        let invent = |_| {
            let mut node = rng.bytes();
            node[..12].copy_from_slice(&target[..12]);
            node[28..].copy_from_slice(&u32::MAX.to_be_bytes());
            let ip = [198, 18, rng.word() as u8, rng.word() as u8];
            let addresses = Addresses::from(std::net::SocketAddr::from((ip, 4_000)));
            Contact { node, addresses }
        };
        (0..20).map(invent).collect()
    }
}

/// The accomplices closest to a target, of a list that is sorted by place.
pub(crate) fn closest_of(sorted: &[Contact], target: &[u8; 32], count: usize) -> Vec<Contact> {
    let mut near = sorted;
    // Those on the target's side of each next bit lie together, and are closer than all others.
    for bit in 0..256 {
        let mask = 0x80 >> (bit % 8);
        let has_bit = |contact: &Contact| contact.node[bit / 8] & mask != 0;
        let (low, high) = near.split_at(near.partition_point(|contact| !has_bit(contact)));
        let side = if target[bit / 8] & mask != 0 {
            high
        } else {
            low
        };
        if side.len() < count {
            break;
        }
        near = side;
    }
    let target = Key::from_bytes(*target);
    let mut found = near.to_vec();
    if found.len() > count {
        let distance = |contact: &Contact| target.distance(&Key::from_bytes(contact.node));
        found.select_nth_unstable_by_key(count, distance);
        found.truncate(count);
    }
    found
}
