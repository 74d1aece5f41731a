//! What becomes of a session when UDP is blocked under it, and of one whose nodes tell nothing of
//! where they are.

#![allow(clippy::unwrap_used, reason = "a failed step is a failed test")]

mod support;

use std::time::Duration;

use bytes::Bytes;
use stt::{Disclosure, Node, PathKind, Session, Target};
use stt_sim::{Link, Sim};
use support::{World, address, in_world, longest_pause, payload, transfer, until_both_go_by};

fn link() -> Link {
    Link {
        rate: 20_000_000,
        queue: 250_000,
        ..Link::wan()
    }
}

/// Two nodes with a session by UDP; the acceptor listens for WebSockets too.
async fn by_udp(world: &World) -> (Node, Node, Session, Session) {
    let acceptor = world.start(world.builder(1).listen_ws(address(1))).await;
    let dialler = world.node(2).await;
    let near = dialler.connect(address(1)).await.unwrap();
    let far = acceptor.accept().await.unwrap();
    (dialler, acceptor, near, far)
}

fn blocked_in_a_transfer(seed: u64, host: u8, is_dialler_writing: bool) -> Duration {
    in_world(seed, link(), |sim, world| async move {
        let (_dialler, _acceptor, near, far) = by_udp(&world).await;
        let ids = (near.id(), far.id());
        let (net, clock) = (world.net.clone(), sim.clone());
        let blocking = sim.spawn(async move {
            clock.sleep(Duration::from_millis(1_500)).await;
            net.forbid_udp(address(host).ip());
        });
        let bytes = Bytes::from(payload(seed, 10 << 20));
        let pause = if is_dialler_writing {
            longest_pause(&sim, &near, &far, bytes).await
        } else {
            longest_pause(&sim, &far, &near, bytes).await
        };
        blocking.await;
        assert_eq!((near.id(), far.id()), ids);
        assert_eq!(near.stats().path.kind, PathKind::WebSocket);
        assert_eq!(far.stats().path.kind, PathKind::WebSocket);
        pause
    })
}

#[test]
fn a_session_whose_udp_is_blocked_goes_on_by_websocket_after_less_than_three_seconds() {
    for (seed, host) in [(1, 1), (2, 2)] {
        for is_dialler_writing in [true, false] {
            let pause = blocked_in_a_transfer(seed, host, is_dialler_writing);
            let limit = Duration::from_secs(3);
            assert!(pause < limit, "{host}, {is_dialler_writing}: {pause:?}");
        }
    }
}

#[test]
fn a_session_goes_back_to_udp_when_that_works_again() {
    in_world(3, link(), |sim, world| async move {
        let (_dialler, _acceptor, near, far) = by_udp(&world).await;
        sim.sleep(Duration::from_secs(2)).await;
        world.net.forbid_udp(address(1).ip());
        transfer(&near, &far, payload(1, 1 << 20)).await;
        until_both_go_by(&sim, [&near, &far], PathKind::WebSocket).await;
        sim.sleep(Duration::from_secs(20)).await;
        world.net.allow_udp(address(1).ip());
        sim.sleep(Duration::from_secs(60)).await;
        until_both_go_by(&sim, [&near, &far], PathKind::Udp).await;
        transfer(&far, &near, payload(2, 1 << 20)).await;
    });
}

#[test]
fn a_session_goes_back_to_udp_that_was_blocked_for_a_long_time() {
    in_world(5, link(), |sim, world| async move {
        let (_dialler, _acceptor, near, far) = by_udp(&world).await;
        sim.sleep(Duration::from_secs(2)).await;
        world.net.forbid_udp(address(1).ip());
        transfer(&near, &far, payload(1, 1 << 20)).await;
        sim.sleep(Duration::from_mins(30)).await;
        assert_eq!(near.stats().path.kind, PathKind::WebSocket);
        world.net.allow_udp(address(1).ip());
        sim.sleep(Duration::from_mins(5)).await;
        until_both_go_by(&sim, [&near, &far], PathKind::Udp).await;
    });
}

#[test]
fn a_session_that_is_silent_when_udp_is_blocked_lives_on() {
    in_world(4, link(), |sim, world| async move {
        let (_dialler, _acceptor, near, far) = by_udp(&world).await;
        sim.sleep(Duration::from_secs(20)).await;
        world.net.forbid_udp(address(2).ip());
        sim.sleep(Duration::from_secs(120)).await;
        transfer(&far, &near, payload(1, 1 << 20)).await;
        transfer(&near, &far, payload(2, 1 << 20)).await;
        assert_eq!(far.stats().path.kind, PathKind::WebSocket);
    });
}

fn acceptor_moved_to_where_udp_is_blocked(seed: u64, is_dialler_writing: bool) -> Duration {
    in_world(seed, link(), |sim, world| async move {
        let acceptor = world.node(1).await;
        let dialler = world.start(world.builder(2).listen_ws(address(2))).await;
        let near = dialler.connect(address(1)).await.unwrap();
        let far = acceptor.accept().await.unwrap();
        let ids = (near.id(), far.id());
        let (net, clock) = (world.net.clone(), sim.clone());
        let moving = sim.spawn(async move {
            clock.sleep(Duration::from_millis(1_500)).await;
            net.forbid_udp(address(101).ip());
            net.readdress(address(1), address(101)).unwrap();
        });
        let bytes = Bytes::from(payload(seed, 10 << 20));
        let pause = if is_dialler_writing {
            longest_pause(&sim, &near, &far, bytes).await
        } else {
            longest_pause(&sim, &far, &near, bytes).await
        };
        moving.await;
        assert_eq!((near.id(), far.id()), ids);
        for session in [&near, &far] {
            assert_eq!(session.stats().path.kind, PathKind::WebSocket);
        }
        pause
    })
}

#[test]
fn an_acceptor_that_moves_to_where_udp_is_blocked_comes_back_by_the_websocket_of_the_dialler() {
    for is_dialler_writing in [true, false] {
        let pause = acceptor_moved_to_where_udp_is_blocked(5, is_dialler_writing);
        let limit = Duration::from_secs(5);
        assert!(pause < limit, "{is_dialler_writing}: {pause:?}");
    }
}

/// A session in a tunnel between nodes of which one tells nothing, looked at for a while.
async fn stays_in_its_tunnel(sim: &Sim, world: &World, hidden: u8) {
    let start = |host| {
        let builder = world.builder(host).listen_ws(address(host));
        world.start(if host == hidden {
            builder.disclosure(Disclosure::Nothing)
        } else {
            builder
        })
    };
    let (acceptor, dialler) = (start(1).await, start(2).await);
    world.net.capture(true);
    let target = Target::ws(format!("ws://{}", address(1)));
    let near = dialler.connect(target).await.unwrap();
    let far = acceptor.accept().await.unwrap();
    sim.sleep(Duration::from_secs(60)).await;
    transfer(&near, &far, payload(1, 100_000)).await;
    assert_eq!(near.stats().path.kind, PathKind::WebSocket);
    let by_the_hidden = |packet: &stt_sim::Packet| packet.from == address(hidden);
    let probes = world.net.packets();
    let probes = probes
        .iter()
        .filter(|packet| by_the_hidden(packet) && packet.bytes.len() == 64);
    assert_eq!(probes.count(), 0, "{hidden}");
}

#[test]
fn who_tells_nothing_of_where_it_is_neither_probes_nor_answers_probes() {
    for hidden in [1, 2] {
        in_world(u64::from(hidden), link(), |sim, world| async move {
            stays_in_its_tunnel(&sim, &world, hidden).await;
        });
    }
}
