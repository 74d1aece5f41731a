//! Members behind address translators, with a session through a relay: which of them find a direct
//! way.

#![allow(clippy::unwrap_used, reason = "a failed step is a failed test")]

mod support;

use std::{net::IpAddr, time::Duration};

use bytes::Bytes;
use stt::{AddressMapping, Node, PathKind, RelayLimits, Session, Target};
use stt_sim::{Dependence, Link, Nat, NatId, Sim};
use support::{World, address, in_world, longest_pause, payload, transfer, until_both_go_by};

/// Two public members: each tells the others where it sees them.
const RELAY: u8 = 9;
const OTHER: u8 = 8;

/// What stands between a member and the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Public,
    Easy,
    Moderate,
    Strict,
}

const KINDS: [Kind; 4] = [Kind::Public, Kind::Easy, Kind::Moderate, Kind::Strict];

impl Kind {
    fn mapping(self) -> AddressMapping {
        match self {
            Self::Public => AddressMapping::None,
            Self::Easy | Self::Moderate => AddressMapping::Independent,
            Self::Strict => AddressMapping::Dependent,
        }
    }

    fn nat(self) -> Option<Nat> {
        let free = Dependence::EndpointIndependent;
        match self {
            Self::Public => None,
            Self::Easy => Some(Nat::new(free, free)),
            Self::Moderate => Some(Nat::home()),
            Self::Strict => Some(Nat::symmetric()),
        }
    }
}

/// A member on a host behind a translator of this kind, which uses the relay and knows the other.
async fn member(world: &World, host: u8, kind: Kind) -> Node {
    let node = world.node(host).await;
    assert!(node.use_relay(address(RELAY)).registered().await);
    node.connect(address(OTHER)).await.unwrap();
    world.sim.sleep(Duration::from_secs(1)).await;
    assert_eq!(node.network_report().mapping, kind.mapping());
    node
}

/// Puts a host behind a translator of this kind.
fn hide(world: &World, host: u8, kind: Kind) -> Option<NatId> {
    let nat = world.net.nat([198, 51, 100, host], kind.nat()?).unwrap();
    world.net.behind(nat, address(host).ip()).unwrap();
    Some(nat)
}

/// How long it takes until both sides send by UDP; `None` if they do not within a minute.
async fn time_to_direct(sim: &Sim, near: &Session, far: &Session) -> Option<Duration> {
    let started = sim.now();
    let by_udp = |session: &Session| session.stats().path.kind == PathKind::Udp;
    let are_direct = async {
        while !by_udp(near) || !by_udp(far) {
            sim.sleep(Duration::from_millis(10)).await;
        }
        sim.now() - started
    };
    sim.timeout(Duration::from_secs(60), are_direct).await.ok()
}

/// A session between two members behind translators of these kinds, which begins at the relay.
async fn through_the_relay(
    sim: &Sim,
    world: &World,
    dialler: Kind,
    acceptor: Kind,
) -> ([Node; 4], Session, Session) {
    hide(world, 1, dialler);
    hide(world, 2, acceptor);
    at_the_relay(sim, world, dialler, acceptor).await
}

async fn at_the_relay(
    sim: &Sim,
    world: &World,
    dialler: Kind,
    acceptor: Kind,
) -> ([Node; 4], Session, Session) {
    let relay = world.builder(RELAY).relay(RelayLimits::default());
    let relay = world.start(relay).await;
    let other = world.node(OTHER).await;
    let here = member(world, 1, dialler).await;
    let there = member(world, 2, acceptor).await;
    sim.sleep(Duration::from_secs(1)).await;
    let target = Target::relayed(address(RELAY), there.id());
    let near = here.connect(target).await.unwrap();
    let far = there.accept().await.unwrap();
    assert_eq!(near.id(), far.id());
    ([relay, other, here, there], near, far)
}

fn punch(seed: u64, dialler: Kind, acceptor: Kind) -> Option<Duration> {
    in_world(seed, Link::wan(), |sim, world| async move {
        let (_nodes, near, far) = through_the_relay(&sim, &world, dialler, acceptor).await;
        let took = time_to_direct(&sim, &near, &far).await;
        transfer(&near, &far, payload(seed, 100_000)).await;
        transfer(&far, &near, payload(seed, 100_000)).await;
        let kind = |session: &Session| session.stats().path.kind;
        let expected = match took {
            Some(_) => PathKind::Udp,
            None => PathKind::Relay,
        };
        assert_eq!([kind(&near), kind(&far)], [expected; 2]);
        took
    })
}

