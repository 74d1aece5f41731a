//! What a member may have done for it at most.

use std::{num::NonZeroU64, time::Duration};

use stt::{ConnectError, Limits, RelayError, RelayLimits};
use stt_sim::Link;

use super::{
    RELAY, members, relay, session,
    support::{address, in_world, payload, transfer},
};

fn limits(change: impl FnOnce(&mut RelayLimits)) -> RelayLimits {
    let mut limits = RelayLimits::default();
    change(&mut limits);
    limits
}

#[test]
fn a_member_beyond_its_rate_is_slowed_and_others_are_not() {
    let limits = limits(|limits| {
        limits.rate = NonZeroU64::new(250_000).unwrap();
        limits.burst = 256 << 10;
    });
    in_world(1, Link::wan(), |sim, world| async move {
        let (_relay, nodes) = members(&world, 4, limits).await;
        let greedy = session(&nodes[0], &nodes[1]).await;
        let modest = session(&nodes[2], &nodes[3]).await;
        let began = sim.elapsed();
        let time = async |(near, far): &(_, _), len| {
            transfer(near, far, payload(1, len)).await;
            (sim.elapsed() - began).as_secs_f64()
        };
        let (slow, quick) = tokio::join!(time(&greedy, 4 << 20), time(&modest, 150_000));
        // Its burst, and then a quarter of a megabyte a second.
        assert!((14.0..40.0).contains(&slow), "{slow} s");
        assert!(quick < 0.6, "{quick} s");
    });
}

#[test]
fn a_member_gets_no_new_allowance_by_registering_anew() {
    let limits = limits(|limits| {
        limits.rate = NonZeroU64::new(100_000).unwrap();
        limits.burst = 1 << 20;
    });
    in_world(2, Link::wan(), |sim, world| async move {
        let (relay_node, nodes) = members(&world, 2, limits).await;
        let (near, far) = session(&nodes[0], &nodes[1]).await;
        transfer(&near, &far, payload(1, 900_000)).await;
        for session in relay_node.sessions() {
            session.abort(1, "");
        }
        sim.sleep(Duration::from_secs(1)).await;
        let began = sim.elapsed();
        transfer(&near, &far, payload(2, 900_000)).await;
        let took = sim.elapsed() - began;
        assert!(took > Duration::from_secs(5), "{took:?}");
    });
}

#[test]
fn one_channel_more_than_a_member_may_have_is_refused_whoever_asks() {
    let limits = limits(|limits| limits.channels = 2);
    in_world(3, Link::wan(), |_, world| async move {
        let (_relay, nodes) = members(&world, 4, limits).await;
        let _kept = [
            session(&nodes[0], &nodes[1]).await,
            session(&nodes[2], &nodes[0]).await,
        ];
        for (from, to) in [(0, 3), (3, 0)] {
            let refused = nodes[from].connect_relayed(relay(), nodes[to].id()).await;
            let Err(ConnectError::Relay { reason, .. }) = refused else {
                panic!("{refused:?}");
            };
            assert_eq!(reason, RelayError::TooManyChannels);
        }
        let _others = session(&nodes[1], &nodes[3]).await;
    });
}

#[test]
fn one_member_more_than_the_relay_takes_is_refused_and_gets_in_when_another_leaves() {
    let limits = limits(|limits| limits.members = 2);
    in_world(4, Link::wan(), |sim, world| async move {
        let (_relay, nodes) = members(&world, 2, limits).await;
        let mut timeout = Limits::default();
        timeout.handshake_timeout = Duration::from_secs(2);
        let third = world.node_with(3, timeout).await;
        let refused = third.connect_relayed(relay(), nodes[0].id()).await;
        let Err(ConnectError::Relay { reason, .. }) = refused else {
            panic!("{refused:?}");
        };
        assert_eq!(reason, RelayError::Refused);
        nodes[1].shutdown(Duration::from_secs(1)).await;
        let registered = third.use_relay(relay());
        let limit = Duration::from_secs(15);
        assert_eq!(
            sim.timeout(limit, registered.registered()).await.ok(),
            Some(true)
        );
        assert_eq!(third.relays().len(), 1);
        let _ = address(RELAY);
    });
}
