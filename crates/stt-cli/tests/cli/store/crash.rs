//! A command that ends too early leaves a store that is whole.

use std::{fs, io::Read};

use super::{feed, half_a_put, put, store, with_store};
use crate::command::{Place, bytes};

fn assert_well(place: &Place, before: &str) {
    let verified = store(place, &["verify"]);
    assert_eq!(
        (verified.code, verified.text()),
        (0, ""),
        "{}",
        verified.stderr
    );
    assert_eq!(
        store(place, &["get", before]).text(),
        "what was there before"
    );
}

#[test]
fn a_put_that_was_killed_is_put_again() {
    let place = Place::empty();
    let before = put(&place, b"what was there before");
    let object = bytes(12 << 20, 6);
    for read in [1_000, 1 << 20, (3 << 20) + 5, 11 << 20] {
        half_a_put(&place, &object[..read]).kill();
        assert_well(&place, &before);
    }
    let address = put(&place, &object);
    assert!(store(&place, &["get", &address]).stdout == object);
    assert_well(&place, &before);
}

#[test]
fn a_put_that_was_interrupted_stores_nothing() {
    let place = Place::empty();
    let before = put(&place, b"what was there before");
    let object = bytes(5 << 20, 6);
    for signal in ["-TERM", "-INT"] {
        let running = half_a_put(&place, &object);
        running.signal(signal);
        let ended = running.end();
        assert_eq!((ended.code, ended.text()), (5, ""), "{}", ended.stderr);
        assert_eq!(ended.stderr, "stt: interrupted");
        assert_well(&place, &before);
        assert_eq!(store(&place, &["ls"]).text().lines().count(), 1);
    }
}

#[test]
fn an_interrupted_get_leaves_a_whole_file_or_none() {
    let place = Place::empty();
    let object = bytes(60 << 20, 6);
    let address = put(&place, &object);
    let running = place.start(&with_store(&["get", &address, "-o", "file"]));
    let is_begun = || {
        let entries = fs::read_dir(place.path(".")).unwrap();
        let mut names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        names.any(|name| name.starts_with(".stt-") || name == "file")
    };
    assert!((0..1_000_000).any(|_| is_begun()), "it never began");
    running.terminate();
    let ended = running.end();
    match ended.code {
        0 => assert!(fs::read(place.path("file")).unwrap() == object),
        5 => assert!(!is_begun(), "something was left behind"),
        _ => panic!("{}: {}", ended.code, ended.stderr),
    }
}

#[test]
fn a_get_that_nobody_reads_can_be_interrupted() {
    let place = Place::empty();
    let address = put(&place, &bytes(8 << 20, 6));
    let mut running = place.start(&with_store(&["get", &address]));
    let mut stdout = running.stdout.take().unwrap();
    stdout.read_exact(&mut [0; 10]).unwrap();
    running.terminate();
    assert_eq!(running.end().code, 5);
}

#[test]
fn a_reader_that_has_seen_enough_is_no_error() {
    let place = Place::empty();
    let address = put(&place, &bytes(8 << 20, 6));
    for command in [&["get", &address][..], &["ls"], &["stat"], &["verify"]] {
        let mut running = place.start(&with_store(command));
        drop(running.stdout.take());
        let ended = running.end();
        assert_eq!(ended.code, 0, "{command:?}: {}", ended.stderr);
        assert!(!ended.stderr.contains("panicked"), "{}", ended.stderr);
    }
    let mut running = place.start(&with_store(&["get", &address]));
    let mut stdout = running.stdout.take().unwrap();
    stdout.read_exact(&mut [0; 10]).unwrap();
    drop(stdout);
    assert_eq!(running.end().code, 0);
    let mut running = place.start(&with_store(&["put"]));
    drop((running.stdout.take(), running.stdin.take()));
    assert_eq!(running.end().code, 0);
    assert_eq!(feed(&place, &["put"], b"more").code, 0);
}
