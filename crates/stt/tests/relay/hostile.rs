//! Packets that no honest member sends.

use std::time::Duration;

use stt_sim::{Link, Packet};

use super::{
    RELAY, World, members, pair_on, relay, session,
    support::{
        address, in_world, payload,
        stranger::{Forger, recorded},
        transfer,
    },
};
use stt::{ConnectError, RelayError, RelayLimits};

/// What the relay has sent to the hosts of members, and to others.
fn sent_by_relay(world: &World, hosts: &[u8]) -> u64 {
    let sent = |host: &u8| world.net.stats(address(RELAY), address(*host)).sent;
    hosts.iter().map(sent).sum()
}

/// Packets of the leg from a host to the relay: those of one tag that are as many as a transfer makes.
fn of_leg(world: &World, host: u8) -> Vec<Packet> {
    let packets = recorded(&world.net, address(host), address(RELAY));
    let mut counts = std::collections::BTreeMap::<[u8; 4], usize>::new();
    let tag = |packet: &Packet| <[u8; 4]>::try_from(&packet.bytes[..4]).unwrap();
    for packet in &packets {
        *counts.entry(tag(packet)).or_default() += 1;
    }
    let (most, count) = counts.into_iter().max_by_key(|(_, count)| *count).unwrap();
    assert!(count > 100, "{count}");
    packets
        .into_iter()
        .filter(|packet| tag(packet) == most)
        .collect()
}

#[test]
fn nobody_can_be_registered_but_by_itself() {
    in_world(1, Link::wan(), |_, world| async move {
        let (_relay, nodes) = members(&world, 2, RelayLimits::default()).await;
        let absent = world.start(world.builder(3)).await.id();
        // Two others are there, and whoever asks for the third reaches neither of them.
        let reached = nodes[0].connect_relayed(relay(), absent).await;
        let Err(ConnectError::Relay { reason, .. }) = reached else {
            panic!("{reached:?}");
        };
        assert_eq!(reason, RelayError::NotRegistered);
    });
}

#[test]
fn what_is_forged_with_a_true_tag_is_not_forwarded_and_not_answered() {
    pair_on(Link::wan(), 2, async |world, _, _, [near, far]| {
        world.net.capture(true);
        transfer(&near, &far, payload(1, 1 << 20)).await;
        let packets = of_leg(world, 1);
        world.sim.sleep(Duration::from_secs(1)).await;
        let before = sent_by_relay(world, &[1, 2, 66]);
        let mut forger = Forger::new(world, "forger");
        for packet in &packets {
            for bit in [0, 1, 2].map(|_| forger.number(packet.bytes.len() * 8 - 32) + 32) {
                let mut forged = packet.bytes.clone();
                forged[bit / 8] ^= 1 << (bit % 8);
                for from in [1, 66] {
                    world.net.inject(address(from), address(RELAY), &forged);
                }
            }
        }
        world.sim.sleep(Duration::from_secs(1)).await;
        let after = sent_by_relay(world, &[1, 2, 66]);
        // The two ask for signs of life meanwhile, and no more.
        assert!(after - before < 30, "{}", after - before);
        transfer(&near, &far, payload(2, 1 << 20)).await;
    });
}

#[test]
fn what_is_repeated_is_not_forwarded_again() {
    pair_on(Link::wan(), 3, async |world, _, _, [near, far]| {
        world.net.capture(true);
        transfer(&near, &far, payload(1, 1 << 20)).await;
        let packets = of_leg(world, 1);
        world.sim.sleep(Duration::from_secs(1)).await;
        let before = sent_by_relay(world, &[1, 2, 66]);
        for packet in &packets {
            for from in [1, 66] {
                world
                    .net
                    .inject(address(from), address(RELAY), &packet.bytes);
            }
        }
        world.sim.sleep(Duration::from_secs(1)).await;
        let after = sent_by_relay(world, &[1, 2, 66]);
        assert!(after - before < 30, "{}", after - before);
        assert_eq!(sent_by_relay(world, &[66]), 0);
        transfer(&far, &near, payload(2, 1 << 20)).await;
    });
}

/// Somebody near the member holds back its packets and brings each first, from elsewhere.
#[test]
fn who_brings_packets_of_a_member_from_elsewhere_gets_three_times_their_bytes_at_most() {
    pair_on(Link::wan(), 4, async |world, _, _, [near, far]| {
        transfer(&near, &far, payload(1, 1 << 20)).await;
        world.net.capture(true);
        // What the member sends from now on arrives nowhere but with the one on the way.
        world
            .net
            .link(address(1), address(RELAY), |link| link.down = true);
        // The member acknowledges what it gets, and so sends far less.
        let sending = async {
            let mut send = far.open_uni().await.unwrap();
            let _ = send.write_all(&payload(3, 8 << 20)).await;
            std::future::pending::<()>().await;
        };
        let bringing = async {
            let mut brought = 0;
            for _ in 0..20 {
                world.sim.sleep(Duration::from_millis(50)).await;
                let packets = recorded(&world.net, address(1), address(RELAY));
                for packet in &packets[brought..] {
                    world.net.inject(address(66), address(RELAY), &packet.bytes);
                }
                brought = packets.len();
            }
            world.sim.sleep(Duration::from_secs(1)).await;
        };
        tokio::select! {
            biased;
            () = bringing => {}
            () = sending => {}
        }
        let to_thief: usize = recorded(&world.net, address(RELAY), address(66))
            .iter()
            .map(|packet| packet.bytes.len())
            .sum();
        let brought: usize = recorded(&world.net, address(1), address(RELAY))
            .iter()
            .map(|packet| packet.bytes.len())
            .sum();
        assert!(to_thief > 0, "the relay follows, at first");
        assert!(to_thief <= 3 * brought, "{to_thief} for {brought}");
        let to_member = recorded(&world.net, address(RELAY), address(1));
        assert!(!to_member.is_empty(), "the rest goes to the member");
    });
}

#[test]
fn random_packets_at_a_relay_are_answered_by_silence() {
    in_world(5, Link::wan(), |sim, world| async move {
        let (_relay, nodes) = members(&world, 2, RelayLimits::default()).await;
        let (near, far) = session(&nodes[0], &nodes[1]).await;
        let mut forger = Forger::new(&world, "forger");
        for len in 0..1_472 {
            let mut packet = forger.bytes(len);
            if let Some(first) = packet.first_mut() {
                *first = *first & 0x3f | 0x40;
            }
            world.net.inject(address(66), address(RELAY), &packet);
        }
        sim.sleep(Duration::from_secs(1)).await;
        assert_eq!(sent_by_relay(&world, &[66]), 0);
        transfer(&near, &far, payload(1, 100_000)).await;
    });
}
