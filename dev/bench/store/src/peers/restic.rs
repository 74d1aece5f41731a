//! restic, the program: one backup of a file and of many, and what it restores.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Result, ensure};

use super::{BATCH_PUT, LARGE_GET, LARGE_PUT, OVERHEAD, Results, SMALL_GET, Work, overhead};
use crate::measure::{Clock, Unit};

pub(super) fn run(directory: &Path, work: &Work) -> Result<Results> {
    let repository = directory.join("repository");
    let (large, small) = (directory.join("large"), directory.join("small"));
    fs::create_dir(&large)?;
    fs::create_dir(&small)?;
    fs::write(large.join("object"), &work.large)?;
    for (number, object) in work.small.iter().enumerate() {
        fs::write(small.join(number.to_string()), object)?;
    }
    call(&repository, &["init"])?;
    let clock = Clock::start()?;
    backup(&repository, &large)?;
    let large_put = clock.stop(work.large.len(), Unit::Bytes)?;
    let over = overhead(&repository, work.large.len())?;
    let clock = Clock::start()?;
    restore(&repository, &directory.join("back"))?;
    let large_get = clock.stop(work.large.len(), Unit::Bytes)?;
    let clock = Clock::start()?;
    backup(&repository, &small)?;
    let batch = clock.stop(work.small.len(), Unit::Objects)?;
    let clock = Clock::start()?;
    restore(&repository, &directory.join("back again"))?;
    let small_get = clock.stop(work.small.len(), Unit::Objects)?;
    Ok(vec![
        (LARGE_PUT, large_put),
        (LARGE_GET, large_get),
        (OVERHEAD, over),
        (BATCH_PUT, batch),
        (SMALL_GET, small_get),
    ])
}

fn backup(repository: &Path, what: &Path) -> Result<()> {
    call(repository, &["backup", &what.to_string_lossy()])
}

fn restore(repository: &Path, target: &Path) -> Result<()> {
    call(
        repository,
        &["restore", "latest", "--target", &target.to_string_lossy()],
    )
}

fn call(repository: &Path, arguments: &[&str]) -> Result<()> {
    let mut restic = Command::new("restic");
    restic
        .arg("--no-cache")
        .arg("-r")
        .arg(repository)
        .args(arguments);
    let status = restic
        .env("RESTIC_PASSWORD", "x")
        .stdout(Stdio::null())
        .status()?;
    ensure!(status.success(), "restic {arguments:?}: {status}");
    Ok(())
}
