//! Who is there at the beginning, and whom each knows.

use std::net::SocketAddr;

use stt_dht::Key;
use stt_wire::{Addresses, Contact};

use crate::rng::Rng;

/// The name of the member in a slot: random, but for the slot, so that it is found at once.
pub(crate) fn name(slot: u32, rng: &mut Rng) -> [u8; 32] {
    let mut node = rng.bytes();
    node[28..].copy_from_slice(&slot.to_be_bytes());
    node
}

/// The slot that a name is of.
pub(crate) fn slot_of(node: &[u8; 32]) -> u32 {
    u32::from_be_bytes(std::array::from_fn(|place| node[28 + place]))
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
