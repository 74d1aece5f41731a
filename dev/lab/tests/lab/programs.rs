//! Programs run on hosts, are heard, and die with them. Labs leave nothing behind.

use std::net::UdpSocket;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use stt_lab::Source;

use crate::{PATIENCE, lab};

#[test]
fn program_runs_on_its_host_and_is_heard() {
    let Some(lab) = lab() else { return };
    let host = lab.host_public("a").unwrap();
    let mut program = host
        .program("sh")
        .args(["-c", "ip -4 addr show eth0; echo oh >&2; exit 3"])
        .start()
        .unwrap();
    let status = program.wait(PATIENCE).unwrap().unwrap();
    assert_eq!(status.code(), Some(3));
    assert!(program.transcript().contains(&host.ipv4().to_string()));
    let said = program.line_with("oh", PATIENCE).unwrap();
    assert_eq!(said.source, Source::Stderr);
}

#[test]
fn thread_and_what_it_starts_are_on_their_host() {
    let Some(lab) = lab() else { return };
    let host = lab.host_public("a").unwrap();
    let address = (host.ipv4(), 0);
    assert!(UdpSocket::bind(address).is_err(), "the address is not ours");
    let bind = move || UdpSocket::bind(address).is_ok();
    let grandchild = host.spawn(move || std::thread::spawn(bind).join().unwrap());
    assert!(grandchild.unwrap().join().unwrap());
    assert!(host.enter(bind).unwrap());
}

#[test]
fn suspended_program_says_nothing_until_it_is_resumed() {
    let Some(lab) = lab() else { return };
    let host = lab.host_public("a").unwrap();
    let count = "n=0; while :; do n=$((n + 1)); echo $n; sleep 0.02; done";
    let program = host.program("sh").args(["-c", count]).start().unwrap();
    assert!(program.line_with("1", PATIENCE).is_some());
    program.suspend();
    while !is_stopped(program.id()) {}
    let before = loop {
        // What it wrote before may still be on its way to us.
        let lines = program.lines().len();
        std::thread::sleep(Duration::from_millis(200));
        if program.lines().len() == lines {
            break lines;
        }
    };
    program.resume();
    assert!(
        program
            .line_with(&(before + 1).to_string(), PATIENCE)
            .is_some()
    );
}

fn is_stopped(id: u32) -> bool {
    std::fs::read_to_string(format!("/proc/{id}/stat"))
        .unwrap()
        .contains(") T")
}

#[test]
fn program_dies_with_its_handle() {
    let Some(lab) = lab() else { return };
    let host = lab.host_public("a").unwrap();
    let program = host.program("sleep").arg("1000").start().unwrap();
    let folder = format!("/proc/{}", program.id());
    assert!(Path::new(&folder).exists());
    drop(program);
    assert!(!Path::new(&folder).exists());
}

#[test]
fn lab_takes_its_namespaces_and_what_runs_in_them_away() {
    let Some(lab) = lab() else { return };
    let host = lab.host_public("a").unwrap();
    let names = [
        host.namespace().to_owned(),
        lab.namespace_of_internet().to_owned(),
    ];
    // A grandchild that the handle does not know of.
    let mut program = host
        .program("sh")
        .args(["-c", "sleep 1000 >/dev/null 2>&1 & echo $!"])
        .start()
        .unwrap();
    program.wait(PATIENCE).unwrap();
    let grandchild = program.lines()[0].text.clone();
    assert!(is_running(&grandchild));
    drop((program, host, lab));
    assert!(!is_running(&grandchild));
    for name in names {
        assert!(!Path::new("/run/netns").join(name).exists());
    }
}

/// Whether a process is there and not merely waiting to be counted.
fn is_running(id: &str) -> bool {
    let state = std::fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
    !state.is_empty() && !state.contains(") Z")
}

#[test]
fn what_a_dead_process_left_is_removed_and_what_a_living_one_has_is_not() {
    let Some(first) = lab() else { return };
    let mut child = Command::new("true").spawn().unwrap();
    let stale = format!("stt-{}-0-left", child.id());
    child.wait().unwrap();
    let added = Command::new("ip")
        .args(["netns", "add", &stale])
        .status()
        .unwrap();
    assert!(added.success());
    let second = lab().unwrap();
    assert!(!Path::new("/run/netns").join(&stale).exists());
    for lab in [&first, &second] {
        assert!(
            Path::new("/run/netns")
                .join(lab.namespace_of_internet())
                .exists()
        );
    }
}
