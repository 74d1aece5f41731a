//! What is counted.

use std::fmt;
use std::iter::Sum;

/// Messages and bytes of a whole world.
#[derive(Debug, Clone, Copy, Default)]
#[expect(clippy::exhaustive_structs, reason = "plain counters")]
pub struct Traffic {
    /// Requests and answers.
    pub messages: u64,
    /// Their bytes, and those of handshakes.
    pub bytes: u64,
    /// Handshakes.
    pub dials: u64,
}

impl Sum for Traffic {
    fn sum<I: Iterator<Item = Self>>(parts: I) -> Self {
        parts.fold(Self::default(), |sum, part| Self {
            messages: sum.messages + part.messages,
            bytes: sum.bytes + part.bytes,
            dials: sum.dials + part.dials,
        })
    }
}

/// A list of numbers, to be asked for its quantiles.
#[derive(Debug, Clone, Default)]
pub struct Quantiles(Vec<f64>);

impl Quantiles {
    /// Adds a number.
    pub fn add(&mut self, value: f64) {
        self.0.push(value);
    }

    /// Adds the numbers of another list.
    pub fn extend(&mut self, other: &Self) {
        self.0.extend_from_slice(&other.0);
    }

    /// The number that a `share` of all are not above; 0 of nothing.
    pub fn at(&self, share: f64) -> f64 {
        let mut sorted = self.0.clone();
        sorted.sort_by(f64::total_cmp);
        let place = (1..sorted.len()).find(|place| *place as f64 >= sorted.len() as f64 * share);
        sorted
            .get(place.map_or(sorted.len(), |place| place).saturating_sub(1))
            .copied()
            .unwrap_or_default()
    }

    /// The mean; 0 of nothing.
    pub fn mean(&self) -> f64 {
        self.0.iter().fold(0.0, |sum, value| sum + value) / self.0.len().max(1) as f64
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Display for Quantiles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (mean, p50, p99, most) = (self.mean(), self.at(0.5), self.at(0.99), self.at(1.0));
        write!(
            f,
            "mean {mean:.1}, p50 {p50:.1}, p99 {p99:.1}, most {most:.1}"
        )
    }
}
