//! A gated door is a dead port to everybody who doesn't hold the seed, in every state of its node.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::unchecked_time_subtraction,
    reason = "a failed step is a failed test"
)]

mod support;

use std::{
    net::{SocketAddr, UdpSocket},
    time::Duration,
};

use stt::{Accepting, ConnectError, Entropy, Group, Limits, Node, Session, SystemEntropy};
use stt_sim::{Link, Packet, SimEntropy};
use support::{
    World, address, payload,
    stranger::{Forger, probes, recorded, sent},
};

/// Longer than the handshake, idle, draining and drop timers of a session.
const LONG: Duration = Duration::from_secs(40);

#[test]
fn a_node_that_serves_answers_nothing_to_a_stranger() {
    silence(1, |_| async {});
}

#[test]
fn a_node_with_its_door_closed_answers_nothing_to_a_stranger() {
    silence(
        2,
        |node| async move { node.set_accepting(Accepting::Nobody) },
    );
}

#[test]
fn a_node_that_is_shut_down_answers_nothing_to_a_stranger() {
    silence(3, |node| async move {
        node.shutdown(Duration::from_secs(1)).await;
    });
}

/// Records a session at a node, brings the node into a state, and probes it from a third address.
fn silence<F: Future<Output = ()>>(seed: u64, state: impl FnOnce(Node) -> F) {
    let world = World::new(seed, Link::lan());
    let sim = world.sim.clone();
    sim.block_on(async {
        let (dialler, node, records) = recorded_session(&world).await;
        state(node.clone()).await;
        assert_silent(&world, &records).await;
        drop(dialler);
    });
    sim.shutdown();
}

#[test]
fn even_a_member_hears_nothing_from_a_door_that_is_closed_or_a_node_that_is_shut_down() {
    let world = World::new(12, Link::lan());
    let sim = world.sim.clone();
    sim.block_on(async {
        let client = world
            .start(world.builder(3).accepting(Accepting::Nobody))
            .await;
        let (member, node, _near, far) = world.pair().await;
        assert_no_answer(&world, &member, 3).await;
        node.set_accepting(Accepting::Nobody);
        let other = world.node(4).await;
        assert_no_answer(&world, &other, 1).await;
        assert!(!far.is_closed());
        node.set_accepting(Accepting::Members);
        other.connect(address(1)).await.unwrap();
        node.shutdown(Duration::from_secs(1)).await;
        let third = world.node(5).await;
        assert_no_answer(&world, &third, 1).await;
        drop(client);
    });
    sim.shutdown();
}

async fn assert_no_answer(world: &World, from: &Node, to: u8) {
    let local = from.local_addresses()[0];
    let before = sent(world, address(to), local);
    let silence = from.connect(address(to)).await.unwrap_err();
    assert!(
        matches!(silence, ConnectError::NoAnswer { .. }),
        "{silence}"
    );
    // A session that exists may say now and then that it lives.
    assert!(sent(world, address(to), local) - before < 4);
}

#[test]
fn a_node_that_only_dials_answers_nothing_to_a_stranger_during_its_session_and_after() {
    let world = World::new(4, Link::lan());
    let sim = world.sim.clone();
    sim.block_on(async {
        let listener = world.node(2).await;
        let builder = world.builder(1).accepting(Accepting::Nobody);
        let node = world.start(builder).await;
        world.net.capture(true);
        let session = node.connect(address(2)).await.unwrap();
        let other = listener.accept().await.unwrap();
        exchange(&session, &other).await;
        let records = recorded(&world.net, address(2), address(1));
        assert!(records.len() > 4);
        assert_silent(&world, &records).await;
        assert!(!session.is_closed());
        session.close().await.unwrap();
        sim.sleep(LONG).await;
        assert_silent(&world, &records).await;
    });
    sim.shutdown();
}

#[test]
fn a_recorded_session_replayed_from_elsewhere_is_met_with_silence_while_it_lives() {
    let world = World::new(5, Link::lan());
    let sim = world.sim.clone();
    sim.block_on(async {
        let (_acceptor, _dialler, near, far, records) = live_session(&world).await;
        replay(&world, &records, stranger(9)).await;
        assert_eq!(sent(&world, address(1), stranger(9)), 0);
        assert!(!near.is_closed());
        assert!(!far.is_closed());
        exchange(&near, &far).await;
    });
    sim.shutdown();
}

