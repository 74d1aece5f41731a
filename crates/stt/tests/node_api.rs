//! What an application may expect of a node: names, families, doors, receivers, limits.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a failed step is a failed test"
)]

mod support;

use std::{
    collections::BTreeSet,
    net::{SocketAddr, UdpSocket},
    pin::pin,
    time::Duration,
};

use futures_util::StreamExt as _;
use stt::{
    Accepting, ConnectError, DatagramError, Delivery, Group, Limits, Node, SendError, StartError,
    SystemEntropy, Target, UserFrameType,
};
use stt_sim::Link;
use support::{address, in_world};

async fn node_at(group: &Group, addresses: &[&str]) -> Result<Node, StartError> {
    let mut builder = Node::builder(group.clone());
    for address in addresses {
        builder = builder.bind(address.parse().unwrap());
    }
    builder.start().await
}

#[expect(clippy::print_stderr, reason = "a test that did not run must say so")]
fn has_ipv6() -> bool {
    let found = UdpSocket::bind("[::1]:0").is_ok();
    if !found {
        eprintln!("skipped: this machine has no IPv6");
    }
    found
}

#[tokio::test]
async fn a_node_is_reached_by_name_and_by_address() {
    let group = Group::generate(&mut SystemEntropy);
    let server = node_at(&group, &["127.0.0.1:0"]).await.unwrap();
    let client = node_at(&group, &[]).await.unwrap();
    let port = server.local_addresses()[0].port();
    for host in ["localhost", "127.0.0.1"] {
        let session = client.connect_udp(host, port).await.unwrap();
        assert_eq!(session.peer(), server.id());
        let remote = session.stats().path.remote.unwrap();
        assert_eq!(remote, server.local_addresses()[0]);
    }
}

#[tokio::test]
async fn a_node_is_reached_by_ipv6_where_there_is_ipv6() {
    if !has_ipv6() {
        return;
    }
    let group = Group::generate(&mut SystemEntropy);
    let server = node_at(&group, &["[::1]:0"]).await.unwrap();
    let client = node_at(&group, &[]).await.unwrap();
    let port = server.local_addresses()[0].port();
    for host in ["::1", "[::1]"] {
        let session = client.connect_udp(host, port).await.unwrap();
        assert_eq!(session.peer(), server.id());
    }
    let v4_only = node_at(&group, &["127.0.0.1:0"]).await.unwrap();
    let refused = v4_only.connect_udp("::1", port).await.unwrap_err();
    assert!(
        matches!(refused, ConnectError::Unreachable { .. }),
        "{refused:?}"
    );
}

#[tokio::test]
async fn a_name_that_nobody_has_is_an_error_of_its_own() {
    let group = Group::generate(&mut SystemEntropy);
    let client = node_at(&group, &["127.0.0.1:0"]).await.unwrap();
    let refused = client
        .connect_udp("no-such-name.invalid", 1)
        .await
        .unwrap_err();
    assert!(
        matches!(&refused, ConnectError::Resolve { host, .. } if host == "no-such-name.invalid")
    );
}

#[tokio::test]
async fn a_node_binds_exactly_the_addresses_it_was_given_and_is_reached_at_each() {
    let group = Group::generate(&mut SystemEntropy);
    let wanted = ["127.0.0.1:0", "127.0.0.2:0", "127.0.0.1:0"];
    let server = node_at(&group, &wanted).await.unwrap();
    let bound = server.local_addresses();
    let ips: Vec<_> = bound
        .iter()
        .map(|address| address.ip().to_string())
        .collect();
    assert_eq!(ips, ["127.0.0.1", "127.0.0.2", "127.0.0.1"]);
    let different: BTreeSet<_> = bound.iter().collect();
    assert_eq!(different.len(), 3);
    let client = node_at(&group, &["127.0.0.1:0"]).await.unwrap();
    for address in bound {
        let session = client.connect(address).await.unwrap();
        assert_eq!(session.stats().path.remote, Some(address));
    }
}

#[tokio::test]
async fn a_taken_port_is_an_error_that_names_it_and_nothing_stays_bound() {
    let group = Group::generate(&mut SystemEntropy);
    let taken = UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    let free = UdpSocket::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let wanted = [free.to_string(), address.to_string()];
    let refused = node_at(&group, &wanted.each_ref().map(String::as_str)).await;
    let StartError::Bind { address: named, .. } = refused.unwrap_err() else {
        panic!("another error")
    };
    assert_eq!(named, address);
    let free_again = async {
        while UdpSocket::bind(free).is_err() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(2), free_again)
        .await
        .expect("the first address is let go");
}

