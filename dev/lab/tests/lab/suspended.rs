//! Programs that are suspended, as a laptop's lid suspends them, and go on.

use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use stt_lab::{Host, Lab, Link, Program, Running};

use crate::lab;
use crate::transfer::{command, moves_while, seed_in};

const PATIENCE: Duration = Duration::from_secs(30);
const BYTES: usize = 6 << 20;

/// At this rate a transfer takes some seconds, so that a pause falls into it.
fn link() -> Link {
    Link::PERFECT
        .with_delay(Duration::from_millis(10))
        .with_rate(16_000_000, Duration::from_millis(50))
}

fn hosts(lab: &Lab) -> [Host; 2] {
    ["near", "far"].map(|name| lab.host_public(name).unwrap())
}

/// Waits until half of the bytes are there.
fn until_half_came(came: &Path) {
    let started = Instant::now();
    while fs::metadata(came).unwrap().len() < BYTES as u64 / 2 {
        assert!(started.elapsed() < PATIENCE, "it stands still");
        thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn transfer_goes_on_when_one_of_the_two_was_suspended_for_less_than_the_idle_timeout() {
    const AWAY: Duration = Duration::from_secs(4);
    for who in [0, 1] {
        let Some(lab) = lab() else { return };
        let [near, far] = hosts(&lab);
        near.uplink().shape(link(), link()).unwrap();
        moves_while(&near, &far, BYTES, |came, programs| {
            until_half_came(came);
            let before = fs::metadata(came).unwrap().len();
            programs[who].suspend();
            thread::sleep(AWAY);
            let meanwhile = fs::metadata(came).unwrap().len() - before;
            assert!(meanwhile < BYTES as u64 / 2, "it was not suspended");
            programs[who].resume();
        });
    }
}

/// Both sides of a forward, whose sessions live for three seconds without a sign of life.
struct Forward {
    /// The side with the programs, and the side with the target.
    sides: [Running; 2],
    entrance: SocketAddr,
}

impl Forward {
    fn start([near, far]: [&Host; 2], target: SocketAddr, seed: &Path) -> Self {
        let stt = |host: &Host, words: &[&str]| -> Program {
            let program = host.program(command()).arg("forward").args(words);
            let program = program.args(["--idle-timeout", "3", "--seed-file"]);
            program.arg(seed)
        };
        let target = target.to_string();
        let words = ["--serve", &target, "--bind", "0.0.0.0:7000"];
        let serving = stt(far, &words).start().unwrap();
        let listening = serving.line_with("listening on", PATIENCE);
        assert!(listening.is_some(), "{}", serving.transcript());
        let entrance = SocketAddr::from(([127, 0, 0, 1], 2222));
        let remote = format!("{}:7000", far.ipv4());
        let local = stt(near, &[&entrance.to_string(), &remote])
            .start()
            .unwrap();
        let forwarding = local.line_with("forwarding", PATIENCE);
        assert!(forwarding.is_some(), "{}", local.transcript());
        Self {
            sides: [local, serving],
            entrance,
        }
    }

    /// Sends a word through, and says how long the answer took.
    fn echo(&self, from: &Host) -> Duration {
        let started = Instant::now();
        let mut socket = from.tcp_connect(self.entrance, PATIENCE).unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        socket.write_all(b"still there?").unwrap();
        let mut answer = [0; 12];
        let heard = socket.read_exact(&mut answer);
        let [local, serving] = &self.sides;
        assert!(
            heard.is_ok() && &answer == b"still there?",
            "{heard:?}\n{}\n{}",
            local.transcript(),
            serving.transcript()
        );
        started.elapsed()
    }

    /// Whom the side with the target has had sessions with, each time.
    fn peers(&self) -> Vec<String> {
        let lines = self.sides[1].lines();
        let opened = lines.iter().filter_map(|line| {
            let (_, rest) = line.text.split_once(" with ")?;
            rest.split_once(" at ").map(|(peer, _)| peer.to_owned())
        });
        opened.collect()
    }
}

/// Answers whatever comes with itself, until the listener's host is gone.
fn echo_at(listener: TcpListener) {
    thread::spawn(move || {
        for socket in listener.incoming() {
            let Ok(mut socket) = socket else { return };
            thread::spawn(move || {
                let mut from = socket.try_clone()?;
                std::io::copy(&mut from, &mut socket)
            });
        }
    });
}

#[test]
fn forward_reaches_its_peer_again_as_who_it_was_after_a_suspension_longer_than_the_idle_timeout() {
    /// The first keep-alive that nobody answers begins the idle timeout anew.
    const AWAY: Duration = Duration::from_secs(6);
    let Some(lab) = lab() else { return };
    let [near, far] = hosts(&lab);
    let folder = tempfile::tempdir().unwrap();
    let seed = seed_in(folder.path());
    echo_at(far.tcp_listen(5_000).unwrap());
    let target = (far.ipv4(), 5_000).into();
    let forward = Forward::start([&near, &far], target, &seed);
    forward.echo(&near);
    for side in &forward.sides {
        let sessions = forward.peers().len();
        side.suspend();
        thread::sleep(AWAY);
        side.resume();
        let took = forward.echo(&near);
        assert!(took < Duration::from_secs(15), "{took:?}");
        let peers = forward.peers();
        assert!(peers.len() > sessions, "it was the same session: {peers:?}");
        assert!(peers.iter().all(|peer| *peer == peers[0]), "{peers:?}");
    }
}
