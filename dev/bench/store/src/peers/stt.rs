//! This project's store: from threads, and from tasks.

use std::path::Path;

use anyhow::Result;
use stt::storage::blocking::BinaryStorage as Threads;
use stt::storage::{StorageOptions, StoreKey};
use stt::{NodeSeed, SystemEntropy};
use tokio::task::JoinSet;

use super::{
    BATCH, BATCH_PUT, LARGE_GET, LARGE_PUT, OPEN, OVERHEAD, Results, SINGLE_PUT, SMALL_GET, Work,
    killed, overhead,
};
use crate::measure::{Clock, Unit};

pub(super) fn threads(directory: &Path, work: &Work) -> Result<Results> {
    let seed = NodeSeed::generate(&mut SystemEntropy);
    let open = || Threads::open(directory, StoreKey::Node(&seed), Box::new(SystemEntropy));
    let store = open()?;
    let clock = Clock::start()?;
    let reference = store.store(&work.large)?;
    let large_put = clock.stop(work.large.len(), Unit::Bytes)?;
    let clock = Clock::start()?;
    let mut reader = store.open_reader(reference.address)?;
    let read = std::io::copy(&mut reader, &mut std::io::sink())?;
    let large_get = clock.stop(read as usize, Unit::Bytes)?;
    drop(reader);
    store.close()?;
    let over = overhead(directory, work.large.len())?;
    let store = open()?;
    let clock = Clock::start()?;
    let mut addresses = Vec::new();
    for batch in work.small.chunks(BATCH) {
        addresses.extend(
            store
                .store_all(batch)?
                .into_iter()
                .map(|stored| stored.address),
        );
    }
    let batch = clock.stop(work.small.len(), Unit::Objects)?;
    let clock = Clock::start()?;
    for address in &addresses {
        store.retrieve(*address)?;
    }
    let small_get = clock.stop(addresses.len(), Unit::Objects)?;
    let clock = Clock::start()?;
    for object in &work.single {
        store.store(object)?;
    }
    let single = clock.stop(work.single.len(), Unit::Objects)?;
    store.close()?;
    killed::kill_a_writer(directory, &seed)?;
    let clock = Clock::start()?;
    let again = open()?;
    let opened = clock.stop(1, Unit::Once)?;
    drop(again);
    Ok(vec![
        (LARGE_PUT, large_put),
        (LARGE_GET, large_get),
        (OVERHEAD, over),
        (BATCH_PUT, batch),
        (SMALL_GET, small_get),
        (SINGLE_PUT, single),
        (OPEN, opened),
    ])
}

pub(super) async fn tasks(directory: &Path, work: &Work) -> Result<Results> {
    let seed = NodeSeed::generate(&mut SystemEntropy);
    let options = StorageOptions::default();
    let storage = options.open(directory, StoreKey::Node(&seed)).await?;
    let clock = Clock::start()?;
    let reference = storage.store(work.large.clone()).await?;
    let large_put = clock.stop(work.large.len(), Unit::Bytes)?;
    let clock = Clock::start()?;
    let mut reader = storage.open_reader(reference).await?;
    let mut read = 0;
    while let Some(piece) = reader.next_piece().await? {
        read += piece.len();
    }
    let large_get = clock.stop(read, Unit::Bytes)?;
    let clock = Clock::start()?;
    // One task an object, as many as 1,000 at a time.
    for batch in work.small.chunks(BATCH) {
        let mut tasks = JoinSet::new();
        for object in batch {
            let (storage, object) = (storage.clone(), object.clone());
            tasks.spawn(async move { storage.store(object).await });
        }
        while let Some(stored) = tasks.join_next().await {
            stored??;
        }
    }
    let batch = clock.stop(work.small.len(), Unit::Objects)?;
    let clock = Clock::start()?;
    for object in &work.single {
        storage.store(object.clone()).await?;
    }
    let single = clock.stop(work.single.len(), Unit::Objects)?;
    storage.close().await?;
    Ok(vec![
        (LARGE_PUT, large_put),
        (LARGE_GET, large_get),
        (BATCH_PUT, batch),
        (SINGLE_PUT, single),
    ])
}