#[test]
fn a_recorded_session_replayed_after_its_end_is_met_with_silence_and_counted() {
    let world = World::new(6, Link::lan());
    let sim = world.sim.clone();
    sim.block_on(async {
        let (dialler, acceptor, near, _far, records) = live_session(&world).await;
        near.abort(7, "");
        // While it drains, from elsewhere.
        sim.sleep(Duration::from_millis(1)).await;
        replay(&world, &records, stranger(9)).await;
        sim.sleep(LONG).await;
        // And when nothing of it is left, from anywhere.
        let before = sent(&world, address(1), address(2));
        replay(&world, &records, stranger(9)).await;
        replay(&world, &records, address(2)).await;
        sim.sleep(LONG).await;
        assert_eq!(sent(&world, address(1), stranger(9)), 0);
        assert_eq!(sent(&world, address(1), address(2)), before);
        assert_eq!(acceptor.sessions().len(), 0);
        assert_eq!(acceptor.stats().sessions_begun, 1);
        assert!(acceptor.stats().replayed >= 2, "{:?}", acceptor.stats());
        assert_eq!(acceptor.stats().half_open, 0);
        drop(dialler);
    });
    sim.shutdown();
}

#[test]
fn a_hello_replayed_while_its_handshake_runs_is_met_with_silence() {
    let world = World::new(7, Link::wan());
    let sim = world.sim.clone();
    sim.block_on(async {
        let acceptor = world.node(1).await;
        let dialler = world.node(2).await;
        world.net.capture(true);
        let dialling = sim.spawn({
            let dialler = dialler.clone();
            async move { dialler.connect(address(1)).await }
        });
        for _ in 0..120 {
            sim.sleep(Duration::from_millis(1)).await;
            for packet in recorded(&world.net, address(2), address(1)) {
                world.net.inject(stranger(9), address(1), &packet.bytes);
            }
        }
        let session = dialling.await.unwrap();
        let far = acceptor.accept().await.unwrap();
        exchange(&session, &far).await;
        assert_eq!(sent(&world, address(1), stranger(9)), 0);
    });
    sim.shutdown();
}

#[test]
fn a_dialler_with_the_wrong_seed_hears_nothing_and_the_listener_goes_on() {
    let world = World::new(8, Link::lan());
    let sim = world.sim.clone();
    sim.block_on(async {
        let listener = world.node(1).await;
        let mut limits = Limits::default();
        limits.handshake_timeout = Duration::from_secs(2);
        let elsewhere = Group::generate(&mut Named(sim.entropy("another group")));
        let builder = world.builder_of(3, elsewhere).limits(limits);
        let outsider = world.start(builder).await;
        let began = sim.elapsed();
        let refused = outsider.connect(address(1)).await.unwrap_err();
        assert!(
            matches!(refused, ConnectError::NoAnswer { .. }),
            "{refused}"
        );
        assert_eq!(sim.elapsed() - began, Duration::from_secs(2));
        assert!(sent(&world, address(3), address(1)) >= 4);
        assert_eq!(sent(&world, address(1), address(3)), 0);
        assert_eq!(listener.sessions().len() + outsider.sessions().len(), 0);
        assert_eq!(listener.stats().half_open, 0);

        let member = world.node(2).await;
        let near = member.connect(address(1)).await.unwrap();
        let far = listener.accept().await.unwrap();
        exchange(&near, &far).await;
    });
    sim.shutdown();
}

#[test]
fn nobody_at_all_looks_the_same_as_the_wrong_seed() {
    let world = World::new(9, Link::lan());
    let sim = world.sim.clone();
    sim.block_on(async {
        let mut limits = Limits::default();
        limits.handshake_timeout = Duration::from_secs(2);
        let member = world.node_with(2, limits).await;
        let began = sim.elapsed();
        let nobody = member.connect(address(1)).await.unwrap_err();
        assert!(matches!(nobody, ConnectError::NoAnswer { .. }), "{nobody}");
        assert_eq!(sim.elapsed() - began, Duration::from_secs(2));
    });
    sim.shutdown();
}

