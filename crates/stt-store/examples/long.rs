//! A large object streamed in and out, with the most memory it took.
//!
//! `cargo run --release -p stt-store --example long -- DIR GIB`. Ends with an error when the process ever had more
//! than 64 MiB in memory, or when one byte is wrong.

#![allow(clippy::print_stdout, reason = "its output is what it is for")]

use std::error::Error;
use std::fs;
use std::io::{self, Read};
use std::path::Path;
use std::time::Instant;

use stc::{Entropy, NodeSeed};
use stt_store::{BinaryStorage, StoreKey};

const MOST_KIB: u64 = 64 << 10;

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

/// Endless bytes that do not repeat.
struct Noise(u64);

impl Read for Noise {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let (words, _) = out.as_chunks_mut::<8>();
        if words.is_empty() {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        for word in words.iter_mut() {
            self.0 ^= self.0 << 13;
            self.0 ^= self.0 >> 7;
            self.0 ^= self.0 << 17;
            *word = self.0.to_be_bytes();
        }
        Ok(words.len() * 8)
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let directory = arguments.next().ok_or("usage: long DIR GIB")?;
    let gib: u64 = arguments.next().map_or(Ok(1), |text| text.parse())?;
    let directory = Path::new(&directory).join("stt-store-long");
    let seed = NodeSeed::generate(&mut System);
    let open = || BinaryStorage::open(&directory, StoreKey::Node(&seed), Box::new(System));
    let length = gib << 30;
    let store = open()?;
    let start = Instant::now();
    let reference = store.store_reader(Noise(7).take(length))?;
    told("put", length, start);
    store.close()?;
    let store = open()?;
    let mut reader = store.open_reader(reference.address)?;
    let mut expected = Noise(7);
    let start = Instant::now();
    let mut left = length;
    let (mut found, mut wanted) = (vec![0; 1 << 20], vec![0; 1 << 20]);
    while left > 0 {
        reader.read_exact(&mut found)?;
        expected.read_exact(&mut wanted)?;
        if found != wanted {
            return Err("a wrong byte".into());
        }
        left -= 1 << 20;
    }
    told("get and compare", length, start);
    // A range over the border of two blocks.
    let border = length - (1 << 20);
    let range = store.retrieve_range(reference.address, border - 3..border + 3)?;
    let mut expected = vec![0; (1 << 20) + 8];
    let mut noise = Noise(7);
    for _ in 0..(border - 8) >> 3 {
        noise.read_exact(&mut expected[..8])?;
    }
    noise.read_exact(&mut expected)?;
    if range != expected[5..11] {
        return Err("a wrong byte in the range".into());
    }
    let before = store.stats()?.segment_bytes;
    let start = Instant::now();
    let again = store.store_reader(Noise(7).take(length))?;
    told("the same again", length, start);
    let grown = store.stats()?.segment_bytes - before;
    if again != reference || store.stats()?.objects != 1 || grown > 1 << 20 {
        return Err("the same bytes were stored twice".into());
    }
    drop((reader, store));
    fs::remove_dir_all(&directory)?;
    let status = fs::read_to_string("/proc/self/status")?;
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let peak: u64 = peak
        .and_then(|text| text.trim().strip_suffix(" kB"))
        .ok_or("the system does not tell how much memory it took")?
        .parse()?;
    println!("most memory: {peak} KiB");
    if peak > MOST_KIB {
        return Err("that is more than 64 MiB".into());
    }
    Ok(())
}

fn told(what: &str, bytes: u64, start: Instant) {
    let seconds = start.elapsed().as_secs_f64();
    println!("{what}: {:.0} MB/s", bytes as f64 / 1e6 / seconds);
}
