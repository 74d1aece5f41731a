//! What a WebSocket does while nothing comes, and when it ends, on the simulator's clock.

#![allow(clippy::unwrap_used, reason = "a failed step is a failed test")]

mod support;

use std::time::Duration;

use stt::{CloseReason, ConnectError, Limits, PathKind, Session, Target};
use stt_sim::Link;
use support::{World, address, in_world, transfer};

fn url(host: u8) -> String {
    format!("ws://{}", address(host))
}

/// By WebSocket, and by nothing else.
async fn pair(world: &World, limits: Limits) -> (stt::Node, stt::Node, Session, Session) {
    for host in [1, 2] {
        world.net.forbid_udp(address(host).ip());
    }
    let listening = world
        .builder(1)
        .listen_ws(address(1))
        .limits(limits.clone());
    let acceptor = world.start(listening).await;
    let dialler = world.node_with(2, limits).await;
    let near = dialler.connect_ws(&url(1)).await.unwrap();
    let far = acceptor.accept().await.unwrap();
    (dialler, acceptor, near, far)
}

#[test]
fn an_idle_session_by_websocket_lives_on() {
    in_world(1, Link::wan(), |sim, world| async move {
        let (_a, _b, near, far) = pair(&world, Limits::default()).await;
        sim.sleep(Duration::from_secs(1_000)).await;
        transfer(&near, &far, vec![7; 100_000]).await;
        assert_eq!(near.stats().path.kind, PathKind::WebSocket);
    });
}

#[test]
fn a_connection_that_is_cut_is_dialled_again_and_its_session_goes_on() {
    in_world(2, Link::wan(), |sim, world| async move {
        let (_dialler, _acceptor, near, far) = pair(&world, Limits::default()).await;
        world.net.reset(address(1), address(2));
        let before = sim.elapsed();
        transfer(&near, &far, vec![7; 100_000]).await;
        assert!(sim.elapsed().saturating_sub(before) < Duration::from_secs(30));
        assert_eq!(near.stats().path.kind, PathKind::WebSocket);
    });
}

#[test]
fn a_session_that_is_cut_off_from_its_listener_ends_at_the_idle_timeout() {
    in_world(2, Link::wan(), |sim, world| async move {
        let (_dialler, _acceptor, near, far) = pair(&world, Limits::default()).await;
        world.net.partition(address(1), address(2));
        world.net.reset(address(1), address(2));
        let before = sim.elapsed();
        assert_eq!(near.closed().await, CloseReason::IdleTimeout);
        assert_eq!(far.closed().await, CloseReason::IdleTimeout);
        assert!(sim.elapsed().saturating_sub(before) < Duration::from_secs(45));
    });
}

#[test]
fn a_listener_that_goes_silent_during_the_upgrade_is_given_up_at_the_limit() {
    in_world(3, Link::wan(), |sim, world| async move {
        let _acceptor = world.start(world.builder(1).listen_ws(address(1))).await;
        let dialler = world.node(2).await;
        let (net, clock) = (world.net.clone(), sim.clone());
        drop(sim.spawn(async move {
            clock.sleep(Duration::from_millis(60)).await;
            net.kill(address(1));
        }));
        let error = dialler.connect_ws(&url(1)).await.unwrap_err();
        assert!(matches!(error, ConnectError::NoAnswer { .. }), "{error}");
        assert!(sim.elapsed() < Duration::from_secs(11));
    });
}

#[test]
fn a_dial_that_is_given_up_leaves_nothing_behind() {
    in_world(4, Link::wan(), |sim, world| async move {
        let acceptor = world.start(world.builder(1).listen_ws(address(1))).await;
        let dialler = world.node(2).await;
        for moment in (0..190).step_by(10) {
            let dial = dialler.connect(Target::ws(url(1)));
            let limit = Duration::from_millis(moment);
            drop(sim.timeout(limit, dial).await);
        }
        sim.sleep(Duration::from_secs(60)).await;
        assert_eq!(dialler.sessions().len(), 0);
        assert_eq!(acceptor.sessions().len(), 0);
        assert_eq!(acceptor.stats().half_open, 0);
        let session = dialler.connect_ws(&url(1)).await.unwrap();
        session.close().await.unwrap();
    });
}

#[test]
fn a_shutdown_over_websocket_reaches_the_peer() {
    in_world(5, Link::wan(), |sim, world| async move {
        let (_a, acceptor, near, _far) = pair(&world, Limits::default()).await;
        let before = sim.elapsed();
        acceptor.shutdown(Duration::ZERO).await;
        assert!(matches!(near.closed().await, CloseReason::ShutDown { .. }));
        assert!(sim.elapsed().saturating_sub(before) < Duration::from_secs(2));
    });
}

#[test]
fn packets_by_websocket_grow_to_eight_kilobytes() {
    in_world(6, Link::wan(), |_, world| async move {
        let (_a, _b, near, far) = pair(&world, Limits::default()).await;
        transfer(&near, &far, vec![7; 1_000_000]).await;
        transfer(&far, &near, vec![7; 1_000_000]).await;
        for session in [&near, &far] {
            let mtu = session.stats().path.mtu;
            assert!((8_000..=8_192).contains(&mtu), "{mtu}");
        }
    });
}
