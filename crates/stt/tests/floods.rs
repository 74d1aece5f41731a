//! Too many at the door: who was here before still gets in, and nobody holds a place for ever.

#![allow(
    clippy::unwrap_used,
    clippy::unchecked_time_subtraction,
    reason = "a failed step is a failed test"
)]

mod support;

use std::{net::SocketAddr, time::Duration};

use stt::{By, CloseReason, ConnectError, Group, Limits, Node};
use stt_sim::Link;
use support::{World, address, stranger::Forger};

const SOON: Duration = Duration::from_secs(2);

#[test]
fn a_known_member_gets_in_while_strangers_guess_at_the_passphrase() {
    let world = World::new(1, Link::wan());
    let sim = world.sim.clone();
    let (right, wrong) = passphrases();
    sim.block_on(async {
        let mut limits = Limits::default();
        limits.half_open = 16;
        let builder = world.builder_of(1, right.clone()).limits(limits);
        let node = world.start(builder).await;
        let member = world.start(world.builder_of(2, right)).await;
        meet(&member, &node).await;
        for net in 0..96 {
            let stranger = node_in(&world, wrong.clone(), net).await;
            let (clock, place) = (sim.clone(), SocketAddr::from(([10, 1, net, 1], 4_000)));
            if net % 8 == 0 {
                // Begins and never goes on: holds its place as long as it can.
                world.net.link(address(1), place, |link| link.down = true);
            }
            sim.spawn(async move {
                loop {
                    let stranger = stranger.clone();
                    clock.spawn(async move { stranger.connect(address(1)).await.err() });
                    clock.sleep(Duration::from_secs(1)).await;
                }
            });
        }
        sim.sleep(Duration::from_secs(40)).await;
        for _ in 0..3 {
            let stats = node.stats();
            assert!(stats.half_open <= 16, "{stats:?}");
            let began = sim.elapsed();
            meet(&member, &node).await;
            assert!(sim.elapsed() - began < SOON, "{:?}", sim.elapsed() - began);
            sim.sleep(Duration::from_secs(3)).await;
        }
        assert!(node.stats().retried > 1_000);
        assert!(node.stats().ignored > 300, "no flood: {:?}", node.stats());
    });
    sim.shutdown();
}

#[test]
fn guesses_of_one_source_are_limited_whatever_its_addresses() {
    let world = World::new(2, Link::lan());
    let sim = world.sim.clone();
    let (right, wrong) = passphrases();
    sim.block_on(async {
        let node = world.start(world.builder_of(1, right)).await;
        let mut guessers = Vec::new();
        for host in 0..8 {
            let builder = Node::builder(wrong.clone())
                .bind(([10, 1, 1, host], 4_000).into())
                .platform(world.platform(&format!("guesser {host}")));
            guessers.push(world.start(builder).await);
        }
        let guessing = guessers.into_iter().map(|guesser| {
            let clock = sim.clone();
            sim.spawn(async move {
                let mut answered = 0;
                while clock.elapsed() < Duration::from_mins(1) {
                    let refused = guesser.connect(address(1)).await.unwrap_err();
                    answered += u32::from(matches!(refused, ConnectError::AuthenticationRefused));
                }
                answered
            })
        });
        let mut answered = 0;
        for guesser in guessing.collect::<Vec<_>>() {
            answered += guesser.await;
        }
        // 8 and one each 8 s without doubt, 16 and one each 4 s after the address was shown.
        assert!((40..=56).contains(&answered), "{answered}");
        assert!(node.stats().ignored > 0);
        assert_eq!(node.stats().sessions_begun, 0);
    });
    sim.shutdown();
}

#[test]
fn guesses_of_all_sources_together_are_limited() {
    let world = World::new(5, Link::lan());
    let sim = world.sim.clone();
    let (right, wrong) = passphrases();
    sim.block_on(async {
        let _node = world.start(world.builder_of(1, right)).await;
        let mut answered = 0_u64;
        for net in 0..200_u8 {
            let guesser = node_in(&world, wrong.clone(), net).await;
            for _ in 0..8 {
                let refused = guesser.connect(address(1)).await.unwrap_err();
                if matches!(refused, ConnectError::AuthenticationRefused) {
                    answered += 1;
                }
            }
            guesser.shutdown(Duration::from_secs(1)).await;
        }
        // 64 and four a second without doubt, 256 and sixteen a second after the address was shown.
        let allowed = 64 + 256 + sim.elapsed().as_millis() as u64 / 49;
        assert!(answered <= allowed, "{answered} > {allowed}");
    });
    sim.shutdown();
}

