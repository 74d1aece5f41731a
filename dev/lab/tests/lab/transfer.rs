//! The real command moves bytes through the lab: over a bad link, and from behind each kind of NAT.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use stt_lab::{Host, Link, Loss, NatKind, Running};

use crate::{is_required, lab};

const PATIENCE: Duration = Duration::from_secs(240);

/// How much is moved: less in the gate, where a lossy link would take most of its time.
fn size() -> usize {
    if is_required() { 20 << 20 } else { 2 << 20 }
}

/// The command, where cargo puts it beside these tests. `cargo xtask lab` builds it first.
pub(crate) fn command() -> PathBuf {
    let tests = std::env::current_exe().unwrap();
    let built = tests.ancestors().nth(2).unwrap().join("stt");
    assert!(
        built.exists(),
        "build it first: cargo build --package stt-cli"
    );
    built
}

/// Moves bytes from one host to another, which is public, and compares them.
fn moves(from: &Host, to: &Host, bytes: usize) {
    moves_while(from, to, bytes, |_, _| {});
}

/// The same, while something happens; it is told to which file the bytes come, and given the dialler
/// and the listener.
pub(crate) fn moves_while(
    from: &Host,
    to: &Host,
    bytes: usize,
    happens: impl FnOnce(&Path, [&Running; 2]),
) {
    let address = format!("{}:4433", to.ipv4());
    moves_by([from, to], &[&address], bytes, happens);
}

/// From the first to the second, which is found by what `connect` is told.
fn moves_by(
    [from, to]: [&Host; 2],
    by: &[&str],
    bytes: usize,
    happens: impl FnOnce(&Path, [&Running; 2]),
) {
    let folder = tempfile::tempdir().unwrap();
    let place = |name: &str| folder.path().join(name);
    fs::write(place("sent"), pattern(bytes)).unwrap();
    let seed = seed_in(folder.path());

    let stt = |host: &Host, words: &[&str]| {
        let program = host.program(command()).args(words).arg("--seed-file");
        program.arg(&seed)
    };
    let mut listener = stt(to, &["listen", "--bind", "0.0.0.0:4433"])
        .stdout(File::create(place("came")).unwrap())
        .start()
        .unwrap();
    let listening = listener.line_with("listening on", PATIENCE);
    assert!(listening.is_some(), "{}", listener.transcript());
    let mut dialler = stt(from, &[&["connect"], by].concat())
        .stdin(File::open(place("sent")).unwrap())
        .start()
        .unwrap();
    happens(&place("came"), [&dialler, &listener]);
    for program in [&mut dialler, &mut listener] {
        let status = program.wait(PATIENCE).unwrap();
        let ended_well = status.is_some_and(|status| status.success());
        assert!(ended_well, "{status:?}: {}", program.transcript());
    }
    assert!(is_same(&place("sent"), &place("came")), "other bytes came");
}

/// The seed of a new group, in a folder.
pub(crate) fn seed_in(folder: &Path) -> PathBuf {
    let seed = folder.join("group.seed");
    let made = std::process::Command::new(command())
        .args(["seed", "new", "--out"])
        .arg(&seed)
        .output()
        .unwrap();
    assert!(made.status.success());
    seed
}

/// Bytes that repeat only after a long time.
pub(crate) fn pattern(bytes: usize) -> Vec<u8> {
    let mut state = 1_u32;
    let next = std::iter::repeat_with(|| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    });
    next.take(bytes).collect()
}

pub(crate) fn is_same(sent: &Path, came: &Path) -> bool {
    fs::read(sent).unwrap() == fs::read(came).unwrap()
}

#[test]
fn bytes_cross_a_slow_and_lossy_link() {
    let Some(lab) = lab() else { return };
    let (near, far) = (
        lab.host_public("near").unwrap(),
        lab.host_public("far").unwrap(),
    );
    let link = Link::PERFECT
        .with_delay(Duration::from_millis(25))
        .with_loss(Loss::Random { share: 0.01 });
    near.uplink().shape(link, link).unwrap();
    moves(&near, &far, size());
    let [out, _] = near.uplink().counts();
    assert!(out.lost > 0, "nothing was lost on the way");
}

/// As far down as the command gets in its patience, with fewer bytes, for the last links are slow: on
/// the ninth it hears nothing for longer than its idle timeout.
const RUNGS: usize = 8;
const RUNG_BYTES: usize = 128 << 10;

#[test]
fn bytes_go_down_the_ladder_of_links() {
    let rungs = if is_required() { RUNGS } else { 1 };
    for (name, link) in Link::LADDER.into_iter().take(rungs) {
        let Some(lab) = lab() else { return };
        let ends = ["near", "far"].map(|end| lab.host_public(end).unwrap());
        ends[0].uplink().shape(link, link).unwrap();
        let start = Instant::now();
        moves(&ends[0], &ends[1], RUNG_BYTES);
        println!(
            "{name}: {RUNG_BYTES} bytes in {:.1} s",
            start.elapsed().as_secs_f64()
        );
    }
}

#[test]
fn bytes_come_from_behind_each_kind_of_nat() {
    let Some(lab) = lab() else { return };
    let far = lab.host_public("far").unwrap();
    for (name, kind) in [
        ("easy", NatKind::EASY),
        ("moderate", NatKind::MODERATE),
        ("strict", NatKind::STRICT),
    ] {
        let nat = lab.nat(&format!("nat-{name}"), kind).unwrap();
        let inside = lab.host_behind(name, &nat).unwrap();
        moves(&inside, &far, size());
    }
}

#[test]
fn who_is_on_the_same_network_is_found_without_an_address() {
    let Some(lab) = lab() else { return };
    let home = lab.nat("home", NatKind::EASY).unwrap();
    let [near, far] = ["near", "far"].map(|name| lab.host_behind(name, &home).unwrap());
    moves_by([&near, &far], &[], size(), |_, _| {});
}
