//! What a relay costs: the same bytes straight to a member, and through a relay, in turns.
//!
//! `STT_LAB_ROUNDS=5 cargo nextest run --release -p stt-lab --test lab a_relay_carries` prints figures that
//! are worth something; in the gate it is only seen that a relay is not far behind.

use std::io::{self, Write};
use std::num::NonZeroU64;
use std::time::Instant;

use stt::{Disclosure, Group, PathKind, RelayLimits, SystemEntropy, Target};
use stt_lab::{Host, Lab};

use crate::lab;
use crate::members::{Member, PORT, Pair, at, listening};
use crate::punching::rounds;

const WARM: u64 = 2 << 20;
const BYTES: u64 = 16 << 20;

/// What a relay may cost at most: it has a core less than the two, and moves each byte twice.
const WORST: f64 = 10.0;

/// Bytes a second between two hosts, over pairs of veth.
fn rate(lab: &Lab, kind: PathKind, round: usize) -> f64 {
    let host = |name: &str| lab.host_public(&format!("{name}{round}{kind:?}")).unwrap();
    let hosts = ["near", "far", "relay"].map(host);
    let group = Group::generate(&mut SystemEntropy);
    // By default a relay forwards 12.5 MB/s for a member.
    let mut limits = RelayLimits::default();
    (limits.rate, limits.burst) = (NonZeroU64::MAX, u64::MAX);
    let relay = Member::start(&hosts[2], listening(&group, PORT).relay(limits));
    // Who tells nobody where it is stays where it began.
    let start = |host: &Host| {
        let builder = listening(&group, PORT).disclosure(Disclosure::Nothing);
        Member::start(host, builder)
    };
    let members = [start(&hosts[0]), start(&hosts[1])];
    let target = if kind == PathKind::Relay {
        for member in &members {
            member.register(at(&hosts[2]));
        }
        Target::relayed(at(&hosts[2]), members[1].node.id())
    } else {
        at(&hosts[1]).into()
    };
    let pair = Pair::join(members, target);
    let flow = pair.flow(0);
    flow.until(WARM);
    let began = Instant::now();
    flow.until(BYTES);
    let took = began.elapsed();
    flow.end();
    assert_eq!(pair.kinds(), [kind; 2]);
    drop((pair, relay));
    BYTES as f64 / took.as_secs_f64()
}

#[test]
fn a_relay_carries_bytes_not_far_slower_than_they_go_directly() {
    let mut ratios = Vec::new();
    for round in 0..rounds() {
        let Some(lab) = lab() else { return };
        let [direct, relayed] =
            [PathKind::Udp, PathKind::Relay].map(|kind| rate(&lab, kind, round));
        let _ = writeln!(
            io::stderr(),
            "direct {:.1} MB/s, relayed {:.1} MB/s, {:.2}",
            direct / 1e6,
            relayed / 1e6,
            relayed / direct
        );
        ratios.push(direct / relayed);
    }
    ratios.sort_by(f64::total_cmp);
    assert!(ratios[ratios.len() / 2] < WORST, "{ratios:?}");
}