#[tokio::test]
async fn what_waits_for_a_node_ends_when_it_is_shut_down() {
    let group = Group::generate(&mut SystemEntropy);
    let node = node_at(&group, &["127.0.0.1:0"]).await.unwrap();
    let waiting = [node.clone(), node.clone()];
    let [accepting, receiving] = waiting;
    let accepting = tokio::spawn(async move { accepting.accept().await.is_none() });
    let receiving = tokio::spawn(async move { receiving.receive().next().await.is_none() });
    tokio::time::sleep(Duration::from_millis(20)).await;
    assert!(node.shutdown(Duration::from_secs(1)).await.is_empty());
    assert!(accepting.await.unwrap() && receiving.await.unwrap());
    assert!(node.accept().await.is_none());
    assert!(node.receive().next().await.is_none());
    let target: SocketAddr = "127.0.0.1:9".parse().unwrap();
    let refused = node.connect(target).await.unwrap_err();
    assert!(matches!(refused, ConnectError::ShutDown));
}

#[test]
fn messages_that_came_before_a_shutdown_are_taken_before_the_end() {
    in_world(1, Link::wan(), |sim, world| async move {
        let (_a, acceptor, near, _far) = world.pair().await;
        for number in 0..5 {
            near.send_on_stream(number, "waiting").await.unwrap();
        }
        sim.sleep(Duration::from_secs(1)).await;
        acceptor.shutdown(Duration::from_secs(1)).await;
        let received: Vec<_> = acceptor.receive().collect().await;
        assert_eq!(received.len(), 5);
    });
}

#[test]
fn a_shutdown_that_was_given_up_is_finished_by_the_next() {
    in_world(2, Link::wan(), |sim, world| async move {
        let (_a, acceptor, near, _far) = world.pair().await;
        near.send_on_stream(1, "never taken in time").await.unwrap();
        let first = acceptor.shutdown(Duration::from_secs(100));
        assert!(sim.timeout(Duration::from_secs(1), first).await.is_err());
        acceptor.shutdown(Duration::from_secs(1)).await;
        let rest = acceptor.receive().collect::<Vec<_>>();
        let rest = sim.timeout(Duration::from_secs(10), rest).await;
        assert_eq!(rest.expect("the messages come to an end").len(), 1);
    });
}

#[test]
fn a_closed_door_answers_nobody_keeps_its_sessions_and_opens_again() {
    in_world(3, Link::wan(), |sim, world| async move {
        let (dialler, acceptor, near, _far) = world.pair().await;
        acceptor.set_accepting(Accepting::Nobody);
        assert_eq!(acceptor.accepting(), Accepting::Nobody);
        let before = world.net.stats(address(1), address(3)).sent;
        let other = world.node(3).await;
        let refused = other.connect(address(1)).await.unwrap_err();
        assert!(
            matches!(refused, ConnectError::NoAnswer { .. }),
            "{refused:?}"
        );
        assert_eq!(world.net.stats(address(1), address(3)).sent, before);
        near.send_on_stream(1, "goes on").await.unwrap();
        assert!(acceptor.receive().next().await.is_some());
        // It still reaches others itself.
        acceptor.connect(address(3)).await.unwrap();
        acceptor.set_accepting(Accepting::Members);
        other.connect(address(1)).await.unwrap();
        dialler.connect(address(1)).await.unwrap();
        sim.sleep(Duration::from_secs(1)).await;
        assert_eq!(acceptor.stats().sessions, 4);
    });
}

#[test]
fn a_receiver_is_a_stream_and_two_of_them_share_without_duplicates() {
    const MESSAGES: u32 = 2_000;
    in_world(4, Link::wan(), |sim, world| async move {
        let (_a, acceptor, near, _far) = world.pair().await;
        let receivers = [acceptor.receive(), acceptor.receive()].map(|receiver| {
            let clock = sim.clone();
            sim.spawn(async move {
                let mut numbers = Vec::new();
                let mut receiver = pin!(receiver);
                while let Some(packet) = receiver.next().await {
                    numbers.push(u32::from_be_bytes(packet.data[..4].try_into().unwrap()));
                    clock.sleep(Duration::from_millis(1)).await;
                }
                numbers
            })
        });
        for number in 0..MESSAGES {
            let id = u64::from(number % 10);
            let message = number.to_be_bytes().to_vec();
            near.send_on_stream(id, message).await.unwrap();
        }
        near.close().await.unwrap();
        acceptor.shutdown(Duration::from_secs(1)).await;
        let mut all = Vec::new();
        for receiver in receivers {
            let numbers = receiver.await;
            assert!(!numbers.is_empty(), "one of them got nothing");
            all.extend(numbers);
        }
        all.sort_unstable();
        assert_eq!(all, (0..MESSAGES).collect::<Vec<_>>());
    });
}

