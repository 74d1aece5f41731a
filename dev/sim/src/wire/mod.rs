//! One direction while packets pass: its queue, its luck, its counters.
//!
//! The order of what can happen to a packet: refused (a dead host, a cut, nobody there), larger
//! than the MTU, queue full, then it takes its time at the rate, is lost, or arrives: late,
//! reordered, marked, corrupted, twice.
//!
//! Invariant: each packet draws the same random values whatever its fate ([`Draws`]).
//! Units: `u64` times are nanoseconds of virtual time.

#[cfg(test)]
mod tests;

use std::time::Duration;

use noq::udp::EcnCodepoint;

use crate::{
    fate::{Fate, LinkStats},
    link::Link,
    rng::Rng,
    timer::nanos,
};

/// How one packet fared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Passage {
    pub(crate) fate: Fate,
    /// When it arrives; meaningless for packets that don't.
    pub(crate) arrival: u64,
    /// How often it arrives.
    pub(crate) copies: u8,
    /// Which bit of the payload is flipped.
    pub(crate) flip: Option<usize>,
    pub(crate) ecn: Option<EcnCodepoint>,
}

impl Passage {
    fn ends(fate: Fate, ecn: Option<EcnCodepoint>) -> Self {
        Self {
            fate,
            arrival: 0,
            copies: 0,
            flip: None,
            ecn,
        }
    }
}

/// A direction between two sockets, and its state.
#[derive(Debug)]
pub(crate) struct Wire {
    pub(crate) link: Link,
    pub(crate) stats: LinkStats,
    rng: Rng,
    /// Bytes of the headers of IP and UDP.
    headers: u64,
    is_bad: bool,
    /// When the last byte of the queue will have been sent.
    busy_until: u64,
    last_arrival: u64,
}

impl Wire {
    pub(crate) fn new(link: Link, rng: Rng, is_ipv6: bool) -> Self {
        let headers = if is_ipv6 { 48 } else { 28 };
        Self {
            link,
            stats: LinkStats::default(),
            rng,
            headers,
            is_bad: false,
            busy_until: 0,
            last_arrival: 0,
        }
    }

    /// Decides what becomes of a packet of `payload` bytes sent now, unless it was `refused`.
    pub(crate) fn pass(
        &mut self,
        now: u64,
        payload: usize,
        ecn: Option<EcnCodepoint>,
        refused: Option<Fate>,
    ) -> Passage {
        let draws = Draws::new(&mut self.rng);
        let is_lost = self.is_lost(&draws);
        self.stats.sent += 1;
        self.stats.sent_bytes += payload as u64;
        let passage = match refused.or_else(|| self.obstacle(now, payload)) {
            Some(fate) => Passage::ends(fate, ecn),
            None => self.convey(now, payload, ecn, is_lost, &draws),
        };
        self.stats.count(passage.fate, payload);
        passage
    }

    /// A packet that no fault touches and that takes no luck from the others.
    pub(crate) fn inject(&mut self, now: u64, refused: Option<Fate>) -> Passage {
        let passage = match refused {
            Some(fate) => Passage::ends(fate, None),
            None => Passage {
                arrival: now.saturating_add(nanos(self.link.latency)),
                copies: 1,
                ..Passage::ends(Fate::Injected, None)
            },
        };
        self.stats.count(passage.fate, 0);
        passage
    }

    fn is_lost(&mut self, draws: &Draws) -> bool {
        let by_burst = self.link.burst.is_some_and(|burst| {
            let p_change = if self.is_bad {
                burst.p_leave
            } else {
                burst.p_enter
            };
            self.is_bad ^= draws.burst < p_change;
            self.is_bad && draws.burst_loss < burst.loss
        });
        by_burst || draws.loss < self.link.loss
    }

    /// Why a packet doesn't even enter the queue.
    fn obstacle(&self, now: u64, payload: usize) -> Option<Fate> {
        if self.link.down {
            return Some(Fate::Down);
        }
        if payload > self.link.mtu {
            return Some(Fate::TooBig);
        }
        let waiting = self.waiting_bytes(now);
        let is_full = waiting > 0 && waiting + self.wire_bytes(payload) > self.link.queue;
        is_full.then_some(Fate::QueueFull)
    }

    /// Queues and sends a packet.
    fn convey(
        &mut self,
        now: u64,
        payload: usize,
        ecn: Option<EcnCodepoint>,
        is_lost: bool,
        draws: &Draws,
    ) -> Passage {
        let is_marked = ecn.is_some()
            && self
                .link
                .ce_above
                .is_some_and(|limit| self.waiting_bytes(now) > limit);
        let sent = self.busy_until.max(now) + self.sending_time(payload);
        self.busy_until = sent;
        if is_lost {
            return Passage::ends(Fate::Lost, ecn);
        }
        let mut arrival = sent
            .saturating_add(nanos(self.link.latency))
            .saturating_add(nanos(self.link.jitter.mul_f64(draws.jitter)));
        if draws.reorder < self.link.reorder {
            self.stats.reordered += 1;
            arrival = arrival.saturating_add(nanos(self.link.reorder_by));
        } else {
            arrival = arrival.max(self.last_arrival);
            self.last_arrival = arrival;
        }
        let is_doubled = draws.duplicate < self.link.duplicate;
        let is_corrupt = payload > 0 && draws.corrupt < self.link.corrupt;
        self.stats.duplicated += u64::from(is_doubled);
        self.stats.corrupted += u64::from(is_corrupt);
        self.stats.marked += u64::from(is_marked);
        Passage {
            fate: Fate::Delivered,
            arrival,
            copies: 1 + u8::from(is_doubled),
            flip: is_corrupt.then(|| (draws.bit % (payload as u64 * 8)) as usize),
            ecn: if is_marked {
                Some(EcnCodepoint::Ce)
            } else {
                ecn
            },
        }
    }

    fn wire_bytes(&self, payload: usize) -> u64 {
        payload as u64 + self.headers
    }

    fn sending_time(&self, payload: usize) -> u64 {
        let bits = u128::from(self.wire_bytes(payload)) * 8;
        (bits * NANOS_A_SECOND)
            .checked_div(u128::from(self.link.rate))
            .unwrap_or(0) as u64
    }

    /// What is queued, the packet being sent included.
    fn waiting_bytes(&self, now: u64) -> u64 {
        let time = u128::from(self.busy_until.saturating_sub(now));
        (time * u128::from(self.link.rate) / (8 * NANOS_A_SECOND)) as u64
    }
}

/// When the second of two copies follows the first.
pub(crate) const COPY_DELAY: u64 = Duration::from_micros(1).as_nanos() as u64;

const NANOS_A_SECOND: u128 = 1_000_000_000;

/// All the luck of a packet, drawn before its fate is known.
struct Draws {
    burst: f64,
    burst_loss: f64,
    loss: f64,
    jitter: f64,
    reorder: f64,
    duplicate: f64,
    corrupt: f64,
    bit: u64,
}

impl Draws {
    fn new(rng: &mut Rng) -> Self {
        Self {
            burst: rng.unit(),
            burst_loss: rng.unit(),
            loss: rng.unit(),
            jitter: rng.unit(),
            reorder: rng.unit(),
            duplicate: rng.unit(),
            corrupt: rng.unit(),
            bit: rng.word(),
        }
    }
}
