//! Members behind two NATs that let nobody in meet at a relay, and go on when it was killed.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use stt_lab::{Host, Lab, Link, NatKind, Running};

use crate::lab;
use crate::transfer::{command, is_same, pattern, seed_in};

const PATIENCE: Duration = Duration::from_secs(120);

/// At this rate a transfer takes some seconds, so that what happens falls into it.
const RATE: u64 = 16_000_000;
const BYTES: usize = 10 << 20;

/// A relay that all reach, and two members that nobody does.
struct Party {
    lab: Lab,
    relay: Host,
    ends: [Host; 2],
    folder: tempfile::TempDir,
}

impl Party {
    fn new() -> Option<Self> {
        let lab = lab()?;
        let relay = lab.host_public("relay").unwrap();
        let ends = ["near", "far"].map(|name| {
            let nat = lab.nat(&format!("{name}-nat"), NatKind::STRICT).unwrap();
            lab.host_behind(name, &nat).unwrap()
        });
        let link = Link::PERFECT
            .with_delay(Duration::from_millis(10))
            .with_rate(RATE, Duration::from_millis(50));
        ends[0].uplink().shape(link, link).unwrap();
        let folder = tempfile::tempdir().unwrap();
        seed_in(folder.path());
        fs::write(folder.path().join("sent"), pattern(BYTES)).unwrap();
        Some(Self {
            lab,
            relay,
            ends,
            folder,
        })
    }

    fn place(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn stt(&self, host: &Host, words: &[&str]) -> stt_lab::Program {
        let program = host.program(command()).args(words).arg("--seed-file");
        program.arg(self.place("group.seed"))
    }

    fn start_relay(&self) -> Running {
        let words = ["node", "--relay", "--bind", "0.0.0.0:4433", "-v"];
        let relay = self.stt(&self.relay, &words).start().unwrap();
        let listening = relay.line_with("listening on", PATIENCE);
        assert!(listening.is_some(), "{}", relay.transcript());
        relay
    }

    fn address(&self) -> String {
        format!("{}:4433", self.relay.ipv4())
    }

    /// A listener at the second, a dialler at the first, that sends.
    fn start_ends(&self) -> [Running; 2] {
        let [near, far] = &self.ends;
        let address = self.address();
        let listener = self
            .stt(far, &["listen", "--relay", &address])
            .stdout(File::create(self.place("came")).unwrap())
            .start()
            .unwrap();
        let waiting = listener.line_with("waiting at the relay", PATIENCE);
        let Some(waiting) = waiting else {
            panic!("{}", listener.transcript());
        };
        let (_, id) = waiting.text.split_once(" as ").unwrap();
        let dialler = self
            .stt(near, &["connect", id.trim(), "--relay", &address])
            .stdin(File::open(self.place("sent")).unwrap())
            .start()
            .unwrap();
        [listener, dialler]
    }

    fn end(&self, ends: &mut [Running]) {
        for program in ends {
            let status = program.wait(PATIENCE).unwrap();
            let ended_well = status.is_some_and(|status| status.success());
            assert!(ended_well, "{status:?}: {}", program.transcript());
        }
        let same = is_same(&self.place("sent"), &self.place("came"));
        assert!(same, "other bytes came");
    }
}

/// Waits until some bytes have come, lets something happen, and says for how long at most nothing came.
fn longest_pause(came: &Path, mut happens: impl FnMut()) -> Duration {
    let (started, mut last) = (Instant::now(), Instant::now());
    let (mut size, mut pause, mut has_happened) = (0, Duration::ZERO, false);
    while size < BYTES as u64 && started.elapsed() < PATIENCE {
        std::thread::sleep(Duration::from_millis(20));
        let now = fs::metadata(came).unwrap().len();
        if now == size {
            continue;
        }
        if size > 0 {
            pause = pause.max(last.elapsed());
        }
        (size, last) = (now, Instant::now());
        if !has_happened && size > BYTES as u64 / 4 {
            happens();
            has_happened = true;
        }
    }
    assert!(has_happened, "it was over before anything happened");
    pause
}

#[test]
fn members_behind_strict_nats_meet_at_a_relay_whose_capture_holds_ciphertext_alone() {
    let Some(party) = Party::new() else { return };
    let capture = party.relay.capture(64 << 20).unwrap();
    let relay = party.start_relay();
    let mut ends = party.start_ends();
    party.end(&mut ends);
    let sent = fs::read(party.place("sent")).unwrap();
    let carried: usize = capture
        .packets()
        .iter()
        .map(|packet| packet.bytes.len())
        .sum();
    assert!(carried > 2 * sent.len(), "{carried}");
    for start in (0..sent.len() - 16).step_by(2_097_003) {
        assert!(!capture.contains(&sent[start..start + 16]), "at {start}");
    }
    relay.terminate();
    drop(party.lab);
}

#[test]
fn relay_that_is_killed_and_started_anew_is_survived() {
    let Some(party) = Party::new() else { return };
    let mut relay = party.start_relay();
    let mut ends = party.start_ends();
    let pause = longest_pause(&party.place("came"), || {
        relay.kill();
        relay.wait(PATIENCE).unwrap();
        relay = party.start_relay();
    });
    party.end(&mut ends);
    // The bound of five seconds is held in the simulator, where no other program takes time away.
    assert!(pause < Duration::from_secs(10), "{pause:?}");
    println!("nothing came for {:.1} s", pause.as_secs_f64());
    relay.terminate();
}