#[test]
fn a_receiver_that_was_dropped_while_it_waited_takes_no_message_along() {
    in_world(5, Link::wan(), |sim, world| async move {
        let (_a, acceptor, near, _far) = world.pair().await;
        for number in 0..100_u32 {
            let mut gone = acceptor.receive();
            let waited = sim.timeout(Duration::from_millis(number.into()), gone.next());
            assert!(waited.await.is_err());
            let mut receiver = acceptor.receive();
            let receiving = sim.spawn(async move { receiver.next().await.unwrap().data });
            let message = number.to_be_bytes().to_vec();
            near.send_on_stream(1, message.clone()).await.unwrap();
            assert_eq!(receiving.await, message);
        }
    });
}

/// Each session and each message stream takes turns, whatever waits of the others.
#[test]
fn a_flood_on_one_message_stream_delays_others_by_one_message_each() {
    in_world(6, Link::wan(), |sim, world| async move {
        let node = world.node(1).await;
        let (flooding, quiet) = (world.node(2).await, world.node(3).await);
        let flood = flooding.connect(address(1)).await.unwrap();
        let calm = quiet.connect(address(1)).await.unwrap();
        for _ in 0..2 {
            node.accept().await.unwrap();
        }
        let source = flood.clone();
        drop(sim.spawn(async move { while source.send_on_stream(1, "flood").await.is_ok() {} }));
        let mut receiver = node.receive();
        for _ in 0..10_000 {
            receiver.next().await.unwrap();
        }
        sim.sleep(Duration::from_secs(2)).await;
        for (session, id) in [(&flood, 2), (&calm, 1), (&calm, 2)] {
            session.send_on_stream(id, "calm").await.unwrap();
        }
        sim.sleep(Duration::from_secs(1)).await;
        assert!(node.stats().undelivered > 100 * 64, "a flood waits");
        let mut calm = Vec::new();
        for turn in 1..=6 {
            let packet = receiver.next().await.unwrap();
            if packet.data == "calm" {
                calm.push(turn);
            }
        }
        assert_eq!(calm.len(), 3, "at {calm:?} of the next six");
    });
}

#[test]
fn what_is_longer_than_its_limit_is_refused_and_what_is_as_long_arrives() {
    in_world(7, Link::wan(), |_, world| async move {
        let mut limits = Limits::default();
        limits.message = 100_000;
        limits.frame = 50_000;
        let (_a, acceptor, near, far) = world.pair_with(limits).await;
        let kind = UserFrameType::try_from(0x80).unwrap();
        let too_long = |len, max| SendError::TooLong { len, max };
        let refused = near.send_on_stream(1, vec![0; 100_001]).await.unwrap_err();
        assert_eq!(refused, too_long(100_001, 100_000));
        let refused = near.send_frame(kind, vec![0; 50_001]).await.unwrap_err();
        assert_eq!(refused, too_long(50_001, 50_000));
        let refused = near.send_on_stream(1 << 62, "x").await.unwrap_err();
        assert_eq!(refused, SendError::BadStreamId);
        near.send_on_stream((1 << 62) - 1, vec![1; 100_000])
            .await
            .unwrap();
        near.send_frame(kind, vec![2; 50_000]).await.unwrap();
        let packet = acceptor.receive().next().await.unwrap();
        assert_eq!(
            (packet.stream_id, packet.data.len()),
            ((1 << 62) - 1, 100_000)
        );
        assert_eq!(far.receive_frame().await.unwrap().payload.len(), 50_000);
        let DatagramError::TooLong { max, .. } =
            near.send_datagram(kind, vec![0; 9_000]).unwrap_err()
        else {
            panic!("another error")
        };
        near.send_datagram(kind, vec![3; max]).unwrap();
        let frame = far.receive_frame().await.unwrap();
        assert_eq!(
            (frame.payload.len(), frame.delivery),
            (max, Delivery::Datagram)
        );
    });
}

