//! How many members there are, from how close together they lie.
//!
//! ```text
//! the i-th closest of N members evenly spread lies at i / (N + 1)
//! N + 1 = sum of i^2 / sum of i * distance(i)                   least squares over one lookup
//! N     = the lower quartile of the last 15 lookups for keys by chance
//! ```
//!
//! *Invariant.* Only lookups count whose targets are chosen by chance alone: identities that were
//! ground around one key, or around us, change no quartile. The lower one, because an attacker can make
//! a place denser but not thinner, and too large a region costs requests while too small a one costs
//! records.
//!
//! spec: DHT-30.

use std::collections::VecDeque;

use crate::key::Distance;

/// The last estimates.
#[derive(Debug, Clone, Default)]
pub(crate) struct Size {
    latest: VecDeque<f32>,
}

const KEPT: usize = 15;
const ENOUGH: usize = 3;

impl Size {
    /// Counts a finished lookup by the distances of its closest members, closest first.
    pub(crate) fn sample(&mut self, distances: impl Iterator<Item = Distance>) {
        let Some(members) = Self::fit(distances) else {
            return;
        };
        if self.latest.len() == KEPT {
            self.latest.pop_front();
        }
        self.latest.push_back(members as f32);
    }

    /// What the distances of the closest members, closest first, say about their number.
    pub(crate) fn fit(distances: impl Iterator<Item = Distance>) -> Option<f64> {
        let (mut squares, mut products, mut count) = (0.0_f64, 0.0_f64, 0);
        for (place, distance) in (1_u32..).zip(distances) {
            squares += f64::from(place * place);
            products += f64::from(place) * distance.fraction();
            count = place;
        }
        // With few members there is nothing to estimate: all of them were found.
        (count >= 8 && products > 0.0).then(|| squares / products - 1.0)
    }

    /// Whether enough lookups have told.
    pub(crate) fn is_known(&self) -> bool {
        self.latest.len() >= ENOUGH
    }

    /// How many members there are, once enough is known to say.
    pub(crate) fn estimate(&self) -> Option<f64> {
        let mut sorted: Vec<f32> = self.latest.iter().copied().collect();
        sorted.sort_by(f32::total_cmp);
        let quartile = sorted.get(sorted.len() / 4).copied()?;
        (sorted.len() >= ENOUGH).then(|| f64::from(quartile.max(1.0)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Key;

    fn spread(count: u64, target: u64) -> Vec<Distance> {
        let key = |start: u64| {
            let mut bytes = [0; 32];
            bytes[..8].copy_from_slice(&start.to_be_bytes());
            Key::from_bytes(bytes)
        };
        // A permutation of the 64-bit numbers, so evenly spread and without a pattern.
        let mut all: Vec<_> = (0..count)
            .map(|number| number.wrapping_mul(0x9E37_79B9_7F4A_7C15).rotate_left(17))
            .map(|start| start.wrapping_mul(0xBF58_476D_1CE4_E5B9))
            .map(|start| key(target).distance(&key(start)))
            .collect();
        all.sort();
        all.truncate(20);
        all
    }

    #[test]
    fn size_is_estimated_within_a_third() {
        for count in [100, 1_000, 10_000] {
            let mut size = Size::default();
            for target in 1..=15_u64 {
                let target = target.wrapping_mul(0x0123_4567_89AB_CDEF);
                size.sample(spread(count, target).into_iter());
            }
            let ratio = size.estimate().unwrap() / count as f64;
            assert!((0.67..1.5).contains(&ratio), "{count}: {ratio}");
        }
    }

    #[test]
    fn identities_around_a_few_targets_change_no_median() {
        let mut size = Size::default();
        for target in 1..=11_u64 {
            let target = target.wrapping_mul(0x0123_4567_89AB_CDEF);
            size.sample(spread(1_000, target).into_iter());
        }
        let before = size.estimate().unwrap();
        for _ in 0..4 {
            size.sample(spread(100_000_000 / 1_000, 77).into_iter());
        }
        let ratio = size.estimate().unwrap() / before;
        assert!((0.5..2.0).contains(&ratio), "{ratio}");
    }

    #[test]
    fn nothing_is_said_before_enough_is_known() {
        let mut size = Size::default();
        size.sample(spread(1_000, 1).into_iter());
        size.sample(spread(3, 1).into_iter());
        assert_eq!(size.estimate(), None);
    }
}
