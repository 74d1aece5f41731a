//! Wires, addresses and firewalls can be changed under a running conversation.

use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::time::Duration;

use stt_lab::{Dependence, Firewall, Host, Ipv6, Lab, NatKind};

use crate::{GLANCE, PATIENCE, lab};

/// A host that hears, and its address.
struct Ear {
    host: Host,
    socket: UdpSocket,
    address: SocketAddr,
}

fn ear(lab: &Lab) -> Ear {
    let host = lab.host_public("ear").unwrap();
    let socket = host.udp(7000).unwrap();
    let address = SocketAddr::from((host.ipv4(), 7000));
    Ear {
        host,
        socket,
        address,
    }
}

impl Ear {
    /// From where it hears what is said; nothing, if nothing comes.
    fn hears(&self, mouth: &UdpSocket) -> Option<IpAddr> {
        self.listen(PATIENCE, mouth)
    }

    /// Whether it hears nothing of what is said.
    fn misses(&self, mouth: &UdpSocket) -> bool {
        self.listen(GLANCE, mouth).is_none()
    }

    fn listen(&self, patience: Duration, mouth: &UdpSocket) -> Option<IpAddr> {
        self.socket.set_read_timeout(Some(patience)).unwrap();
        let _ = mouth.send_to(b"hello", self.address);
        let mut bytes = [0; 16];
        let heard = self.socket.recv_from(&mut bytes);
        heard.ok().map(|(_, from)| from.ip())
    }
}

/// Whether a TCP connection comes about and carries bytes in both directions.
fn tcp_carries(from: &Host, to: &Host, bytes: usize, patience: Duration) -> bool {
    let listener = to.tcp_listen(0).unwrap();
    let address = SocketAddr::from((to.ipv4(), listener.local_addr().unwrap().port()));
    let Ok(mut stream) = from.tcp_connect(address, patience) else {
        return false;
    };
    let (mut peer, _) = listener.accept().unwrap();
    for end in [&stream, &peer] {
        end.set_read_timeout(Some(PATIENCE)).unwrap();
    }
    let (out, back) = (vec![1; bytes], vec![2; bytes]);
    let mut heard = (vec![0; bytes], vec![0; bytes]);
    let echo = std::thread::spawn(move || {
        let heard_out = peer.read_exact(&mut heard.0);
        heard_out.and_then(|()| peer.write_all(&back)).is_ok()
    });
    let sent = stream.write_all(&out).is_ok();
    let answered = stream.read_exact(&mut heard.1).is_ok();
    sent && answered && echo.join().unwrap()
}

fn tcp_works(from: &Host, to: &Host) -> bool {
    tcp_carries(from, to, 1, PATIENCE)
}

fn tcp_fails(from: &Host, to: &Host) -> bool {
    !tcp_carries(from, to, 1, GLANCE)
}

#[test]
fn cut_wire_is_silent_until_healed() {
    let Some(lab) = lab() else { return };
    let ear = ear(&lab);
    let mouth = lab.host_public("mouth").unwrap();
    let socket = mouth.udp(0).unwrap();
    assert!(ear.hears(&socket).is_some());
    mouth.uplink().cut().unwrap();
    assert!(ear.misses(&socket));
    assert!(
        socket.send_to(b"hello", ear.address).is_ok(),
        "the host is not told"
    );
    mouth.uplink().heal().unwrap();
    assert!(ear.hears(&socket).is_some());
}

#[test]
fn interface_that_is_down_is_noticed_and_comes_back() {
    let Some(lab) = lab() else { return };
    let ear = ear(&lab);
    let mouth = lab.host_public("mouth").unwrap();
    let socket = mouth.udp(0).unwrap();
    mouth.uplink().down().unwrap();
    assert!(socket.send_to(b"hello", ear.address).is_err());
    mouth.uplink().up().unwrap();
    assert!(ear.hears(&socket).is_some());
}

