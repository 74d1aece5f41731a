//! NATs are of the kind they are called.

use std::net::{SocketAddr, UdpSocket};
use std::time::Duration;

use stt_lab::{Dependence, Findings, Hairpin, Host, Lab, NatKind, Ports, hairpin, probe, seen};

use crate::{GLANCE, PATIENCE, lab};

use Dependence::{AddressAndPortDependent, AddressDependent, EndpointIndependent};

/// The presets, and one that Linux cannot be.
const KINDS: [(&str, NatKind); 4] = [
    ("easy", NatKind::EASY),
    ("moderate", NatKind::MODERATE),
    ("strict", NatKind::STRICT),
    ("own", NatKind::MODERATE.with_mapping(AddressDependent)),
];

fn findings(lab: &Lab, kind: NatKind) -> Findings {
    let sites = [
        lab.host_public("s1").unwrap(),
        lab.host_public("s2").unwrap(),
    ];
    let nat = lab.nat("nat", kind).unwrap();
    let inside = lab.host_behind("inside", &nat).unwrap();
    probe(&inside, [&sites[0], &sites[1]]).unwrap()
}

fn is_as_called(kind: NatKind) {
    let Some(lab) = lab() else { return };
    let found = findings(&lab, kind);
    assert_eq!(
        (found.mapping, found.filtering, found.ports),
        (kind.mapping, kind.filtering, kind.ports)
    );
}

#[test]
fn easy_nat_lets_anyone_answer() {
    is_as_called(NatKind::EASY);
}

#[test]
fn moderate_nat_has_one_port_and_lets_in_whom_it_wrote() {
    is_as_called(NatKind::MODERATE);
}

#[test]
fn strict_nat_has_a_random_port_for_each_peer() {
    is_as_called(NatKind::STRICT);
}

#[test]
fn address_dependent_filter_lets_in_other_ports_of_a_host_it_wrote() {
    is_as_called(NatKind::MODERATE.with_filtering(AddressDependent));
}

#[test]
fn every_kind_is_as_called() {
    let dependences = [
        EndpointIndependent,
        AddressDependent,
        AddressAndPortDependent,
    ];
    let Some(lab) = lab() else { return };
    let sites = ["s1", "s2"].map(|name| lab.host_public(name).unwrap());
    let mut number = 0;
    for mapping in dependences {
        for filtering in dependences {
            for ports in [Ports::Preserved, Ports::Random, Ports::Sequential] {
                number += 1;
                let kind = NatKind::EASY
                    .with_mapping(mapping)
                    .with_filtering(filtering);
                let kind = kind.with_ports(ports);
                let nat = lab.nat(&format!("nat{number}"), kind).unwrap();
                let inside = lab.host_behind(&format!("in{number}"), &nat).unwrap();
                let found = probe(&inside, [&sites[0], &sites[1]]).unwrap();
                assert_eq!(
                    (found.mapping, found.filtering),
                    (mapping, filtering),
                    "{kind:?}"
                );
                let is_kept = found.ports == Ports::Preserved;
                assert_eq!(is_kept, ports == Ports::Preserved, "{kind:?}");
            }
        }
    }
}

#[test]
fn hairpin_shows_external_addresses() {
    for filtering in [
        EndpointIndependent,
        AddressDependent,
        AddressAndPortDependent,
    ] {
        let Some(lab) = lab() else { return };
        let site = lab.host_public("site").unwrap();
        for (name, setting) in [("on", Hairpin::On), ("off", Hairpin::Off)] {
            let kind = NatKind::MODERATE
                .with_filtering(filtering)
                .with_hairpin(setting);
            let nat = lab.nat(name, kind).unwrap();
            let hosts =
                ["a", "b"].map(|host| lab.host_behind(&format!("{name}-{host}"), &nat).unwrap());
            let seen = hairpin([&hosts[0], &hosts[1]], &site).unwrap();
            match setting {
                Hairpin::On => assert_eq!(seen.unwrap().ip(), nat.uplink().ipv4(), "{filtering:?}"),
                _ => assert_eq!(seen, None, "{filtering:?}"),
            }
        }
    }
}

/// Whether a packet from `from` comes in at `to`, which is the external endpoint of `inside`.
fn comes_in(from: &UdpSocket, to: SocketAddr, inside: &UdpSocket) -> bool {
    arrives_within(PATIENCE, from, to, inside)
}

/// Whether it does not; who is kept out is not waited for as long as who is let in.
fn stays_out(from: &UdpSocket, to: SocketAddr, inside: &UdpSocket) -> bool {
    !arrives_within(GLANCE, from, to, inside)
}

