//! Packets of somebody on the path, ten thousand a second: a transfer doesn't notice.

#![allow(
    clippy::unwrap_used,
    clippy::unchecked_time_subtraction,
    reason = "a failed step is a failed test"
)]

mod support;

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use stt::{CloseReason, Group, Node, SystemEntropy};
use stt_sim::{Fate, Link, Net, Packet};
use support::{
    World, address, payload,
    stranger::{Forger, destination_id, recorded},
    transfer,
};
use tokio::net::UdpSocket;

const MIB: usize = 1 << 20;

/// One of these tests looks at the memory of the whole process.
static ALONE: parking_lot::Mutex<()> = parking_lot::Mutex::new(());

#[test]
fn a_transfer_survives_ten_thousand_forged_packets_a_second_at_both_ends() {
    let link = Link {
        rate: 20_000_000,
        latency: Duration::from_millis(10),
        ..Link::wan()
    };
    let _alone = ALONE.lock();
    let world = World::new(1, link);
    let sim = world.sim.clone();
    sim.block_on(async {
        world.net.capture(true);
        let (dialler, acceptor, near, far) = world.pair().await;
        let attack = sim.spawn(attack(
            world.sim.clone(),
            world.net.clone(),
            Forger::new(&world, "attack"),
        ));
        let began = sim.elapsed();
        transfer(&near, &far, payload(9, 6 * MIB)).await;
        let took = sim.elapsed() - began;
        assert!(took < Duration::from_secs(8), "{took:?}");
        assert!(!near.is_closed() && !far.is_closed());

        for (node, session) in [(&dialler, &near), (&acceptor, &far)] {
            let (node, session) = (node.stats(), session.stats());
            assert_eq!((node.sessions, node.half_open, node.refused), (1, 0, 0));
            assert!(node.foreign_datagrams > 1_000, "{node:?}");
            assert_eq!(session.malformed_datagrams, 0);
        }
        // Some of the forged ones get as far as the session, and end there.
        let (near_stats, far_stats) = (near.stats(), far.stats());
        assert!(near_stats.packets_received > far_stats.packets_sent + 500);
        assert!(far_stats.packets_received > near_stats.packets_sent + 500);
        for place in elsewhere() {
            assert_eq!(world.net.stats(address(1), place).sent, 0);
            assert_eq!(world.net.stats(address(2), place).sent, 0);
        }
        drop(attack);
        near.close().await.unwrap();
        assert_eq!(far.closed().await, CloseReason::Done);
    });
    sim.shutdown();
}

/// Both directions are hit with 100 packets each 10 ms.
async fn attack(sim: stt_sim::Sim, net: Net, mut forger: Forger) {
    let ends = [(address(1), address(2)), (address(2), address(1))];
    loop {
        sim.sleep(Duration::from_millis(100)).await;
        let seen = net.packets();
        net.capture(false);
        net.capture(true);
        for _ in 0..10 {
            for (victim, peer) in ends {
                for _ in 0..100 {
                    let packet = forge(&mut forger, &seen, victim, sim.elapsed());
                    let mut sources = vec![peer];
                    sources.extend(elsewhere());
                    let from = sources[forger.number(sources.len())];
                    net.inject(from, victim, &packet);
                }
            }
            sim.sleep(Duration::from_millis(10)).await;
        }
    }
}

fn elsewhere() -> [SocketAddr; 2] {
    [([203, 0, 113, 1], 1).into(), ([10, 0, 0, 77], 4_000).into()]
}

/// One packet for `victim`, made of those that reached it.
fn forge(forger: &mut Forger, seen: &[Packet], victim: SocketAddr, now: Duration) -> Vec<u8> {
    let (len, version) = (forger.number(1_400), [0, 0, 0, forger.number(9) as u8]);
    let genuine = |packet: &&Packet| {
        let is_here = packet.arrival.is_some_and(|arrival| arrival < now);
        packet.to == victim && packet.fate == Fate::Delivered && is_here
    };
    let recorded: Vec<_> = seen.iter().filter(genuine).collect();
    if recorded.is_empty() {
        return forger.bytes(len);
    }
    let mut pick = || recorded[forger.number(recorded.len())].bytes.clone();
    let (mut first, second) = (pick(), pick());
    match forger.number(6) {
        0 => return forger.bytes(len),
        1 => first.truncate(len),
        2 => {}
        3 => {
            let bit = forger.number(first.len() * 8);
            first[bit / 8] ^= 1 << (bit % 8);
        }
        4 => {
            first.truncate(len);
            first.extend_from_slice(&second[len.min(second.len())..]);
        }
        _ => return forger.long(0, version, second.get(1..9).unwrap_or_default(), len),
    }
    first
}

