//! Members behind each pair of NATs, with a session through a relay: which find a direct way, and how
//! soon.
//!
//! `STT_LAB_ROUNDS=5 cargo xtask lab any_two_nats` goes through all pairs five times.

use std::io::{self, Write};
use std::thread;
use std::time::Duration;

use stt::{Group, PathKind, SystemEntropy, Target};
use stt_lab::{Host, Lab, NatKind};

use crate::lab;
use crate::members::{Member, PORT, Pair, at, listening};

const KINDS: [(&str, Option<NatKind>); 4] = [
    ("public", None),
    ("easy", Some(NatKind::EASY)),
    ("moderate", Some(NatKind::MODERATE)),
    ("strict", Some(NatKind::STRICT)),
];

/// Many ports at once take twelve seconds at most, after one for plain probes.
const LIMIT: Duration = Duration::from_secs(20);
const HOPELESS: Duration = Duration::from_secs(4);

/// Where one of the two can be told where the other is seen.
const PLAIN: Duration = Duration::from_secs(1);

const BYTES: u64 = 300_000;

/// A host behind a NAT of this kind, and the NAT.
fn host(lab: &Lab, name: &str, kind: Option<NatKind>) -> Host {
    match kind {
        None => lab.host_public(name).unwrap(),
        Some(kind) => {
            let nat = lab.nat(&format!("{name}nat"), kind).unwrap();
            lab.host_behind(name, &nat).unwrap()
        }
    }
}

/// How long a session between these two takes from the relay to a direct way, on both sides.
fn time_between(lab: &Lab, kinds: [Option<NatKind>; 2], limit: Duration) -> Option<Duration> {
    let group = Group::generate(&mut SystemEntropy);
    let publics = ["relay", "other"].map(|name| lab.host_public(name).unwrap());
    let _relay = Member::relay(&publics[0], &group);
    let _other = Member::start(&publics[1], listening(&group, PORT));
    let hosts = [host(lab, "from", kinds[0]), host(lab, "to", kinds[1])];
    let members = [&hosts[0], &hosts[1]].map(|host| {
        let member = Member::start(host, listening(&group, 0));
        member.register(at(&publics[0]));
        member.connect(at(&publics[1]));
        member
    });
    thread::sleep(Duration::from_millis(300));
    let target = Target::relayed(at(&publics[0]), members[1].node.id());
    let pair = Pair::join(members, target);
    let took = pair.time_to(PathKind::Udp, limit);
    pair.transfer(BYTES);
    took
}

/// Where plain probes are enough they are done in a moment.
fn limit(from: &str, to: &str) -> Duration {
    match [from, to] {
        ["strict", "strict"] => HOPELESS,
        ["moderate", "strict"] | ["strict", "moderate"] => LIMIT,
        _ => PLAIN,
    }
}

#[test]
fn members_behind_any_two_nats_find_a_direct_way_unless_both_are_strict() {
    let mut all = Vec::new();
    for (from, kind) in KINDS {
        for (to, other) in KINDS {
            let mut times = Vec::new();
            for round in 0..rounds() {
                let Some(lab) = lab() else { return };
                let took = time_between(&lab, [kind, other], limit(from, to));
                let is_hopeless = from == "strict" && to == "strict";
                assert_eq!(took.is_none(), is_hopeless, "{from} to {to}, round {round}");
                times.extend(took);
            }
            show(&format!("{from} to {to}"), &mut times);
            all.extend(times);
        }
    }
    show("all that are direct", &mut all);
}

/// How often each pair has its turn.
pub(crate) fn rounds() -> usize {
    let asked = std::env::var("STT_LAB_ROUNDS");
    asked.map_or(1, |rounds| rounds.parse().unwrap())
}

fn show(name: &str, times: &mut [Duration]) {
    times.sort();
    let at = |share: usize| times.get((times.len() * share).div_ceil(100).saturating_sub(1));
    let text = match (at(50), at(95)) {
        (Some(p50), Some(p95)) => format!("{:.3} | {:.3}", p50.as_secs_f64(), p95.as_secs_f64()),
        _ => "by the relay |".into(),
    };
    let _ = writeln!(io::stderr(), "| {name} | {} | {text} |", times.len());
}
