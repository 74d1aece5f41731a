//! Every body over its corpus, and over mutations of it: the same ones in each run.

#![allow(clippy::expect_used, reason = "a test stops by panicking")]

use std::fs;
use std::path::{Path, PathBuf};

use stt_fuzz::TARGETS;

/// Mutated inputs in all, shared evenly by the targets.
const CASES: usize = 30_000;

#[test]
fn bodies_hold_over_the_corpus() {
    for (name, body) in TARGETS {
        for seed in corpus(name) {
            run(name, body, &seed);
        }
    }
}

#[test]
fn bodies_hold_over_mutations_of_the_corpus() {
    for (name, body) in TARGETS {
        let seeds = corpus(name);
        let mut random = Random(0x5eed);
        for _ in 0..CASES / TARGETS.len() {
            run(name, body, &mutant(&seeds, &mut random));
        }
    }
}

#[test]
fn every_target_has_a_corpus_and_a_wrapper_and_nothing_else_has() {
    let names: Vec<_> = TARGETS.iter().map(|(name, _)| (*name).to_owned()).collect();
    assert_eq!(entries("corpus"), names);
    let wrappers: Vec<_> = names.iter().map(|name| format!("{name}.rs")).collect();
    assert_eq!(entries("fuzz_targets"), wrappers);
}

/// Runs a body; if it panics, says with which input.
fn run(target: &'static str, body: fn(&[u8]), input: &[u8]) {
    let told = Told { target, input };
    body(input);
    drop(told);
}

/// Tells what was running when a body panicked.
struct Told<'a> {
    target: &'static str,
    input: &'a [u8],
}

impl Drop for Told<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("{} broke on {:02x?}", self.target, self.input);
        }
    }
}

/// The seeds of a target, in the order of their names.
fn corpus(name: &str) -> Vec<Vec<u8>> {
    let folder = Path::new("corpus").join(name);
    let path = |file: String| root().join(&folder).join(file);
    let files = entries(&folder).into_iter().map(path);
    let seeds: Vec<_> = files.map(|file| fs::read(file).expect("a seed")).collect();
    assert!(!seeds.is_empty(), "{name} has no seeds");
    seeds
}

fn entries(folder: impl AsRef<Path>) -> Vec<String> {
    let entries = fs::read_dir(root().join(folder)).expect("a folder");
    let name = |entry: fs::DirEntry| entry.file_name().into_string().expect("a plain name");
    let mut names: Vec<_> = entries
        .map(|entry| name(entry.expect("an entry")))
        .collect();
    names.sort();
    names
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// A seed after one to four changes.
fn mutant(seeds: &[Vec<u8>], random: &mut Random) -> Vec<u8> {
    let mut bytes = seeds[random.below(seeds.len())].clone();
    for _ in 0..=random.below(4) {
        change(&mut bytes, seeds, random);
    }
    bytes
}

fn change(bytes: &mut Vec<u8>, seeds: &[Vec<u8>], random: &mut Random) {
    let at = random.below(bytes.len() + 1);
    match random.below(5) {
        0 if at < bytes.len() => bytes[at] ^= 1 << random.below(8),
        1 if at < bytes.len() => bytes[at] = random.byte(),
        2 => bytes.truncate(at),
        3 => {
            let other = &seeds[random.below(seeds.len())];
            bytes.truncate(at);
            bytes.extend_from_slice(&other[random.below(other.len() + 1)..]);
        }
        _ => bytes.insert(at, random.byte()),
    }
}

/// Xorshift: a fixed sequence, the same on every machine.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    /// Below `bound`; the bias of the remainder does not matter here.
    fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound as u64) as usize
    }

    fn byte(&mut self) -> u8 {
        self.next().to_be_bytes()[0]
    }
}
