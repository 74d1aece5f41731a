//! iroh-blobs' store in files, as it comes and with everything synced.
//!
//! Its `sync_db` makes the database durable, and not the files that large objects are in. So the synced
//! variant also syncs the file system.

use std::fs::File;
use std::path::Path;

use anyhow::Result;
use iroh_blobs::store::fs::FsStore;

use super::{
    BATCH, BATCH_PUT, LARGE_GET, LARGE_PUT, OVERHEAD, Results, SINGLE_PUT, SMALL_GET, Work,
    overhead,
};
use crate::measure::{Clock, Unit};

/// When it is made durable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sync {
    Each,
    Never,
}

pub(super) async fn run(directory: &Path, work: &Work, sync: Sync) -> Result<Results> {
    let store = FsStore::load(directory).await?;
    let clock = Clock::start()?;
    let hash = store.blobs().add_bytes(work.large.clone()).await?.hash;
    durable(&store, directory, sync).await?;
    let large_put = clock.stop(work.large.len(), Unit::Bytes)?;
    let clock = Clock::start()?;
    let read = store.blobs().get_bytes(hash).await?.len();
    let large_get = clock.stop(read, Unit::Bytes)?;
    let over = overhead(directory, work.large.len())?;
    let clock = Clock::start()?;
    let mut hashes = Vec::new();
    for batch in work.small.chunks(BATCH) {
        for object in batch {
            hashes.push(store.blobs().add_slice(object).await?.hash);
        }
        durable(&store, directory, sync).await?;
    }
    let batch = clock.stop(work.small.len(), Unit::Objects)?;
    let clock = Clock::start()?;
    for hash in &hashes {
        store.blobs().get_bytes(*hash).await?;
    }
    let small_get = clock.stop(hashes.len(), Unit::Objects)?;
    let clock = Clock::start()?;
    for object in &work.single {
        store.blobs().add_slice(object).await?;
        durable(&store, directory, sync).await?;
    }
    let single = clock.stop(work.single.len(), Unit::Objects)?;
    store.shutdown().await?;
    Ok(vec![
        (LARGE_PUT, large_put),
        (LARGE_GET, large_get),
        (OVERHEAD, over),
        (BATCH_PUT, batch),
        (SMALL_GET, small_get),
        (SINGLE_PUT, single),
    ])
}

async fn durable(store: &FsStore, directory: &Path, sync: Sync) -> Result<()> {
    if sync == Sync::Each {
        store.sync_db().await?;
        nix::unistd::syncfs(&File::open(directory)?)?;
    }
    Ok(())
}
