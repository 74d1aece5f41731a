//! One direction of a link as numbers: when a packet that comes now goes out, or that it does not.
//! Pure: time comes in as an argument.

use std::time::{Duration, Instant};

use super::profile::{Link, Loss};
use crate::random::Random;

/// What became of the packets of one direction.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Counts {
    /// Sent on, or about to be.
    pub passed: u64,
    /// Lost on the way, as [`Loss`] says.
    pub lost: u64,
    /// Lost because the queue was full.
    pub overflowed: u64,
    /// Too large, and swallowed.
    pub swallowed: u64,
    /// Bytes sent on, with their IP headers.
    pub bytes: u64,
}

impl Counts {
    /// What has been added since an earlier count of the same direction.
    #[must_use]
    pub fn since(self, earlier: Self) -> Self {
        Self {
            passed: self.passed - earlier.passed,
            lost: self.lost - earlier.lost,
            overflowed: self.overflowed - earlier.overflowed,
            swallowed: self.swallowed - earlier.swallowed,
            bytes: self.bytes - earlier.bytes,
        }
    }

    /// All packets that the link has dealt with.
    pub fn packets(&self) -> u64 {
        self.passed + self.lost + self.overflowed + self.swallowed
    }
}

#[derive(Debug)]
pub(super) struct Pipe {
    pub(super) link: Link,
    pub(super) counts: Counts,
    random: Random,
    is_in_burst: bool,
    /// When what has come so far will have left the queue.
    free_at: Option<Instant>,
    /// When the last one goes out; none goes before it.
    last_due: Option<Instant>,
}

impl Pipe {
    pub(super) fn new(link: Link, seed: u64) -> Self {
        Self {
            link,
            counts: Counts::default(),
            random: Random::new(seed),
            is_in_burst: false,
            free_at: None,
            last_due: None,
        }
    }

    /// When a packet of some bytes that comes now goes out, unless it is lost.
    pub(super) fn packet(&mut self, now: Instant, bytes: usize) -> Option<Instant> {
        if self
            .link
            .swallows_above
            .is_some_and(|most| bytes > usize::from(most))
        {
            self.counts.swallowed += 1;
            return None;
        }
        let Some(through_queue) = self.queue(now, bytes) else {
            self.counts.overflowed += 1;
            return None;
        };
        if self.loses() {
            self.counts.lost += 1;
            return None;
        }
        self.counts.passed += 1;
        self.counts.bytes += bytes as u64;
        let on_its_way = self.delay();
        Some(self.in_order(through_queue + on_its_way))
    }

    /// The same for what belongs to the wire: it is late as others are, and never lost.
    pub(super) fn of_the_wire(&mut self, now: Instant) -> Instant {
        self.in_order(now + self.link.delay)
    }

    fn queue(&mut self, now: Instant, bytes: usize) -> Option<Instant> {
        let Some(rate) = self.link.rate else {
            return Some(now);
        };
        let start = self.free_at.map_or(now, |free_at| free_at.max(now));
        if start - now > self.link.queue {
            return None;
        }
        let bits = bytes as f64 * 8.0;
        let end = start + Duration::from_secs_f64(bits / rate as f64);
        self.free_at = Some(end);
        Some(end)
    }

    fn loses(&mut self) -> bool {
        match self.link.loss {
            Loss::None => false,
            Loss::Random { share } => self.random.share() < share,
            Loss::Burst { share, mean } => {
                let end = 1.0 / mean.max(1.0);
                let begin = end * share / (1.0 - share.min(0.99));
                let turn = if self.is_in_burst { end } else { begin };
                self.is_in_burst ^= self.random.share() < turn;
                self.is_in_burst
            }
        }
    }

    fn delay(&mut self) -> Duration {
        let earliest = self.link.delay.saturating_sub(self.link.jitter);
        let latest = self.link.delay + self.link.jitter;
        earliest + latest.saturating_sub(earliest).mul_f64(self.random.share())
    }