#[test]
fn an_open_door_answers_nothing_but_first_packets_that_hold_a_hello() {
    let world = World::new(10, Link::lan());
    let sim = world.sim.clone();
    let group = Group::from_passphrase("silence", "correct horse battery staple").unwrap();
    sim.block_on(async {
        let node = world.start(world.builder_of(1, group.clone())).await;
        let mut forger = Forger::new(&world, "open door");
        let all = probes(&mut forger, &[]);
        for (number, probe) in all.iter().enumerate() {
            if is_first_packet(probe) {
                continue;
            }
            world.net.inject(stranger(9), address(1), probe);
            pause(&world, number).await;
        }
        sim.sleep(LONG).await;
        assert_eq!(sent(&world, address(1), stranger(9)), 0);

        // One whose address is in doubt is asked to show it, and hears nothing else.
        world.net.capture(true);
        for _ in 0..200 {
            let to = forger.bytes(20);
            let first = forger.initial(&to, &[], 1_200);
            world.net.inject(stranger(9), address(1), &first);
            sim.sleep(Duration::from_millis(20)).await;
        }
        let answers = recorded(&world.net, address(1), stranger(9));
        assert!(answers.iter().all(is_retry), "{answers:?}");
        assert!(answers.iter().all(|answer| answer.bytes.len() < 200));

        node.set_accepting(Accepting::Nobody);
        let before = sent(&world, address(1), stranger(9));
        for (number, probe) in all.iter().enumerate() {
            world.net.inject(stranger(9), address(1), probe);
            pause(&world, number).await;
        }
        sim.sleep(LONG).await;
        assert_eq!(sent(&world, address(1), stranger(9)), before);
    });
    sim.shutdown();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_real_socket_hears_nothing_from_a_gated_door_whatever_it_sends() {
    let group = Group::generate(&mut SystemEntropy);
    let any: SocketAddr = "127.0.0.1:0".parse().unwrap();
    let start = || Node::builder(group.clone()).bind(any).start();
    let (node, member) = (start().await.unwrap(), start().await.unwrap());
    let target = node.local_addresses()[0];
    let session = member.connect(target).await.unwrap();
    let other = node.accept().await.unwrap();

    let world = World::new(11, Link::ideal());
    let all = probes(&mut Forger::new(&world, "probes"), &[]);
    let socket = UdpSocket::bind(any).unwrap();
    socket.set_nonblocking(true).unwrap();
    let mut states = 0;
    for state in [Accepting::Members, Accepting::Nobody] {
        node.set_accepting(state);
        for (number, probe) in all.iter().enumerate() {
            socket.send_to(probe, target).unwrap();
            if number.is_multiple_of(32) {
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        }
        tokio::time::sleep(Duration::from_millis(300)).await;
        assert_hears_nothing(&socket);
        states += 1;
    }
    assert_eq!(states, 2);
    exchange(&session, &other).await;
    assert!(node.stats().foreign_datagrams > 100, "{:?}", node.stats());
    node.shutdown(Duration::from_secs(1)).await;
    for probe in &all {
        // Once the socket is closed the kernel says so, to whoever asks.
        let _ = socket.send_to(probe, target);
    }
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_hears_nothing(&socket);
}

fn assert_hears_nothing(socket: &UdpSocket) {
    let mut buffer = [0; 2_000];
    if let Ok((len, from)) = socket.recv_from(&mut buffer) {
        panic!("{len} bytes from {from}");
    }
}

fn is_first_packet(probe: &[u8]) -> bool {
    probe.len() >= 1_200 && probe[0] & 0xb0 == 0x80 && probe[1..5] == *b"STC1"
}

fn is_retry(packet: &Packet) -> bool {
    packet.bytes[0] & 0xf0 == 0xf0
}

fn stranger(host: u8) -> SocketAddr {
    ([203, 0, 113, host], 40_000).into()
}

async fn recorded_session(world: &World) -> (Node, Node, Vec<Packet>) {
    let (dialler, acceptor, near, _far, records) = live_session(world).await;
    near.close().await.unwrap();
    world.sim.sleep(LONG).await;
    (dialler, acceptor, records)
}

/// A session and all that its dialler sent so far.
async fn live_session(world: &World) -> (Node, Node, Session, Session, Vec<Packet>) {
    world.net.capture(true);
    let (dialler, acceptor, near, far) = world.pair().await;
    exchange(&near, &far).await;
    let records = recorded(&world.net, address(2), address(1));
    assert!(records.len() > 10, "{} packets", records.len());
    (dialler, acceptor, near, far, records)
}

/// Moves a few packets' worth each way.
async fn exchange(near: &Session, far: &Session) {
    let bytes = payload(77, 20_000);
    let (mut send, mut recv) = near.open_stream().await.unwrap();
    send.write_all(&bytes).await.unwrap();
    send.finish().unwrap();
    let (mut back, mut from) = far.accept_stream().await.unwrap();
    assert_eq!(from.read_to_end(20_000).await.unwrap(), bytes);
    back.write_all(&bytes).await.unwrap();
    back.finish().unwrap();
    assert_eq!(recv.read_to_end(20_000).await.unwrap(), bytes);
}

async fn replay(world: &World, records: &[Packet], from: SocketAddr) {
    for (number, packet) in records.iter().enumerate() {
        world.net.inject(from, address(1), &packet.bytes);
        pause(world, number).await;
    }
    world.sim.sleep(Duration::from_millis(50)).await;
}

async fn assert_silent(world: &World, records: &[Packet]) {
    let mut forger = Forger::new(world, "probes");
    let from = stranger(1);
    for (number, probe) in probes(&mut forger, records).iter().enumerate() {
        world.net.inject(from, address(1), probe);
        pause(world, number).await;
    }
    world.sim.sleep(LONG).await;
    assert_eq!(sent(world, address(1), from), 0);
}

async fn pause(world: &World, number: usize) {
    if number.is_multiple_of(8) {
        world.sim.sleep(Duration::from_millis(1)).await;
    }
}

struct Named(SimEntropy);

impl Entropy for Named {
    fn fill(&mut self, out: &mut [u8]) {
        self.0.fill(out);
    }
}
