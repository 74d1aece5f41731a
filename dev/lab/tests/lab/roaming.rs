//! A session goes on when one of its two hosts moves in mid-transfer, whichever it is and however it
//! does; with a relay beside the direct path and without one.
//!
//! With `STT_LAB=required` all the cases are gone through, and otherwise a few.

use std::io::{self, Write};
use std::time::Duration;

use stt::{Group, PathKind, SystemEntropy, Target};
use stt_lab::{Host, Lab, Link, Nat, NatKind};

use crate::members::{Member, PORT, Pair, at, listening};
use crate::{is_required, lab};

/// One of the two, by its number in a [`Pair`].
const SIDES: [(usize, &str); 2] = [(0, "dialler"), (1, "acceptor")];

/// What becomes of the host that moves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Change {
    /// It gets another address on its interface.
    Address,
    /// The interface goes down, and another one is there: from Wi-Fi to the cable.
    Interface,
    /// The NAT before it forgets all it knew, and nobody is told.
    Nat,
}

const CHANGES: [Change; 3] = [Change::Address, Change::Interface, Change::Nat];

/// How a session came about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Beside {
    /// Directly, without a relay.
    Nothing,
    /// At a relay, whose path stands by.
    Relay,
}

/// The bound is three seconds where no other program takes time away, as in the simulator.
const LIMIT: Duration = Duration::from_secs(10);

const BYTES: u64 = 2 << 20;

/// At this rate so many bytes take a second.
fn link() -> Link {
    Link::PERFECT
        .with_delay(Duration::from_millis(10))
        .with_rate(16_000_000, Duration::from_millis(50))
}

/// Two hosts, one of which can move, and somebody else whom both reach.
struct Scene {
    _lab: Lab,
    third: Host,
    hosts: [Host; 2],
    mover: usize,
    nat: Option<Nat>,
}

impl Scene {
    fn build(lab: Lab, mover: usize, change: Change, beside: Beside) -> Self {
        // Who is dialled without a relay must be found behind its NAT.
        let kind = match (mover, beside) {
            (1, Beside::Nothing) => NatKind::EASY,
            _ => NatKind::STRICT,
        };
        let nat = (change == Change::Nat).then(|| lab.nat("home", kind).unwrap());
        let hosts = SIDES.map(|(side, name)| match &nat {
            Some(nat) if side == mover => lab.host_behind(name, nat).unwrap(),
            _ => lab.host_public(name).unwrap(),
        });
        hosts[1 - mover].uplink().shape(link(), link()).unwrap();
        if change == Change::Interface {
            hosts[mover].attach_public(&lab).unwrap();
        }
        Self {
            third: lab.host_public("third").unwrap(),
            _lab: lab,
            hosts,
            mover,
            nat,
        }
    }

    /// Members on the hosts, and their session by UDP.
    fn meet(&self, beside: Beside) -> (Member, Pair) {
        let group = Group::generate(&mut SystemEntropy);
        let third = match beside {
            Beside::Nothing => Member::start(&self.third, listening(&group, PORT)),
            Beside::Relay => Member::relay(&self.third, &group),
        };
        let members = self.hosts.each_ref().map(|host| {
            let member = Member::start(host, listening(&group, PORT));
            match beside {
                Beside::Nothing => drop(member.connect(at(&self.third))),
                Beside::Relay => member.register(at(&self.third)),
            }
            member
        });
        let acceptor = match &self.nat {
            Some(nat) if self.mover == 1 => (nat.uplink().ipv4(), PORT).into(),
            _ => at(&self.hosts[1]),
        };
        let target = match beside {
            Beside::Nothing => Target::from(acceptor),
            Beside::Relay => Target::relayed(at(&self.third), members[1].node.id()),
        };
        let pair = Pair::join(members, target);
        pair.until(PathKind::Udp);
        (third, pair)
    }

    fn make(&self, change: Change) {
        let uplink = self.hosts[self.mover].uplink();
        match change {
            Change::Address => uplink.change_address().unwrap(),
            Change::Interface => uplink.down().unwrap(),
            Change::Nat => self.nat.as_ref().unwrap().restart().unwrap(),
        }
    }
}

/// For how long at most nothing came.
fn pause(lab: Lab, [mover, writer]: [usize; 2], change: Change, beside: Beside) -> Duration {
    let scene = Scene::build(lab, mover, change, beside);
    let (_third, pair) = scene.meet(beside);
    let flow = pair.flow(writer);
    flow.until(BYTES / 2);
    scene.make(change);
    flow.until(BYTES);
    let pause = flow.end();
    pair.until(PathKind::Udp);
    pause
}

fn goes_on(change: Change, beside: Beside) {
    for (number, (mover, name)) in SIDES.into_iter().enumerate() {
        for (writer, by) in SIDES {
            // Who receives notices last; in the gate that is enough.
            if !is_required() && (writer == mover || number > 0 && change == Change::Address) {
                continue;
            }
            let Some(lab) = lab() else { return };
            let pause = pause(lab, [mover, writer], change, beside);
            let what = format!("{change:?} of the {name}, the {by} writes, beside {beside:?}");
            let seconds = pause.as_secs_f64();
            let _ = writeln!(io::stderr(), "{what}: nothing came for {seconds:.2} s");
            assert!(pause < LIMIT, "{what}: {pause:?}");
        }
    }
}

#[test]
fn host_that_moves_in_mid_transfer_loses_no_byte() {
    for change in CHANGES {
        goes_on(change, Beside::Nothing);
    }
}

#[test]
fn host_that_moves_in_mid_transfer_loses_no_byte_with_a_relay_beside() {
    for change in CHANGES {
        goes_on(change, Beside::Relay);
    }
}
