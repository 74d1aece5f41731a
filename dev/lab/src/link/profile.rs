//! What a link is like, in one direction; and the ladder from a good one to one past use.

use std::time::Duration;

/// One direction of a link. Packets keep their order.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct Link {
    /// How long each packet is on its way, besides waiting for others.
    pub delay: Duration,
    /// By how much that varies, up and down.
    pub jitter: Duration,
    /// Bits a second, counted from the IP header on; without it there is no limit and no queue.
    pub rate: Option<u64>,
    /// How long a packet may wait for others before it is lost.
    pub queue: Duration,
    /// What is lost on the way, after the queue.
    pub loss: Loss,
    /// Larger packets vanish, and nobody is told: a black hole for path MTU discovery. In bytes
    /// with the IP header.
    pub swallows_above: Option<u16>,
}

/// How packets are lost. Shares are from 0 to 1. What the hosts of an Ethernet tell each
/// other about it (ARP, neighbour discovery, multicast groups) is never lost.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum Loss {
    /// None is.
    None,
    /// Each for itself.
    Random {
        /// The share that is lost.
        share: f64,
    },
    /// In bursts, as Gilbert's model has it: within one all are lost, between them none.
    Burst {
        /// The share that is lost in the long run.
        share: f64,
        /// Packets in a burst, on average.
        mean: f64,
    },
}

impl Link {
    /// As good as the machine.
    pub const PERFECT: Self = Self {
        delay: Duration::ZERO,
        jitter: Duration::ZERO,
        rate: None,
        queue: Duration::from_millis(100),
        loss: Loss::None,
        swallows_above: None,
    };

    /// Nine links, each worse than the one before, with their names: from Wi-Fi beside the access
    /// point to what no radio sustains. The numbers are those of the ladder that iroh 1.4 is tested
    /// on, so that results can be laid side by side: half of the round trip each way, a queue as
    /// long as the round trip.
    pub const LADDER: [(&str, Self); 9] = [
        ("good-wifi", Self::rung(100_000, 16, 0, 0.001, 5.0)),
        ("congested-wifi", Self::rung(25_000, 40, 12, 0.01, 6.0)),
        ("weak-4g", Self::rung(8_000, 90, 15, 0.02, 8.0)),
        ("slow-3g", Self::rung(3_000, 200, 30, 0.03, 10.0)),
        ("congested-cellular", Self::rung(1_500, 300, 40, 0.05, 12.0)),
        ("very-bad-cellular", Self::rung(800, 450, 60, 0.08, 20.0)),
        ("satellite", Self::rung(25_000, 600, 40, 0.015, 6.0)),
        ("barely-usable", Self::rung(500, 450, 80, 0.12, 25.0)),
        ("absurd", Self::rung(256, 800, 150, 0.25, 40.0)),
    ];

    const fn rung(kilobits: u64, rtt_ms: u64, jitter_ms: u64, share: f64, mean: f64) -> Self {
        Self {
            delay: Duration::from_millis(rtt_ms / 2),
            jitter: Duration::from_millis(jitter_ms),
            rate: Some(kilobits * 1000),
            queue: Duration::from_millis(rtt_ms),
            loss: Loss::Burst { share, mean },
            swallows_above: None,
        }
    }

    /// The same, with another delay.
    #[must_use]
    pub fn with_delay(self, delay: Duration) -> Self {
        Self { delay, ..self }
    }

    /// The same, with another jitter.
    #[must_use]
    pub fn with_jitter(self, jitter: Duration) -> Self {
        Self { jitter, ..self }
    }

    /// The same, with another rate in bits a second, and a queue for it.
    #[must_use]
    pub fn with_rate(self, bits_per_second: u64, queue: Duration) -> Self {
        let rate = Some(bits_per_second.max(1));
        Self {
            rate,
            queue,
            ..self
        }
    }

    /// The same, with other losses.
    #[must_use]
    pub fn with_loss(self, loss: Loss) -> Self {
        Self { loss, ..self }
    }

    /// The same, with larger packets vanishing.
    #[must_use]
    pub fn swallowing_above(self, bytes: u16) -> Self {
        let swallows_above = Some(bytes);
        Self {
            swallows_above,
            ..self
        }
    }
}
