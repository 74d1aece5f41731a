//! Sessions of each kind over a way that carries packets of 1,280 bytes and no larger ones, whoever
//! says so.

use stt::{Group, PathKind, SystemEntropy, Target};
use stt_lab::{Firewall, Host, Lab, Link, NatKind};

use crate::lab;
use crate::members::{Member, PORT, Pair, at, listening};

const MTU: u16 = 1_280;
const BYTES: u64 = 3 << 20;

/// Who keeps larger packets out.
#[derive(Debug, Clone, Copy)]
enum Narrow {
    /// The kernel of the host that dials: it refuses to send them.
    Host,
    /// A router on the way, which says so.
    Router,
    /// A router on the way, which says nothing.
    Hole,
}

const ALL: [Narrow; 3] = [Narrow::Host, Narrow::Router, Narrow::Hole];

impl Narrow {
    fn make(self, [near, far]: [&Host; 2]) {
        match self {
            Self::Host => near.uplink().set_mtu(MTU).unwrap(),
            Self::Router => far.uplink().set_mtu(MTU).unwrap(),
            Self::Hole => {
                let hole = Link::PERFECT.swallowing_above(MTU);
                near.uplink().shape(hole, hole).unwrap();
            }
        }
    }
}

/// What a way of 1,280 bytes leaves a session, and that everything arrives.
fn carries(pair: &Pair, kind: PathKind, what: impl std::fmt::Debug) {
    pair.transfer(BYTES);
    assert_eq!(pair.kinds(), [kind; 2], "{what:?}");
    if kind != PathKind::WebSocket {
        for session in &pair.sessions {
            let mtu = session.stats().path.mtu;
            assert!((1_200..=MTU - 28).contains(&mtu), "{what:?}: {mtu}");
        }
    }
}

fn public(lab: &Lab) -> [Host; 2] {
    ["near", "far"].map(|name| lab.host_public(name).unwrap())
}

#[test]
fn direct_sessions_fit_a_way_of_1280_bytes() {
    for narrow in ALL {
        for is_v6 in [false, true] {
            let Some(lab) = lab() else { return };
            let [near, far] = public(&lab);
            narrow.make([&near, &far]);
            let group = Group::generate(&mut SystemEntropy);
            let builder = |port| {
                let any_v6 = (std::net::Ipv6Addr::UNSPECIFIED, port).into();
                listening(&group, port).bind(any_v6)
            };
            let members = [
                Member::start(&near, builder(0)),
                Member::start(&far, builder(PORT)),
            ];
            let v6 = (far.ipv6().unwrap(), PORT).into();
            let pair = Pair::join(members, if is_v6 { v6 } else { at(&far) });
            carries(&pair, PathKind::Udp, (narrow, is_v6));
        }
    }
}

#[test]
fn relayed_sessions_fit_a_way_of_1280_bytes() {
    for narrow in ALL {
        let Some(lab) = lab() else { return };
        let relay = lab.host_public("relay").unwrap();
        let [near, far] = ["near", "far"].map(|name| {
            let nat = lab.nat(&format!("{name}-nat"), NatKind::STRICT).unwrap();
            lab.host_behind(name, &nat).unwrap()
        });
        narrow.make([&near, &relay]);
        let group = Group::generate(&mut SystemEntropy);
        let _relay = Member::relay(&relay, &group);
        let members = [&near, &far].map(|host| {
            let member = Member::start(host, listening(&group, 0));
            member.register(at(&relay));
            member
        });
        let target = Target::relayed(at(&relay), members[1].node.id());
        let pair = Pair::join(members, target);
        carries(&pair, PathKind::Relay, narrow);
    }
}

#[test]
fn sessions_by_websocket_fit_a_way_of_1280_bytes() {
    for narrow in ALL {
        let Some(lab) = lab() else { return };
        let [near, far] = public(&lab);
        narrow.make([&near, &far]);
        near.uplink().firewall(Firewall::TcpOut).unwrap();
        let group = Group::generate(&mut SystemEntropy);
        let members = [
            Member::start(&near, listening(&group, 0)),
            Member::start(&far, listening(&group, PORT).listen_ws(at(&far))),
        ];
        let pair = Pair::join(members, Target::ws(format!("ws://{}", at(&far))));
        carries(&pair, PathKind::WebSocket, narrow);
    }
}
