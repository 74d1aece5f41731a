//! What a session through a relay is, and by which ways its packets go.

use std::time::Duration;

use bytes::Bytes;
use stt::{ConnectError, Limits, PathKind, RelayError, RelayLimits, Target};
use stt_sim::{Link, Nat};

use super::{
    RELAY, accept, member, members, pair_on, part, relay, session, slow,
    support::{address, in_world, payload, transfer},
};

#[test]
fn two_members_that_reach_only_the_relay_have_a_session_through_it() {
    pair_on(Link::wan(), 1, async |_, _, _, [near, far]| {
        assert_eq!(near.id(), far.id());
        for end in [&near, &far] {
            let path = end.stats().path;
            assert_eq!(path.kind, PathKind::Relay);
            assert_eq!(path.remote, Some(address(RELAY)));
        }
        transfer(&near, &far, payload(1, 1 << 20)).await;
        transfer(&far, &near, payload(2, 1 << 20)).await;
    });
}

#[test]
fn members_that_reach_the_relay_by_websocket_alone_have_a_session_through_it() {
    for by_websocket in [[true, false], [false, true], [true, true]] {
        in_world(2, Link::wan(), |_, world| async move {
            part(&world, 2);
            let builder = world.builder(RELAY).relay(RelayLimits::default());
            let _relay = world.start(builder.listen_ws(address(RELAY))).await;
            let url = Target::ws(format!("ws://{}", address(RELAY)));
            let ways = by_websocket.map(|is| if is { url.clone() } else { relay() });
            let mut nodes = Vec::new();
            for (host, way) in (1..).zip(&ways) {
                let node = world.start(world.builder(host)).await;
                assert!(node.use_relay(way.clone()).registered().await);
                nodes.push(node);
            }
            let (near, far) = tokio::join!(
                nodes[0].connect_relayed(ways[0].clone(), nodes[1].id()),
                accept(&nodes[1], nodes[0].id())
            );
            let near = near.unwrap();
            assert_eq!(near.stats().path.kind, PathKind::Relay);
            transfer(&near, &far, payload(1, 1 << 20)).await;
            transfer(&far, &near, payload(2, 1 << 20)).await;
        });
    }
}

#[test]
fn a_peer_that_registers_later_is_waited_for_and_one_that_does_not_is_said_to_be_missing() {
    in_world(3, Link::wan(), |sim, world| async move {
        let (_relay, nodes) = members(&world, 1, RelayLimits::default()).await;
        let late = world.start(world.builder(2)).await;
        let missing = nodes[0].connect_relayed(relay(), late.id()).await;
        let Err(ConnectError::Relay { reason, .. }) = missing else {
            panic!("{missing:?}");
        };
        assert_eq!(reason, RelayError::NotRegistered);
        let registering = async {
            sim.sleep(Duration::from_secs(3)).await;
            late.use_relay(relay());
        };
        let (reached, ()) = tokio::join!(nodes[0].connect_relayed(relay(), late.id()), registering);
        assert_eq!(reached.unwrap().peer(), late.id());
    });
}

#[test]
fn a_relay_that_is_none_or_not_there_is_said_to_be_so() {
    in_world(4, Link::wan(), |_, world| async move {
        let _no_relay = world.node(RELAY).await;
        let mut limits = Limits::default();
        limits.handshake_timeout = Duration::from_secs(3);
        let node = world.node_with(1, limits).await;
        let peer = world.node(2).await.id();
        for (host, expected) in [(RELAY, RelayError::Refused), (77, RelayError::NoAnswer)] {
            let failed = node.connect_relayed(address(host), peer).await;
            let Err(ConnectError::Relay { reason, .. }) = failed else {
                panic!("{failed:?}");
            };
            assert_eq!(reason, expected);
        }
        let nested = Target::relayed(relay(), peer);
        let failed = node.connect_relayed(nested, peer).await;
        assert!(matches!(
            failed,
            Err(ConnectError::Relay {
                reason: RelayError::ThroughARelay,
                ..
            })
        ));
        let itself = node.connect_relayed(relay(), node.id()).await;
        assert!(matches!(itself, Err(ConnectError::SelfDial)));
    });
}

