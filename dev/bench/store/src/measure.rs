//! Wall time, CPU time, and what the disk alone can do.

use std::fmt;
use std::fs::File;
use std::io::Write as _;
use std::path::Path;
use std::time::Instant;

use anyhow::Result;
use nix::sys::resource::{Usage, UsageWho, getrusage};

/// One measurement: an amount of bytes or objects, and what it took.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Spent {
    pub(crate) amount: f64,
    pub(crate) unit: Unit,
    pub(crate) wall: f64,
    pub(crate) cpu: f64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unit {
    /// Shown as MB/s.
    Bytes,
    /// Shown as objects a second.
    Objects,
    /// Shown as milliseconds.
    Once,
    /// Not of time: shown in percent.
    Percent,
}

impl Spent {
    /// The number that is compared.
    pub(crate) fn rate(&self) -> f64 {
        match self.unit {
            Unit::Bytes => self.amount / 1e6 / self.wall,
            Unit::Objects => self.amount / self.wall,
            Unit::Once => self.wall * 1e3,
            Unit::Percent => self.amount,
        }
    }

    pub(crate) fn percent(amount: f64) -> Self {
        let unit = Unit::Percent;
        Self {
            amount,
            unit,
            wall: 1.0,
            cpu: 1.0,
        }
    }

    /// The share of the time in which no CPU was at work for it: the disk's.
    pub(crate) fn waiting(&self) -> f64 {
        (1.0 - self.cpu / self.wall).max(0.0)
    }
}

impl fmt::Display for Spent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.unit {
            Unit::Bytes => write!(f, "{:.0} MB/s", self.rate())?,
            Unit::Objects => write!(f, "{:.0}/s", self.rate())?,
            Unit::Once => write!(f, "{:.1} ms", self.rate())?,
            Unit::Percent => return write!(f, "{:.2} %", self.amount),
        }
        write!(
            f,
            ", {:.2} CPU-s, waiting {:.0} %",
            self.cpu,
            self.waiting() * 100.0
        )
    }
}

/// A clock of both times.
#[derive(Debug)]
pub(crate) struct Clock {
    began: Instant,
    cpu: f64,
}

impl Clock {
    pub(crate) fn start() -> Result<Self> {
        let cpu = cpu_seconds()?;
        Ok(Self {
            began: Instant::now(),
            cpu,
        })
    }

    pub(crate) fn stop(self, amount: usize, unit: Unit) -> Result<Spent> {
        let wall = self.began.elapsed().as_secs_f64();
        let cpu = cpu_seconds()? - self.cpu;
        Ok(Spent {
            amount: amount as f64,
            unit,
            wall,
            cpu,
        })
    }
}

fn cpu_seconds() -> Result<f64> {
    let seconds = |usage: Usage| {
        let times = [usage.user_time(), usage.system_time()];
        times
            .iter()
            .map(|time| time.tv_sec() as f64 + time.tv_usec() as f64 / 1e6)
            .sum::<f64>()
    };
    let own = seconds(getrusage(UsageWho::RUSAGE_SELF)?);
    Ok(own + seconds(getrusage(UsageWho::RUSAGE_CHILDREN)?))
}

/// What the disk does for a program that only writes and syncs.
#[derive(Debug)]
pub(crate) struct Disk {
    sync_ms: f64,
    stream: f64,
}

impl Disk {
    pub(crate) fn observe(directory: &Path) -> Result<Self> {
        let path = directory.join("disk");
        let mut file = File::create(&path)?;
        let mut syncs = Vec::new();
        for _ in 0..50 {
            file.write_all(&[7; 4096])?;
            let began = Instant::now();
            file.sync_data()?;
            syncs.push(began.elapsed().as_secs_f64() * 1e3);
        }
        syncs.sort_by(f64::total_cmp);
        let block = vec![5; 1 << 20];
        let began = Instant::now();
        for _ in 0..256 {
            file.write_all(&block)?;
        }
        file.sync_data()?;
        let stream = 256.0 * 1.048_576 / began.elapsed().as_secs_f64();
        std::fs::remove_file(path)?;
        Ok(Self {
            sync_ms: syncs[25],
            stream,
        })
    }
}

impl fmt::Display for Disk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "The disk: a sync of 4 KiB takes {:.1} ms (median of 50), 256 MiB written and synced {:.0} MB/s.\n\
             Where a row waits for most of its time, it measures the disk and not the program.",
            self.sync_ms, self.stream
        )
    }
}