#[test]
fn host_changes_its_address() {
    let Some(lab) = lab() else { return };
    let ear = ear(&lab);
    let mouth = lab.host_public("mouth").unwrap();
    let socket = mouth.udp(0).unwrap();
    let (before, before_v6) = (mouth.ipv4(), mouth.ipv6());
    assert_eq!(ear.hears(&socket), Some(before.into()));
    mouth.uplink().change_address().unwrap();
    assert_ne!(mouth.ipv4(), before);
    assert_ne!(mouth.ipv6(), before_v6);
    assert_eq!(ear.hears(&socket), Some(mouth.ipv4().into()));
}

#[test]
fn host_moves_between_two_uplinks() {
    let Some(lab) = lab() else { return };
    let ear = ear(&lab);
    let home = lab.nat("home", NatKind::MODERATE).unwrap();
    let cell = lab.nat("cell", NatKind::STRICT).unwrap();
    let phone = lab.host_behind("phone", &home).unwrap();
    let other = phone.attach_behind(&cell).unwrap();
    let socket = phone.udp(0).unwrap();
    let (at_home, at_cell) = (home.uplink().ipv4().into(), cell.uplink().ipv4().into());

    assert_eq!(ear.hears(&socket), Some(at_home));
    phone.prefer(&other).unwrap();
    assert_eq!(ear.hears(&socket), Some(at_cell));
    phone.prefer(&phone.uplink()).unwrap();
    assert_eq!(ear.hears(&socket), Some(at_home));
    phone.uplink().down().unwrap();
    assert_eq!(ear.hears(&socket), Some(at_cell), "the second takes over");
}

#[test]
fn spoofed_source_goes_nowhere() {
    let Some(lab) = lab() else { return };
    let ear = ear(&lab);
    let mouth = lab.host_public("mouth").unwrap();
    let second = mouth.attach_public(&lab).unwrap();
    let bound = mouth.udp_at((second.ipv4(), 0).into()).unwrap();
    assert!(ear.misses(&bound), "it leaves by the first uplink");
    mouth.prefer(&second).unwrap();
    assert_eq!(ear.hears(&bound), Some(second.ipv4().into()));
}

#[test]
fn firewall_that_blocks_udp_lets_tcp_through() {
    let Some(lab) = lab() else { return };
    let ear = ear(&lab);
    let nat = lab.nat("office", NatKind::MODERATE).unwrap();
    let clerk = lab.host_behind("clerk", &nat).unwrap();
    let socket = clerk.udp(0).unwrap();
    assert!(ear.hears(&socket).is_some());
    for firewall in [Firewall::UdpBlocked, Firewall::TcpOut] {
        clerk.uplink().firewall(firewall).unwrap();
        assert!(ear.misses(&socket), "{firewall:?}");
        assert!(tcp_works(&clerk, &ear.host), "{firewall:?}");
    }
    clerk.uplink().firewall(Firewall::Open).unwrap();
    assert!(ear.hears(&socket).is_some());
}

#[test]
fn tcp_out_keeps_connections_from_outside_out() {
    let Some(lab) = lab() else { return };
    let (inside, outside) = (
        lab.host_public("in").unwrap(),
        lab.host_public("out").unwrap(),
    );
    assert!(tcp_works(&outside, &inside));
    inside.uplink().firewall(Firewall::TcpOut).unwrap();
    assert!(tcp_fails(&outside, &inside));
    assert!(tcp_works(&inside, &outside));
}

