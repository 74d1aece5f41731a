//! A process that is killed with SIGKILL, again and again, on the real file system.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::time::Duration;

use stt_store::{Address, BinaryStorage, StorageOptions, StoreKey};

use crate::support::{Random, System, bytes, seed};

const ROUNDS: u64 = 20;
const DIRECTORY: &str = "STT_STORE_TEST_DIRECTORY";
const START: &str = "STT_STORE_TEST_START";

fn open(directory: &std::path::Path) -> BinaryStorage {
    let options = StorageOptions::default()
        .segment_len(1 << 20)
        .checkpoint_len(1 << 18);
    options
        .open(directory, StoreKey::Node(&seed(1)), Box::new(System))
        .unwrap()
}

fn object(number: u64) -> Vec<u8> {
    let len = [100, 5_000, 70_000, (1 << 20) + 9][(number % 4) as usize];
    bytes(number + 1000, len)
}

/// The child: stores without end, and says what was acknowledged. Does nothing in a normal run.
#[test]
fn child_stores_until_it_is_killed() {
    let Some(directory) = std::env::var_os(DIRECTORY) else {
        return;
    };
    let start: u64 = std::env::var(START).unwrap().parse().unwrap();
    let store = open(directory.as_ref());
    for number in start.. {
        store.store(&object(number)).unwrap();
        println!("\nstored {number}");
        if number % 5 == 4 {
            store.remove(Address::of(&object(number - 3))).unwrap();
            println!("\nremoved {}", number - 3);
        }
    }
}

#[test]
fn killed_process_loses_nothing_that_it_acknowledged() {
    let directory = tempfile::tempdir().unwrap();
    let mut random = Random(4711);
    let mut stored = std::collections::BTreeSet::new();
    let mut removed = std::collections::BTreeSet::new();
    for round in 0..ROUNDS {
        let start = round * 10_000;
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args([
                "--exact",
                "kill::child_stores_until_it_is_killed",
                "--nocapture",
            ])
            .env(DIRECTORY, directory.path())
            .env(START, start.to_string())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let out = BufReader::new(child.stdout.take().unwrap());
        let lines = out.lines().map_while(Result::ok);
        let mut said = 0;
        let last = 1 + random.below(12);
        for line in lines {
            if let Some(number) = line.strip_prefix("stored ") {
                stored.insert(number.parse::<u64>().unwrap());
                said += 1;
            } else if let Some(number) = line.strip_prefix("removed ") {
                removed.insert(number.parse::<u64>().unwrap());
            }
            if said == last {
                // It goes on meanwhile: what it says until it is dead counts too.
                std::thread::sleep(Duration::from_millis(random.below(12) as u64));
                child.kill().unwrap();
                said += 1;
            }
        }
        child.wait().unwrap();
    }
    let store = open(directory.path());
    for number in stored.difference(&removed) {
        // Its removal may have been under way, when it was not acknowledged.
        let may_be_gone = number % 5 == 1 && stored.contains(&(number + 3));
        match store.retrieve(Address::of(&object(*number))) {
            Ok(found) => assert!(found == object(*number)),
            Err(error) => assert!(may_be_gone, "{number}: {error}"),
        }
    }
    for number in &removed {
        assert!(!store.contains(Address::of(&object(*number))).unwrap());
    }
    assert!(store.verify().unwrap().is_well());
    assert!(
        stored.len() > ROUNDS as usize,
        "only {} objects",
        stored.len()
    );
}