fn arrives_within(
    patience: Duration,
    from: &UdpSocket,
    to: SocketAddr,
    inside: &UdpSocket,
) -> bool {
    inside.set_read_timeout(Some(patience)).unwrap();
    from.send_to(b"hello", to).unwrap();
    inside.recv_from(&mut [0; 16]).is_ok()
}

fn site(host: &Host) -> (UdpSocket, SocketAddr) {
    let socket = host.udp(9000).unwrap();
    (socket, SocketAddr::from((host.ipv4(), 9000)))
}

#[test]
fn mapping_expires_after_its_lifetime() {
    let Some(lab) = lab() else { return };
    let (site, at) = site(&lab.host_public("public").unwrap());
    let open = |(name, kind): (&'static str, NatKind)| {
        let kind = kind.with_lifetime(Duration::from_secs(1));
        let nat = lab.nat(&format!("nat-{name}"), kind).unwrap();
        let inside = lab.host_behind(name, &nat).unwrap();
        let socket = inside.udp(0).unwrap();
        let external = seen(&socket, &site, at).unwrap();
        assert!(comes_in(&site, external, &socket), "{name}");
        (name, inside, socket, external)
    };
    let all = KINDS.map(open);
    // Timers of the kernel are late, never early; this waits long past them.
    std::thread::sleep(Duration::from_secs(4));
    for (name, _inside, socket, external) in all {
        assert!(stays_out(&site, external, &socket), "{name}");
        assert!(seen(&socket, &site, at).is_ok(), "{name}");
    }
}

#[test]
fn nat_that_restarts_or_moves_forgets() {
    for (_, kind) in KINDS {
        let Some(lab) = lab() else { return };
        let public = lab.host_public("public").unwrap();
        let nat = lab.nat("nat", kind).unwrap();
        let inside = lab.host_behind("inside", &nat).unwrap();
        let (site, at) = site(&public);
        let socket = inside.udp(0).unwrap();
        let first = seen(&socket, &site, at).unwrap();
        nat.restart().unwrap();
        assert!(stays_out(&site, first, &socket), "{kind:?}");
        let second = seen(&socket, &site, at).unwrap();
        assert_eq!(second.ip(), first.ip());
        nat.change_address().unwrap();
        assert!(stays_out(&site, second, &socket), "{kind:?}");
        let third = seen(&socket, &site, at).unwrap();
        assert_eq!(third.ip(), nat.uplink().ipv4());
        assert_ne!(third.ip(), first.ip());
        assert!(comes_in(&site, third, &socket), "{kind:?}");
    }
}

#[test]
fn nat_behind_a_nat_translates_twice() {
    let Some(lab) = lab() else { return };
    let sites = [
        lab.host_public("s1").unwrap(),
        lab.host_public("s2").unwrap(),
    ];
    let carrier = lab.nat("carrier", NatKind::STRICT).unwrap();
    let home = lab.nat_behind("home", &carrier, NatKind::EASY).unwrap();
    let inside = lab.host_behind("inside", &home).unwrap();
    let found = probe(&inside, [&sites[0], &sites[1]]).unwrap();
    assert_eq!(found.mapping, AddressAndPortDependent);
    assert_eq!(found.filtering, AddressAndPortDependent);
}

#[test]
fn hosts_of_one_lan_share_a_nat() {
    let Some(lab) = lab() else { return };
    let public = lab.host_public("public").unwrap();
    let nat = lab.nat("nat", NatKind::MODERATE).unwrap();
    let hosts = ["a", "b"].map(|name| lab.host_behind(name, &nat).unwrap());
    let (site, at) = site(&public);
    let sockets = [hosts[0].udp(4000).unwrap(), hosts[1].udp(4001).unwrap()];
    for socket in &sockets {
        let external = seen(socket, &site, at).unwrap();
        assert_eq!(external.ip(), nat.uplink().ipv4());
        assert!(comes_in(&site, external, socket));
    }
}

#[test]
fn stranger_who_is_kept_out_does_not_move_a_mapping() {
    for (name, kind) in KINDS {
        let Some(lab) = lab() else { return };
        let public = lab.host_public("public").unwrap();
        let nat = lab.nat("nat", kind).unwrap();
        let inside = lab.host_behind("inside", &nat).unwrap();
        let (site, at) = site(&public);
        let socket = inside.udp(4000).unwrap();
        let external = SocketAddr::from((nat.uplink().ipv4(), 4000));
        assert!(stays_out(&site, external, &socket), "{name}");
        let seen = seen(&socket, &site, at).unwrap();
        assert_eq!(
            seen.port() == 4000,
            kind.ports == Ports::Preserved,
            "{name}"
        );
        assert!(comes_in(&site, seen, &socket), "{name}");
    }
}
