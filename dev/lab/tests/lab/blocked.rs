//! From one moment on a firewall lets no UDP through: a session goes on by WebSocket, and back to UDP
//! when it is let through again.

use std::io::{self, Write};
use std::time::Duration;

use stt::{Group, PathKind, SystemEntropy};
use stt_lab::{Firewall, Link};

use crate::members::{Member, PORT, Pair, at, listening};
use crate::{is_required, lab};

const BYTES: u64 = 1 << 20;

/// The bound of three seconds is held in the simulator, where no other program takes time away.
const LIMIT: Duration = Duration::from_secs(10);

/// By the number in a [`Pair`]: before whom the firewall is, and who writes.
fn goes_on_by_websocket(at_whom: usize, writer: usize) {
    let Some(lab) = lab() else { return };
    let hosts = ["near", "far"].map(|name| lab.host_public(name).unwrap());
    let link = Link::PERFECT
        .with_delay(Duration::from_millis(10))
        .with_rate(16_000_000, Duration::from_millis(50));
    hosts[0].uplink().shape(link, link).unwrap();
    let group = Group::generate(&mut SystemEntropy);
    let members = [
        Member::start(&hosts[0], listening(&group, 0)),
        Member::start(&hosts[1], listening(&group, PORT).listen_ws(at(&hosts[1]))),
    ];
    let pair = Pair::join(members, at(&hosts[1]));
    let flow = pair.flow(writer);
    flow.until(BYTES);
    assert_eq!(pair.kinds(), [PathKind::Udp; 2]);
    hosts[at_whom]
        .uplink()
        .firewall(Firewall::UdpBlocked)
        .unwrap();
    pair.until(PathKind::WebSocket);
    flow.until(BYTES);
    hosts[at_whom].uplink().firewall(Firewall::Open).unwrap();
    pair.until(PathKind::Udp);
    flow.until(BYTES);
    let pause = flow.end();
    let what = format!("UDP blocked at {at_whom}, {writer} writes");
    let seconds = pause.as_secs_f64();
    let _ = writeln!(io::stderr(), "{what}: nothing came for {seconds:.2} s");
    assert!(pause < LIMIT, "{what}: {pause:?}");
}

#[test]
fn session_goes_on_by_websocket_while_udp_is_blocked_and_returns() {
    goes_on_by_websocket(0, 1);
    goes_on_by_websocket(1, 0);
    if is_required() {
        goes_on_by_websocket(0, 0);
        goes_on_by_websocket(1, 1);
    }
}
