//! What Linux says of processes and of the machine: CPU time, memory, load.

use std::{fs, time::Instant};

use anyhow::{Context, Result};
use nix::{
    sched::{CpuSet, sched_setaffinity},
    unistd::{Pid, SysconfVar, sysconf},
};
use serde::Serialize;

/// CPU time in seconds.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Cpu {
    pub(crate) total: f64,
    pub(crate) system: f64,
}

/// A stretch of time in which a client and its server are watched.
#[derive(Debug)]
pub(crate) struct Window {
    server_process: u32,
    began: Instant,
    client: Cpu,
    server: Cpu,
    machine: f64,
}

/// What happened in a [`Window`].
#[derive(Debug, Clone, Copy)]
pub(crate) struct Spent {
    pub(crate) seconds: f64,
    pub(crate) client: Cpu,
    pub(crate) server: Cpu,
    /// Cores that other processes kept busy.
    pub(crate) others: f64,
}

impl Window {
    pub(crate) fn open(server_process: u32) -> Result<Self> {
        Ok(Self {
            server_process,
            client: cpu_of(std::process::id())?,
            server: cpu_of(server_process)?,
            machine: machine_busy()?,
            began: Instant::now(),
        })
    }

    pub(crate) fn close(self) -> Result<Spent> {
        let seconds = self.began.elapsed().as_secs_f64();
        let client = cpu_of(std::process::id())?.since(self.client);
        let server = cpu_of(self.server_process)?.since(self.server);
        let busy = machine_busy()? - self.machine;
        Ok(Spent {
            seconds,
            client,
            server,
            others: ((busy - client.total - server.total) / seconds).max(0.0),
        })
    }
}

impl Cpu {
    fn since(self, earlier: Self) -> Self {
        Self {
            total: self.total - earlier.total,
            system: self.system - earlier.system,
        }
    }
}

/// All threads of a process, those that have ended included.
fn cpu_of(process: u32) -> Result<Cpu> {
    let stat = read(&format!("/proc/{process}/stat"))?;
    // The name, in parentheses, may hold anything.
    let (_, fields) = stat.rsplit_once(')').context("a process has a name")?;
    let mut times = fields.split_whitespace().skip(11).map(str::parse::<f64>);
    let mut next = || times.next().context("a process has its times");
    let (user, system) = (next()??, next()??);
    let tick = seconds_of_a_tick()?;
    Ok(Cpu {
        total: (user + system) * tick,
        system: system * tick,
    })
}

/// Seconds all CPUs together have worked, time taken by the host included.
pub(crate) fn machine_busy() -> Result<f64> {
    let stat = read("/proc/stat")?;
    let line = stat.lines().next().context("empty /proc/stat")?;
    let ticks: Vec<f64> = line
        .split_whitespace()
        .skip(1)
        .map_while(|ticks| ticks.parse().ok())
        .collect();
    // user, nice, system, idle, iowait, irq, softirq, steal
    let busy: f64 = [0, 1, 2, 5, 6, 7]
        .iter()
        .filter_map(|index| ticks.get(*index))
        .sum();
    Ok(busy * seconds_of_a_tick()?)
}

fn seconds_of_a_tick() -> Result<f64> {
    let ticks = sysconf(SysconfVar::CLK_TCK)?.context("the kernel has a clock")?;
    Ok(1.0 / ticks as f64)
}

/// Resident memory of a process, in bytes.
pub(crate) fn resident(process: u32) -> Result<f64> {
    let rollup = read(&format!("/proc/{process}/smaps_rollup"))?;
    let line = rollup.lines().find_map(|line| line.strip_prefix("Rss:"));
    let kib = line.and_then(|line| line.split_whitespace().next());
    let kib: f64 = kib.context("a process has memory")?.parse()?;
    Ok(kib * 1_024.0)
}

/// Keeps this process and its threads to come on one CPU.
pub(crate) fn pin_to(cpu: usize) -> Result<()> {
    let mut set = CpuSet::new();
    set.set(cpu)?;
    Ok(sched_setaffinity(Pid::from_raw(0), &set)?)
}

/// The machine and what was built for it.
#[derive(Debug, Serialize)]
pub(crate) struct Machine {
    cpu: String,
    cpus: usize,
    kernel: String,
    versions: Vec<String>,
}

impl Machine {
    pub(crate) fn observe() -> Result<Self> {
        let cpuinfo = read("/proc/cpuinfo")?;
        let model = cpuinfo.lines().find_map(|line| {
            let (name, value) = line.split_once(':')?;
            (name.trim() == "model name").then(|| value.trim().to_owned())
        });
        Ok(Self {
            cpu: model.unwrap_or_default(),
            cpus: std::thread::available_parallelism()?.get(),
            kernel: read("/proc/sys/kernel/osrelease")?.trim().to_owned(),
            versions: versions(),
        })
    }
}

impl std::fmt::Display for Machine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self {
            cpu, cpus, kernel, ..
        } = self;
        write!(
            f,
            "{cpus} x {cpu}, Linux {kernel}; {}",
            self.versions.join(", ")
        )
    }
}

/// What the lock file chose of the libraries that matter here.
fn versions() -> Vec<String> {
    const OF_INTEREST: [&str; 7] = [
        "aws-lc-rs",
        "noq",
        "noq-proto",
        "quinn",
        "quinn-proto",
        "rustls",
        "tokio",
    ];
    let lock = include_str!("../Cargo.lock");
    let packages = lock.split("[[package]]").filter_map(|package| {
        let field = |name: &str| {
            let value = package.lines().find_map(|line| line.strip_prefix(name))?;
            Some(value.trim_matches([' ', '=', '"']))
        };
        Some((field("name")?, field("version")?))
    });
    packages
        .filter(|(name, _)| OF_INTEREST.contains(name))
        .map(|(name, version)| format!("{name} {version}"))
        .collect()
}

/// The load average of the last minute.
pub(crate) fn load() -> Result<f64> {
    let text = read("/proc/loadavg")?;
    Ok(text.split(' ').next().context("empty load")?.parse()?)
}

fn read(path: &str) -> Result<String> {
    fs::read_to_string(path).with_context(|| path.to_owned())
}