#[test]
fn garbage_with_made_up_addresses_does_not_lock_out_a_member() {
    let world = World::new(6, Link::lan());
    let sim = world.sim.clone();
    let (right, _) = passphrases();
    sim.block_on(async {
        let _node = world.start(world.builder_of(1, right.clone())).await;
        let (mut forger, net, clock) = (
            Forger::new(&world, "garbage"),
            world.net.clone(),
            sim.clone(),
        );
        sim.spawn(async move {
            for number in (0..5_000_u16).cycle() {
                let [a, b] = number.to_be_bytes();
                let from = SocketAddr::from(([100, a, b, 1], 5_000));
                for _ in 0..5 {
                    let to = forger.bytes(20);
                    net.inject(from, address(1), &forger.initial(&to, &[], 1_200));
                }
                if number.is_multiple_of(4) {
                    clock.sleep(Duration::from_millis(3)).await;
                }
            }
        });
        sim.sleep(Duration::from_secs(10)).await;
        let member = node_in(&world, right, 9).await;
        member.connect(address(1)).await.unwrap();
    });
    sim.shutdown();
}

#[test]
fn a_known_member_gets_in_while_another_begins_and_never_goes_on() {
    let world = World::new(3, Link::wan());
    let sim = world.sim.clone();
    sim.block_on(async {
        let mut limits = Limits::default();
        limits.half_open = 16;
        let node = world.node_with(1, limits).await;
        let good = world.node(2).await;
        meet(&good, &node).await;
        let bad = world.node(3).await;
        world
            .net
            .link(address(1), address(3), |link| link.down = true);
        let clock = sim.clone();
        let flood = sim.spawn(async move {
            while clock.elapsed() < Duration::from_secs(8) {
                let bad = bad.clone();
                clock.spawn(async move { bad.connect(address(1)).await.err() });
                clock.sleep(Duration::from_millis(2)).await;
            }
        });
        sim.sleep(Duration::from_secs(5)).await;
        assert_eq!(node.stats().half_open, 16);
        let began = sim.elapsed();
        good.connect(address(1)).await.unwrap();
        assert!(sim.elapsed() - began < SOON);
        flood.await;
        sim.sleep(Duration::from_secs(15)).await;
        assert_eq!(node.stats().half_open, 0);
        assert_eq!(node.stats().sessions, 1);
    });
    sim.shutdown();
}

#[test]
fn one_more_than_the_limit_of_sessions_is_told_so_and_gets_in_when_another_leaves() {
    let world = World::new(4, Link::lan());
    let sim = world.sim.clone();
    sim.block_on(async {
        let mut limits = Limits::default();
        limits.sessions = 5;
        let node = world.node_with(1, limits).await;
        let mut sessions = Vec::new();
        for host in 2..7 {
            let member = world.node(host).await;
            sessions.push(member.connect(address(1)).await.unwrap());
        }
        let late = world.node(9).await;
        // Authenticated, then told: the session exists until the peer's word arrives.
        let session = late.connect(address(1)).await.unwrap();
        assert_eq!(
            session.closed().await,
            CloseReason::AtLimit { by: By::Peer }
        );
        assert_eq!(node.stats().sessions, 5);
        assert_eq!(node.stats().half_open, 0);
        assert!(sessions.iter().all(|session| !session.is_closed()));
        sessions[0].abort(0, "");
        sim.sleep(Duration::from_secs(1)).await;
        let session = late.connect(address(1)).await.unwrap();
        sim.sleep(Duration::from_secs(1)).await;
        assert!(!session.is_closed());
        assert_eq!(node.stats().sessions, 5);
    });
    sim.shutdown();
}

/// A session that both sides know of, and that ends at once.
async fn meet(member: &Node, node: &Node) {
    let session = member.connect(address(1)).await.unwrap();
    node.accept().await.unwrap();
    session.abort(0, "");
}

fn passphrases() -> (Group, Group) {
    let of = |words| Group::from_passphrase("floods", words).unwrap();
    (of("the right words of it"), of("some wrong words of it"))
}

/// A node in a network of its own.
async fn node_in(world: &World, group: Group, net: u8) -> Node {
    let builder = Node::builder(group)
        .bind(([10, 1, net, 1], 4_000).into())
        .platform(world.platform(&format!("node of net {net}")));
    world.start(builder).await
}
