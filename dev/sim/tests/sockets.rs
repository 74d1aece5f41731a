//! The network seen through bare sockets, where each arrival can be computed.
#![expect(clippy::unwrap_used, reason = "a failed step is a failed test")]

use std::{
    future::poll_fn,
    io::{ErrorKind, IoSliceMut},
    net::{IpAddr, Ipv4Addr, SocketAddr},
    num::NonZeroUsize,
    time::Duration,
};

use noq::{AsyncUdpSocket, udp};
use stt_sim::{Fate, Link, Net, Sim};

const A: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1)), 1);
const B: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(10, 0, 0, 2)), 2);

fn world(link: Link) -> (Sim, Net) {
    let sim = Sim::new(1);
    let net = Net::new(&sim, link);
    (sim, net)
}

async fn send(
    socket: &dyn AsyncUdpSocket,
    to: SocketAddr,
    contents: &[u8],
    segment: Option<usize>,
) {
    let transmit = udp::Transmit {
        destination: to,
        ecn: Some(udp::EcnCodepoint::Ect0),
        contents,
        segment_size: segment,
        src_ip: None,
    };
    let mut sender = socket.create_sender();
    poll_fn(|cx| sender.as_mut().poll_send(&transmit, cx))
        .await
        .unwrap();
}

/// One poll's worth of packets, for up to `room` buffers.
async fn receive(socket: &mut dyn AsyncUdpSocket, room: usize) -> Vec<(Vec<u8>, udp::RecvMeta)> {
    let mut buffers = vec![vec![0; 2048]; room];
    let mut metas = vec![udp::RecvMeta::default(); room];
    let count = poll_fn(|cx| {
        let mut slices: Vec<_> = buffers
            .iter_mut()
            .map(|buffer| IoSliceMut::new(buffer))
            .collect();
        socket.poll_recv(cx, &mut slices, &mut metas)
    })
    .await
    .unwrap();
    buffers
        .iter()
        .zip(metas)
        .take(count)
        .map(|(b, m)| (b[..m.len].to_vec(), m))
        .collect()
}

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
fn packets_arrive_when_rate_and_latency_say() {
    // 972 bytes and 28 of headers at 8 Mbit/s: a millisecond each.
    let link = Link {
        rate: 8_000_000,
        latency: Duration::from_millis(30),
        ..Link::ideal()
    };
    let (sim, net) = world(link);
    let (a, mut b) = (net.bind(A).unwrap(), net.bind(B).unwrap());
    sim.block_on(async {
        for _ in 0..100 {
            send(&*a, B, &[0; 972], None).await;
        }
        for n in 1..=100 {
            assert_eq!(receive(&mut *b, 8).await.len(), 1);
            assert_eq!(sim.elapsed(), Duration::from_millis(30 + n));
        }
    });
}

#[test]
fn a_full_queue_drops_newcomers() {
    let link = Link {
        rate: 8_000_000,
        queue: 10_000,
        ..Link::ideal()
    };
    let (sim, net) = world(link);
    let (a, _b) = (net.bind(A).unwrap(), net.bind(B).unwrap());
    sim.block_on(async {
        for _ in 0..15 {
            send(&*a, B, &[0; 972], None).await;
        }
        assert_eq!(net.stats(A, B).queue_full, 5);
        sim.sleep(Duration::from_millis(3)).await;
        for _ in 0..15 {
            send(&*a, B, &[0; 972], None).await;
        }
        assert_eq!(net.stats(A, B).delivered, 13);
    });
}

#[test]
fn a_deep_queue_marks_packets_that_carry_ecn() {
    let link = Link {
        rate: 8_000_000,
        ce_above: Some(4_500),
        ..Link::ideal()
    };
    let (sim, net) = world(link);
    let (a, mut b) = (net.bind(A).unwrap(), net.bind(B).unwrap());
    sim.block_on(async {
        for _ in 0..8 {
            send(&*a, B, &[0; 972], None).await;
        }
        let mut marks = Vec::new();
        for _ in 0..8 {
            marks.push(receive(&mut *b, 1).await[0].1.ecn == Some(udp::EcnCodepoint::Ce));
        }
        assert_eq!(marks, [false, false, false, false, false, true, true, true]);
    });
}

#[test]
fn a_reordered_packet_is_passed_by_the_next() {
    let (sim, net) = world(Link {
        latency: Duration::from_millis(1),
        ..Link::ideal()
    });
    let (a, mut b) = (net.bind(A).unwrap(), net.bind(B).unwrap());
    sim.block_on(async {
        net.link(A, B, |link| link.reorder = 1.0);
        send(&*a, B, b"first", None).await;
        net.link(A, B, |link| link.reorder = 0.0);
        send(&*a, B, b"second", None).await;
        assert_eq!(receive(&mut *b, 8).await[0].0, b"second");
        assert_eq!(receive(&mut *b, 8).await[0].0, b"first");
        assert_eq!(sim.elapsed(), Duration::from_millis(6));
    });
}

#[test]
fn jitter_alone_never_reorders() {
    let jitter = Duration::from_millis(50);
    let (sim, net) = world(Link {
        jitter,
        ..Link::ideal()
    });
    let (a, mut b) = (net.bind(A).unwrap(), net.bind(B).unwrap());
    sim.block_on(async {
        for n in 0..100 {
            send(&*a, B, &[n], None).await;
        }
        let mut received = Vec::new();
        while received.len() < 100 {
            received.extend(
                receive(&mut *b, 16)
                    .await
                    .into_iter()
                    .map(|(bytes, _)| bytes[0]),
            );
        }
        assert!(received.is_sorted());
        assert!(sim.elapsed() <= jitter && sim.elapsed() > jitter / 2);
    });
}

#[test]
fn a_duplicate_arrives_twice_and_a_corrupted_packet_differs_in_one_bit() {
    let (sim, net) = world(Link {
        duplicate: 1.0,
        corrupt: 1.0,
        ..Link::ideal()
    });
    net.capture(true);
    let (a, mut b) = (net.bind(A).unwrap(), net.bind(B).unwrap());
    sim.block_on(async {
        send(&*a, B, &[0; 100], None).await;
        for _ in 0..2 {
            let (bytes, _) = receive(&mut *b, 1).await.remove(0);
            assert_eq!(bytes.iter().map(|byte| byte.count_ones()).sum::<u32>(), 1);
        }
    });
    let packet = net.packets().remove(0);
    assert_eq!((packet.copies, packet.fate), (2, Fate::Delivered));
    assert!(packet.flipped_bit.unwrap() < 800);
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

#[test]
fn traffic_elsewhere_leaves_the_luck_of_a_link_alone() {
    let fates = |has_neighbour| {
        let (sim, net) = world(Link::lossy(0.3));
        let (a, _b) = (net.bind(A).unwrap(), net.bind(B).unwrap());
        net.capture(true);
        sim.block_on(async {
            for _ in 0..100 {
                send(&*a, B, &[0; 10], None).await;
                if has_neighbour {
                    send(&*a, A, &[0; 10], None).await;
                }
            }
        });
        let to_b = net.packets().into_iter().filter(|packet| packet.to == B);
        to_b.map(|packet| packet.fate).collect::<Vec<_>>()
    };
    assert_eq!(fates(false), fates(true));
}