    fn in_order(&mut self, due: Instant) -> Instant {
        let due = self.last_due.map_or(due, |last| last.max(due));
        self.last_due = Some(due);
        due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PACKETS: u64 = 100_000;

    fn pipe(link: Link) -> Pipe {
        Pipe::new(link, 1)
    }

    /// Which of many packets get through.
    fn fates(loss: Loss) -> Vec<bool> {
        let mut pipe = pipe(Link::PERFECT.with_loss(loss));
        let now = Instant::now();
        (0..PACKETS)
            .map(|_| pipe.packet(now, 1000).is_some())
            .collect()
    }

    fn lost_share(fates: &[bool]) -> f64 {
        fates.iter().filter(|passed| !**passed).count() as f64 / fates.len() as f64
    }

    fn mean_burst(fates: &[bool]) -> f64 {
        let bursts = fates
            .split(|passed| *passed)
            .filter(|burst| !burst.is_empty());
        let lengths: Vec<usize> = bursts.map(<[bool]>::len).collect();
        lengths.iter().sum::<usize>() as f64 / lengths.len() as f64
    }

    #[test]
    fn perfect_link_keeps_nothing_back() {
        let now = Instant::now();
        assert_eq!(pipe(Link::PERFECT).packet(now, 65_000), Some(now));
    }

    #[test]
    fn random_loss_is_its_share_and_comes_alone() {
        let fates = fates(Loss::Random { share: 0.05 });
        assert!((lost_share(&fates) - 0.05).abs() < 0.005);
        assert!(mean_burst(&fates) < 1.15);
    }

    #[test]
    fn burst_loss_is_its_share_in_bursts_of_its_mean() {
        for (share, mean) in [(0.01, 6.0), (0.12, 25.0), (0.25, 40.0)] {
            let fates = fates(Loss::Burst { share, mean });
            let found = (lost_share(&fates) / share, mean_burst(&fates) / mean);
            assert!((0.75..1.25).contains(&found.0), "{share}: {found:?}");
            assert!((0.8..1.2).contains(&found.1), "{mean}: {found:?}");
        }
    }

    #[test]
    fn rate_spaces_packets_and_the_queue_is_bounded() {
        let queue = Duration::from_millis(10);
        let mut pipe = pipe(Link::PERFECT.with_rate(8_000_000, queue));
        let now = Instant::now();
        // A packet of 1,000 bytes takes 1 ms: ten wait, one is on its way, the next is lost.
        let due: Vec<_> = (0..20).filter_map(|_| pipe.packet(now, 1000)).collect();
        assert_eq!(due.len(), 11);
        assert_eq!(due[10] - now, Duration::from_millis(11));
        assert_eq!(pipe.counts.overflowed, 9);
        assert!(pipe.packet(now + queue, 1000).is_some());
    }

    #[test]
    fn jitter_stays_in_bounds_and_keeps_the_order() {
        let (delay, jitter) = (Duration::from_millis(50), Duration::from_millis(20));
        let mut pipe = pipe(Link::PERFECT.with_delay(delay).with_jitter(jitter));
        let now = Instant::now();
        let late: Vec<_> = (0..1000)
            .filter_map(|step| {
                let sent = now + Duration::from_millis(step * 100);
                Some(pipe.packet(sent, 100)? - sent)
            })
            .collect();
        let (least, most) = (late.iter().min().unwrap(), late.iter().max().unwrap());
        assert!(*least >= delay.saturating_sub(jitter) && *most <= delay + jitter);
        assert!(*most > *least + jitter);
        let dues: Vec<_> = (0..1000).filter_map(|_| pipe.packet(now, 100)).collect();
        assert!(dues.is_sorted());
    }

    #[test]
    fn too_large_packets_vanish() {
        let mut pipe = pipe(Link::PERFECT.swallowing_above(1280));
        let now = Instant::now();
        assert!(pipe.packet(now, 1280).is_some());
        assert!(pipe.packet(now, 1281).is_none());
        assert_eq!(pipe.counts.swallowed, 1);
    }

    #[test]
    fn same_seed_loses_the_same_packets() {
        let loss = Loss::Random { share: 0.1 };
        assert_eq!(fates(loss), fates(loss));
    }
}
