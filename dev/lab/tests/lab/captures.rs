//! A capture sees what its host sends and receives, and nothing of others.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use stt_lab::{Capture, Dependence, Host, NatKind, Packet, Transport};

use crate::lab;

const LIMIT: usize = 1 << 20;

/// Waits until the capture holds a packet that is as asked for.
fn awaited(capture: &Capture, is_it: impl Fn(&Packet) -> bool) -> Packet {
    let deadline = Instant::now() + Duration::from_secs(5);
    loop {
        if let Some(packet) = capture.packets().into_iter().find(|packet| is_it(packet)) {
            return packet;
        }
        assert!(Instant::now() < deadline, "it was not captured");
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn say(from: &Host, to: &Host, text: &[u8]) -> (SocketAddr, SocketAddr) {
    let (mouth, ear) = (from.udp(0).unwrap(), to.udp(0).unwrap());
    let source = (from.ipv4(), mouth.local_addr().unwrap().port());
    let target = (to.ipv4(), ear.local_addr().unwrap().port());
    mouth.send_to(text, target).unwrap();
    ear.recv(&mut [0; 64]).unwrap();
    (source.into(), target.into())
}

#[test]
fn capture_sees_what_its_host_hears_and_says() {
    let Some(lab) = lab() else { return };
    let [a, b, c] = ["a", "b", "c"].map(|name| lab.host_public(name).unwrap());
    let captures = [&a, &b, &c].map(|host| host.capture(LIMIT).unwrap());
    let (source, target) = say(&a, &b, b"a secret of two");
    for capture in &captures[..2] {
        let packet = awaited(capture, |packet| packet.source() == Some(source));
        assert_eq!(packet.destination(), Some(target));
        assert_eq!(packet.transport(), Some(Transport::Udp));
        assert_eq!(packet.payload(), Some(&b"a secret of two"[..]));
        assert!(capture.contains(b"secret"));
        assert!(!capture.contains(b"secrets"));
    }
    // What the third hears comes after; so it has been awake all the time.
    let (source, _) = say(&a, &c, b"something else");
    awaited(&captures[2], |packet| packet.source() == Some(source));
    assert!(!captures[2].contains(b"secret"));
}

#[test]
fn host_behind_a_nat_is_told_that_its_packet_is_too_large() {
    const UNREACHABLE_TOO_LARGE: [u8; 2] = [3, 4];
    let Some(lab) = lab() else { return };
    let far = lab.host_public("far").unwrap();
    far.uplink().set_mtu(1280).unwrap();
    for (name, mapping) in [
        ("linux", Dependence::EndpointIndependent),
        ("own", Dependence::AddressDependent),
    ] {
        let kind = NatKind::MODERATE.with_mapping(mapping);
        let nat = lab.nat(&format!("nat-{name}"), kind).unwrap();
        let inside = lab.host_behind(name, &nat).unwrap();
        let capture = inside.capture(LIMIT).unwrap();
        let socket = inside.udp(4000).unwrap();
        socket.send_to(&[0; 1400], (far.ipv4(), 9)).unwrap();
        let error = awaited(&capture, |packet| {
            packet.bytes.get(20..22) == Some(&UNREACHABLE_TOO_LARGE[..])
        });
        // It tells of the packet as it was sent, not as it went out.
        assert_eq!(error.bytes[16..20], inside.ipv4().octets(), "{name}");
        assert_eq!(error.bytes[40..44], inside.ipv4().octets(), "{name}");
        assert_eq!(error.bytes[48..50], 4000_u16.to_be_bytes(), "{name}");
    }
}

#[test]
fn capture_is_bounded_and_says_when_it_is_full() {
    let Some(lab) = lab() else { return };
    let [a, b] = ["a", "b"].map(|name| lab.host_public(name).unwrap());
    let capture = b.capture(2000).unwrap();
    let mut said = 0;
    while !capture.is_cut_short() {
        say(&a, &b, &[7; 60]);
        said += 1;
        assert!(said < 1000, "it is never full");
    }
    let kept: usize = capture
        .packets()
        .iter()
        .map(|packet| packet.bytes.len())
        .sum();
    assert!(kept <= 2000);
}

#[test]
fn capture_is_written_as_wireshark_reads_it() {
    let Some(lab) = lab() else { return };
    let [a, b] = ["a", "b"].map(|name| lab.host_public(name).unwrap());
    let capture = b.capture(LIMIT).unwrap();
    let (source, _) = say(&a, &b, b"hello");
    awaited(&capture, |packet| packet.source() == Some(source));
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("b.pcap");
    capture.write_pcap(&path).unwrap();
    let written = std::fs::read(&path).unwrap();
    assert_eq!(written[..4], 0xA1B2_C3D4_u32.to_ne_bytes());
    assert_eq!(written[20..24], 101_u32.to_ne_bytes());
    assert!(written.windows(5).any(|window| window == b"hello"));
}
