//! Who is measured, and with what.

mod iroh;
mod killed;
mod plain;
mod restic;
mod stt;

use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::Result;
use bytes::Bytes;
use clap::ValueEnum;

use crate::measure::Spent;
pub(crate) use killed::write_until_killed;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub(crate) enum Peer {
    /// This project's store, called from threads.
    Stt,
    /// The same from tasks.
    SttTasks,
    /// A file an object: written, synced, renamed, its directory synced.
    Plain,
    /// iroh-blobs, with a sync of everything after each object or batch.
    IrohSynced,
    /// iroh-blobs as it comes: what it says is stored may be lost.
    IrohUnsynced,
    /// restic, if it is installed: one backup of all, and its restoration.
    Restic,
}

pub(crate) type Results = Vec<(&'static str, Spent)>;

pub(crate) const LARGE_PUT: &str = "1 large object, put";
pub(crate) const LARGE_GET: &str = "2 large object, get";
pub(crate) const BATCH_PUT: &str = "3 4 KiB objects, 1,000 a sync, put";
pub(crate) const SMALL_GET: &str = "4 4 KiB objects, get";
pub(crate) const SINGLE_PUT: &str = "5 4 KiB objects, one a sync, put";
pub(crate) const OVERHEAD: &str = "6 bytes on the disk beyond those of the large object";
pub(crate) const OPEN: &str = "7 open after a process that was killed";

pub(crate) const BATCH: usize = 1000;

/// What everybody stores. Each is given it as it likes bytes in memory best: as a slice or as [`Bytes`], and
/// restic as files.
#[derive(Debug)]
pub(crate) struct Work {
    pub(crate) large: Bytes,
    pub(crate) small: Vec<Vec<u8>>,
    pub(crate) single: Vec<Vec<u8>>,
}

impl Work {
    pub(crate) fn new(mib: usize, small: usize, single: usize) -> Self {
        let objects = |count: usize, first: usize| {
            let number = |number| noise((number + first) as u64, 4096);
            (0..count).map(number).collect()
        };
        Self {
            large: noise(1, mib << 20).into(),
            small: objects(small, 10),
            single: objects(single, 10_000_000),
        }
    }
}

impl Peer {
    /// Everybody that this machine has.
    pub(crate) fn present() -> Vec<Self> {
        let mut version = Command::new("restic");
        let version = version.arg("version").stdout(Stdio::null()).status();
        let has_restic = version.is_ok_and(|status| status.success());
        let all = Self::value_variants().iter().copied();
        all.filter(|peer| has_restic || *peer != Self::Restic)
            .collect()
    }

    pub(crate) async fn run(self, directory: &Path, work: &Work) -> Result<Results> {
        match self {
            Self::Stt => stt::threads(directory, work),
            Self::SttTasks => stt::tasks(directory, work).await,
            Self::Plain => plain::run(directory, work),
            Self::IrohSynced => iroh::run(directory, work, iroh::Sync::Each).await,
            Self::IrohUnsynced => iroh::run(directory, work, iroh::Sync::Never).await,
            Self::Restic => restic::run(directory, work),
        }
    }
}

/// Bytes on the disk below a directory.
pub(crate) fn size_of(directory: &Path) -> Result<u64> {
    let mut size = 0;
    for entry in std::fs::read_dir(directory)? {
        let entry = entry?;
        let metadata = entry.metadata()?;
        size += if metadata.is_dir() {
            size_of(&entry.path())?
        } else {
            metadata.len()
        };
    }
    Ok(size)
}

pub(crate) fn overhead(directory: &Path, object: usize) -> Result<Spent> {
    let size = size_of(directory)? as f64;
    Ok(Spent::percent((size / object as f64 - 1.0) * 100.0))
}

/// Bytes that do not repeat.
fn noise(seed: u64, len: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut bytes = Vec::with_capacity(len + 8);
    while bytes.len() < len {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend_from_slice(&state.to_be_bytes());
    }
    bytes.truncate(len);
    bytes
}
