//! Files, with the durability that a store gives: write, sync, rename, sync the directory.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::Path;

use anyhow::Result;

use super::{LARGE_GET, LARGE_PUT, OVERHEAD, Results, SINGLE_PUT, SMALL_GET, Work, overhead};
use crate::measure::{Clock, Unit};

pub(super) fn run(directory: &Path, work: &Work) -> Result<Results> {
    let len = work.large.len();
    let clock = Clock::start()?;
    put(directory, "large", &work.large)?;
    let large_put = clock.stop(len, Unit::Bytes)?;
    let clock = Clock::start()?;
    let found = fs::read(directory.join("large"))?;
    let large_get = clock.stop(found.len(), Unit::Bytes)?;
    let over = overhead(directory, len)?;
    let clock = Clock::start()?;
    for (number, object) in work.single.iter().enumerate() {
        put(directory, &number.to_string(), object)?;
    }
    let single = clock.stop(work.single.len(), Unit::Objects)?;
    let clock = Clock::start()?;
    for number in 0..work.single.len() {
        fs::read(directory.join(number.to_string()))?;
    }
    let small_get = clock.stop(work.single.len(), Unit::Objects)?;
    Ok(vec![
        (LARGE_PUT, large_put),
        (LARGE_GET, large_get),
        (OVERHEAD, over),
        (SINGLE_PUT, single),
        (SMALL_GET, small_get),
    ])
}

fn put(directory: &Path, name: &str, bytes: &[u8]) -> Result<()> {
    let temporary = directory.join("new");
    let mut file = File::create(&temporary)?;
    file.write_all(bytes)?;
    file.sync_data()?;
    fs::rename(temporary, directory.join(name))?;
    File::open(directory)?.sync_all()?;
    Ok(())
}
