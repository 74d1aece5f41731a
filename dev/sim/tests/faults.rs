//! Cuts, deaths, altered and hostile packets, seen by real engine endpoints.

mod support;

use std::time::Duration;

use noq::{ConnectionError, TransportConfig, VarInt};
use stt_sim::{Fate, Link};
use support::{CLIENT, MIB, SERVER, World, patient};

fn one_second() -> TransportConfig {
    let mut config = TransportConfig::default();
    config.max_idle_timeout(Some(VarInt::from_u32(1000).into()));
    config.keep_alive_interval(Some(Duration::from_millis(300)));
    config
}

#[test]
fn a_partition_stops_a_transfer_and_healing_resumes_it() {
    let world = World::new(
        1,
        Link {
            rate: 10_000_000,
            ..Link::wan()
        },
    );
    world.sim.block_on(async {
        let pair = world.connect(patient).await;
        let (net, sim) = (world.net.clone(), world.sim.clone());
        world.sim.spawn(async move {
            sim.sleep(Duration::from_millis(200)).await;
            net.partition(CLIENT.ip(), SERVER.ip());
            sim.sleep(Duration::from_millis(100)).await;
            let before = net.stats(CLIENT, SERVER);
            sim.sleep(Duration::from_secs(5)).await;
            let after = net.stats(CLIENT, SERVER);
            assert_eq!(
                before.delivered, after.delivered,
                "a packet crossed the partition"
            );
            assert!(
                after.down > before.down,
                "nothing tried to cross the partition"
            );
            net.heal(CLIENT.ip(), SERVER.ip());
        });
        let time = pair.transfer(&world.sim, MIB).await;
        assert!(
            time > Duration::from_secs(5),
            "done in {time:?}, through the partition"
        );
    });
}

#[test]
fn a_link_that_goes_down_is_noticed_at_the_idle_timeout() {
    let world = World::new(2, Link::wan());
    world.sim.block_on(async {
        let pair = world.connect(one_second).await;
        world.sim.sleep(Duration::from_secs(10)).await;
        assert_eq!(
            pair.client.close_reason(),
            None,
            "keep-alives hold an idle connection"
        );
        world.net.both(CLIENT, SERVER, |link| link.down = true);
        let cut = world.sim.elapsed();
        assert_eq!(pair.client.closed().await, ConnectionError::TimedOut);
        let noticed = world.sim.elapsed().saturating_sub(cut);
        // The timer restarts at the last packet received (at most 25 ms after the cut) and once
        // more at the first keep-alive sent after it, 300 ms later (RFC 9000, section 10.1).
        let expected = Duration::from_secs(1)..=Duration::from_millis(1325);
        assert!(expected.contains(&noticed), "noticed after {noticed:?}");
    });
}

#[test]
fn one_direction_down_is_enough_to_lose_a_connection() {
    let world = World::new(3, Link::wan());
    world.sim.block_on(async {
        let pair = world.connect(one_second).await;
        world.net.link(SERVER, CLIENT, |link| link.down = true);
        assert_eq!(pair.client.closed().await, ConnectionError::TimedOut);
    });
}

#[test]
fn a_killed_host_sends_and_hears_nothing() {
    let world = World::new(4, Link::wan());
    world.sim.block_on(async {
        let pair = world.connect(one_second).await;
        world.net.kill(SERVER.ip());
        let counts = || {
            (
                world.net.stats(CLIENT, SERVER),
                world.net.stats(SERVER, CLIENT),
            )
        };
        let before = counts();
        assert_eq!(pair.client.closed().await, ConnectionError::TimedOut);
        assert_eq!(pair.server.closed().await, ConnectionError::TimedOut);
        let after = counts();
        assert_eq!(before.0.delivered, after.0.delivered);
        assert_eq!(before.1.delivered, after.1.delivered);
        assert!(after.0.dead > 0 && after.1.dead > 0);

        world.net.revive(SERVER.ip());
        let again = pair.endpoints[0].connect(SERVER, "peer").unwrap();
        let answer = pair.endpoints[1].clone();
        world
            .sim
            .spawn(async move { answer.accept().await.unwrap().await.unwrap() });
        again.await.unwrap();
    });
}

#[test]
fn corrupted_packets_cost_time_but_never_bytes_nor_the_connection() {
    let world = World::new(
        5,
        Link {
            corrupt: 0.05,
            ..Link::wan()
        },
    );
    world.sim.block_on(async {
        let pair = world.connect(patient).await;
        pair.transfer(&world.sim, MIB).await;
    });
    let stats = world.net.stats(CLIENT, SERVER);
    assert!(stats.corrupted > 20, "{stats:?}");
}

#[test]
fn injected_garbage_reaches_its_target_and_harms_nobody() {
    let world = World::new(6, Link::wan());
    world.net.capture(true);
    world.sim.block_on(async {
        let pair = world.connect(patient).await;
        let (net, sim) = (world.net.clone(), world.sim.clone());
        world.sim.spawn(async move {
            let mut entropy = sim.entropy("attacker");
            for round in 0..200 {
                let mut garbage = entropy.bytes::<1300>();
                garbage[0] |= 0x40;
                net.inject(CLIENT, SERVER, &garbage[..20 + round * 6]);
                net.inject(SERVER, CLIENT, &garbage[..20 + round * 6]);
                sim.sleep(Duration::from_millis(1)).await;
            }
        });
        pair.transfer(&world.sim, MIB).await;
    });
    assert_eq!(world.net.stats(CLIENT, SERVER).injected, 200);
    let injected = world
        .net
        .packets()
        .into_iter()
        .filter(|packet| packet.fate == Fate::Injected);
    assert_eq!(
        injected.filter(|packet| packet.arrival.is_some()).count(),
        400
    );
}

#[test]
fn a_replayed_recording_harms_nobody() {
    let world = World::new(7, Link::wan());
    world.net.capture(true);
    world.sim.block_on(async {
        let pair = world.connect(patient).await;
        pair.transfer(&world.sim, MIB / 8).await;
        world.net.capture(false);
        for packet in world.net.packets() {
            world.net.inject(packet.from, packet.to, &packet.bytes);
        }
        pair.transfer(&world.sim, MIB / 8).await;
        assert_eq!(pair.endpoints[1].open_connections(), 1);
    });
}
