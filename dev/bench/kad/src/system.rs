//! What Linux says of this process and of the machine: CPU time, memory, bytes sent over loopback.

use std::fs;
use std::time::Instant;

use anyhow::{Context as _, Result};
use nix::unistd::{SysconfVar, sysconf};

/// A stretch of time in which this process is watched.
#[derive(Debug)]
pub(crate) struct Window {
    began: Instant,
    cpu: f64,
    machine: f64,
}

/// What happened in a [`Window`].
#[derive(Debug, Clone, Copy)]
pub(crate) struct Spent {
    pub(crate) seconds: f64,
    /// CPU seconds of this process.
    pub(crate) cpu: f64,
    /// Cores that other processes kept busy.
    pub(crate) others: f64,
}

impl Window {
    pub(crate) fn open() -> Result<Self> {
        Ok(Self {
            cpu: cpu()?,
            machine: machine_busy()?,
            began: Instant::now(),
        })
    }

    pub(crate) fn close(self) -> Result<Spent> {
        let seconds = self.began.elapsed().as_secs_f64();
        let cpu = cpu()? - self.cpu;
        let busy = machine_busy()? - self.machine;
        Ok(Spent {
            seconds,
            cpu,
            others: ((busy - cpu) / seconds).max(0.0),
        })
    }
}

/// CPU seconds of all threads of this process, those that have ended included.
fn cpu() -> Result<f64> {
    let stat = read("/proc/self/stat")?;
    // The name, in parentheses, may hold anything.
    let (_, fields) = stat.rsplit_once(')').context("a process has a name")?;
    let mut times = fields.split_whitespace().skip(11).map(str::parse::<f64>);
    let mut next = || times.next().context("a process has its times");
    let (user, system) = (next()??, next()??);
    Ok((user + system) * seconds_of_a_tick()?)
}

/// Seconds all CPUs together have worked, time taken by the host included.
fn machine_busy() -> Result<f64> {
    let stat = read("/proc/stat")?;
    let line = stat.lines().next().context("empty /proc/stat")?;
    let fields = line.split_whitespace().skip(1);
    let ticks: Vec<f64> = fields.map_while(|ticks| ticks.parse().ok()).collect();
    // user, nice, system, idle, iowait, irq, softirq, steal
    let busy = [0, 1, 2, 5, 6, 7];
    let busy: f64 = busy.iter().filter_map(|index| ticks.get(*index)).sum();
    Ok(busy * seconds_of_a_tick()?)
}

fn seconds_of_a_tick() -> Result<f64> {
    let ticks = sysconf(SysconfVar::CLK_TCK)?.context("the kernel has a clock")?;
    Ok(1.0 / ticks as f64)
}

/// Bytes that were sent over loopback in this namespace, by whomever.
pub(crate) fn sent_over_loopback() -> Result<f64> {
    let table = read("/proc/net/dev")?;
    let mut interfaces = table.lines().filter_map(|line| line.split_once(':'));
    let loopback = interfaces.find(|(name, _)| name.trim() == "lo");
    let (_, counters) = loopback.context("no loopback")?;
    // Eight counters of what came, then those of what was sent.
    let bytes = counters.split_whitespace().nth(8).context("no counters")?;
    Ok(bytes.parse()?)
}

/// Resident memory, in bytes.
pub(crate) fn resident() -> Result<f64> {
    let status = read("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|line| line.split_whitespace().next());
    let kib: f64 = kib.context("a process has memory")?.parse()?;
    Ok(kib * 1_024.0)
}

/// The load average of the last minute.
pub(crate) fn load() -> Result<f64> {
    let text = read("/proc/loadavg")?;
    Ok(text.split(' ').next().context("empty load")?.parse()?)
}

fn read(path: &str) -> Result<String> {
    fs::read_to_string(path).with_context(|| path.to_owned())
}
