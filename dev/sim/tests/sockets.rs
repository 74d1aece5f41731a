//! Addresses, batches and fates, seen through bare sockets.

mod support;

use std::{io::ErrorKind, num::NonZeroUsize};

use noq::udp;
use stt_sim::{Fate, Link, Net};
use support::bare::{A, B, receive, send, world};

#[test]
fn an_address_has_one_socket_until_it_is_dropped() {
    let (_, net) = world(Link::ideal());
    let socket = net.bind(A).unwrap();
    assert_eq!(socket.local_addr().unwrap(), A);
    assert_eq!(net.bind(A).unwrap_err().kind(), ErrorKind::AddrInUse);
    drop(socket);
    net.bind(A).unwrap();
}

#[test]
fn port_zero_gives_a_free_port_of_its_own() {
    let (_, net) = world(Link::ideal());
    let sockets: Vec<_> = (0..3)
        .map(|_| net.bind((A.ip(), 0).into()).unwrap())
        .collect();
    let ports: Vec<_> = sockets
        .iter()
        .map(|s| s.local_addr().unwrap().port())
        .collect();
    assert_eq!(ports, [49152, 49153, 49154]);
}

#[test]
fn a_wildcard_address_is_refused() {
    let (_, net) = world(Link::ideal());
    for addr in ["0.0.0.0:1", "[::]:1"] {
        let error = net.bind(addr.parse().unwrap()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::AddrNotAvailable);
    }
}

#[test]
fn a_batch_arrives_as_packets_several_to_a_poll() {
    let (sim, net) = world(Link::ideal());
    let (a, mut b) = (net.bind(A).unwrap(), net.bind(B).unwrap());
    sim.block_on(async {
        send(&*a, B, &[7; 2500], Some(1000)).await;
        let packets = receive(&mut *b, 8).await;
        let lens: Vec<_> = packets.iter().map(|(bytes, _)| bytes.len()).collect();
        assert_eq!(lens, [1000, 1000, 500]);
        for (_, meta) in &packets {
            assert_eq!((meta.addr, meta.dst_ip), (A, Some(B.ip())));
            assert_eq!(
                (meta.stride, meta.ecn),
                (meta.len, Some(udp::EcnCodepoint::Ect0))
            );
        }
    });
    assert!(!b.may_fragment());
}

#[test]
fn the_batch_size_offered_to_the_engine_is_configurable() {
    let (_, net) = world(Link::ideal());
    let offered = |net: &Net| {
        net.bind((A.ip(), 0).into())
            .unwrap()
            .create_sender()
            .max_transmit_segments()
    };
    assert_eq!(offered(&net).get(), 10);
    net.max_transmit_segments(NonZeroUsize::MIN);
    assert_eq!(offered(&net).get(), 1);
}

#[test]
fn a_recording_tells_the_fate_of_each_packet() {
    let (sim, net) = world(Link {
        mtu: 1200,
        ..Link::ideal()
    });
    net.capture(true);
    let (a, b) = (net.bind(A).unwrap(), net.bind(B).unwrap());
    sim.block_on(async {
        send(&*a, B, &[0; 1200], None).await;
        send(&*a, B, &[0; 1201], None).await;
        net.link(A, B, |link| link.loss = 1.0);
        send(&*a, B, &[0; 10], None).await;
        net.partition(A, B);
        send(&*a, B, &[0; 10], None).await;
        net.heal(A, B);
        net.kill(B);
        send(&*a, B, &[0; 10], None).await;
        net.revive(B);
        drop(b);
        send(&*a, B, &[0; 10], None).await;
    });
    let fates: Vec<_> = net.packets().iter().map(|packet| packet.fate).collect();
    let expected = [
        Fate::Delivered,
        Fate::TooBig,
        Fate::Lost,
        Fate::Down,
        Fate::Dead,
        Fate::Unreachable,
    ];
    assert_eq!(fates, expected);
    assert_eq!(net.stats(A.ip(), B.ip()).sent, 6);
}

#[test]
fn what_is_on_its_way_to_a_killed_host_is_lost() {
    let (sim, net) = world(Link::wan());
    let (a, mut b) = (net.bind(A).unwrap(), net.bind(B).unwrap());
    sim.block_on(async {
        send(&*a, B, b"stale", None).await;
        net.kill(B.ip());
        net.revive(B.ip());
        send(&*a, B, b"fresh", None).await;
        assert_eq!(receive(&mut *b, 8).await[0].0, b"fresh");
    });
}

#[test]
fn an_empty_datagram_arrives() {
    let (sim, net) = world(Link::ideal());
    let (a, mut b) = (net.bind(A).unwrap(), net.bind(B).unwrap());
    sim.block_on(async {
        send(&*a, B, b"", None).await;
        assert_eq!(receive(&mut *b, 8).await[0].0, b"");
    });
}
