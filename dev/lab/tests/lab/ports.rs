//! A router that opens a port lets in whoever it would keep out.

use std::time::Duration;

use stt_lab::{Host, NatKind, Running};

use crate::lab;
use crate::transfer::{command, pattern};

const PATIENCE: Duration = Duration::from_secs(60);

#[test]
fn a_router_that_opens_a_port_lets_members_in_and_forgets_it_at_the_end() {
    let Some(lab) = lab() else { return };
    let home = lab.nat("home", NatKind::STRICT).unwrap();
    let grants = home.grant_ports().unwrap();
    let inside = lab.host_behind("inside", &home).unwrap();
    let outside = lab.host_public("outside").unwrap();
    let folder = tempfile::tempdir().unwrap();
    let place = |name: &str| folder.path().join(name).display().to_string();
    std::fs::write(place("sent"), pattern(1 << 20)).unwrap();
    let made = std::process::Command::new(command())
        .args(["seed", "new", "--out", &place("group.seed")])
        .output()
        .unwrap();
    assert!(made.status.success());
    let stt = |host: &Host, words: &[&str]| {
        let program = host.program(command()).args(words);
        program.args(["--seed-file", &place("group.seed")])
    };

    let mut listener = stt(&inside, &["listen", "--keep"])
        .stdout(std::fs::File::create(place("came")).unwrap())
        .start()
        .unwrap();
    let granted = format!("listening on {}", home.uplink().ipv4());
    let address = listener.line_with(&granted, PATIENCE).map(|line| line.text);
    let Some(address) = address else {
        panic!("no port was granted: {}", listener.transcript());
    };
    let address = address.split(' ').nth(2).unwrap().to_owned();
    let mut dialler = stt(&outside, &["connect", &address])
        .stdin(std::fs::File::open(place("sent")).unwrap())
        .start()
        .unwrap();
    ends_well(&mut dialler);
    listener.terminate();
    ends_well(&mut listener);
    let came = std::fs::read(place("came")).unwrap();
    assert!(came == pattern(1 << 20), "other bytes came");

    let refused = stt(&outside, &["connect", &address, "--timeout", "2"]);
    let mut refused = refused.start().unwrap();
    let status = refused.wait(PATIENCE).unwrap().unwrap();
    assert_eq!(status.code(), Some(4), "{}", refused.transcript());
    assert_eq!(grants.open(), 0);
}

fn ends_well(program: &mut Running) {
    let status = program.wait(PATIENCE).unwrap();
    let is_well = status.is_some_and(|status| status.success());
    assert!(is_well, "{status:?}: {}", program.transcript());
}
