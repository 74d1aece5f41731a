//! Members that begin long messages and items and send no more: the room they were promised goes to
//! whoever waits for it, and nobody is hurt who is only slow.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a failed step is a failed test"
)]

mod support;

// The lowest layer as the library has it, to build a member on that keeps no rule above it.
#[allow(dead_code, unreachable_pub, reason = "a part of it is used")]
#[path = "../src/limits.rs"]
mod limits;
#[allow(
    dead_code,
    unreachable_pub,
    unused_imports,
    reason = "a part of it is used"
)]
#[path = "../src/transport/mod.rs"]
mod transport;

#[allow(dead_code, unreachable_pub, reason = "a part of it is used")]
#[path = "support/raw.rs"]
mod raw;

use std::time::Duration;

use noq::{Connection, ConnectionError};
use raw::{ENDPOINT, LANE, RawMember, frame, int, ints, open};
use stt::{Delivered, EndpointManager, EndpointOptions, Limits};
use stt_sim::{Link, Sim};
use support::{World, address, in_world, payload};

const MESSAGE: u8 = 0x10;
const MESSAGE_START: u8 = 0x11;
const TIMED_OUT: u64 = 0x06;
const MIB: usize = 1 << 20;

/// Room for one long message or item, and little more.
fn little_room() -> Limits {
    let mut limits = Limits::default();
    limits.undelivered = 8 * MIB;
    limits.unplaced = 8 * MIB;
    limits
}

/// A lane on which a message of 6 MiB has begun.
async fn begin_message(connection: &Connection) -> noq::SendStream {
    let mut lane = open(connection, LANE).await;
    let start = [ints(&[1, 6 << 20]), vec![7; 8_000]].concat();
    lane.write_all(&frame(MESSAGE_START, &start)).await.unwrap();
    lane
}

/// An endpoint stream on which an item of 6 MiB has begun.
async fn begin_item(connection: &Connection) -> (noq::SendStream, noq::RecvStream) {
    let (mut send, recv) = connection.open_bi().await.unwrap();
    let attach = frame(0x18, &[1, b'e']);
    let start = frame(0x1a, &[int(6 << 20), vec![7; 8_000]].concat());
    let said = [ENDPOINT, &attach, &start].concat();
    send.write_all(&said).await.unwrap();
    (send, recv)
}

/// The code with which it was closed, if it was.
fn close_code(connection: &Connection) -> Option<u64> {
    match connection.close_reason()? {
        ConnectionError::ApplicationClosed(closed) => Some(closed.error_code.into()),
        other => panic!("{other}"),
    }
}

async fn within_two_minutes<T>(sim: &Sim, wanted: impl Future<Output = T>) -> T {
    let wanted = sim.timeout(Duration::from_secs(120), wanted).await;
    wanted.expect("it waits for ever")
}

#[test]
fn a_long_message_that_never_comes_gives_its_room_to_others() {
    in_world(31, Link::lan(), |sim, world| async move {
        let node = world.node_with(1, little_room()).await;
        let raw = RawMember::new(&world, 3);
        let (connection, _control) = raw.session(address(1)).await;
        let mut lane = begin_message(&connection).await;
        sim.sleep(Duration::from_secs(1)).await;
        // Short messages of another message stream are no excuse.
        let task = sim.clone();
        drop(sim.spawn(async move {
            for _ in 0..120 {
                let short = frame(MESSAGE, &ints(&[2, 7]));
                if lane.write_all(&short).await.is_err() {
                    return;
                }
                task.sleep(Duration::from_millis(700)).await;
            }
        }));
        let honest = world.node(2).await;
        let session = honest.connect(address(1)).await.unwrap();
        let long = payload(1, 4 * MIB);
        let sent = long.clone();
        let near = session.clone();
        drop(sim.spawn(async move { near.send_on_stream(1, sent).await }));
        let mut receiver = node.receive();
        let arrived = within_two_minutes(&sim, async {
            loop {
                let packet = receiver.next().await.unwrap();
                if packet.data.len() == long.len() {
                    return packet.data;
                }
            }
        });
        assert!(arrived.await == long);
        assert_eq!(close_code(&connection), Some(TIMED_OUT));
        assert!(!session.is_closed());
    });
}

