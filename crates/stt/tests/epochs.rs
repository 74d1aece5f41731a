//! Seed epochs of running nodes: a rotation goes through the members one by one.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a failed step is a failed test"
)]

#[path = "support/rotation.rs"]
mod rotation;
mod support;

use std::time::Duration;

use rotation::next_epoch;
use stt::{By, CloseReason, ConnectError, Group, Node, RotationError, SystemEntropy};
use stt_sim::Link;
use support::{address, in_world, payload};

const MIB: usize = 1 << 20;

/// 20 MiB take some two seconds.
#[test]
fn a_transfer_outlives_a_rotation_within_the_grace_and_its_session_ends_after_it() {
    in_world(1, Link::wan(), |sim, world| async move {
        let (dialler, acceptor, near, far) = world.pair().await;
        let old = near.epoch();
        let writer = near.clone();
        let writing = sim.spawn(async move {
            let mut send = writer.open_uni().await.unwrap();
            send.write_bytes(payload(1, 20 * MIB).into()).await.unwrap();
            send.finish().unwrap();
            send
        });
        sim.sleep(Duration::from_millis(500)).await;
        let next = next_epoch(&world.sim, &world.group);
        let grace = Duration::from_secs(10);
        acceptor.rotate(&next, grace).unwrap();
        dialler.rotate(&next, grace * 2).unwrap();
        let rotated_at = sim.elapsed();
        let again = dialler.connect(address(1)).await.unwrap();
        assert_eq!((near.epoch(), again.epoch()), (old, next.newest()));
        let mut recv = far.accept_uni().await.unwrap();
        assert!(recv.read_to_end(20 * MIB).await.unwrap() == payload(1, 20 * MIB));
        writing.await;
        assert!(sim.elapsed().saturating_sub(rotated_at) < grace);
        assert_eq!(far.closed().await, CloseReason::EpochDropped { by: By::Us });
        assert_eq!(
            near.closed().await,
            CloseReason::EpochDropped { by: By::Peer }
        );
        let took = sim.elapsed().saturating_sub(rotated_at);
        assert!(
            (grace..grace + Duration::from_millis(100)).contains(&took),
            "{took:?}"
        );
        assert!(!again.is_closed());
        assert_eq!(
            acceptor.group().epochs().collect::<Vec<_>>(),
            [next.newest()]
        );
        again.close().await.unwrap();
    });
}

#[test]
fn a_dialler_with_two_epochs_reaches_nodes_that_know_only_one_of_them() {
    in_world(2, Link::wan(), |sim, world| async move {
        let old = world.group.clone();
        let both = next_epoch(&world.sim, &old);
        let new = only_newest(&both);
        let dialler = world.start(world.builder_of(9, both.clone())).await;
        // The round trip is 50 ms, and the handshake takes one. The older epoch waits 200 ms.
        for (host, group, at_most) in [(1, &old, 320), (2, &new, 120), (3, &both, 120)] {
            let node = world.start(world.builder_of(host, group.clone())).await;
            let before = sim.elapsed();
            let session = dialler.connect(address(host)).await.unwrap();
            let took = sim.elapsed().saturating_sub(before);
            assert_eq!(session.epoch(), group.newest());
            assert!(took < Duration::from_millis(at_most), "{host}: {took:?}");
            assert_eq!(node.accept().await.unwrap().id(), session.id());
        }
        assert_eq!(dialler.stats().sessions, 3);
    });
}

/// With a round trip of 600 ms, the attempts with both epochs are under way at once.
#[test]
fn a_slow_path_makes_one_session_of_two_attempts_and_it_has_the_newest_epoch() {
    let link = Link {
        latency: Duration::from_millis(300),
        ..Link::wan()
    };
    in_world(3, link, |sim, world| async move {
        let both = next_epoch(&world.sim, &world.group);
        let node = world.start(world.builder_of(1, both.clone())).await;
        let dialler = world.start(world.builder_of(2, both.clone())).await;
        let session = dialler.connect(address(1)).await.unwrap();
        assert_eq!(session.epoch(), both.newest());
        assert_eq!(node.accept().await.unwrap().id(), session.id());
        sim.sleep(Duration::from_secs(15)).await;
        assert_eq!(node.stats().sessions, 1);
        assert_eq!(node.stats().half_open, 0);
        assert!(!session.is_closed());
    });
}

#[test]
fn an_acceptor_with_two_epochs_serves_those_who_know_only_one_of_them() {
    in_world(4, Link::wan(), |_, world| async move {
        let old = world.group.clone();
        let both = next_epoch(&world.sim, &old);
        let new = only_newest(&both);
        let node = world.start(world.builder_of(1, both.clone())).await;
        for (host, group) in [(2, old), (3, new), (4, both)] {
            let dialler = world.start(world.builder_of(host, group.clone())).await;
            let session = dialler.connect(address(1)).await.unwrap();
            assert_eq!(session.epoch(), group.newest());
            assert_eq!(node.accept().await.unwrap().epoch(), group.newest());
        }
    });
}

