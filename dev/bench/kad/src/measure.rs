//! What is measured: joining, being left alone, and each operation many times, one after the other.
//!
//! What it costs to be there, without any operation, is measured first and taken off the cost of operations.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use serde::{Deserialize, Serialize};

use crate::args::Work;
use crate::peers::Village;
use crate::system::{self, Window};

/// What a run found, in the order in which it is shown.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Outcome {
    pub(crate) metrics: Vec<(String, f64)>,
    /// Cores that other processes kept busy.
    pub(crate) others: f64,
}

/// What it costs a second to be there.
#[derive(Debug, Clone, Copy)]
struct Idle {
    cpu: f64,
    sent: f64,
    requests: f64,
}

/// What was measured of one kind of operation.
#[derive(Debug, Default)]
struct Times {
    first: Vec<f64>,
    whole: Vec<f64>,
    failed: usize,
}

pub(crate) async fn run<V: Village>(work: &Work) -> Result<Outcome> {
    let mut outcome = Outcome::default();
    let members = work.members as f64;
    let whole = Window::open()?;
    let joining = Window::open()?;
    let village = V::found(work.members).await?;
    let sent = village.sent()?;
    let joined = joining.close()?;
    outcome.add("join: s, all", joined.seconds);
    outcome.add("join: CPU-ms a member", joined.cpu * 1e3 / members);
    outcome.add("join: KB sent a member", sent / 1e3 / members);
    let idle = rest(&village, work, &mut outcome).await?;
    outcome.add("memory, KB a member", system::resident()? / 1e3 / members);

    let mut random = Random(1);
    let mut find = Operations::begin(&village, idle)?;
    for _ in 0..work.operations {
        let (asker, member) = random.strangers(&village, work.members);
        let began = Instant::now();
        let found = village.find(asker, member).await?;
        find.times.note(began, found);
    }
    find.end("find", &mut outcome)?;

    let mut keys = Vec::new();
    let mut provide = Operations::begin(&village, idle)?;
    for _ in 0..work.operations {
        let (provider, key) = (random.below(work.members), random.bytes());
        let began = Instant::now();
        let is_held = village.provide(provider, key).await?;
        provide.times.note(began, is_held.then_some(Duration::ZERO));
        keys.push((provider, key));
    }
    provide.end("provide", &mut outcome)?;

    let mut search = Operations::begin(&village, idle)?;
    for (provider, key) in keys {
        let asker = random.other_than(provider, work.members);
        let began = Instant::now();
        let found = village.providers(asker, provider, key).await?;
        search.times.note(began, found);
    }
    search.end("providers", &mut outcome)?;
    outcome.others = whole.close()?.others;
    Ok(outcome)
}

/// Leaves the members alone: half of the time to calm down, the other half to be watched.
async fn rest<V: Village>(village: &V, work: &Work, outcome: &mut Outcome) -> Result<Idle> {
    let half = Duration::from_secs(work.settle) / 2;
    tokio::time::sleep(half).await;
    let (window, sent, requests) = (Window::open()?, village.sent()?, village.requests());
    tokio::time::sleep(half).await;
    let sent = village.sent()? - sent;
    let requests = (village.requests() - requests) as f64;
    let spent = window.close()?;
    let idle = Idle {
        cpu: spent.cpu / spent.seconds,
        sent: sent / spent.seconds,
        requests: requests / spent.seconds,
    };
    let members = work.members as f64;
    outcome.add("idle: CPU-us a member a second", idle.cpu * 1e6 / members);
    outcome.add("idle: bytes sent a member a second", idle.sent / members);
    Ok(idle)
}

/// Operations of one kind.
struct Operations<'a, V> {
    village: &'a V,
    idle: Idle,
    window: Window,
    sent: f64,
    requests: u64,
    times: Times,
}

impl<'a, V: Village> Operations<'a, V> {
    fn begin(village: &'a V, idle: Idle) -> Result<Self> {
        Ok(Self {
            village,
            idle,
            window: Window::open()?,
            sent: village.sent()?,
            requests: village.requests(),
            times: Times::default(),
        })
    }

    fn end(self, name: &str, outcome: &mut Outcome) -> Result<()> {
        let sent = self.village.sent()? - self.sent;
        let requests = (self.village.requests() - self.requests) as f64;
        let spent = self.window.close()?;
        let Times {
            mut first,
            mut whole,
            failed,
        } = self.times;
        let count = (whole.len() + failed) as f64;
        ensure!(!whole.is_empty(), "no {name} came to anything");
        let mut add = |what: &str, value: f64| outcome.add(&format!("{name}: {what}"), value);
        if name == "providers" {
            add("ms to the first, p50", quantile(&mut first, 0.5));
            add("ms to the first, p99", quantile(&mut first, 0.99));
        }
        add("ms, p50", quantile(&mut whole, 0.5));
        add("ms, p99", quantile(&mut whole, 0.99));
        let requests = (requests - self.idle.requests * spent.seconds).max(0.0);
        add("requests", requests / count);
        let sent = (sent - self.idle.sent * spent.seconds).max(0.0);
        add("KB sent", sent / 1e3 / count);
        let cpu = (spent.cpu - self.idle.cpu * spent.seconds).max(0.0);
        add("CPU-ms", cpu * 1e3 / count);
        add("failed, %", failed as f64 / count * 100.0);
        Ok(())
    }
}

impl Times {
    fn note(&mut self, began: Instant, first: Option<Duration>) {
        match first {
            Some(first) => {
                self.first.push(first.as_secs_f64() * 1e3);
                self.whole.push(began.elapsed().as_secs_f64() * 1e3);
            }
            None => self.failed += 1,
        }
    }
}

impl Outcome {
    fn add(&mut self, name: &str, value: f64) {
        // A run takes minutes.
        eprintln!("  {name}: {value:.2}");
        self.metrics.push((name.to_owned(), value));
    }
}

fn quantile(values: &mut [f64], share: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    let last = values.len().saturating_sub(1);
    let place = (last as f64 * share).round() as usize;
    values.get(place).copied().unwrap_or(f64::NAN)
}

/// `splitmix64`: the same members do the same things in every run.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound as u64) as usize
    }

    fn bytes(&mut self) -> [u8; 32] {
        let mut bytes = [0; 32];
        for part in bytes.chunks_mut(8) {
            part.copy_from_slice(&self.next().to_le_bytes());
        }
        bytes
    }

    fn other_than(&mut self, one: usize, bound: usize) -> usize {
        (one + 1 + self.below(bound - 1)) % bound
    }

    /// Two members of whom the first does not have the second in its table, if there are such.
    fn strangers<V: Village>(&mut self, village: &V, bound: usize) -> (usize, usize) {
        let mut two = (0, 1);
        for _ in 0..100 {
            let asker = self.below(bound);
            two = (asker, self.other_than(asker, bound));
            if !village.knows(two.0, two.1) {
                break;
            }
        }
        two
    }
}
