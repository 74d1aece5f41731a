//! A process of its own that stores small objects until it is killed in the middle of it.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, ensure};
use stt::storage::StoreKey;
use stt::storage::blocking::BinaryStorage;
use stt::{NodeSeed, SystemEntropy};

use super::{BATCH, noise};

/// Lets a process write into the store, and kills it with SIGKILL after some batches.
pub(super) fn kill_a_writer(directory: &Path, seed: &NodeSeed) -> Result<()> {
    let mut writer = Command::new(std::env::current_exe()?)
        .arg(directory)
        .arg("--write-until-killed")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    let mut to_writer = writer.stdin.take().context("no standard input")?;
    to_writer.write_all(seed.as_bytes())?;
    let acknowledged = BufReader::new(writer.stdout.take().context("no standard output")?);
    let batches = acknowledged.lines().take(BATCHES).count();
    writer.kill()?;
    let status = writer.wait()?;
    ensure!(batches == BATCHES, "the writer ended early: {status}");
    Ok(())
}

/// What that process does: a line for each batch that is durable.
pub(crate) fn write_until_killed(directory: &Path) -> Result<()> {
    let mut seed = [0; 32];
    std::io::Read::read_exact(&mut std::io::stdin(), &mut seed)?;
    let seed = NodeSeed::from_bytes(seed);
    let store = BinaryStorage::open(directory, StoreKey::Node(&seed), Box::new(SystemEntropy))?;
    for first in (FIRST..).step_by(BATCH) {
        let objects: Vec<_> = (first..first + BATCH as u64)
            .map(|number| noise(number, 4096))
            .collect();
        store.store_all(&objects)?;
        println!("{first}");
    }
    Ok(())
}

/// After so many batches it is killed: 48 MB of log without a checkpoint.
const BATCHES: usize = 11;
/// The first object of it, which nobody else stores.
const FIRST: u64 = 1 << 32;
