//! What becomes of a session when one of its nodes moves.

#![allow(clippy::unwrap_used, reason = "a failed step is a failed test")]

mod support;

use std::{net::SocketAddr, time::Duration};

use bytes::Bytes;
use stt::PathKind;
use stt_sim::{Dependence, Link, Nat};
use support::{address, in_world, longest_pause, payload};

/// Who moves while bytes go from the dialler to the acceptor, or back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Who {
    Dialler,
    Acceptor,
}

fn moved_in_a_transfer(seed: u64, mover: Who, writer: Who) -> Duration {
    let link = Link {
        rate: 20_000_000,
        queue: 250_000,
        ..Link::wan()
    };
    in_world(seed, link, |sim, world| async move {
        let (_dialler, _acceptor, near, far) = world.pair().await;
        let ids = (near.id(), far.id());
        let host = match mover {
            Who::Acceptor => 1,
            Who::Dialler => 2,
        };
        let (net, clock) = (world.net.clone(), sim.clone());
        let moving = sim.spawn(async move {
            clock.sleep(Duration::from_millis(1_500)).await;
            net.readdress(address(host), address(host + 100)).unwrap();
        });
        let bytes = Bytes::from(payload(seed, 10 << 20));
        let pause = match writer {
            Who::Dialler => longest_pause(&sim, &near, &far, bytes).await,
            Who::Acceptor => longest_pause(&sim, &far, &near, bytes).await,
        };
        moving.await;
        assert_eq!((near.id(), far.id()), ids);
        let seen = match mover {
            Who::Acceptor => near.stats(),
            Who::Dialler => far.stats(),
        };
        assert_eq!(seen.path.remote, Some(address(host + 100)));
        assert_eq!(seen.path.kind, PathKind::Udp);
        pause
    })
}

#[test]
fn a_node_that_moves_in_mid_transfer_loses_no_byte_and_pauses_less_than_three_seconds() {
    for (seed, mover) in [(1, Who::Dialler), (2, Who::Acceptor)] {
        for writer in [Who::Dialler, Who::Acceptor] {
            let pause = moved_in_a_transfer(seed, mover, writer);
            assert!(
                pause < Duration::from_secs(3),
                "{mover:?} moved, {writer:?} wrote: {pause:?}"
            );
        }
    }
}

#[test]
fn a_node_that_moves_while_nothing_is_said_is_reached_again() {
    for host in [1, 2] {
        in_world(u64::from(host), Link::wan(), |sim, world| async move {
            let (_dialler, _acceptor, near, far) = world.pair().await;
            sim.sleep(Duration::from_secs(5)).await;
            world
                .net
                .readdress(address(host), address(host + 100))
                .unwrap();
            sim.sleep(Duration::from_secs(5)).await;
            for (from, to) in [(&near, &far), (&far, &near)] {
                let bytes = Bytes::from(payload(9, 100_000));
                let pause = longest_pause(&sim, from, to, bytes).await;
                assert!(pause < Duration::from_secs(1), "{host} moved: {pause:?}");
            }
        });
    }
}

#[test]
fn an_address_translator_that_forgets_is_survived_in_both_directions() {
    in_world(5, Link::wan(), |sim, world| async move {
        let nat = world.net.nat([198, 51, 100, 1], Nat::symmetric()).unwrap();
        world.net.behind(nat, address(2).ip()).unwrap();
        let (_dialler, _acceptor, near, far) = world.pair().await;
        for (from, to) in [(&near, &far), (&far, &near)] {
            let (net, clock) = (world.net.clone(), sim.clone());
            let forgetting = sim.spawn(async move {
                clock.sleep(Duration::from_millis(300)).await;
                net.rebind(nat);
            });
            let bytes = Bytes::from(payload(7, 8 << 20));
            let pause = longest_pause(&sim, from, to, bytes).await;
            forgetting.await;
            assert!(pause < Duration::from_secs(3), "{pause:?}");
        }
    });
}

/// It only lets the dialler in again when the acceptor has sent something, which has nothing to say.
#[test]
fn an_acceptors_address_translator_that_forgets_is_survived_in_both_directions() {
    let free = Dependence::EndpointIndependent;
    let link = Link {
        rate: 20_000_000,
        queue: 250_000,
        ..Link::wan()
    };
    in_world(6, link, |sim, world| async move {
        let outside = [198, 51, 100, 1];
        let nat = world.net.nat(outside, Nat::new(free, free)).unwrap();
        world.net.behind(nat, address(1).ip()).unwrap();
        let (acceptor, dialler) = (world.node(1).await, world.node(2).await);
        let _third = world.node(3).await;
        acceptor.connect(address(3)).await.unwrap();
        let near = dialler
            .connect(SocketAddr::from((outside, 4000)))
            .await
            .unwrap();
        let far = acceptor.accept().await.unwrap();
        for (from, to) in [(&near, &far), (&far, &near)] {
            let (net, clock) = (world.net.clone(), sim.clone());
            let forgetting = sim.spawn(async move {
                clock.sleep(Duration::from_millis(1_500)).await;
                net.rebind(nat);
            });
            let bytes = Bytes::from(payload(7, 8 << 20));
            let pause = longest_pause(&sim, from, to, bytes).await;
            forgetting.await;
            assert!(pause < Duration::from_secs(3), "{pause:?}");
        }
    });
}
