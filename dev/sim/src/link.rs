//! The properties of one direction between two sockets.
//!
//! Units: times are `Duration`s, sizes bytes, rates bits a second, probabilities `0.0..=1.0`.
//!
//! Not here: the state a direction has while packets pass (`wire.rs`), which link applies to
//! which packet (`routes.rs`).

use std::time::Duration;

/// What happens to packets in one direction. All of it can be changed at any time; packets already
/// on their way keep the fate they were given.
#[derive(Debug, Clone, PartialEq)]
pub struct Link {
    /// Time from the end of sending to arrival.
    pub latency: Duration,
    /// Up to this much is added to `latency`, evenly spread. It never reorders by itself: a packet
    /// waits for those sent before it.
    pub jitter: Duration,
    /// Bits a second, headers included (28 bytes a packet on IPv4, 48 on IPv6); 0 is unlimited.
    pub rate: u64,
    /// Bytes, headers included, that wait for `rate` before newcomers are dropped. An empty queue
    /// takes any packet. Without a `rate` nothing waits.
    pub queue: u64,
    /// Probability that a packet is lost. It is lost after the queue, so it uses up `rate`.
    pub loss: f64,
    /// Losses that come in bursts, on top of `loss`.
    pub burst: Option<Burst>,
    /// Probability that a packet is held back by `reorder_by` while later ones pass it.
    pub reorder: f64,
    /// How long a reordered packet is held back.
    pub reorder_by: Duration,
    /// Probability that a packet arrives twice; the copy comes a microsecond later and uses no
    /// `rate`.
    pub duplicate: f64,
    /// Probability that one random bit of a packet is flipped. (UDP's checksum would refuse nearly
    /// all such packets; what arrives here is what an adversary or a broken router would send.)
    pub corrupt: f64,
    /// Bytes of UDP payload; larger packets vanish without a word, as in a path MTU black hole.
    pub mtu: usize,
    /// Bytes, headers included: packets that carry ECN and find more than this in the queue are
    /// marked "congestion experienced". `None` never marks.
    pub ce_above: Option<u64>,
    /// Nothing passes.
    pub down: bool,
}

impl Link {
    /// A link that only connects: no latency, no limits, no faults.
    pub fn ideal() -> Self {
        Self {
            latency: Duration::ZERO,
            jitter: Duration::ZERO,
            rate: 0,
            queue: u64::MAX,
            loss: 0.0,
            burst: None,
            reorder: 0.0,
            reorder_by: Duration::from_millis(5),
            duplicate: 0.0,
            corrupt: 0.0,
            mtu: ETHERNET_PAYLOAD,
            ce_above: None,
            down: false,
        }
    }

    /// A local network: 0.2 ms, 1 Gbit/s, a queue of 1 MB.
    pub fn lan() -> Self {
        Self {
            latency: Duration::from_micros(200),
            rate: 1_000_000_000,
            queue: 1_000_000,
            ..Self::ideal()
        }
    }

    /// A path across a continent: 25 ms, 100 Mbit/s, a queue of 50 ms (625 kB).
    pub fn wan() -> Self {
        Self {
            latency: Duration::from_millis(25),
            rate: 100_000_000,
            queue: 625_000,
            ..Self::ideal()
        }
    }

    /// [`wan`](Self::wan) that loses packets with the probability `loss`, each by itself.
    pub fn lossy(loss: f64) -> Self {
        Self {
            loss,
            ..Self::wan()
        }
    }

    /// A phone on the move: 40 ms and up to 30 ms more, 20 Mbit/s, a deep queue (500 kB, 200 ms),
    /// and about 1 % lost, mostly in bursts of some eight packets.
    pub fn mobile() -> Self {
        Self {
            latency: Duration::from_millis(40),
            jitter: Duration::from_millis(30),
            rate: 20_000_000,
            queue: 500_000,
            loss: 0.001,
            burst: Some(Burst {
                p_enter: 0.0024,
                p_leave: 0.125,
                loss: 0.5,
            }),
            ..Self::ideal()
        }
    }

    /// The share of packets lost in the long run to `loss` and `burst`, queue drops aside.
    pub fn mean_loss(&self) -> f64 {
        let Some(burst) = self.burst else {
            return self.loss;
        };
        let bad = burst.bad_share();
        let in_bad = 1.0 - (1.0 - self.loss) * (1.0 - burst.loss);
        (1.0 - bad) * self.loss + bad * in_bad
    }
}

impl Default for Link {
    /// [`Link::wan`].
    fn default() -> Self {
        Self::wan()
    }
}

/// Losses in bursts: the model of Gilbert and Elliott.
///
/// A link is in a good or a bad state; before each packet it may change state. In the bad state
/// packets are lost with `loss`, in the good state by [`Link::loss`] alone. A bad spell lasts
/// `1 / p_leave` packets on average.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Burst {
    /// Probability, at each packet, that a good state turns bad.
    pub p_enter: f64,
    /// Probability, at each packet, that a bad state turns good.
    pub p_leave: f64,
    /// Probability that a packet is lost in the bad state.
    pub loss: f64,
}

impl Burst {
    /// The share of packets that meet the bad state, in the long run.
    pub fn bad_share(&self) -> f64 {
        let sum = self.p_enter + self.p_leave;
        if sum > 0.0 { self.p_enter / sum } else { 0.0 }
    }
}

/// 1500 bytes of Ethernet payload less the headers of IPv4 and UDP.
const ETHERNET_PAYLOAD: usize = 1472;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mean_loss_weighs_the_two_states() {
        let burst = Burst {
            p_enter: 0.01,
            p_leave: 0.09,
            loss: 0.5,
        };
        assert!((burst.bad_share() - 0.1).abs() < 1e-12);
        let link = Link {
            burst: Some(burst),
            ..Link::ideal()
        };
        assert!((link.mean_loss() - 0.05).abs() < 1e-12);
        assert!((Link::lossy(0.02).mean_loss() - 0.02).abs() < 1e-12);
    }

    #[test]
    fn the_mobile_preset_loses_about_one_percent() {
        let loss = Link::mobile().mean_loss();
        assert!((0.009..0.012).contains(&loss), "{loss}");
    }
}
