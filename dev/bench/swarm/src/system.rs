//! What Linux says of processes and of the machine: CPU time, memory, bytes sent.

use std::fs;
use std::time::Instant;

use anyhow::{Context as _, Result};
use nix::unistd::{SysconfVar, sysconf};

/// A stretch of time in which this process and some others are watched.
#[derive(Debug)]
pub(crate) struct Window {
    others: Vec<u32>,
    began: Instant,
    own_cpu: f64,
    others_cpu: f64,
    machine: f64,
    sent: Option<f64>,
}

/// What happened in a [`Window`] so far.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Spent {
    pub(crate) seconds: f64,
    /// CPU seconds of this process.
    pub(crate) own_cpu: f64,
    /// CPU seconds of the others that are watched.
    pub(crate) others_cpu: f64,
    /// Cores that everybody else kept busy.
    pub(crate) rest: f64,
    /// Bytes sent over the network, if nobody else can have sent any.
    pub(crate) sent: Option<f64>,
}

impl Window {
    pub(crate) fn open(others: &[u32]) -> Result<Self> {
        Ok(Self {
            others: others.to_vec(),
            own_cpu: cpu_of(std::process::id())?,
            others_cpu: cpu_of_all(others)?,
            machine: machine_busy()?,
            sent: sent()?,
            began: Instant::now(),
        })
    }

    pub(crate) fn look(&self) -> Result<Spent> {
        let seconds = self.began.elapsed().as_secs_f64();
        let own_cpu = cpu_of(std::process::id())? - self.own_cpu;
        let others_cpu = cpu_of_all(&self.others)? - self.others_cpu;
        let busy = machine_busy()? - self.machine;
        Ok(Spent {
            seconds,
            own_cpu,
            others_cpu,
            rest: ((busy - own_cpu - others_cpu) / seconds).max(0.0),
            sent: sent()?.zip(self.sent).map(|(now, then)| now - then),
        })
    }
}

fn cpu_of_all(processes: &[u32]) -> Result<f64> {
    processes.iter().map(|process| cpu_of(*process)).sum()
}

/// CPU seconds of all threads of a process, those that have ended included.
fn cpu_of(process: u32) -> Result<f64> {
    let stat = read(&format!("/proc/{process}/stat"))?;
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

/// Bytes that were sent over the interfaces of this namespace, by either side; `None` where there are interfaces that others use,
/// which are those of the machine.
fn sent() -> Result<Option<f64>> {
    let table = read("/proc/net/dev")?;
    let interfaces = table.lines().skip(2);
    let mut sent = 0.0;
    for (name, counters) in interfaces.filter_map(|line| line.split_once(':')) {
        let counters: Vec<f64> = counters
            .split_whitespace()
            .map_while(|counter| counter.parse().ok())
            .collect();
        // Eight counters of what came, then those of what was sent; over loopback both are the same bytes.
        let (came, went) = (counters.first(), counters.get(8));
        sent += match name.trim() {
            "lo" => *went.context("a counter")?,
            link if link.starts_with('p') => {
                came.context("a counter")? + went.context("a counter")?
            }
            _ => return Ok(None),
        };
    }
    Ok(Some(sent))
}

/// The most memory that this process ever had resident, in bytes.
pub(crate) fn memory_peak() -> Result<f64> {
    let status = read("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
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
