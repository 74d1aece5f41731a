//! A peer that is to be found in several places.

#![allow(clippy::unwrap_used, reason = "a failed step is a failed test")]

mod support;

use std::time::Duration;

use stt::{ConnectError, Node, PathKind, Target};
use stt_sim::Link;
use support::{World, address, in_world, transfer, until_both_go_by};

/// Nobody is there.
const NOBODY: u8 = 7;

async fn acceptor(world: &World) -> Node {
    world.start(world.builder(1).listen_ws(address(1))).await
}

fn by_websocket(host: u8) -> Target {
    Target::ws(format!("ws://{}", address(host)))
}

#[test]
fn of_several_ways_the_first_that_leads_to_the_peer_is_kept_soon() {
    for dead in [vec![], vec![NOBODY], vec![NOBODY, NOBODY + 1]] {
        in_world(1, Link::wan(), |sim, world| async move {
            let (acceptor, dialler) = (acceptor(&world).await, world.node(2).await);
            let ways = dead.iter().map(|host| Target::from(address(*host)));
            let target = Target::any(ways.chain([by_websocket(1), address(1).into()]));
            let started = sim.now();
            let near = dialler.connect(target).await.unwrap();
            let most = Duration::from_millis(250 * (dead.len() as u64 + 1));
            assert!(sim.now() - started < most + Duration::from_millis(250));
            let far = acceptor.accept().await.unwrap();
            assert_eq!(near.id(), far.id());
            sim.sleep(Duration::from_secs(1)).await;
            assert_eq!(
                [dialler.sessions().len(), acceptor.sessions().len()],
                [1, 1]
            );
        });
    }
}

#[test]
fn a_way_that_fails_does_not_hold_up_the_next_and_the_rest_serve_when_udp_is_blocked() {
    in_world(2, Link::wan(), |sim, world| async move {
        let (acceptor, dialler) = (acceptor(&world).await, world.node(2).await);
        let target = Target::any([
            Target::ws("no URL at all"),
            address(1).into(),
            by_websocket(1),
        ]);
        let started = sim.now();
        let near = dialler.connect(target).await.unwrap();
        assert!(sim.now() - started < Duration::from_millis(250));
        let far = acceptor.accept().await.unwrap();
        assert_eq!(near.stats().path.kind, PathKind::Udp);
        world.net.forbid_udp(address(2).ip());
        transfer(&near, &far, vec![1; 100_000]).await;
        until_both_go_by(&sim, [&near, &far], PathKind::WebSocket).await;
    });
}

#[test]
fn when_no_way_leads_there_each_says_why() {
    in_world(3, Link::wan(), |_, world| async move {
        let dialler = world.node(2).await;
        let target = Target::any([
            Target::from(address(NOBODY)),
            by_websocket(NOBODY),
            address(2).into(),
        ]);
        let Err(ConnectError::EveryWay { failed }) = dialler.connect(target).await else {
            panic!("nobody is there");
        };
        let said: Vec<_> = failed.iter().map(ToString::to_string).collect();
        assert_eq!(failed.len(), 3, "{said:?}");
        assert!(matches!(failed[0].error, ConnectError::WebSocket { .. }));
        let all = ConnectError::EveryWay { failed }.to_string();
        assert!(
            all.contains("10.0.0.7:4000") && all.contains("this very node"),
            "{all}"
        );
    });
}

#[test]
fn a_race_that_was_given_up_leaves_nothing() {
    in_world(4, Link::wan(), |sim, world| async move {
        let (acceptor, dialler) = (acceptor(&world).await, world.node(2).await);
        for millis in (10..400).step_by(10) {
            let target = Target::any([by_websocket(1), address(1).into(), address(NOBODY).into()]);
            let connecting = dialler.connect(target);
            let outcome = sim.timeout(Duration::from_millis(millis), connecting).await;
            if let Ok(Ok(session)) = outcome {
                session.abort(0, "");
            }
            sim.sleep(Duration::from_secs(3)).await;
            let left = [dialler.sessions().len(), acceptor.sessions().len()];
            assert_eq!(left, [0, 0], "given up after {millis} ms");
        }
    });
}
