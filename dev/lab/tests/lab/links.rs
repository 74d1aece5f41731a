//! Links are as slow, narrow and lossy as they are told to be, and can be told otherwise.
//!
//! What a busy machine can make worse, time, is only bounded from below; what it can't, which
//! packets arrive, is compared with what the link itself counted.

use std::net::{SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

use stt_lab::{Counts, Firewall, Host, Ipv6, Lab, Link, Loss, NatKind};

use crate::{GLANCE, PATIENCE, lab};

/// Packets sent at a time: more than a socket keeps for a reader that is late must never be.
const BATCH: usize = 50;

/// A host with a link to shape, and a peer on the internet.
struct Pair {
    near: Host,
    socket: UdpSocket,
    peer: UdpSocket,
    to: SocketAddr,
}

impl Pair {
    fn open(lab: &Lab) -> Self {
        let (near, far) = (
            lab.host_public("near").unwrap(),
            lab.host_public("far").unwrap(),
        );
        near.uplink().shape(Link::PERFECT, Link::PERFECT).unwrap();
        let (socket, peer) = (near.udp(0).unwrap(), far.udp(7000).unwrap());
        let to = SocketAddr::from((far.ipv4(), 7000));
        Self {
            near,
            socket,
            peer,
            to,
        }
    }

    fn shape(&self, link: Link) {
        self.near.uplink().shape(link, link).unwrap();
    }

    /// The shortest of some round trips.
    fn round_trip(&self) -> Duration {
        self.peer.set_read_timeout(Some(PATIENCE)).unwrap();
        let trip = |_| {
            let start = Instant::now();
            self.socket.send_to(b"ping", self.to).unwrap();
            let (_, from) = self.peer.recv_from(&mut [0; 9]).unwrap();
            self.peer.send_to(b"pong", from).unwrap();
            self.socket.recv(&mut [0; 9]).unwrap();
            start.elapsed()
        };
        (0..10).map(trip).min().unwrap()
    }

    /// Sends some packets, and returns what became of them by the link's own account. Those that
    /// it says have passed arrive, and no others do.
    fn send(&self, packets: usize, bytes: usize) -> Counts {
        let before = self.counts();
        let mut received = 0;
        for sent in (0..packets).step_by(BATCH) {
            let batch = BATCH.min(packets - sent);
            for _ in 0..batch {
                self.socket.send_to(&vec![0; bytes], self.to).unwrap();
            }
            let passed = self.dealt_with(before, sent + batch).passed;
            self.peer.set_read_timeout(Some(PATIENCE)).unwrap();
            while received < passed {
                self.peer.recv(&mut [0; 2000]).unwrap();
                received += 1;
            }
        }
        self.peer.set_read_timeout(Some(GLANCE)).unwrap();
        assert!(
            self.peer.recv(&mut [0; 9]).is_err(),
            "what was lost has come"
        );
        self.counts().since(before)
    }

    /// What became of some packets, once the link has dealt with all of them.
    fn dealt_with(&self, before: Counts, packets: usize) -> Counts {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let counts = self.counts().since(before);
            if counts.packets() >= packets as u64 {
                return counts;
            }
            assert!(Instant::now() < deadline, "{counts:?} of {packets}");
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    fn counts(&self) -> Counts {
        let [out, _] = self.near.uplink().counts();
        out
    }
}

#[test]
fn delay_is_kept_and_taken_away_again() {
    let Some(lab) = lab() else { return };
    let pair = Pair::open(&lab);
    let before = pair.round_trip();
    pair.shape(Link::PERFECT.with_delay(Duration::from_millis(50)));
    let slow = pair.round_trip();
    pair.shape(Link::PERFECT);
    let after = pair.round_trip();
    assert!(slow >= Duration::from_millis(100), "{slow:?}");
    assert!(
        before < slow / 3 && after < slow / 3,
        "{before:?} {slow:?} {after:?}"
    );
}

#[test]
fn losses_are_those_the_link_counted() {
    let Some(lab) = lab() else { return };
    let pair = Pair::open(&lab);
    for loss in [
        Loss::Random { share: 0.2 },
        Loss::Burst {
            share: 0.2,
            mean: 10.0,
        },
    ] {
        pair.shape(Link::PERFECT.with_loss(loss));
        let lost = pair.send(2000, 100).lost;
        assert!((200..600).contains(&lost), "{loss:?}: {lost}");
    }
}

#[test]
fn rate_is_not_exceeded_and_a_full_queue_loses() {
    let Some(lab) = lab() else { return };
    let pair = Pair::open(&lab);
    pair.shape(Link::PERFECT.with_rate(8_000_000, Duration::from_millis(20)));
    // 1,000 bytes with headers take 1 ms each, and a fiftieth of a second may wait.
    let start = Instant::now();
    let counts = pair.send(500, 972);
    let took = start.elapsed().saturating_sub(GLANCE);
    assert!(counts.overflowed > 0, "{counts:?}");
    assert!(
        took >= Duration::from_millis(counts.passed),
        "{counts:?} in {took:?}"
    );
}

#[test]
fn black_hole_swallows_what_is_too_large() {
    let Some(lab) = lab() else { return };
    let pair = Pair::open(&lab);
    pair.shape(Link::PERFECT.swallowing_above(1280));
    assert_eq!(pair.send(10, 1280 - 28).passed, 10);
    assert_eq!(pair.send(10, 1281 - 28).swallowed, 10);
}

#[test]
fn shaped_link_keeps_addresses_routes_and_rules() {
    let Some(lab) = lab() else { return };
    let far = lab.host_public("far").unwrap();
    let nat = lab.nat_dual("nat", NatKind::MODERATE, Ipv6::Open).unwrap();
    let inside = lab.host_behind("inside", &nat).unwrap();
    inside.uplink().firewall(Firewall::UdpBlocked).unwrap();
    nat.uplink().shape(Link::PERFECT, Link::PERFECT).unwrap();
    inside.uplink().shape(Link::PERFECT, Link::PERFECT).unwrap();

    let socket = inside.udp(0).unwrap();
    let hears_within = |patience, address: SocketAddr| {
        let peer = far.udp_at(address).unwrap();
        peer.set_read_timeout(Some(patience)).unwrap();
        let v6 = inside.udp_at((inside.ipv6().unwrap(), 0).into()).unwrap();
        let socket = if address.is_ipv6() { &v6 } else { &socket };
        let _ = socket.send_to(b"hello", address);
        peer.recv(&mut [0; 9]).is_ok()
    };
    let hears = |address| hears_within(PATIENCE, address);
    let misses = |address| !hears_within(GLANCE, address);
    let (v4, v6) = (
        (far.ipv4(), 7000).into(),
        (far.ipv6().unwrap(), 7000).into(),
    );
    assert!(misses(v4) && misses(v6), "the firewall is still there");
    inside.uplink().firewall(Firewall::Open).unwrap();
    assert!(hears(v4) && hears(v6));
    nat.uplink().cut().unwrap();
    assert!(misses(v4));
    nat.uplink().heal().unwrap();
    assert!(hears(v4));
}