/// For a second somebody who is faster than the path delivers packets first, from an address of
/// its own: the session moves there, finds nobody, and comes back.
#[test]
fn a_transfer_survives_packets_that_arrive_first_from_somewhere_else() {
    let _alone = ALONE.lock();
    let world = World::new(2, Link::wan());
    let sim = world.sim.clone();
    sim.block_on(async {
        world.net.capture(true);
        let (_dialler, _acceptor, near, far) = world.pair().await;
        let (net, clock) = (world.net.clone(), sim.clone());
        let thief = sim.spawn(async move {
            for _ in 0..50 {
                clock.sleep(Duration::from_millis(20)).await;
                let seen = net.packets();
                net.capture(false);
                net.capture(true);
                for packet in seen.iter().rev().take(2) {
                    let [from, _] = elsewhere();
                    net.inject(from, packet.to, &packet.bytes);
                }
            }
        });
        for (a, b) in [(1, 2), (2, 1)] {
            let [from, _] = elsewhere();
            world
                .net
                .link(from, address(b), |link| link.latency = Duration::ZERO);
            world.net.link(address(a), address(b), |link| {
                link.latency = Duration::from_millis(60);
            });
        }
        let began = sim.elapsed();
        transfer(&far, &near, payload(9, 4 * MIB)).await;
        transfer(&near, &far, payload(9, 4 * MIB)).await;
        let took = sim.elapsed() - began;
        assert!(took < Duration::from_secs(10), "{took:?}");
        let [from, _] = elsewhere();
        let stolen = world.net.stats(address(1), from).sent;
        assert!(stolen > 0, "{stolen} packets went astray");
        thief.await;
        near.close().await.unwrap();
        assert_eq!(far.closed().await, CloseReason::Done);
    });
    sim.shutdown();
}

/// The key of a Retry's tag is public, as in QUIC; a gated door never sends one.
#[test]
fn a_forged_retry_does_not_stop_a_dial_at_a_gated_door() {
    let _alone = ALONE.lock();
    let world = World::new(4, Link::wan());
    let sim = world.sim.clone();
    sim.block_on(async {
        let _acceptor = world.node(1).await;
        let dialler = world.node(2).await;
        world.net.capture(true);
        let dialling = sim.spawn(async move { dialler.connect(address(1)).await });
        sim.sleep(Duration::from_millis(5)).await;
        let hello = recorded(&world.net, address(2), address(1)).remove(0).bytes;
        let original = destination_id(&hello).to_vec();
        let n = 6 + original.len();
        let source = &hello[n + 1..n + 1 + usize::from(hello[n])];
        let mut retry = vec![0xf0];
        retry.extend_from_slice(b"STC1");
        retry.push(source.len() as u8);
        retry.extend_from_slice(source);
        retry.push(8);
        retry.extend_from_slice(b"evilevil");
        retry.extend_from_slice(b"a token of my own");
        let tag = stc::packet::retry_tag(&original, &retry);
        retry.extend_from_slice(&tag);
        world.net.inject(address(1), address(2), &retry);
        dialling.await.unwrap();
    });
    sim.shutdown();
}

#[test]
fn memory_stays_flat_while_somebody_on_a_real_path_forges_packets() {
    let _alone = ALONE.lock();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(transfer_over_a_hostile_path());
}

async fn transfer_over_a_hostile_path() {
    let group = Group::generate(&mut SystemEntropy);
    let any: SocketAddr = "127.0.0.1:0".parse().unwrap();
    let start = || Node::builder(group.clone()).bind(any).start();
    let (acceptor, dialler) = (start().await.unwrap(), start().await.unwrap());
    let world = World::new(3, Link::ideal());
    let path = HostilePath::between(acceptor.local_addresses()[0]).await;
    let (forged, stop) = path.run(Forger::new(&world, "path"));
    let near = dialler.connect(path.front).await.unwrap();
    let far = acceptor.accept().await.unwrap();

    transfer(&near, &far, payload(9, 16 * MIB)).await;
    let (before, sent) = (resident_bytes(), forged.load(Relaxed));
    let began = std::time::Instant::now();
    while began.elapsed() < Duration::from_secs(4) {
        transfer(&near, &far, payload(9, 4 * MIB)).await;
        transfer(&far, &near, payload(9, 4 * MIB)).await;
    }
    let rate = (forged.load(Relaxed) - sent) as f64 / began.elapsed().as_secs_f64();
    let grown = resident_bytes().saturating_sub(before);
    stop.store(true, Relaxed);
    assert!(rate > 5_000.0, "only {rate} a second");
    // Buffers in flight come and go; 40,000 packets kept would be 50 MB.
    assert!(grown < 24 * MIB, "{} KiB more", grown / 1_024);
    for session in [&near, &far] {
        assert!(!session.is_closed());
        assert!(session.stats().packets_received > 10_000);
    }
    assert!(acceptor.stats().foreign_datagrams > 1_000);
    assert!(dialler.stats().foreign_datagrams > 1_000);
}

