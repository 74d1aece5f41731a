//! Who is there at the beginning, and whom each knows.

use std::net::SocketAddr;

use stt_dht::Key;
use stt_wire::{Addresses, Contact};

use crate::net::Place;
use crate::rng::Rng;
use crate::world::Who;

/// What the random numbers of members are for: no two sequences of one seed are alike.
const NAMES: u64 = 0x6e61_6d65_7300_0000;
const PLACES: u64 = 0x706c_6163_6573_0000;

/// The name of a member: random, but for the end, which tells who it is.
pub(crate) fn name(seed: u64, who: Who) -> [u8; 32] {
    let mut node = own_rng(seed, NAMES, who).bytes();
    node[24..28].copy_from_slice(&who.term.to_be_bytes());
    node[28..].copy_from_slice(&who.slot.to_be_bytes());
    node
}

/// Who has a name.
pub(crate) fn who_is(node: &[u8; 32]) -> Who {
    let number = |start| u32::from_be_bytes(std::array::from_fn(|place| node[start + place]));
    let (term, slot) = (number(24), number(28));
    Who { slot, term }
}

/// Where a member is in the world: it has nothing to do with its name.
pub(crate) fn place(seed: u64, who: Who) -> Place {
    Place::random(&mut own_rng(seed, PLACES, who))
}

/// Random numbers of one member, the same at any time.
fn own_rng(seed: u64, purpose: u64, who: Who) -> Rng {
    let number = u64::from(who.term) << 32 | u64::from(who.slot);
    Rng::new(Rng::new(seed ^ purpose).word() ^ number)
}

/// A member in a network of its own.
pub(crate) fn at_home(slot: u32, node: [u8; 32]) -> Contact {
    at(
        node,
        [11 + (slot >> 16) as u8, (slot >> 8) as u8, slot as u8, 1],
    )
}

/// A member at an address.
pub(crate) fn at(node: [u8; 32], ip: [u8; 4]) -> Contact {
    Contact {
        node,
        addresses: Addresses::from(SocketAddr::from((ip, 4_000))),
    }
}

/// What a member that has been there for long knows: of each bucket up to `k`, by chance.
/// `sorted` are all members, by place.
pub(crate) fn settled_table(
    own: &[u8; 32],
    sorted: &[Contact],
    k: usize,
    rng: &mut Rng,
) -> Vec<Contact> {
    let own = Key::from_bytes(*own);
    let shared = |contact: &Contact| own.shared_bits(&Key::from_bytes(contact.node));
    let mut known = Vec::new();
    let mut rest = sorted;
    // Each round splits off those on the other side of the next bit: they lie together.
    for bit in 0..256 {
        let own_bit = own.as_bytes()[bit / 8] & (0x80 >> (bit % 8)) != 0;
        let has_bit = |contact: &Contact| contact.node[bit / 8] & (0x80 >> (bit % 8)) != 0;
        let middle = rest.partition_point(|contact| !has_bit(contact));
        let (low, high) = rest.split_at(middle);
        let (ours, bucket) = if own_bit { (high, low) } else { (low, high) };
        debug_assert!(bucket.iter().all(|contact| shared(contact) == bit));
        sample(bucket, k, rng, &mut known);
        rest = ours;
        if rest.len() <= 1 {
            break;
        }
    }
    known
}

fn sample(bucket: &[Contact], k: usize, rng: &mut Rng, known: &mut Vec<Contact>) {
    if bucket.len() <= k {
        known.extend_from_slice(bucket);
        return;
    }
    let mut chosen = Vec::with_capacity(k);
    while chosen.len() < k {
        let place = rng.below(bucket.len());
        if !chosen.contains(&place) {
            chosen.push(place);
        }
    }
    known.extend(chosen.into_iter().map(|place| bucket[place]));
}