#[test]
fn a_long_item_that_never_comes_gives_its_room_to_others() {
    in_world(32, Link::lan(), |sim, world| async move {
        let node = world.node_with(1, little_room()).await;
        let served = EndpointManager::new();
        served.serve(&node).unwrap();
        for name in ["e", "other"] {
            served.create(name, EndpointOptions::default()).unwrap();
        }
        let raw = RawMember::new(&world, 3);
        let (connection, _control) = raw.session(address(1)).await;
        let (mut send, _recv) = begin_item(&connection).await;
        sim.sleep(Duration::from_secs(1)).await;
        let honest = world.node(2).await;
        let session = honest.connect(address(1)).await.unwrap();
        let manager = EndpointManager::new();
        manager.bind_remote("other", &session, "other").unwrap();
        let item = payload(1, 4 * MIB);
        let routed = manager.route_to_endpoint("other", item.clone());
        assert_eq!(within_two_minutes(&sim, routed).await, Ok(Delivered));
        assert!(served.receive_from("other").await.unwrap().data == item);
        assert_eq!(close_code(&connection), Some(TIMED_OUT));
        assert!(send.write_all(&[0]).await.is_err());
    });
}

#[test]
fn promises_in_nobodys_way_are_kept_for_as_long_as_it_takes() {
    in_world(33, Link::lan(), |sim, world| async move {
        let node = world.node_with(1, little_room()).await;
        let served = EndpointManager::new();
        served.serve(&node).unwrap();
        served.create("e", EndpointOptions::default()).unwrap();
        let raw = RawMember::new(&world, 3);
        let (connection, _control) = raw.session(address(1)).await;
        let _lane = begin_message(&connection).await;
        let _item = begin_item(&connection).await;
        sim.sleep(Duration::from_secs(600)).await;
        assert_eq!(close_code(&connection), None);
        // Short ones need no promise.
        let honest = world.node(2).await;
        let session = honest.connect(address(1)).await.unwrap();
        session.send_on_stream(1, payload(1, 1_000)).await.unwrap();
        let mut receiver = node.receive();
        let packet = within_two_minutes(&sim, receiver.next()).await.unwrap();
        assert_eq!(packet.data.len(), 1_000);
        assert_eq!(close_code(&connection), None);
    });
}

#[test]
fn a_slow_member_on_a_bad_link_keeps_what_it_was_promised() {
    in_world(34, Link::lan(), |sim, world| async move {
        let node = world.node_with(1, little_room()).await;
        let slow = world.node(4).await;
        let from_slow = slow.connect(address(1)).await.unwrap();
        world.net.both(address(1), address(4), |link| {
            // A part of 64 KiB takes a minute.
            (link.rate, link.queue, link.loss) = (9_000, 20_000, 0.02);
        });
        let (first, second) = (payload(1, 200_000), payload(2, 7 * MIB));
        let sending = from_slow.clone();
        let sent = first.clone();
        drop(sim.spawn(async move { sending.send_on_stream(1, sent).await }));
        sim.sleep(Duration::from_secs(60)).await;
        // It does not fit beside the first one, and waits.
        let quick = world.node(2).await;
        let from_quick = quick.connect(address(1)).await.unwrap();
        let sent = second.clone();
        drop(sim.spawn(async move { from_quick.send_on_stream(1, sent).await }));
        let mut receiver = node.receive();
        for expected in [first, second] {
            let next = sim.timeout(Duration::from_secs(3_600), receiver.next());
            assert!(next.await.unwrap().unwrap().data == expected);
        }
        assert!(!from_slow.is_closed());
    });
}
