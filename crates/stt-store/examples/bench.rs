//! How fast a store is, beside plain files with the same durability, in one run.
//!
//! `cargo run --release -p stt-store --example bench -- DIR [MIB]`. Writes about four times MIB (default 512)
//! into DIR, and removes it again.

#![allow(clippy::print_stdout, reason = "its output is what it is for")]

use std::error::Error;
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::Path;
use std::time::{Duration, Instant};

use stc::{Entropy, NodeSeed};
use stt_store::{BinaryStorage, StoreKey};

const MIB: usize = 1 << 20;
const SMALL: usize = 4096;
const BATCH: usize = 1000;

struct System;

impl Entropy for System {
    #[expect(
        clippy::expect_used,
        reason = "without randomness there is nothing to measure"
    )]
    fn fill(&mut self, out: &mut [u8]) {
        aws_lc_rs::rand::fill(out).expect("the system's randomness");
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let directory = arguments.next().ok_or("usage: bench DIR [MIB]")?;
    let mib: usize = arguments.next().map_or(Ok(512), |text| text.parse())?;
    let directory = Path::new(&directory).join("stt-store-bench");
    fs::create_dir_all(&directory)?;
    let object = noise(1, mib * MIB);
    plain_file(&directory, &object)?;
    let seed = NodeSeed::generate(&mut System);
    let open = || {
        let path = directory.join("store");
        BinaryStorage::open(path, StoreKey::Node(&seed), Box::new(System))
    };
    large(&open()?, &object)?;
    from_memory(&open()?, object)?;
    small(&open()?)?;
    let start = Start::now();
    let store = open()?;
    println!("open after a clean end: {:.1} ms", ms(start.at.elapsed()));
    // Ends as a crash would: nothing is closed.
    store.store(b"one more")?;
    std::mem::forget(store);
    let stats = fs::read_dir(directory.join("store"))?;
    let sizes = stats.map(|entry| Ok(entry?.metadata()?.len()));
    let total: io::Result<u64> = sizes.sum();
    println!("bytes on the medium: {}", total?);
    fs::remove_dir_all(&directory)?;
    Ok(())
}

fn plain_file(directory: &Path, object: &[u8]) -> io::Result<()> {
    let path = directory.join("plain");
    let start = Start::now();
    let mut file = File::create(&path)?;
    for part in object.chunks(64 * MIB) {
        for block in part.chunks(MIB) {
            file.write_all(block)?;
        }
        file.sync_data()?;
    }
    report(
        "plain file, synced every 64 MiB: write",
        object.len(),
        &start,
    );
    let start = Start::now();
    let mut back = Vec::with_capacity(object.len());
    File::open(&path)?.read_to_end(&mut back)?;
    report("plain file: read", back.len(), &start);
    fs::remove_file(&path)
}

fn large(store: &BinaryStorage, object: &[u8]) -> Result<(), Box<dyn Error>> {
    let start = Start::now();
    let reference = store.store_reader(object)?;
    report("store, one object: put", object.len(), &start);
    let start = Start::now();
    let mut reader = store.open_reader(reference.address)?;
    let copied = io::copy(&mut reader, &mut io::sink())?;
    report("store, one object: get", copied as usize, &start);
    let start = Start::now();
    store.store_reader(object)?;
    report("store, the same object again", object.len(), &start);
    let stats = store.stats()?;
    let overhead = stats.segment_bytes as f64 / stats.object_bytes as f64 - 1.0;
    println!("space overhead at 1 MiB blocks: {:.3} %", overhead * 100.0);
    Ok(())
}

fn from_memory(store: &BinaryStorage, mut object: Vec<u8>) -> Result<(), Box<dyn Error>> {
    // Another object, of which no block is here.
    for block in object.chunks_mut(MIB) {
        block[0] ^= 1;
    }
    let start = Start::now();
    store.store(&object)?;
    report("store, one object from memory: put", object.len(), &start);
    Ok(())
}

fn small(store: &BinaryStorage) -> Result<(), Box<dyn Error>> {
    let objects: Vec<_> = (0..40_000).map(|number| noise(number + 9, SMALL)).collect();
    let before = store.stats()?;
    let start = Start::now();
    let mut addresses = Vec::new();
    for batch in objects.chunks(BATCH) {
        let references = store.store_all(batch)?;
        addresses.extend(references.into_iter().map(|reference| reference.address));
    }
    rate("4 KiB objects put, 1,000 a sync", objects.len(), &start);
    let after = store.stats()?;
    let grown = (after.segment_bytes - before.segment_bytes) as f64;
    let share = grown / (objects.len() * SMALL) as f64 - 1.0;
    println!("space overhead at 4 KiB: {:.2} %", share * 100.0);
    let start = Start::now();
    for address in &addresses {
        store.retrieve(*address)?;
    }
    rate("4 KiB objects get", addresses.len(), &start);
    let singles: Vec<_> = (0..100)
        .map(|number| noise(number + 99_999, SMALL))
        .collect();
    let start = Start::now();
    for object in &singles {
        store.store(object)?;
    }
    rate("4 KiB objects put, one a sync", singles.len(), &start);
    Ok(())
}

fn report(what: &str, bytes: usize, start: &Start) {
    let rate = bytes as f64 / 1e6 / start.at.elapsed().as_secs_f64();
    println!("{what}: {rate:.0} MB/s, {:.2} CPU-s", start.cpu_spent());
}

fn rate(what: &str, count: usize, start: &Start) {
    let rate = count as f64 / start.at.elapsed().as_secs_f64();
    println!("{what}: {rate:.0} a second, {:.2} CPU-s", start.cpu_spent());
}

/// A moment, in both times.
struct Start {
    at: Instant,
    cpu: f64,
}

impl Start {
    fn now() -> Self {
        Self {
            at: Instant::now(),
            cpu: cpu_seconds().unwrap_or(f64::NAN),
        }
    }

    fn cpu_spent(&self) -> f64 {
        cpu_seconds().map_or(f64::NAN, |cpu| cpu - self.cpu)
    }
}

/// CPU time of this process, where Linux tells it, in hundredths.
fn cpu_seconds() -> Option<f64> {
    let stat = fs::read_to_string("/proc/self/stat").ok()?;
    let (_, fields) = stat.rsplit_once(") ")?;
    let ticks = fields.split(' ').skip(11).take(2);
    let ticks: Result<Vec<f64>, _> = ticks.map(str::parse).collect();
    Some(ticks.ok()?.iter().sum::<f64>() / 100.0)
}

fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
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
