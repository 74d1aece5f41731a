//! Real engine endpoints move data over bad links, the same way each time.

mod support;

use std::time::Duration;

use noq::PathId;
use stt_sim::{Burst, Link};
use support::{CLIENT, CLIENT_V6, MIB, SERVER, SERVER_V6, World, patient};

/// A link with every fault that doesn't alter bytes.
fn hard() -> Link {
    Link {
        jitter: Duration::from_millis(3),
        loss: 0.01,
        burst: Some(Burst {
            p_enter: 0.001,
            p_leave: 0.2,
            loss: 0.5,
        }),
        reorder: 0.02,
        duplicate: 0.02,
        ..Link::wan()
    }
}

#[test]
fn a_mebibyte_survives_loss_reordering_and_duplication() {
    let world = World::new(1, hard());
    world.sim.block_on(async {
        let pair = world.connect(patient).await;
        pair.transfer(&world.sim, MIB).await;
    });
    let stats = world.net.stats(CLIENT, SERVER);
    assert!(
        stats.lost > 0 && stats.reordered > 0 && stats.duplicated > 0,
        "{stats:?}"
    );
}

#[test]
fn a_mebibyte_travels_over_ipv6() {
    let world = World::new(2, Link::wan());
    world.sim.block_on(async {
        let pair = world.connect_between(CLIENT_V6, SERVER_V6, patient).await;
        pair.transfer(&world.sim, MIB).await;
    });
}

#[test]
fn one_seed_replays_one_run_and_another_seed_makes_another() {
    let run = |seed| {
        let world = World::new(seed, hard());
        let time = world.sim.block_on(async {
            let pair = world.connect(patient).await;
            pair.transfer(&world.sim, MIB).await
        });
        (world.net.trace(), time, world.net.stats(CLIENT, SERVER))
    };
    assert_eq!(run(7), run(7));
    assert_ne!(run(7), run(8));
}

#[test]
fn twenty_clients_at_one_server_replay_byte_for_byte() {
    let run = || {
        let world = World::new(9, hard());
        world.sim.block_on(async {
            let server = world.endpoint(SERVER, patient());
            let mut clients = Vec::new();
            for port in 5000..5020 {
                let client = world.endpoint((CLIENT.ip(), port).into(), patient());
                clients.push(world.sim.spawn(async move {
                    let connection = client.connect(SERVER, "peer").unwrap().await.unwrap();
                    let mut stream = connection.open_uni().await.unwrap();
                    stream.write_all(&[7; 10_000]).await.unwrap();
                    stream.finish().unwrap();
                    stream.stopped().await.unwrap();
                }));
            }
            let sim = world.sim.clone();
            world.sim.spawn(async move {
                while let Some(incoming) = server.accept().await {
                    sim.spawn(async move {
                        let connection = incoming.await.unwrap();
                        let mut stream = connection.accept_uni().await.unwrap();
                        assert_eq!(stream.read_to_end(10_000).await.unwrap(), [7; 10_000]);
                    });
                }
            });
            for client in clients {
                client.await;
            }
        });
        world.net.trace()
    };
    assert_eq!(run(), run());
}

#[test]
fn a_transfer_takes_the_time_that_rate_and_latency_say() {
    // 20 Mbit/s and 20 ms either way; the queue holds a round trip, so the link never idles once
    // it is full.
    let link = Link {
        rate: 20_000_000,
        latency: Duration::from_millis(20),
        queue: 200_000,
        ..Link::ideal()
    };
    let world = World::new(3, link);
    let len = 20 * MIB;
    let (time, rtt, stats) = world.sim.block_on(async {
        let pair = world.connect(patient).await;
        let time = pair.transfer(&world.sim, len).await;
        (
            time,
            pair.client.rtt(PathId::ZERO).unwrap(),
            world.net.stats(CLIENT, SERVER),
        )
    });
    // What left the queue at the rate, headers included, and the last packet's latency.
    let delivered = stats.delivered_bytes + 28 * stats.delivered;
    let expected = delivered as f64 * 8.0 / 20e6 + 0.02;
    let ratio = time.as_secs_f64() / expected;
    assert!(
        (0.98..1.05).contains(&ratio),
        "{time:?} instead of {expected} s"
    );
    let overhead = delivered as f64 / len as f64;
    assert!(
        (1.0..1.08).contains(&overhead),
        "{overhead} bytes for each byte"
    );
    assert!(rtt >= Duration::from_millis(40), "{rtt:?}");
}

#[test]
fn an_idle_link_has_the_round_trip_time_it_was_given() {
    let world = World::new(
        4,
        Link {
            latency: Duration::from_millis(70),
            ..Link::ideal()
        },
    );
    world.sim.block_on(async {
        let pair = world.connect(patient).await;
        let begin = world.sim.elapsed();
        let (mut send, mut receive) = pair.client.open_bi().await.unwrap();
        send.write_all(b"ping").await.unwrap();
        let (mut answer, mut question) = pair.server.accept_bi().await.unwrap();
        question.read_exact(&mut [0; 4]).await.unwrap();
        answer.write_all(b"pong").await.unwrap();
        receive.read_exact(&mut [0; 4]).await.unwrap();
        assert_eq!(world.sim.elapsed(), begin + Duration::from_millis(140));
    });
}

#[test]
fn mtu_discovery_settles_under_a_black_hole() {
    let settled = |mtu| {
        let world = World::new(5, Link { mtu, ..Link::wan() });
        world.sim.block_on(async {
            let pair = world.connect(patient).await;
            pair.transfer(&world.sim, 4 * MIB).await;
            world.sim.sleep(Duration::from_secs(5)).await;
            let stats = pair.client.path_stats(PathId::ZERO).unwrap();
            (
                usize::from(stats.current_mtu),
                world.net.stats(CLIENT, SERVER).too_big,
            )
        })
    };
    let (wide, _) = settled(1472);
    assert!((1440..=1472).contains(&wide), "settled at {wide}");
    let (narrow, vanished) = settled(1350);
    assert!((1300..=1350).contains(&narrow), "settled at {narrow}");
    assert!(vanished > 0, "no probe was ever too big");
}