/// 1,232 bytes of UDP payload are what IPv6 leaves of 1,280.
#[test]
fn a_link_that_carries_no_more_than_1280_bytes_carries_a_relayed_session() {
    let link = Link {
        mtu: 1_232,
        ..Link::wan()
    };
    pair_on(link, 5, async |_, _, _, [near, far]| {
        transfer(&near, &far, payload(1, 2 << 20)).await;
        transfer(&far, &near, payload(2, 2 << 20)).await;
        for end in [near, far] {
            let mtu = end.stats().path.mtu;
            assert!((1_200..=1_208).contains(&mtu), "{mtu}");
        }
    });
}

#[test]
fn the_search_for_the_mtu_ends_below_what_relaying_adds() {
    pair_on(Link::wan(), 6, async |_, _, _, [near, far]| {
        transfer(&near, &far, payload(1, 4 << 20)).await;
        let mtu = near.stats().path.mtu;
        assert!((1_400..=1_428).contains(&mtu), "{mtu}");
    });
}

#[test]
fn a_capture_at_the_relay_holds_no_run_of_what_was_sent() {
    pair_on(Link::wan(), 7, async |world, _, _, [near, far]| {
        world.net.capture(true);
        let text = payload(7, 256 << 10);
        transfer(&near, &far, text.clone()).await;
        let runs: std::collections::HashSet<&[u8]> = text.windows(8).collect();
        let packets = world.net.packets();
        let carried: usize = packets.iter().map(|packet| packet.bytes.len()).sum();
        assert!(carried > 2 * text.len(), "{carried}");
        let mut shared = packets
            .iter()
            .flat_map(|packet| packet.bytes.windows(8))
            .filter(|run| runs.contains(run));
        assert_eq!(shared.next(), None);
    });
}

#[test]
fn a_member_that_moves_is_followed_whoever_sends() {
    for (mover, sender) in [(1, 0), (1, 1), (2, 0), (2, 1)] {
        pair_on(slow(), 8, async |world, _, _, ends| {
            let bytes = Bytes::from(payload(8, 5 << 20));
            let (from, to) = (&ends[sender], &ends[1 - sender]);
            let moving = async {
                world.sim.sleep(Duration::from_secs(1)).await;
                let there = address(mover + 100);
                world.net.readdress(address(mover), there).unwrap();
                for other in 1..=2 {
                    world.net.partition(there.ip(), address(other).ip());
                }
            };
            let (pause, ()) = tokio::join!(longest_pause(world, from, to, bytes), moving);
            assert!(
                pause < Duration::from_secs(3),
                "{mover} moved, {sender} sent: {pause:?}"
            );
        });
    }
}

#[test]
fn an_address_translator_that_forgets_is_survived_through_a_relay() {
    in_world(9, slow(), |sim, world| async move {
        part(&world, 2);
        let nat = world.net.nat([198, 51, 100, 1], Nat::symmetric()).unwrap();
        world.net.behind(nat, address(2).ip()).unwrap();
        let _relay = world
            .start(world.builder(RELAY).relay(RelayLimits::default()))
            .await;
        let nodes = [member(&world, 1).await, member(&world, 2).await];
        let (near, far) = session(&nodes[0], &nodes[1]).await;
        for (from, to) in [(&near, &far), (&far, &near)] {
            let (net, clock) = (world.net.clone(), sim.clone());
            let forgetting = async move {
                clock.sleep(Duration::from_millis(500)).await;
                net.rebind(nat);
            };
            let bytes = Bytes::from(payload(7, 5 << 20));
            let (pause, ()) = tokio::join!(longest_pause(&world, from, to, bytes), forgetting);
            assert!(pause < Duration::from_secs(3), "{pause:?}");
        }
    });
}

/// Moves `bytes` and returns the longest time in which nothing arrived.
pub(super) async fn longest_pause(
    world: &super::World,
    near: &stt::Session,
    far: &stt::Session,
    bytes: Bytes,
) -> Duration {
    let mut send = near.open_uni().await.unwrap();
    let sent = bytes.clone();
    let write = async move {
        send.write_bytes(sent).await.unwrap();
        send.finish().unwrap();
    };
    let read = async {
        let sim = &world.sim;
        let mut recv = far.accept_uni().await.unwrap();
        let (mut got, mut pause, mut last) = (Vec::new(), Duration::ZERO, sim.now());
        while let Some(chunk) = recv.read_bytes(usize::MAX).await.unwrap() {
            pause = pause.max(sim.now() - last);
            last = sim.now();
            got.extend_from_slice(&chunk);
        }
        assert!(got == bytes, "equal bytes");
        pause
    };
    tokio::join!(write, read).1
}
