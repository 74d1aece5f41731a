//! `get -o FILE`: whole or not at all.

use std::{
    fs,
    io::{Read, Write},
    os::unix::fs::symlink,
    process::Command,
    thread,
};

use super::{image, put, store, with_store};
use crate::command::{Place, bytes, mode, set_mode};

#[test]
fn a_new_file_has_the_mode_of_new_files_and_an_old_one_keeps_its_own() {
    let place = Place::empty();
    let address = put(&place, b"the bytes");
    fs::write(place.path("any"), b"").unwrap();
    assert_eq!(store(&place, &["get", &address, "-o", "new"]).code, 0);
    assert_eq!(mode(&place.path("new")), mode(&place.path("any")));
    set_mode(&place.path("any"), 0o640);
    assert_eq!(store(&place, &["get", &address, "-o", "any"]).code, 0);
    assert_eq!(mode(&place.path("any")), 0o640);
    assert_eq!(
        (place.read("new"), place.read("any")),
        ("the bytes".into(), "the bytes".into())
    );
    let names = fs::read_dir(place.path(".")).unwrap().count();
    assert_eq!(names, 3, "something was left behind");
}

#[test]
fn a_link_stays_a_link() {
    let place = Place::empty();
    let address = put(&place, b"the bytes");
    fs::write(place.path("file"), b"before").unwrap();
    symlink("file", place.path("link")).unwrap();
    symlink("missing", place.path("broken")).unwrap();
    assert_eq!(store(&place, &["get", &address, "-o", "link"]).code, 0);
    assert!(place.path("link").is_symlink());
    assert_eq!(place.read("file"), "the bytes");
    assert_eq!(store(&place, &["get", &address, "-o", "broken"]).code, 2);
}

#[test]
fn a_name_that_cannot_be_a_file_is_usage() {
    let place = Place::empty();
    let address = put(&place, b"the bytes");
    for name in [".", "missing/file", "here/node.seed/file", ""] {
        let refused = store(&place, &["get", &address, "-o", name]);
        assert_eq!(refused.code, 2, "{name}: {}", refused.stderr);
    }
}

#[test]
fn files_of_the_store_are_not_written_over() {
    let place = Place::empty();
    let address = put(&place, b"the bytes");
    let before = image(&place.path("here/store"));
    symlink("here/store/keys-a", place.path("link")).unwrap();
    symlink("here/store", place.path("folder")).unwrap();
    for name in [
        "here/store/seg-0000000000000001",
        "here/store/new",
        "./here/../here/store/LOCK",
        "folder/new",
        "link",
    ] {
        let refused = store(&place, &["get", &address, "-o", name]);
        assert_eq!(refused.code, 2, "{name}: {}", refused.stderr);
    }
    assert!(image(&place.path("here/store")) == before);
}

#[test]
fn a_pipe_gets_the_bytes_as_they_come() {
    let place = Place::empty();
    let object = bytes(3 << 20, 2);
    let address = put(&place, &object);
    let made = Command::new("mkfifo").arg(place.path("pipe")).status();
    assert!(made.unwrap().success());
    let path = place.path("pipe");
    let reading = thread::spawn(move || fs::read(path).unwrap());
    assert_eq!(store(&place, &["get", &address, "-o", "pipe"]).code, 0);
    assert!(reading.join().unwrap() == object);
    assert!(!place.path("pipe").is_file());
}

#[test]
fn a_dash_is_a_standard_stream() {
    let place = Place::empty();
    let mut running = place.start(&with_store(&["put", "-"]));
    running.stdin.take().unwrap().write_all(b"typed").unwrap();
    let mut address = String::new();
    let mut stdout = running.stdout.take().unwrap();
    stdout.read_to_string(&mut address).unwrap();
    assert_eq!(running.end().code, 0);
    let got = store(&place, &["get", address.trim_end(), "-o", "-"]);
    assert_eq!(got.text(), "typed");
    assert!(!place.path("-").exists());
}
