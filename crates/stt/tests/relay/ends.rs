//! What ends, and what begins anew.

use std::time::Duration;

use bytes::Bytes;
use stt::{CloseReason, Node, PathKind, RelayLimits};
use stt_sim::Link;

use super::{
    RELAY, World, accept, member, pair_on, part, relay, session, slow,
    support::{self, address, payload, transfer, until_both_go_by},
    ways::longest_pause,
};

/// The relay is gone from one moment to the other, as by `kill -9`, and says nothing.
async fn kill(world: &World, node: Node) {
    world.net.kill(address(RELAY).ip());
    node.shutdown(Duration::ZERO).await;
}

/// It knows nothing of what was before, but who it is.
async fn start_anew(world: &World) -> Node {
    world.net.revive(address(RELAY).ip());
    let builder = world
        .builder(RELAY)
        .platform(world.platform("another life"));
    world.start(builder.relay(RelayLimits::default())).await
}

#[test]
fn a_relay_that_is_killed_and_started_anew_costs_less_than_five_seconds_and_no_byte() {
    for (seed, sender) in [(1, 0), (2, 1), (3, 0), (4, 1)] {
        pair_on(slow(), seed, async |world, node, _, ends| {
            let (from, to) = (&ends[sender], &ends[1 - sender]);
            let bytes = Bytes::from(payload(seed, 5 << 20));
            let restarting = async {
                let moment = Duration::from_millis(700 + 130 * seed);
                world.sim.sleep(moment).await;
                kill(world, node).await;
                world.sim.sleep(Duration::from_millis(300)).await;
                start_anew(world).await
            };
            let (pause, _relay) = tokio::join!(longest_pause(world, from, to, bytes), restarting);
            assert!(pause < Duration::from_secs(5), "{pause:?}");
            assert!(pause > Duration::from_millis(300), "{pause:?}");
        });
    }
}

#[test]
fn members_without_sessions_are_registered_again_within_seconds_after_the_relay_was_killed() {
    pair_on(
        Link::wan(),
        5,
        async |world, node, [one, two], [near, far]| {
            near.close().await.unwrap();
            far.closed().await;
            world.sim.sleep(Duration::from_secs(60)).await;
            kill(world, node).await;
            world.sim.sleep(Duration::from_millis(300)).await;
            let _relay = start_anew(world).await;
            world.sim.sleep(Duration::from_secs(9)).await;
            let reach = world
                .sim
                .timeout(Duration::from_secs(1), session(&one, &two));
            let (near, far) = reach.await.unwrap();
            transfer(&near, &far, payload(1, 100_000)).await;
        },
    );
}

#[test]
fn a_relay_that_stops_in_order_and_starts_again_is_found_again() {
    pair_on(Link::wan(), 6, async |world, node, _, [near, far]| {
        node.shutdown(Duration::from_secs(1)).await;
        drop(node);
        world.sim.sleep(Duration::from_millis(300)).await;
        let _relay = start_anew(world).await;
        let transferred = transfer(&near, &far, payload(1, 1 << 20));
        let limit = Duration::from_secs(5);
        assert!(world.sim.timeout(limit, transferred).await.is_ok());
    });
}

#[test]
fn an_orderly_end_through_a_relay_is_one_and_gives_the_channel_back() {
    pair_on(
        Link::wan(),
        7,
        async |world, relay_node, [one, two], [near, far]| {
            near.close().await.unwrap();
            assert_eq!(far.closed().await, CloseReason::Done);
            // Each is asked for by the same node, so none but given back channels leave room.
            for _ in 0..3 {
                let (near, far) = session(&one, &two).await;
                transfer(&near, &far, payload(1, 10_000)).await;
                near.close().await.unwrap();
                world.sim.sleep(Duration::from_secs(3)).await;
            }
            let cut_off = one.shutdown(Duration::from_secs(5)).await;
            assert!(cut_off.is_empty(), "{cut_off:?}");
            let cut_off = two.shutdown(Duration::from_secs(5)).await;
            assert!(cut_off.is_empty(), "{cut_off:?}");
            let cut_off = relay_node.shutdown(Duration::from_secs(5)).await;
            assert!(cut_off.is_empty(), "{cut_off:?}");
        },
    );
}

#[test]
fn a_node_that_is_shut_down_ends_its_relayed_sessions_in_order() {
    pair_on(Link::wan(), 8, async |_, _, [one, _], [_, far]| {
        let (cut_off, reason) = tokio::join!(one.shutdown(Duration::from_secs(5)), async {
            far.close().await.unwrap();
            far.closed().await
        });
        assert!(cut_off.is_empty(), "{cut_off:?}");
        assert_eq!(reason, CloseReason::Done);
    });
}

#[test]
fn a_member_that_was_started_anew_is_reached_anew() {
    pair_on(Link::wan(), 9, async |world, _, [one, two], sessions| {
        drop(sessions);
        let id = two.id();
        world.net.kill(address(2).ip());
        two.shutdown(Duration::ZERO).await;
        drop(two);
        world.sim.sleep(Duration::from_millis(100)).await;
        world.net.revive(address(2).ip());
        let builder = world.builder(2).platform(world.platform("another life"));
        let again = world.start(builder.use_relay(relay())).await;
        assert_eq!(again.id(), id);
        let (near, far) = tokio::join!(one.connect_relayed(relay(), id), accept(&again, one.id()));
        transfer(&near.unwrap(), &far, payload(1, 100_000)).await;
    });
}

/// The path by the relay is found to be dead and closed while the direct one works.
#[test]
fn a_relay_that_was_started_anew_is_there_when_the_direct_path_fails() {
    support::in_world(11, slow(), |sim, world| async move {
        let relay_node = start_anew(&world).await;
        let [one, two] = [member(&world, 1).await, member(&world, 2).await];
        let (near, far) = session(&one, &two).await;
        until_both_go_by(&sim, [&near, &far], PathKind::Udp).await;
        kill(&world, relay_node).await;
        transfer(&near, &far, payload(1, 8 << 20)).await;
        let _relay = start_anew(&world).await;
        sim.sleep(Duration::from_secs(15)).await;
        let cutting = async {
            sim.sleep(Duration::from_secs(1)).await;
            part(&world, 2);
        };
        let bytes = Bytes::from(payload(2, 5 << 20));
        let (pause, ()) = tokio::join!(longest_pause(&world, &near, &far, bytes), cutting);
        assert!(pause < Duration::from_secs(5), "{pause:?}");
        assert_eq!(near.stats().path.kind, PathKind::Relay);
    });
}

#[test]
fn a_relay_that_stands_still_slows_no_direct_session() {
    pair_on(Link::wan(), 10, async |world, _, [one, _], [near, _far]| {
        let third = world.node(3).await;
        let direct = one.connect(address(3)).await.unwrap();
        let at_third = accept(&third, one.id()).await;
        let time = async || {
            let began = world.sim.elapsed();
            transfer(&direct, &at_third, payload(3, 8 << 20)).await;
            world.sim.elapsed().saturating_sub(began)
        };
        let before = time().await;
        world.net.kill(address(RELAY).ip());
        // The window of the relayed session is full of what does not get through.
        let mut stuck = near.open_uni().await.unwrap();
        let stuffing = async {
            let bytes = Bytes::from(payload(4, 64 << 20));
            let _ = stuck.write_bytes(bytes).await;
            std::future::pending::<()>().await;
        };
        let after = tokio::select! {
            biased;
            after = time() => after,
            () = stuffing => unreachable!("it is pending"),
        };
        assert!(after < before * 3 / 2, "{before:?}, then {after:?}");
    });
}