#[test]
fn members_behind_any_two_translators_find_a_direct_way_unless_both_map_for_each_peer() {
    for dialler in KINDS {
        for acceptor in KINDS {
            let took = punch(7, dialler, acceptor);
            let is_hopeless = [dialler, acceptor] == [Kind::Strict; 2];
            assert_eq!(took.is_none(), is_hopeless, "{dialler:?} {acceptor:?}");
        }
    }
}

#[test]
fn a_port_among_many_is_guessed_within_twelve_seconds() {
    for (dialler, acceptor) in [
        (Kind::Moderate, Kind::Strict),
        (Kind::Strict, Kind::Moderate),
    ] {
        for seed in 1..=10 {
            let took = punch(seed, dialler, acceptor);
            let is_found = took.is_some_and(|took| took < Duration::from_secs(12));
            assert!(is_found, "{seed} {dialler:?}: {took:?}");
        }
    }
}

/// The acceptor's probes are at the dialler before what it says of itself, which goes by the relay.
#[test]
fn a_way_that_is_shorter_than_the_relays_is_found_at_once() {
    for latency in [1, 5, 10, 15, 20, 24] {
        let took = in_world(latency, Link::wan(), |sim, world| async move {
            let (here, there) = (address(1).ip(), IpAddr::from([198, 51, 100, 2]));
            world.net.both(here, there, |link: &mut Link| {
                link.latency = Duration::from_millis(latency);
            });
            let (_nodes, near, far) =
                through_the_relay(&sim, &world, Kind::Public, Kind::Strict).await;
            time_to_direct(&sim, &near, &far).await
        });
        let is_soon = took.is_some_and(|took| took < Duration::from_secs(1));
        assert!(is_soon, "{latency} ms: {took:?}");
    }
}

/// What the acceptor sends comes from where nobody knows it any more, and what is sent to it is lost.
#[test]
fn an_acceptors_translator_that_forgets_is_survived_with_a_relay_beside() {
    for is_dialler_writing in [true, false] {
        let link = Link {
            rate: 20_000_000,
            queue: 250_000,
            ..Link::wan()
        };
        in_world(6, link, |sim, world| async move {
            let nat = hide(&world, 2, Kind::Strict).unwrap();
            let (_nodes, near, far) = at_the_relay(&sim, &world, Kind::Public, Kind::Strict).await;
            until_both_go_by(&sim, [&near, &far], PathKind::Udp).await;
            let (net, clock) = (world.net.clone(), sim.clone());
            let forgetting = sim.spawn(async move {
                clock.sleep(Duration::from_millis(1_500)).await;
                net.rebind(nat);
            });
            let bytes = Bytes::from(payload(7, 8 << 20));
            let ends = if is_dialler_writing {
                [&near, &far]
            } else {
                [&far, &near]
            };
            let pause = longest_pause(&sim, ends[0], ends[1], bytes).await;
            forgetting.await;
            // A third of it is what the engine waits before it sends again what was under way on a closed path:
            // three of its probe timeouts, which the acknowledgements that came late have made long.
            assert!(
                pause < Duration::from_secs(5),
                "{is_dialler_writing}: {pause:?}"
            );
            until_both_go_by(&sim, [&near, &far], PathKind::Udp).await;
        });
    }
}

/// All that goes between two members behind translators of these kinds but through the relay.
fn packets_in_an_hour(dialler: Kind, acceptor: Kind) -> u64 {
    in_world(3, Link::wan(), |sim, world| async move {
        let (_public, near, far) = through_the_relay(&sim, &world, dialler, acceptor).await;
        sim.sleep(Duration::from_mins(50)).await;
        assert_eq!(near.stats().path.kind, PathKind::Relay);
        assert!(!far.is_closed());
        let outside = |host: u8| std::net::Ipv4Addr::new(198, 51, 100, host);
        let (one, two) = (outside(1), outside(2));
        world.net.stats(one, two).sent + world.net.stats(two, one).sent
    })
}

#[test]
fn members_that_find_no_way_do_not_probe_for_ever() {
    let sent = packets_in_an_hour(Kind::Strict, Kind::Strict);
    assert!((100..2_000).contains(&sent), "{sent}");
}