#[test]
fn a_node_that_knows_only_a_dropped_epoch_gets_no_answer() {
    in_world(5, Link::wan(), |sim, world| async move {
        let node = world.node(1).await;
        let late = world.node(2).await;
        let next = next_epoch(&world.sim, &world.group);
        node.rotate(&next, Duration::from_secs(1)).unwrap();
        late.connect(address(1)).await.unwrap();
        sim.sleep(Duration::from_secs(2)).await;
        let refused = late.connect(address(1)).await.unwrap_err();
        assert!(
            matches!(refused, ConnectError::NoAnswer { waited, .. } if waited >= Duration::from_secs(10)),
            "{refused:?}"
        );
        assert_eq!(node.stats().sessions, 0);
    });
}

#[test]
fn the_last_epoch_and_one_that_is_not_there_are_not_dropped() {
    in_world(6, Link::wan(), |_, world| async move {
        let (dialler, _b, near, _far) = world.pair().await;
        let only = world.group.newest();
        assert!(matches!(
            dialler.drop_epoch(only),
            Err(RotationError::Rotate(_))
        ));
        let next = next_epoch(&world.sim, &world.group);
        let unknown = dialler.drop_epoch(next.newest());
        assert!(matches!(unknown, Err(RotationError::Rotate(_))));
        assert_eq!(dialler.group().newest(), only);
        assert!(!near.is_closed());
    });
}

#[test]
fn an_epoch_dropped_at_once_ends_its_sessions_and_no_others() {
    in_world(7, Link::wan(), |sim, world| async move {
        let (dialler, acceptor, near, far) = world.pair().await;
        let next = next_epoch(&world.sim, &world.group);
        let hour = Duration::from_secs(3_600);
        dialler.rotate(&next, hour).unwrap();
        acceptor.rotate(&next, hour).unwrap();
        let again = dialler.connect(address(1)).await.unwrap();
        dialler.drop_epoch(world.group.newest()).unwrap();
        assert_eq!(
            near.closed().await,
            CloseReason::EpochDropped { by: By::Us }
        );
        assert_eq!(
            far.closed().await,
            CloseReason::EpochDropped { by: By::Peer }
        );
        sim.sleep(Duration::from_secs(1)).await;
        assert!(!again.is_closed());
        assert_eq!(acceptor.stats().sessions, 1);
    });
}

#[test]
fn two_rotations_in_a_row_leave_the_newest_epoch_alone() {
    in_world(8, Link::wan(), |sim, world| async move {
        let node = world.node(1).await;
        let second = next_epoch(&world.sim, &world.group);
        let third = next_epoch(&world.sim, &second);
        node.rotate(&second, Duration::from_secs(10)).unwrap();
        sim.sleep(Duration::from_secs(5)).await;
        node.rotate(&third, Duration::from_secs(20)).unwrap();
        let epochs = |node: &Node| node.group().epochs().collect::<Vec<_>>();
        sim.sleep(Duration::from_secs(6)).await;
        let expected = [third.newest(), second.newest()];
        let mut held = epochs(&node);
        held.sort_by(|a, b| b.cmp(a));
        assert_eq!(held, expected);
        sim.sleep(Duration::from_secs(20)).await;
        assert_eq!(epochs(&node), [third.newest()]);
    });
}

#[test]
fn epochs_of_another_group_are_not_taken() {
    in_world(9, Link::wan(), |_, world| async move {
        let node = world.node(1).await;
        let other = Group::generate(&mut SystemEntropy);
        let refused = node.rotate(&other, Duration::ZERO);
        assert!(matches!(refused, Err(RotationError::Merge(_))));
        assert_eq!(node.group().newest(), world.group.newest());
    });
}

#[test]
fn a_passphrase_does_not_rotate() {
    in_world(10, Link::wan(), |_, world| async move {
        let group = Group::from_passphrase("test", "correct horse battery staple").unwrap();
        let node = world.start(world.builder_of(1, group.clone())).await;
        let to_random = node.rotate(&next_epoch(&world.sim, &world.group), Duration::ZERO);
        assert!(matches!(to_random, Err(RotationError::Merge(_))));
        let to_itself = node.rotate(&group, Duration::ZERO);
        assert!(matches!(to_itself, Err(RotationError::Merge(_))));
        let dropped = node.drop_epoch(group.newest());
        assert!(matches!(dropped, Err(RotationError::Rotate(_))));
    });
}

fn only_newest(group: &Group) -> Group {
    let mut group = group.clone();
    while group.oldest() < group.newest() {
        let oldest = group.oldest();
        group.drop_epoch(oldest).unwrap();
    }
    group
}
