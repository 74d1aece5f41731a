//! Streams and messages over links that lose, duplicate, reorder and corrupt.

#![allow(clippy::unwrap_used, reason = "a failed step is a failed test")]

mod support;

use std::time::Duration;

use stt::{CloseReason, Session};
use stt_sim::Link;
use support::{World, payload};

const MIB: usize = 1 << 20;

#[test]
fn twenty_mib_each_way_survive_loss_duplication_and_reordering() {
    let link = Link {
        loss: 0.05,
        duplicate: 0.05,
        reorder: 0.2,
        ..Link::wan()
    };
    exchange(1, link, 20 * MIB);
}

#[test]
fn a_transfer_completes_though_a_fifth_of_all_packets_is_lost() {
    for seed in [1, 2, 3, 11] {
        exchange(seed, Link::lossy(0.2), MIB);
    }
}

/// Through a relay that is more than a third: the engine alone gave three of these forty up.
#[test]
fn a_handshake_gets_through_though_a_fifth_of_all_packets_is_lost() {
    for seed in 1..=40 {
        let world = World::new(seed, Link::lossy(0.2));
        let took = world.sim.block_on(async {
            let (_acceptor, dialler) = (world.node(1).await, world.node(2).await);
            let began = world.sim.elapsed();
            let reached = dialler.connect(support::target(1)).await;
            assert!(reached.is_ok(), "{seed}: {reached:?}");
            world.sim.elapsed().saturating_sub(began)
        });
        world.sim.shutdown();
        assert!(took < Duration::from_secs(8), "{seed}: {took:?}");
    }
}

#[test]
fn corrupted_packets_cost_time_and_nothing_else() {
    exchange(
        3,
        Link {
            corrupt: 0.05,
            ..Link::wan()
        },
        2 * MIB,
    );
}

#[test]
fn a_path_that_carries_1280_bytes_is_enough() {
    exchange(
        4,
        Link {
            mtu: 1_252,
            ..Link::wan()
        },
        2 * MIB,
    );
}

#[test]
fn the_same_number_replays_the_same_run() {
    let link = Link {
        loss: 0.02,
        reorder: 0.1,
        duplicate: 0.02,
        ..Link::wan()
    };
    let times: Vec<_> = [7, 7, 8]
        .map(|seed| exchange(seed, link.clone(), MIB))
        .into();
    assert_eq!(times[0], times[1]);
    assert_ne!(times[0], times[2]);
}

/// Moves `len` bytes each way at once, ends in order, and returns the virtual time it took.
fn exchange(seed: u64, link: Link, len: usize) -> Duration {
    let world = World::new(seed, link);
    let sim = world.sim.clone();
    sim.limit(Duration::from_secs(4 * 3_600));
    sim.block_on(async {
        let (_a, _b, near, far) = world.pair().await;
        let task = sim.spawn(async move {
            let (mut send, mut recv) = far.accept_stream().await.unwrap();
            let (sent, received) = tokio::join!(
                send_all(&mut send, payload(seed + 1, len)),
                recv.read_to_end(len),
            );
            sent.unwrap();
            assert!(received.unwrap() == payload(seed, len));
            far.closed().await
        });
        let (mut send, mut recv) = near.open_stream().await.unwrap();
        let (sent, received) = tokio::join!(
            send_all(&mut send, payload(seed, len)),
            recv.read_to_end(len)
        );
        sent.unwrap();
        assert!(received.unwrap() == payload(seed + 1, len));
        near.close().await.unwrap();
        assert_eq!(task.await, CloseReason::Done);
    });
    let elapsed = sim.elapsed();
    sim.shutdown();
    elapsed
}

async fn send_all(send: &mut stt::SendStream, bytes: Vec<u8>) -> Result<(), stt::WriteError> {
    send.write_bytes(bytes.into()).await?;
    send.finish()
}

/// 100,000 messages a second for a second: the engine would end the connection if ever more than a
/// thousand pieces of one stream waited behind a lost packet.
#[test]
fn a_hundred_thousand_tiny_messages_a_second_over_a_bad_path_keep_the_session_alive() {
    const MESSAGES: u32 = 100_000;
    let link = Link {
        latency: Duration::from_millis(50),
        rate: 1_000_000_000,
        queue: 12_500_000,
        loss: 0.05,
        reorder: 0.2,
        ..Link::wan()
    };
    let world = World::new(11, link);
    let sim = world.sim.clone();
    sim.limit(Duration::from_secs(3_600));
    sim.block_on(async {
        let (_a, acceptor, near, far) = world.pair().await;
        let clock = sim.clone();
        let sender = sim.spawn(async move {
            for number in 0..MESSAGES {
                if number % 100 == 0 {
                    clock.sleep(Duration::from_millis(1)).await;
                }
                send_number(&near, number).await;
            }
            near.close().await
        });
        let mut receiver = acceptor.receive();
        for number in 0..MESSAGES {
            let packet = receiver.next().await.unwrap();
            assert_eq!(packet.data[..4], number.to_be_bytes());
        }
        assert_eq!(far.closed().await, CloseReason::Done);
        sender.await.unwrap();
    });
    sim.shutdown();
}

async fn send_number(session: &Session, number: u32) {
    let mut message = vec![0; 64];
    message[..4].copy_from_slice(&number.to_be_bytes());
    session.send_on_stream(1, message).await.unwrap();
}

/// 300 bytes a write, nobody reads: without the checkpoint rule the engine ends the connection.
#[test]
fn a_writer_of_small_pieces_waits_for_a_reader_that_does_not_come() {
    let world = World::new(12, Link::wan());
    let sim = world.sim.clone();
    sim.block_on(async {
        let (_a, _b, near, far) = world.pair().await;
        let clock = sim.clone();
        let writer = sim.spawn(async move {
            let mut send = near.open_uni().await.unwrap();
            for _ in 0..10_000 {
                send.write_all(&[7; 300]).await.unwrap();
                clock.sleep(Duration::from_micros(500)).await;
            }
            send.finish().unwrap();
            near.close().await
        });
        let mut recv = far.accept_uni().await.unwrap();
        sim.sleep(Duration::from_secs(20)).await;
        assert!(!far.is_closed());
        let whole = recv.read_to_end(4_000_000).await.unwrap();
        assert_eq!(whole.len(), 3_000_000);
        writer.await.unwrap();
    });
    sim.shutdown();
}
