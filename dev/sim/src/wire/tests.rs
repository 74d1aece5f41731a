//! The arithmetic of a direction: losses, bursts, rates, queues.

use super::*;
use crate::link::Burst;

fn wire(link: Link) -> Wire {
    Wire::new(link, Rng::named(5, &[b"test"]), false)
}

/// The fates of `count` packets sent a second apart.
fn fates(link: Link, count: u64) -> Vec<Fate> {
    let mut wire = wire(link);
    (0..count)
        .map(|n| wire.pass(n * 1_000_000_000, 100, None, None).fate)
        .collect()
}

#[test]
fn losses_come_as_often_as_configured() {
    let lost = fates(Link::lossy(0.1), 100_000);
    let share = lost.iter().filter(|fate| **fate == Fate::Lost).count() as f64 / 1e5;
    assert!((share - 0.1).abs() < 0.005, "{share}");
}

#[test]
fn bursts_lose_their_mean_share_and_last_their_mean_length() {
    let burst = Burst {
        p_enter: 0.01,
        p_leave: 0.2,
        loss: 1.0,
    };
    let link = Link {
        burst: Some(burst),
        ..Link::ideal()
    };
    let lost: Vec<_> = fates(link.clone(), 400_000)
        .iter()
        .map(|fate| *fate == Fate::Lost)
        .collect();
    let share = lost.iter().filter(|lost| **lost).count() as f64 / 4e5;
    assert!((share / link.mean_loss() - 1.0).abs() < 0.05, "{share}");
    let bursts = lost.chunk_by(|a, b| a == b).filter(|run| run[0]);
    let (number, total) = bursts.fold((0.0, 0.0), |(n, sum), run| {
        (n + 1.0, sum + run.len() as f64)
    });
    let mean = total / number;
    assert!((mean - 5.0).abs() < 0.25, "a mean burst of {mean} packets");
}

#[test]
fn luck_does_not_depend_on_fate() {
    let lossy = Link::lossy(0.2);
    let mut other = lossy.clone();
    other.duplicate = 0.5;
    other.corrupt = 0.5;
    other.jitter = Duration::from_millis(9);
    assert_eq!(fates(lossy.clone(), 1000), fates(other, 1000));

    let (mut free, mut cut) = (wire(lossy.clone()), wire(lossy));
    for n in 0..1000_u64 {
        let refused = (n < 500).then_some(Fate::Down);
        let (a, b) = (free.pass(n, 0, None, None), cut.pass(n, 0, None, refused));
        assert!(n < 500 || a.fate == b.fate, "packet {n}: {a:?} and {b:?}");
    }
}

#[test]
fn sending_takes_headers_into_account() {
    let mut v4 = wire(Link {
        rate: 8_000,
        ..Link::ideal()
    });
    assert_eq!(v4.pass(0, 972, None, None).arrival, 1_000_000_000);
    let mut v6 = Wire::new(v4.link.clone(), Rng::named(5, &[]), true);
    assert_eq!(v6.pass(0, 952, None, None).arrival, 1_000_000_000);
}

#[test]
fn an_empty_queue_takes_any_packet() {
    let mut wire = wire(Link {
        rate: 8_000,
        queue: 0,
        ..Link::ideal()
    });
    assert_eq!(wire.pass(0, 972, None, None).fate, Fate::Delivered);
    assert_eq!(wire.pass(1, 1, None, None).fate, Fate::QueueFull);
    assert_eq!(
        wire.pass(1_000_000_000, 1, None, None).fate,
        Fate::Delivered
    );
}

#[test]
fn lost_packets_use_up_the_rate() {
    let mut wire = wire(Link {
        rate: 8_000,
        loss: 1.0,
        ..Link::ideal()
    });
    assert_eq!(wire.pass(0, 972, None, None).fate, Fate::Lost);
    wire.link.loss = 0.0;
    assert_eq!(wire.pass(0, 972, None, None).arrival, 2_000_000_000);
}