/// A path that carries everything, and adds forged packets in both directions.
struct HostilePath {
    front: SocketAddr,
    sockets: [Arc<UdpSocket>; 2],
    acceptor: SocketAddr,
}

impl HostilePath {
    async fn between(acceptor: SocketAddr) -> Self {
        let [front, back] = [bind().await, bind().await];
        Self {
            front: front.local_addr().unwrap(),
            sockets: [front, back],
            acceptor,
        }
    }

    /// Counts what it forged; ends when told.
    fn run(&self, forger: Forger) -> (Arc<AtomicU64>, Arc<AtomicBool>) {
        let (forged, stop) = (
            Arc::new(AtomicU64::new(0)),
            Arc::new(AtomicBool::new(false)),
        );
        let path = carry(
            self.sockets.clone(),
            self.acceptor,
            forger,
            Arc::clone(&forged),
            Arc::clone(&stop),
        );
        tokio::spawn(path);
        (forged, stop)
    }
}

async fn bind() -> Arc<UdpSocket> {
    Arc::new(UdpSocket::bind("127.0.0.1:0").await.unwrap())
}

async fn carry(
    [front, back]: [Arc<UdpSocket>; 2],
    acceptor: SocketAddr,
    mut forger: Forger,
    forged: Arc<AtomicU64>,
    stop: Arc<AtomicBool>,
) {
    let (mut up, mut down) = (vec![0; 65_536], vec![0; 65_536]);
    let mut dialler = None;
    let mut seen: [Vec<Vec<u8>>; 2] = Default::default();
    let mut tick = tokio::time::interval(Duration::from_millis(10));
    while !stop.load(Relaxed) {
        tokio::select! {
            Ok((len, from)) = front.recv_from(&mut up) => {
                dialler = Some(from);
                remember(&mut seen[0], &up[..len]);
                let _ = back.send_to(&up[..len], acceptor).await;
            }
            Ok((len, _)) = back.recv_from(&mut down) => {
                let Some(dialler) = dialler else { continue };
                remember(&mut seen[1], &down[..len]);
                let _ = front.send_to(&down[..len], dialler).await;
            }
            _ = tick.tick() => {
                let Some(dialler) = dialler else { continue };
                for (seen, socket, to) in [(&seen[0], &back, acceptor), (&seen[1], &front, dialler)] {
                    for _ in 0..60 {
                        let packet = forge_from(&mut forger, seen);
                        let _ = socket.send_to(&packet, to).await;
                        forged.fetch_add(1, Relaxed);
                    }
                }
            }
        }
    }
}

fn remember(seen: &mut Vec<Vec<u8>>, packet: &[u8]) {
    if seen.len() == 256 {
        seen.remove(0);
    }
    seen.push(packet.to_vec());
}

fn forge_from(forger: &mut Forger, seen: &[Vec<u8>]) -> Vec<u8> {
    let len = forger.number(1_400);
    if seen.is_empty() {
        return forger.bytes(len);
    }
    let mut packet = seen[forger.number(seen.len())].clone();
    match forger.number(5) {
        0 => return forger.bytes(len),
        1 => packet.truncate(len),
        2 => {}
        3 => {
            let bit = forger.number(packet.len() * 8);
            packet[bit / 8] ^= 1 << (bit % 8);
        }
        _ => return forger.long(0, [0, 0, 0, 1], packet.get(1..9).unwrap_or_default(), len),
    }
    packet
}

/// Memory of this process, in bytes; pages are 4 KiB wherever this file exists.
fn resident_bytes() -> usize {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap();
    statm.split(' ').nth(1).unwrap().parse::<usize>().unwrap() * 4_096
}
