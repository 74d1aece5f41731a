//! `stt store`, as a shell sees it.

mod codes;
mod crash;
mod full;
mod keys;
mod objects;
mod output;

use std::{collections::BTreeMap, fs, io::Write, path::Path, thread};

use crate::command::{Ended, Place, Running};

/// `stt store` with the store of the data dir `here`.
fn store(place: &Place, arguments: &[&str]) -> Ended {
    place.run(&with_store(arguments))
}

fn with_store<'a>(arguments: &[&'a str]) -> Vec<&'a str> {
    [&["store", "--data-dir", "here"][..], arguments].concat()
}

/// The same with bytes on standard input.
fn feed(place: &Place, arguments: &[&str], bytes: &[u8]) -> Ended {
    let mut running = place.start(&with_store(arguments));
    let mut stdin = running.stdin.take().unwrap();
    thread::scope(|scope| {
        // It may end without reading.
        scope.spawn(move || stdin.write_all(bytes));
        running.end()
    })
}

/// Stores bytes and returns their address.
fn put(place: &Place, bytes: &[u8]) -> String {
    let put = feed(place, &["put"], bytes);
    assert_eq!(put.code, 0, "{}", put.stderr);
    put.text().trim_end().to_owned()
}

/// A `put` that waits for more. It has the store, and has read all but what a pipe holds.
fn half_a_put(place: &Place, bytes: &[u8]) -> Running {
    let mut running = place.start(&with_store(&["put"]));
    running.stdin.as_mut().unwrap().write_all(bytes).unwrap();
    running
}

/// Every file in a directory, with its bytes.
fn image(directory: &Path) -> BTreeMap<String, Vec<u8>> {
    let entries = fs::read_dir(directory).unwrap().map(Result::unwrap);
    let read = |entry: fs::DirEntry| {
        let name = entry.file_name().into_string().unwrap();
        (name, fs::read(entry.path()).unwrap())
    };
    entries.map(read).collect()
}

const EMPTY: &str = "a7ffc6f8bf1ed76651c14756a061d662f580ff4de43b49fa82d80a4b80f8434a";
