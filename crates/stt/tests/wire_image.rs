//! What somebody on the path sees: what `spec/wire.md` says, and random bytes.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a failed step is a failed test"
)]

mod support;

use std::collections::{HashMap, HashSet};

use stt::Group;
use stt_sim::{Link, Net};
use support::{World, address, payload, transfer};

const LEN: usize = 256 * 1024;

/// A run that two random sequences of this size share once in 10^8 tries.
const RUN: usize = 8;

#[test]
fn a_capture_of_a_transfer_holds_no_run_of_what_was_sent() {
    let text: Vec<u8> = payload(1, LEN);
    let world = World::new(1, Link::lan());
    let sim = world.sim.clone();
    sim.block_on(async {
        world.net.capture(true);
        let (_a, node, near, far) = world.pair().await;
        transfer(&near, &far, text.clone()).await;
        near.send_on_stream(7, text.clone()).await.unwrap();
        assert_eq!(node.receive().next().await.unwrap().data, text);
        near.close().await.unwrap();
    });
    let seen = runs(&bytes_of(&world.net));
    assert!(seen.len() > 2 * LEN);
    let shared = runs(std::slice::from_ref(&text))
        .intersection(&seen)
        .count();
    assert_eq!(shared, 0);
    // That it would be seen, had it been there.
    let leaked = runs(&[[&[9; 100], &text[5_000..5_012]].concat()]);
    assert_eq!(runs(&[text]).intersection(&leaked).count(), 5);
    sim.shutdown();
}

#[test]
fn repeated_plaintext_shows_no_repetition() {
    let world = World::new(2, Link::lan());
    let sim = world.sim.clone();
    sim.block_on(async {
        world.net.capture(true);
        let (_a, _b, near, far) = world.pair().await;
        transfer(&near, &far, vec![0; LEN]).await;
    });
    let mut counts = HashMap::new();
    for packet in bytes_of(&world.net) {
        // The connection id repeats; what stands after it must not.
        for run in packet.get(9..).unwrap_or_default().windows(RUN) {
            *counts.entry(run.to_vec()).or_insert(0_u32) += 1;
        }
    }
    counts.retain(|_, count| *count > 1);
    // Of a first flight sent again, the ids stand where no short header has them.
    counts.retain(|run, _| !run.windows(4).any(|part| part == b"STC1"));
    assert!(counts.len() < 64, "{} runs repeat", counts.len());
    sim.shutdown();
}

#[test]
fn two_sessions_that_carry_the_same_bytes_share_nothing() {
    let world = World::new(3, Link::lan());
    let sim = world.sim.clone();
    let text = payload(2, LEN);
    let (first, second) = sim.block_on(async {
        world.net.capture(true);
        let (dialler, acceptor, near, far) = world.pair().await;
        transfer(&near, &far, text.clone()).await;
        near.close().await.unwrap();
        let first = bytes_of(&world.net);
        world.net.capture(false);
        world.net.capture(true);
        let near = dialler.connect(address(1)).await.unwrap();
        let far = acceptor.accept().await.unwrap();
        transfer(&near, &far, text.clone()).await;
        near.close().await.unwrap();
        (first, bytes_of(&world.net))
    });
    assert!(first.len().min(second.len()) > 150);
    let shared = runs(&first).intersection(&runs(&second)).count();
    assert_eq!(shared, 0);
    sim.shutdown();
}

#[test]
fn short_packets_show_form_and_connection_id_and_nothing_else_that_stays() {
    let world = World::new(4, Link::lan());
    let sim = world.sim.clone();
    sim.block_on(async {
        world.net.capture(true);
        let (_a, _b, near, far) = world.pair().await;
        transfer(&near, &far, payload(3, 2 << 20)).await;
    });
    let mut packets = bytes_of(&world.net);
    packets.retain(|packet| packet[0] & 0x80 == 0 && packet.len() > 1_000);
    assert!(packets.len() > 500, "{}", packets.len());
    // All but the form bit: the fixed bit and the spin bit are random too.
    let bits: HashSet<_> = packets.iter().map(|packet| packet[0]).collect();
    assert_eq!(bits.len(), 128);
    for offset in 9..1_000 {
        assert_varied(packets.iter().map(|packet| packet[offset]), offset);
    }
    sim.shutdown();
}

#[test]
fn first_flights_at_a_gated_door_show_the_version_ids_and_sizes_and_nothing_else_that_stays() {
    let world = World::new(5, Link::lan());
    let sim = world.sim.clone();
    let hellos = first_flights(&world, world.group.clone(), 300);
    let mut seen = HashSet::new();
    for (kind, packets) in &hellos {
        let shortest = packets.iter().map(Vec::len).min().unwrap();
        for offset in 0..shortest {
            assert_varied(packets.iter().map(|packet| packet[offset]), (*kind, offset));
        }
        seen.insert(kind.0);
    }
    // Initial and handshake packets, of both sides.
    assert!(seen.len() >= 2 && hellos.len() >= 4, "{:?}", hellos.keys());
    sim.shutdown();
}