#[test]
fn narrow_link_in_the_middle_is_found_out() {
    let Some(lab) = lab() else { return };
    let (near, far) = (
        lab.host_public("near").unwrap(),
        lab.host_public("far").unwrap(),
    );
    let behind = ["linux", "own"].map(|name| {
        let mapping = match name {
            "own" => Dependence::AddressDependent,
            _ => Dependence::EndpointIndependent,
        };
        let kind = NatKind::MODERATE.with_mapping(mapping);
        let nat = lab.nat(&format!("nat-{name}"), kind).unwrap();
        nat.uplink().set_mtu(1280).unwrap();
        lab.host_behind(name, &nat).unwrap()
    });
    near.uplink().set_mtu(1280).unwrap();
    for host in [&near, &behind[0], &behind[1]] {
        // Segments that fit 1,500 bytes are refused on the way, and the sender is told.
        assert!(tcp_carries(host, &far, 1 << 20, PATIENCE));
    }
    let v6 = SocketAddr::from((far.ipv6().unwrap(), 7001));
    let (hears, speaks) = (
        far.udp_at(v6).unwrap(),
        near.udp_at((near.ipv6().unwrap(), 0).into()),
    );
    speaks.unwrap().send_to(&[0; 1280 - 48], v6).unwrap();
    assert_eq!(hears.recv(&mut [0; 2000]).unwrap(), 1280 - 48);
}

/// Whether a packet gets from one address to another.
fn passes(from: &UdpSocket, to: &UdpSocket) -> bool {
    passes_within(PATIENCE, from, to)
}

fn is_stopped(from: &UdpSocket, to: &UdpSocket) -> bool {
    !passes_within(GLANCE, from, to)
}

fn passes_within(patience: Duration, from: &UdpSocket, to: &UdpSocket) -> bool {
    to.set_read_timeout(Some(patience)).unwrap();
    let _ = from.send_to(b"hello", to.local_addr().unwrap());
    to.recv_from(&mut [0; 16]).is_ok()
}

fn v6(host: &Host) -> UdpSocket {
    host.udp_at(SocketAddr::from((host.ipv6().unwrap(), 0)))
        .unwrap()
}

#[test]
fn ipv6_behind_a_nat_is_open_or_firewalled_or_absent() {
    let Some(lab) = lab() else { return };
    let public = lab.host_public("public").unwrap();
    let host = |name: &str, ipv6| {
        let nat = lab
            .nat_dual(&format!("nat-{name}"), NatKind::STRICT, ipv6)
            .unwrap();
        lab.host_behind(name, &nat).unwrap()
    };
    let (open, walled) = (host("open", Ipv6::Open), host("walled", Ipv6::Firewalled));
    assert_eq!(host("none", Ipv6::None).ipv6(), None::<Ipv6Addr>);
    let (outside, inside, behind) = (v6(&public), v6(&open), v6(&walled));
    assert!(passes(&outside, &inside));
    assert!(is_stopped(&outside, &behind));
    assert!(passes(&behind, &outside));
    assert!(passes(&outside, &behind), "it has been written to");
    assert!(is_stopped(&inside, &behind));
}

#[test]
fn lan_hears_its_own_with_and_without_an_internet() {
    const GROUP: Ipv4Addr = Ipv4Addr::new(224, 0, 0, 251);
    let Some(lab) = lab() else { return };
    let public = lab.host_public("public").unwrap();
    let nat = lab.nat("nat", NatKind::MODERATE).unwrap();
    let hosts = ["a", "b"].map(|name| lab.host_behind(name, &nat).unwrap());
    let listen = |host: &Host| {
        let socket = host.udp(5353).unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        let join = || socket.join_multicast_v4(&GROUP, &Ipv4Addr::UNSPECIFIED);
        host.enter(join).unwrap().unwrap();
        socket
    };
    let [mouth, ear] = [&hosts[0], &hosts[1]].map(listen);
    let far = listen(&public);
    let group = (GROUP, 5353);
    mouth.send_to(b"anyone?", group).unwrap();
    assert_eq!(
        ear.recv_from(&mut [0; 16]).unwrap().1.ip(),
        IpAddr::V4(hosts[0].ipv4())
    );
    far.set_read_timeout(Some(GLANCE)).unwrap();
    assert!(far.recv(&mut [0; 16]).is_err(), "it stays on the LAN");
    nat.uplink().down().unwrap();
    mouth.send_to(b"anyone?", group).unwrap();
    assert!(ear.recv(&mut [0; 16]).is_ok());
}
