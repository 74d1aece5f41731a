//! What is asked of a world, and what must come of it.

pub mod hostile;
pub mod load;
pub mod lookups;
pub mod providers;
pub mod trouble;

use std::time::Duration;

use stt_dht::{Config, Defence, Effort, Ended, Serving};

use crate::stats::Quantiles;

/// What many queries took, and how many did what they should.
#[derive(Debug, Clone, Default)]
#[expect(clippy::exhaustive_structs, reason = "plain measurements")]
pub struct Tally {
    /// Queries begun.
    pub asked: usize,
    /// Of those, queries that did what they should.
    pub good: usize,
    /// Milliseconds to the end.
    pub time_ms: Quantiles,
    /// Requests.
    pub requests: Quantiles,
    /// Handshakes.
    pub dials: Quantiles,
    /// The part of the truly closest that was found.
    pub overlap: Quantiles,
    /// The longest any took.
    pub longest: Duration,
    /// Queries without any end.
    pub endless: usize,
}

impl Tally {
    fn add(&mut self, ended: Option<&Ended>, is_good: bool) {
        self.asked += 1;
        self.good += usize::from(is_good);
        match ended {
            Some(ended) => self.effort(&ended.effort),
            None => self.endless += 1,
        }
    }

    fn effort(&mut self, effort: &Effort) {
        self.time_ms.add(effort.time.as_secs_f64() * 1_000.0);
        self.requests.add(effort.requests as f64);
        self.dials.add(effort.dials as f64);
        self.longest = self.longest.max(effort.time);
    }

    /// Adds what another has counted.
    pub fn merge(&mut self, other: &Self) {
        self.asked += other.asked;
        self.good += other.good;
        self.endless += other.endless;
        self.longest = self.longest.max(other.longest);
        self.time_ms.extend(&other.time_ms);
        self.requests.extend(&other.requests);
        self.dials.extend(&other.dials);
        self.overlap.extend(&other.overlap);
    }

    /// The part of the queries that did what they should.
    pub fn success(&self) -> f64 {
        self.good as f64 / self.asked.max(1) as f64
    }
}

impl std::fmt::Display for Tally {
    /// What was counted, and nothing of what was not.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} of {} good", self.good, self.asked)?;
        if self.endless > 0 {
            write!(f, ", {} endless", self.endless)?;
        }
        let (p50, p99) = (self.time_ms.at(0.5), self.time_ms.at(0.99));
        write!(f, "; p50 {p50:.0} ms, p99 {p99:.0} ms")?;
        if !self.requests.is_empty() {
            let (requests, dials) = (self.requests.mean(), self.dials.mean());
            write!(f, "; {requests:.1} requests, {dials:.1} dials")?;
        }
        if !self.overlap.is_empty() {
            write!(f, "; overlap {:.4}", self.overlap.mean())?;
        }
        Ok(())
    }
}

/// The settings of simulated members: all can be reached.
pub fn config() -> Config {
    let mut config = Config::default();
    config.serving = Serving::Always;
    config
}

/// The same, with one defence taken away.
pub fn config_without(defence: Defence) -> Config {
    let mut config = config();
    config.defences = config.defences.without(defence);
    config
}