#[test]
fn the_first_connection_id_looks_the_same_at_both_kinds_of_door() {
    let open = Group::from_passphrase("wire image", "six words that are not a secret").unwrap();
    for (seed, group) in [(6, None), (7, Some(open))] {
        let world = World::new(seed, Link::lan());
        let sim = world.sim.clone();
        let group = group.unwrap_or_else(|| world.group.clone());
        let _ = first_flights(&world, group, 100);
        let mut ids = Vec::new();
        for packet in world.net.packets() {
            let bytes = packet.bytes;
            if packet.to == address(1) && bytes[0] & 0xb0 == 0x80 && bytes[5] == 20 {
                ids.push(bytes[6..26].to_vec());
            }
        }
        // The first flight takes two packets of one id.
        ids.sort();
        ids.dedup();
        assert!(ids.len() >= 100);
        for offset in 0..20 {
            assert_varied(ids.iter().map(|id| id[offset]), offset);
        }
        sim.shutdown();
    }
}

/// Has a token and no length.
const RETRY: u8 = 0x30;

/// Side and type of a long packet, and its place among those of its side.
type Kind = (u8, bool, usize);

/// The protected part of the long packets of many handshakes, by kind.
fn first_flights(world: &World, group: Group, dials: usize) -> HashMap<Kind, Vec<Vec<u8>>> {
    let sim = world.sim.clone();
    let mut flights: HashMap<Kind, Vec<Vec<u8>>> = HashMap::new();
    sim.block_on(async {
        let _acceptor = world.start(world.builder_of(1, group.clone())).await;
        let dialler = world.start(world.builder_of(2, group)).await;
        world.net.capture(true);
        let mut seen = 0;
        for _ in 0..dials {
            let session = dialler.connect(address(1)).await.unwrap();
            let packets = world.net.packets();
            let mut places = HashMap::new();
            for packet in &packets[seen..] {
                let from_dialler = packet.from == address(2);
                for (kind, protected) in long_packets(&packet.bytes) {
                    let place = places.entry((kind, from_dialler)).or_insert(0);
                    // Later ones are acknowledgements, and differ in number.
                    if *place < 2 {
                        let key = (kind, from_dialler, *place);
                        flights.entry(key).or_default().push(protected.to_vec());
                    }
                    *place += 1;
                }
            }
            seen = packets.len();
            session.abort(0, "");
        }
    });
    flights.retain(|_, packets| packets.len() >= dials);
    flights
}

/// The long packets of a datagram: type bits, and what stands after the length field.
fn long_packets(datagram: &[u8]) -> Vec<(u8, &[u8])> {
    let mut found = Vec::new();
    let mut rest = datagram;
    while rest.len() > 50 && rest[0] & 0x80 != 0 {
        assert_eq!(rest[1..5], *b"STC1");
        let kind = rest[0] & 0x30;
        if kind == RETRY {
            break;
        }
        let mut at = 6 + usize::from(rest[5]);
        at += 1 + usize::from(rest[at]);
        if kind == 0 {
            let (token, size) = varint(&rest[at..]);
            at += size + token;
        }
        let (length, size) = varint(&rest[at..]);
        at += size;
        found.push((kind, &rest[at..at + length]));
        rest = &rest[at + length..];
    }
    found
}

fn varint(bytes: &[u8]) -> (usize, usize) {
    match bytes[0] >> 6 {
        0 => (usize::from(bytes[0]), 1),
        1 => (usize::from(bytes[0] & 0x3f) << 8 | usize::from(bytes[1]), 2),
        _ => panic!("longer than a datagram"),
    }
}

/// That bytes at one offset look like chance: among 100 random ones some 83 differ, among 300 some
/// 177.
fn assert_varied(bytes: impl Iterator<Item = u8>, place: impl std::fmt::Debug) {
    let all: Vec<_> = bytes.collect();
    let different: HashSet<_> = all.iter().collect();
    let expected = 256.0 * (1.0 - (1.0 - 1.0 / 256.0_f64).powf(all.len() as f64));
    assert!(
        different.len() as f64 > 0.75 * expected,
        "{} of {} differ at {place:?}",
        different.len(),
        all.len(),
    );
}

fn runs(packets: &[Vec<u8>]) -> HashSet<[u8; RUN]> {
    let windows = packets.iter().flat_map(|packet| packet.windows(RUN));
    windows.filter_map(|run| run.try_into().ok()).collect()
}

fn bytes_of(net: &Net) -> Vec<Vec<u8>> {
    net.packets()
        .into_iter()
        .map(|packet| packet.bytes)
        .collect()
}
