//! `stt doctor` says of each kind of network what it lets through, and what to expect of a peer.

use std::path::PathBuf;
use std::time::Duration;

use stt_lab::{Firewall, Host, Lab, NatKind, Running};

use crate::lab;
use crate::transfer::{command, seed_in};

const PATIENCE: Duration = Duration::from_secs(60);

/// Two public members, of which the first is a relay and listens for WebSockets too.
struct Members {
    publics: [Host; 2],
    _running: [Running; 2],
    seed: PathBuf,
    _folder: tempfile::TempDir,
}

impl Members {
    fn start(lab: &Lab) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let seed = seed_in(folder.path());
        let publics = ["one", "two"].map(|name| lab.host_public(name).unwrap());
        let running = [&publics[0], &publics[1]].map(|host| {
            let words = [
                "node",
                "--relay",
                "--bind",
                "0.0.0.0:7000",
                "--bind",
                "ws://0.0.0.0:80",
            ];
            let program = host.program(command()).args(words).arg("--seed-file");
            let node = program.arg(&seed).start().unwrap();
            let listening = node.line_with("listening on ws", PATIENCE);
            assert!(listening.is_some(), "{}", node.transcript());
            node
        });
        Self {
            publics,
            _running: running,
            seed,
            _folder: folder,
        }
    }

    fn relay(&self) -> String {
        format!("{}:7000", self.publics[0].ipv4())
    }

    /// Where both are asked: by UDP, or by WebSocket.
    fn vias(&self, by: &str) -> [String; 2] {
        [0, 1].map(|at| {
            let ip = self.publics[at].ipv4();
            match by {
                "udp" => format!("{ip}:7000"),
                _ => format!("ws://{ip}"),
            }
        })
    }

    fn stt(&self, host: &Host, words: &[&str]) -> Running {
        let program = host.program(command()).args(words).arg("--seed-file");
        program.arg(&self.seed).start().unwrap()
    }

    /// The report of a host, in which both members are asked.
    fn doctor(&self, host: &Host, by: &str, more: &[&str]) -> String {
        let [one, two] = self.vias(by);
        let words = ["doctor", "--no-lan", "--via", &one, "--via", &two];
        let mut running = self.stt(host, &[&words[..], more].concat());
        let status = running.wait(PATIENCE).unwrap();
        let is_done = status.is_some_and(|status| status.success());
        assert!(is_done, "{status:?}: {}", running.transcript());
        running.transcript()
    }

    /// A member that waits at both relays, and so knows how its addresses are translated.
    fn wait_at_the_relay(&self, host: &Host) -> (Running, String) {
        let (one, two) = (self.relay(), format!("{}:7000", self.publics[1].ipv4()));
        let words = ["node", "--no-lan", "--no-port-mapping"];
        let relays = ["--use-relay", &one, "--use-relay", &two];
        let listener = self.stt(host, &[&words[..], &relays].concat());
        let mut id = None;
        for relay in [&one, &two] {
            let line = listener.line_with(&format!("at the relay {relay}"), PATIENCE);
            let Some(line) = line else {
                panic!("{}", listener.transcript())
            };
            id = line
                .text
                .split_once(" as ")
                .map(|(_, id)| id.trim().to_owned());
        }
        (listener, id.unwrap())
    }
}

fn says(report: &str, parts: &[&str]) {
    for part in parts {
        assert!(report.contains(part), "`{part}` is not in:\n{report}");
    }
}

#[test]
fn each_kind_of_network_is_told_from_the_others() {
    for (kind, mapping) in [
        (None, "none: others see"),
        (Some(NatKind::EASY), "endpoint-independent"),
        (Some(NatKind::MODERATE), "endpoint-independent"),
        (Some(NatKind::STRICT), "address-dependent"),
    ] {
        let Some(lab) = lab() else { return };
        let members = Members::start(&lab);
        let host = match kind {
            None => lab.host_public("home").unwrap(),
            Some(kind) => lab
                .host_behind("home", &lab.nat("nat", kind).unwrap())
                .unwrap(),
        };
        let report = members.doctor(&host, "udp", &["--relay", &members.relay()]);
        says(
            &report,
            &[
                mapping,
                "gets through",
                ": reached",
                "2 members reached by it",
            ],
        );
        says(&report, &["opens no ports"]);
    }
}

#[test]
fn udp_that_is_blocked_is_said_to_be_and_a_router_that_opens_ports_too() {
    let Some(lab) = lab() else { return };
    let members = Members::start(&lab);
    let nat = lab.nat("nat", NatKind::STRICT).unwrap();
    let _grants = nat.grant_ports().unwrap();
    let home = lab.host_behind("home", &nat).unwrap();
    let report = members.doctor(&home, "websocket", &[]);
    says(
        &report,
        &["gets through", "NAT-PMP", &nat.uplink().ipv4().to_string()],
    );
    home.uplink().firewall(Firewall::UdpBlocked).unwrap();
    let report = members.doctor(&home, "websocket", &["--no-port-mapping"]);
    says(&report, &["UDP            blocked", "by WebSocket"]);
}

#[test]
fn what_is_predicted_of_a_peer_behind_another_nat_comes_true() {
    for (ours, theirs, predicted, happened) in [
        (
            NatKind::EASY,
            NatKind::MODERATE,
            "will work",
            "direct after",
        ),
        (
            NatKind::STRICT,
            NatKind::MODERATE,
            "will probably work",
            "direct after",
        ),
        (
            NatKind::STRICT,
            NatKind::STRICT,
            "will not work",
            "not direct within",
        ),
    ] {
        let Some(lab) = lab() else { return };
        let members = Members::start(&lab);
        let [here, there] = [("here", ours), ("there", theirs)].map(|(name, kind)| {
            let nat = lab.nat(&format!("{name}nat"), kind).unwrap();
            lab.host_behind(name, &nat).unwrap()
        });
        let (_listener, id) = members.wait_at_the_relay(&there);
        let relay = members.relay();
        let more = [&id, "--relay", &relay, "--no-port-mapping"];
        let report = members.doctor(&here, "udp", &more);
        says(&report, &[predicted, happened]);
    }
}
