//! A steady load: so many operations under way at any time, for so long.

use std::{
    future::Future,
    time::{Duration, Instant},
};

use anyhow::{Context, Result};
use tokio::{task::JoinSet, time::sleep_until};

use super::Job;
use crate::system::{Spent, Window};

/// What a load came to. Operations that began in the warm-up or ended after the end don't count.
#[derive(Debug)]
pub(super) struct Done {
    pub(super) spent: Spent,
    /// Sorted.
    latencies: Vec<Duration>,
}

/// Keeps `width` of `operation` under way.
pub(super) async fn drive<O, F>(job: &Job, width: usize, operation: O) -> Result<Done>
where
    O: Fn() -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Result<()>> + Send + 'static,
{
    let begin = Instant::now() + WARM_UP;
    let end = begin + Duration::from_secs_f64(job.settings.seconds);
    let mut workers = JoinSet::new();
    for _ in 0..width {
        workers.spawn(work(operation.clone(), begin, end));
    }
    sleep_until(begin.into()).await;
    let window = Window::open(job.server_process)?;
    sleep_until(end.into()).await;
    let spent = window.close()?;
    let mut latencies = Vec::new();
    while let Some(worked) = workers.join_next().await {
        latencies.extend(worked??);
    }
    latencies.sort_unstable();
    Ok(Done { spent, latencies })
}

async fn work<O, F>(operation: O, from: Instant, until: Instant) -> Result<Vec<Duration>>
where
    O: Fn() -> F,
    F: Future<Output = Result<()>>,
{
    let mut latencies = Vec::with_capacity(1 << 16);
    loop {
        let began = Instant::now();
        if began >= until {
            return Ok(latencies);
        }
        operation().await?;
        if began >= from && Instant::now() <= until {
            latencies.push(began.elapsed());
        }
    }
}

impl Done {
    pub(super) fn per_second(&self) -> f64 {
        self.latencies.len() as f64 / self.spent.seconds
    }

    /// CPU time of each operation on one side, in microseconds.
    pub(super) fn micros_each(&self, cpu_seconds: f64) -> f64 {
        cpu_seconds * 1e6 / self.latencies.len() as f64
    }

    /// The latency that this share of the operations stayed under, in microseconds.
    pub(super) fn percentile(&self, share: f64) -> Result<f64> {
        let index = (self.latencies.len() as f64 * share) as usize;
        let latency = self.latencies.get(index).context("nothing was done")?;
        Ok(latency.as_secs_f64() * 1e6)
    }
}

const WARM_UP: Duration = Duration::from_millis(500);
