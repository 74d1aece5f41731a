//! A medium that is full, or may not be written to.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use super::{image, put, store};
use crate::command::{Place, bytes, set_mode};

/// A small file system in memory. Only root can have one.
struct SmallMount(PathBuf);

impl SmallMount {
    #[expect(clippy::print_stderr, reason = "what is not tested has to be seen")]
    fn new(path: PathBuf) -> Option<Self> {
        fs::create_dir(&path).unwrap();
        let options = ["-t", "tmpfs", "-o", "size=8m", "tmpfs"];
        if !runs(Command::new("mount").args(options).arg(&path)) {
            eprintln!("SKIPPED: no file system can be mounted here, so none is full");
            return None;
        }
        Some(Self(path))
    }

    fn turn_read_only(&self) {
        let options = ["-o", "remount,ro"];
        assert!(runs(Command::new("mount").args(options).arg(&self.0)));
    }
}

impl Drop for SmallMount {
    fn drop(&mut self) {
        runs(Command::new("umount").arg(&self.0));
    }
}

fn runs(command: &mut Command) -> bool {
    command.output().is_ok_and(|output| output.status.success())
}

#[test]
fn a_full_medium_is_code_fourteen_and_keeps_what_it_has() {
    let place = Place::empty();
    let Some(_mount) = SmallMount::new(place.path("here")) else {
        return;
    };
    let kept = put(&place, &bytes(1_000_000, 3));
    fs::write(place.path("large"), bytes(20 << 20, 4)).unwrap();
    let refused = store(&place, &["put", "large"]);
    assert_eq!(
        (refused.code, refused.text()),
        (14, ""),
        "{}",
        refused.stderr
    );
    assert!(store(&place, &["get", &kept]).stdout == bytes(1_000_000, 3));
    let verified = store(&place, &["verify"]);
    assert_eq!(verified.code, 0, "{}", verified.stderr);
    let small = put(&place, b"there is room for little");
    assert_eq!(
        store(&place, &["get", &small]).text(),
        "there is room for little"
    );
}

#[test]
fn a_file_that_does_not_fit_does_not_appear() {
    let place = Place::empty();
    let address = put(&place, &bytes(20 << 20, 4));
    let Some(mount) = SmallMount::new(place.path("small")) else {
        return;
    };
    let refused = store(&place, &["get", &address, "-o", "small/file"]);
    assert_eq!(refused.code, 14, "{}", refused.stderr);
    assert_eq!(image(&mount.0).len(), 0, "something was left behind");
}

#[cfg(target_os = "linux")]
#[test]
fn an_output_that_is_full_is_code_fourteen() {
    let place = Place::empty();
    let address = put(&place, b"something");
    let got = store(&place, &["get", &address, "-o", "/dev/full"]);
    assert_eq!(got.code, 14, "{}", got.stderr);
    assert!(Path::new("/dev/full").exists());
}

#[test]
fn a_directory_that_may_not_be_written_to_is_said_to_be_so() {
    let place = Place::empty();
    let address = put(&place, b"something");
    let mount = SmallMount::new(place.path("there"));
    let directory = place.path("there");
    for name in image(&place.path("here/store")).keys() {
        fs::copy(place.path("here/store").join(name), directory.join(name)).unwrap();
    }
    match &mount {
        Some(mount) => mount.turn_read_only(),
        None => set_mode(&directory.join("LOCK"), 0o400),
    }
    let before = image(&directory);
    for command in [&["put", "here/node.seed"][..], &["rm", &address]] {
        let arguments = [command, &["--store", "there"]].concat();
        let refused = store(&place, &arguments);
        assert_eq!(
            (refused.code, refused.text()),
            (1, ""),
            "{}",
            refused.stderr
        );
        let said = "may not be written to";
        assert!(refused.stderr.contains(said), "{}", refused.stderr);
    }
    assert!(image(&directory) == before);
}
