//! What a session costs that has nothing to say, and whether it is still there when it has.

#![allow(clippy::unwrap_used, reason = "a failed step is a failed test")]

mod support;

use std::{net::Ipv4Addr, time::Duration};

use stt::{Limits, Node, PathKind, RelayLimits, Session, Target};
use stt_sim::{Link, Nat};
use support::{World, address, in_world, payload, transfer};

const HALF_AN_HOUR: Duration = Duration::from_mins(30);

/// The relay's host.
const RELAY: u8 = 9;

/// What an hour of it costs a member, both ways together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Cost {
    packets: u64,
    /// With the headers of IPv4 and UDP, or of TCP without options.
    bytes: u64,
}

/// Between a host and all others, since the beginning.
fn carried(world: &World, host: u8) -> Cost {
    let mut cost = Cost {
        packets: 0,
        bytes: 0,
    };
    for other in [1, 2, RELAY] {
        for (from, to) in [(host, other), (other, host)] {
            let stats = world.net.stats(address(from).ip(), address(to).ip());
            cost.packets += stats.sent;
            cost.bytes += stats.sent_bytes + stats.sent * HEADERS;
        }
    }
    cost
}

const HEADERS: u64 = 28;

/// Of the dialler, when the session is some minutes old.
async fn cost_of(world: &World, near: &Session, kind: PathKind) -> Cost {
    world.sim.sleep(Duration::from_mins(20)).await;
    let before = carried(world, 2);
    world.sim.sleep(HALF_AN_HOUR).await;
    assert_eq!(near.stats().path.kind, kind);
    let after = carried(world, 2);
    Cost {
        packets: 2 * (after.packets - before.packets),
        bytes: 2 * (after.bytes - before.bytes),
    }
}

fn idle_by(kind: PathKind) -> Cost {
    in_world(1, Link::wan(), |_, world| async move {
        if kind == PathKind::WebSocket {
            world.net.forbid_udp(address(2).ip());
        }
        if kind == PathKind::Relay {
            world.net.partition(address(1).ip(), address(2).ip());
        }
        let relay = world.builder(RELAY).relay(RelayLimits::default());
        let _relay = world.start(relay).await;
        let acceptor = world.start(world.builder(1).listen_ws(address(1))).await;
        let dialler = world.node(2).await;
        let target = match kind {
            PathKind::WebSocket => Target::ws(format!("ws://{}", address(1))),
            PathKind::Relay => {
                for node in [&acceptor, &dialler] {
                    assert!(node.use_relay(address(RELAY)).registered().await);
                }
                Target::relayed(address(RELAY), acceptor.id())
            }
            _ => address(1).into(),
        };
        let near = dialler.connect(target).await.unwrap();
        cost_of(&world, &near, kind).await
    })
}

#[test]
fn an_idle_session_costs_less_than_a_hundred_kilobytes_an_hour() {
    for (kind, limit) in [
        (PathKind::Udp, 100_000),
        (PathKind::WebSocket, 200_000),
        // With a session with the relay besides, and a round of probes every five minutes.
        (PathKind::Relay, 230_000),
    ] {
        let cost = idle_by(kind);
        println!("idle for an hour by {kind:?}: {cost:?}");
        assert!(cost.bytes < limit, "{kind:?}: {cost:?}");
        assert!(cost.packets > 100, "{kind:?}: {cost:?}");
    }
}

/// A public acceptor, and a dialler behind a translator that forgets after so long.
async fn behind(
    world: &World,
    lifetime: Duration,
    limits: Limits,
) -> (Node, Node, Session, Session) {
    hide_the_dialler(world, lifetime);
    world.pair_with(limits).await
}

fn hide_the_dialler(world: &World, lifetime: Duration) {
    let outside = Ipv4Addr::new(198, 51, 100, 2);
    let rules = Nat {
        lifetime,
        ..Nat::symmetric()
    };
    let nat = world.net.nat(outside.octets(), rules).unwrap();
    world.net.behind(nat, address(2).ip()).unwrap();
}

#[test]
fn an_idle_member_behind_an_address_translator_hears_its_peer_at_once() {
    let mut patient = Limits::default();
    (patient.idle_timeout, patient.keep_alive) = (Duration::from_mins(20), Duration::from_mins(5));
    for lifetime in [30, 120].map(Duration::from_secs) {
        for limits in [Limits::default(), patient.clone()] {
            in_world(lifetime.as_secs(), Link::wan(), |sim, world| async move {
                let keep_alive = limits.keep_alive;
                let (_dialler, _acceptor, near, far) = behind(&world, lifetime, limits).await;
                for minutes in [39, 7, 7] {
                    sim.sleep(Duration::from_mins(minutes)).await;
                    let began = sim.elapsed();
                    transfer(&far, &near, payload(1, 1_000)).await;
                    let took = sim.elapsed().saturating_sub(began);
                    let is_soon = took < Duration::from_secs(1);
                    assert!(is_soon, "{lifetime:?}, {keep_alive:?}: {took:?}");
                }
            });
        }
    }
}

/// The relay knows where the member is by what it sends, and the translator by the same.
#[test]
fn an_idle_member_behind_an_address_translator_hears_its_peer_at_once_through_a_relay() {
    let mut patient = Limits::default();
    (patient.idle_timeout, patient.keep_alive) = (Duration::from_mins(20), Duration::from_mins(5));
    for limits in [Limits::default(), patient] {
        in_world(30, Link::wan(), |sim, world| async move {
            hide_the_dialler(&world, Duration::from_secs(30));
            let outside = Ipv4Addr::new(198, 51, 100, 2);
            world
                .net
                .partition(address(1).ip(), std::net::IpAddr::V4(outside));
            let relay = world.builder(RELAY).relay(RelayLimits::default());
            let _relay = world.start(relay).await;
            let acceptor = world.node_with(1, limits.clone()).await;
            let dialler = world.node_with(2, limits).await;
            for node in [&acceptor, &dialler] {
                assert!(node.use_relay(address(RELAY)).registered().await);
            }
            let target = Target::relayed(address(RELAY), acceptor.id());
            let near = dialler.connect(target).await.unwrap();
            let far = acceptor.accept().await.unwrap();
            for minutes in [39, 7, 7] {
                sim.sleep(Duration::from_mins(minutes)).await;
                let began = sim.elapsed();
                transfer(&far, &near, payload(1, 1_000)).await;
                let took = sim.elapsed().saturating_sub(began);
                assert!(took < Duration::from_secs(1), "{took:?}");
                assert_eq!(near.stats().path.kind, PathKind::Relay);
            }
        });
    }
}

/// Nothing on the way forgets anything, so that nothing is said for nobody.
#[test]
fn an_idle_member_without_an_address_translator_says_no_more_than_it_was_told_to() {
    let mut patient = Limits::default();
    (patient.idle_timeout, patient.keep_alive) = (Duration::from_mins(20), Duration::from_mins(5));
    in_world(4, Link::wan(), |_, world| async move {
        let (_dialler, _acceptor, near, _far) = world.pair_with(patient).await;
        let cost = cost_of(&world, &near, PathKind::Udp).await;
        assert!(cost.packets <= 3 * 12, "{cost:?}");
    });
}
