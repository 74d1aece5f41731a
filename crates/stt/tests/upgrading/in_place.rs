//! From the tunnel to UDP and what becomes of the tunnel.

#![allow(clippy::unwrap_used, reason = "a failed step is a failed test")]

#[path = "../support/mod.rs"]
mod support;

use std::{net::SocketAddr, time::Duration};

use bytes::Bytes;
use stt::{PathKind, Session, Target};
use stt_sim::Link;
use support::{World, address, in_world, longest_pause, payload, transfer, until_both_go_by};

#[test]
fn a_session_that_began_in_a_tunnel_moves_to_udp_where_that_works() {
    in_world(1, Link::wan(), |sim, world| async move {
        let (_dialler, _acceptor, near, far) = world.pair().await;
        let ids = (near.id(), far.id());
        assert_eq!(near.stats().path.kind, PathKind::WebSocket);
        until_both_go_by(&sim, [&near, &far], PathKind::Udp).await;
        assert_eq!((near.id(), far.id()), ids);
        assert_eq!(near.stats().path.remote, Some(address(1)));
        transfer(&near, &far, payload(1, 1 << 20)).await;
        transfer(&far, &near, payload(2, 1 << 20)).await;
    });
}

#[test]
fn a_session_stays_in_its_tunnel_where_udp_does_not_get_through() {
    in_world(2, Link::wan(), |sim, world| async move {
        world.net.forbid_udp(address(2).ip());
        let (_dialler, _acceptor, near, far) = world.pair().await;
        transfer(&near, &far, payload(1, 1 << 20)).await;
        sim.sleep(Duration::from_secs(60)).await;
        transfer(&far, &near, payload(2, 1 << 20)).await;
        assert_eq!(near.stats().path.kind, PathKind::WebSocket);
        assert!(!near.is_closed() && !far.is_closed());
    });
}

/// The acceptor listens for WebSockets at a port of its own, which can be cut alone.
fn listener() -> SocketAddr {
    ([10, 0, 0, 1], 4443).into()
}

async fn by_a_port_of_its_own(world: &World) -> [Session; 2] {
    let acceptor = world.start(world.builder(1).listen_ws(listener())).await;
    let dialler = world.node(2).await;
    let target = Target::ws(format!("ws://{}", listener()));
    let near = dialler.connect(target).await.unwrap();
    [near, acceptor.accept().await.unwrap()]
}

/// Cuts TCP as soon as the session has moved to UDP; returns the longest pause in a transfer.
fn pause_when_tcp_stands_still(seed: u64, is_dialler_writing: bool) -> Duration {
    let link = Link {
        rate: 20_000_000,
        queue: 250_000,
        ..Link::wan()
    };
    in_world(seed, link, |sim, world| async move {
        let [near, far] = by_a_port_of_its_own(&world).await;
        let (net, clock, session) = (world.net.clone(), sim.clone(), near.clone());
        let cutting = sim.spawn(async move {
            while session.stats().path.kind != PathKind::Udp {
                clock.sleep(Duration::from_millis(1)).await;
            }
            net.partition(address(2), listener());
        });
        let bytes = Bytes::from(payload(seed, 8 << 20));
        let pause = if is_dialler_writing {
            longest_pause(&sim, &near, &far, bytes).await
        } else {
            longest_pause(&sim, &far, &near, bytes).await
        };
        cutting.await;
        assert_eq!(near.stats().path.kind, PathKind::Udp);
        pause
    })
}

#[test]
fn a_tunnel_that_stands_still_does_not_slow_the_direct_path() {
    for seed in 1..=8 {
        for is_dialler_writing in [true, false] {
            let pause = pause_when_tcp_stands_still(seed, is_dialler_writing);
            let limit = Duration::from_secs(2);
            assert!(pause < limit, "{seed}, {is_dialler_writing}: {pause:?}");
        }
    }
}

#[test]
fn a_tunnel_is_given_up_when_the_direct_path_has_proved_itself() {
    in_world(3, Link::wan(), |sim, world| async move {
        let [near, far] = by_a_port_of_its_own(&world).await;
        until_both_go_by(&sim, [&near, &far], PathKind::Udp).await;
        let carried = || world.net.stats(address(2), listener()).sent;
        let before = carried();
        sim.sleep(Duration::from_secs(50)).await;
        assert!(carried() > before, "it stands by");
        sim.sleep(Duration::from_secs(30)).await;
        let before = carried();
        sim.sleep(Duration::from_secs(120)).await;
        assert_eq!(carried(), before);
        transfer(&near, &far, payload(2, 1 << 20)).await;
        assert_eq!(far.stats().path.kind, PathKind::Udp);
    });
}
