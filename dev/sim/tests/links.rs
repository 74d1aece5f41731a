//! What links do to packets, seen through bare sockets, where each arrival can be computed.

mod support;

use std::time::Duration;

use noq::udp;
use stt_sim::{Fate, Link, Net, Sim};
use support::bare::{A, B, receive, send, world};

#[test]
fn packets_arrive_when_rate_and_latency_say() {
    // 972 bytes and 28 of headers at 8 Mbit/s: a millisecond each.
    let link = Link {
        rate: 8_000_000,
        latency: Duration::from_millis(30),
        ..Link::ideal()
    };
    let (sim, net) = world(link);
    let (a, mut b) = (net.bind(A).unwrap(), net.bind(B).unwrap());
    sim.block_on(async {
        for _ in 0..100 {
            send(&*a, B, &[0; 972], None).await;
        }
        for n in 1..=100 {
            assert_eq!(receive(&mut *b, 8).await.len(), 1);
            assert_eq!(sim.elapsed(), Duration::from_millis(30 + n));
        }
    });
}

#[test]
fn a_full_queue_drops_newcomers() {
    let link = Link {
        rate: 8_000_000,
        queue: 10_000,
        ..Link::ideal()
    };
    let (sim, net) = world(link);
    let (a, _b) = (net.bind(A).unwrap(), net.bind(B).unwrap());
    sim.block_on(async {
        for _ in 0..15 {
            send(&*a, B, &[0; 972], None).await;
        }
        assert_eq!(net.stats(A, B).queue_full, 5);
        sim.sleep(Duration::from_millis(3)).await;
        for _ in 0..15 {
            send(&*a, B, &[0; 972], None).await;
        }
        assert_eq!(net.stats(A, B).delivered, 13);
    });
}

#[test]
fn a_deep_queue_marks_packets_that_carry_ecn() {
    let link = Link {
        rate: 8_000_000,
        ce_above: Some(4_500),
        ..Link::ideal()
    };
    let (sim, net) = world(link);
    let (a, mut b) = (net.bind(A).unwrap(), net.bind(B).unwrap());
    sim.block_on(async {
        for _ in 0..8 {
            send(&*a, B, &[0; 972], None).await;
        }
        let mut marks = Vec::new();
        for _ in 0..8 {
            marks.push(receive(&mut *b, 1).await[0].1.ecn == Some(udp::EcnCodepoint::Ce));
        }
        assert_eq!(marks, [false, false, false, false, false, true, true, true]);
    });
}

#[test]
fn a_reordered_packet_is_passed_by_the_next() {
    let (sim, net) = world(Link {
        latency: Duration::from_millis(1),
        ..Link::ideal()
    });
    let (a, mut b) = (net.bind(A).unwrap(), net.bind(B).unwrap());
    sim.block_on(async {
        net.link(A, B, |link| link.reorder = 1.0);
        send(&*a, B, b"first", None).await;
        net.link(A, B, |link| link.reorder = 0.0);
        send(&*a, B, b"second", None).await;
        assert_eq!(receive(&mut *b, 8).await[0].0, b"second");
        assert_eq!(receive(&mut *b, 8).await[0].0, b"first");
        assert_eq!(sim.elapsed(), Duration::from_millis(6));
    });
}

#[test]
fn jitter_alone_never_reorders() {
    let jitter = Duration::from_millis(50);
    let (sim, net) = world(Link {
        jitter,
        ..Link::ideal()
    });
    let (a, mut b) = (net.bind(A).unwrap(), net.bind(B).unwrap());
    sim.block_on(async {
        for n in 0..100 {
            send(&*a, B, &[n], None).await;
        }
        let mut received = Vec::new();
        while received.len() < 100 {
            received.extend(
                receive(&mut *b, 16)
                    .await
                    .into_iter()
                    .map(|(bytes, _)| bytes[0]),
            );
        }
        assert!(received.is_sorted());
        assert!(sim.elapsed() <= jitter && sim.elapsed() > jitter / 2);
    });
}

#[test]
fn a_duplicate_arrives_twice_and_a_corrupted_packet_differs_in_one_bit() {
    let (sim, net) = world(Link {
        duplicate: 1.0,
        corrupt: 1.0,
        ..Link::ideal()
    });
    net.capture(true);
    let (a, mut b) = (net.bind(A).unwrap(), net.bind(B).unwrap());
    sim.block_on(async {
        send(&*a, B, &[0; 100], None).await;
        for _ in 0..2 {
            let (bytes, _) = receive(&mut *b, 1).await.remove(0);
            assert_eq!(bytes.iter().map(|byte| byte.count_ones()).sum::<u32>(), 1);
        }
    });
    let packet = net.packets().remove(0);
    assert_eq!((packet.copies, packet.fate), (2, Fate::Delivered));
    assert!(packet.flipped_bit.unwrap() < 800);
}

#[test]
fn traffic_elsewhere_leaves_the_luck_of_a_link_alone() {
    let fates = |has_neighbour| {
        let (sim, net) = world(Link::lossy(0.3));
        let (a, _b) = (net.bind(A).unwrap(), net.bind(B).unwrap());
        net.capture(true);
        sim.block_on(async {
            for _ in 0..100 {
                send(&*a, B, &[0; 10], None).await;
                if has_neighbour {
                    send(&*a, A, &[0; 10], None).await;
                }
            }
        });
        let to_b = net.packets().into_iter().filter(|packet| packet.to == B);
        to_b.map(|packet| packet.fate).collect::<Vec<_>>()
    };
    assert_eq!(fates(false), fates(true));
}

#[test]
fn another_seed_is_another_luck() {
    let fates = |seed| {
        let sim = Sim::new(seed);
        let net = Net::new(&sim, Link::lossy(0.5));
        let (a, _b) = (net.bind(A).unwrap(), net.bind(B).unwrap());
        net.capture(true);
        sim.block_on(async {
            for _ in 0..100 {
                send(&*a, B, &[0; 10], None).await;
            }
        });
        net.packets()
            .into_iter()
            .map(|packet| packet.fate)
            .collect::<Vec<_>>()
    };
    assert_eq!(fates(1), fates(1));
    assert_ne!(fates(1), fates(2));
}

#[test]
fn the_two_directions_of_a_pair_have_lucks_of_their_own() {
    let (sim, net) = world(Link::lossy(0.5));
    let (a, b) = (net.bind(A).unwrap(), net.bind(B).unwrap());
    net.capture(true);
    sim.block_on(async {
        for _ in 0..100 {
            send(&*a, B, &[0; 10], None).await;
            send(&*b, A, &[0; 10], None).await;
        }
    });
    let packets = net.packets();
    let (there, back): (Vec<_>, Vec<_>) = packets.iter().partition(|packet| packet.from == A);
    assert!(
        there
            .iter()
            .zip(back)
            .any(|(there, back)| there.fate != back.fate)
    );
}

#[test]
fn the_trace_tells_apart_runs_that_differ_in_a_byte_an_address_or_a_nanosecond() {
    let trace = |to, byte, delay| {
        let (sim, net) = world(Link::ideal());
        let a = net.bind(A).unwrap();
        sim.block_on(async {
            sim.sleep(Duration::from_nanos(delay)).await;
            send(&*a, to, &[byte], None).await;
        });
        net.trace()
    };
    assert_eq!(trace(B, 0, 0), trace(B, 0, 0));
    assert_ne!(trace(B, 0, 0), trace(B, 1, 0));
    assert_ne!(trace(B, 0, 0), trace(A, 0, 0));
    assert_ne!(trace(B, 0, 0), trace(B, 0, 1));
}