#[test]
fn a_peer_with_a_lower_limit_ends_the_session_for_both_and_says_why() {
    in_world(8, Link::wan(), |_, world| async move {
        let mut limits = Limits::default();
        limits.message = 1_000;
        let acceptor = world.node_with(1, limits).await;
        let dialler = world.node(2).await;
        let near = dialler.connect(address(1)).await.unwrap();
        let far = acceptor.accept().await.unwrap();
        near.send_on_stream(1, vec![0; 5_000]).await.unwrap();
        let by = |by| stt::CloseReason::AtLimit { by };
        assert_eq!(far.closed().await, by(stt::By::Us));
        assert_eq!(near.closed().await, by(stt::By::Peer));
    });
}

#[test]
fn both_sides_export_the_same_key_material_and_another_for_each_use() {
    in_world(9, Link::wan(), |_, world| async move {
        let (dialler, _b, near, far) = world.pair().await;
        let mut seen = BTreeSet::new();
        for (label, context) in [("a", ""), ("b", ""), ("a", "x"), ("", "a"), ("ax", "")] {
            let mut keys = [[0_u8; 64]; 2];
            for (session, key) in [&near, &far].into_iter().zip(&mut keys) {
                session
                    .export(label.as_bytes(), context.as_bytes(), key)
                    .unwrap();
            }
            assert_eq!(keys[0], keys[1]);
            assert!(seen.insert(keys[0]));
        }
        assert!(near.export(b"a", b"", &mut [0; 65]).is_err());
        let other = dialler.connect(address(1)).await.unwrap();
        let mut key = [0; 64];
        other.export(b"a", b"", &mut key).unwrap();
        assert!(!seen.contains(&key), "another session, another key");
    });
}

#[test]
fn counters_tell_what_happened() {
    in_world(10, Link::wan(), |sim, world| async move {
        let (dialler, acceptor, near, far) = world.pair().await;
        let mut send = near.open_uni().await.unwrap();
        let writing = sim.spawn(async move {
            send.write_all(&vec![1; 1 << 20]).await.unwrap();
            send.finish().unwrap();
        });
        let mut recv = far.accept_uni().await.unwrap();
        assert_eq!(recv.read_to_end(1 << 20).await.unwrap().len(), 1 << 20);
        writing.await;
        sim.sleep(Duration::from_secs(1)).await;
        let (near, far) = (near.stats(), far.stats());
        assert!(near.bytes_sent > 1 << 20 && near.bytes_sent < (1 << 20) * 11 / 10);
        // The very first packet came before there was a session to count it.
        assert_eq!(near.packets_sent, far.packets_received + 1);
        assert!((1..=1_472).contains(&(near.bytes_sent - far.bytes_received)));
        assert_eq!(far.bytes_sent, near.bytes_received);
        assert_eq!(far.packets_sent, near.packets_received);
        assert_eq!((near.packets_lost, near.key_updates), (0, 0));
        for stats in [&near, &far] {
            let round_trip = stats.round_trip.as_millis();
            assert!((49..70).contains(&round_trip), "{round_trip} ms");
            assert!(
                (1_200..=1_472).contains(&stats.path.mtu),
                "{}",
                stats.path.mtu
            );
            assert!(stats.age > Duration::from_secs(1));
        }
        assert_eq!(near.path.remote, Some(address(1)));
        assert_eq!(far.path.remote, Some(address(2)));
        for node in [&dialler, &acceptor] {
            let stats = node.stats();
            assert_eq!((stats.sessions, stats.sessions_begun), (1, 1));
            assert_eq!((stats.half_open, stats.refused, stats.ignored), (0, 0, 0));
            assert_eq!((stats.replayed, stats.retried), (0, 0));
            assert_eq!((stats.foreign_datagrams, stats.undelivered), (0, 0));
        }
        let target = Target::udp("10.0.0.1", 4000).peer(acceptor.id());
        dialler
            .connect(target)
            .await
            .unwrap()
            .close()
            .await
            .unwrap();
        sim.sleep(Duration::from_secs(1)).await;
        let stats = acceptor.stats();
        assert_eq!((stats.sessions, stats.sessions_begun), (1, 2));
    });
}
