//! A member that holds the seed and breaks the rules: it loses its session, and nobody else
//! anything.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::unchecked_time_subtraction,
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

use noq::Connection;
use raw::{
    CONTROL, DATA, EVENTS, LANE, LIMIT_EXCEEDED, PROTOCOL_VIOLATION, RawMember, USER_FRAMES,
    assert_breach, assert_each_is_a_breach, frame, int, ints, open,
};
use stt::{
    BridgeOptions, BridgeSendError, By, CloseReason, EventEmitter, Limits, Node, Session,
    UserFrameType,
};
use stt_sim::{Link, Sim};
use support::{World, address, payload};

/// Every way to begin a stream that no honest member knows.
#[test]
fn a_stream_that_begins_with_nonsense_costs_its_sender_the_session() {
    let firsts: [&[u8]; 7] = [
        &[0x00, 0],
        &[0x80, 1, 0],
        &[0x01, 2, 0x03, 0x10],
        &[0x01, 0],
        &[0x01, 2, 0x00, 0x00],
        &[0x02, 2, 0, 0],
        &[0x01, 0x40, 0x01, 0x00],
    ];
    for first in firsts {
        assert_breach(PROTOCOL_VIOLATION, |connection| {
            let first = first.to_vec();
            async move { vec![open(&connection, &first).await] }
        });
    }
}

#[test]
fn a_second_control_stream_of_frames_events_or_lane_costs_the_session() {
    for first in [CONTROL, USER_FRAMES, EVENTS, LANE] {
        assert_breach(PROTOCOL_VIOLATION, |connection| async move {
            vec![
                open(&connection, first).await,
                open(&connection, first).await,
            ]
        });
    }
}

#[test]
fn a_lane_or_stream_of_frames_or_events_that_carries_anything_else_costs_the_session() {
    let wrong = [
        (LANE, frame(0x80, b"a user's frame")),
        (LANE, frame(0x12, &[5, 1])),
        (LANE, frame(0x00, &[])),
        (USER_FRAMES, frame(0x10, &[0, 1])),
        (USER_FRAMES, frame(0x00, &[])),
        (EVENTS, frame(0x80, b"a user's frame")),
        (EVENTS, frame(0x20, &[5, b'c', b'u', b't'])),
        (EVENTS, frame(0x20, &[1, 0xff])),
    ];
    assert_each_is_a_breach(PROTOCOL_VIOLATION, wrong);
}

#[test]
fn more_than_1024_live_message_streams_exceed_a_limit() {
    assert_breach(LIMIT_EXCEEDED, |connection| async move {
        let mut lane = open(&connection, LANE).await;
        for id in 0..1_025 {
            let payload = [int(id), vec![7]].concat();
            // The last ones may find the session closed already.
            let _ = lane.write_all(&frame(0x10, &payload)).await;
        }
        vec![lane]
    });
}

#[test]
fn a_message_beyond_its_credit_exceeds_a_limit() {
    assert_breach(LIMIT_EXCEEDED, |connection| async move {
        let mut lane = open(&connection, LANE).await;
        let payload = [int(1), vec![7; 9_000]].concat();
        lane.write_all(&frame(0x10, &payload)).await.unwrap();
        vec![lane]
    });
}

#[test]
fn a_frame_longer_than_the_limit_exceeds_it_before_it_is_stored() {
    let announced = [
        (USER_FRAMES, [vec![0x80], int((1 << 20) + 1)].concat()),
        (EVENTS, [vec![0x20], int((1 << 20) + 257)].concat()),
        (LANE, [vec![0x10], int(65_553)].concat()),
        (LANE, frame(0x11, &ints(&[1, (64 << 20) + 1, 7]))),
    ];
    assert_each_is_a_breach(LIMIT_EXCEEDED, announced);
}

#[test]
fn events_that_end_inside_one_cost_the_session() {
    assert_breach(PROTOCOL_VIOLATION, |connection| async move {
        let mut stream = open(&connection, EVENTS).await;
        stream.write_all(&[0x20, 5, 1]).await.unwrap();
        stream.finish().unwrap();
        vec![stream]
    });
}

#[test]
fn a_member_that_refuses_events_gets_none_and_the_emitter_is_told() {
    let world = World::new(8, Link::lan());
    let sim = world.sim.clone();
    sim.block_on(async {
        let node = world.node(1).await;
        let raw = RawMember::new(&world, 3);
        let (connection, _control) = raw.session(address(1)).await;
        let session = node.accept().await.unwrap();
        let emitter = EventEmitter::new();
        emitter.bridge(&session, BridgeOptions::new()).unwrap();
        let refusing = sim.spawn(async move {
            loop {
                let mut stream = connection.accept_uni().await.unwrap();
                let mut first = [0; 3];
                stream.read_exact(&mut first).await.unwrap();
                if first == EVENTS {
                    stream.stop(0x01_u32.into()).unwrap();
                    return connection;
                }
                std::mem::forget(stream);
            }
        });
        let mut outcomes = Vec::new();
        for _ in 0..10 {
            let payload = bytes::Bytes::from_static(b"unwanted");
            let report = emitter.emit("event", payload).await.unwrap();
            outcomes.push(report.bridged[0].outcome.clone());
            sim.sleep(Duration::from_millis(100)).await;
        }
        assert_eq!(outcomes.first(), Some(&Ok(())), "nobody knew yet");
        assert_eq!(outcomes.last(), Some(&Err(BridgeSendError::Refused)));
        assert!(!session.is_closed());
        drop(refusing.await);
    });
    sim.shutdown();
}

#[test]
fn a_stream_that_does_not_say_what_it_is_is_refused_in_time_and_delays_none_that_does() {
    let world = World::new(3, Link::lan());
    let sim = world.sim.clone();
    sim.block_on(async {
        let node = world.node(1).await;
        let raw = RawMember::new(&world, 3);
        let (connection, _control) = raw.session(address(1)).await;
        let session = node.accept().await.unwrap();
        let mut silent = Vec::new();
        for _ in 0..64 {
            silent.push(open(&connection, &[0x01]).await);
        }
        sim.sleep(Duration::from_millis(10)).await;
        // Only seconds in which something came count.
        let (talker, clock) = (connection.clone(), sim.clone());
        sim.spawn(async move {
            while talker.send_datagram(vec![0x80].into()).is_ok() {
                clock.sleep(Duration::from_millis(300)).await;
            }
        });
        let named = open(&connection, DATA).await;
        let began = sim.elapsed();
        session.accept_uni().await.unwrap();
        let waited = sim.elapsed() - began;
        assert!(waited < Duration::from_secs(1), "{waited:?}");
        assert_refused(&sim, silent, Duration::from_secs(32)).await;
        drop(named);
        assert!(!session.is_closed());
    });
    sim.shutdown();
}

/// It sends no more than what keeps its session alive.
#[test]
fn a_member_that_hardly_speaks_keeps_no_place_for_streams_that_say_nothing_for_ever() {
    let world = World::new(4, Link::lan());
    let sim = world.sim.clone();
    sim.block_on(async {
        let node = world.node(1).await;
        let raw = RawMember::new(&world, 3);
        let (connection, _control) = raw.session(address(1)).await;
        let session = node.accept().await.unwrap();
        let mut silent = Vec::new();
        for _ in 0..64 {
            silent.push(open(&connection, &[0x01]).await);
        }
        let bound = Limits::default().idle_timeout * 30;
        assert_refused(&sim, silent, bound).await;
        assert!(!session.is_closed());
    });
    sim.shutdown();
}

async fn assert_refused(sim: &Sim, streams: Vec<noq::SendStream>, within: Duration) {
    let until = sim.elapsed() + within;
    for stream in streams {
        let left = until.saturating_sub(sim.elapsed());
        let code = sim.timeout(left, stream.stopped()).await.expect("in time");
        assert_eq!(u64::from(code.unwrap().unwrap()), 0x02);
    }
}

#[test]
fn a_thousand_streams_that_are_reset_at_once_disturb_nobody() {
    with_neighbours(4, |_, connection| async move {
        for _ in 0..3_000 {
            let mut stream = open(&connection, &[0x01]).await;
            stream.reset(9_u32.into()).unwrap();
        }
        Vec::new()
    });
}

#[test]
fn streams_messages_frames_and_datagrams_that_nobody_takes_disturb_nobody() {
    with_neighbours(5, |_, connection| async move {
        let mut kept = Vec::new();
        for _ in 0..500 {
            kept.push(open(&connection, DATA).await);
        }
        let mut lane = open(&connection, LANE).await;
        for id in 0..1_000 {
            let payload = [int(id), vec![7; 8_000]].concat();
            lane.write_all(&frame(0x10, &payload)).await.unwrap();
        }
        kept.push(lane);
        for _ in 0..10_000 {
            let datagram = vec![0x80; 1_000];
            let _ = connection.send_datagram(datagram.into());
        }
        kept
    });
}

#[test]
fn questions_about_more_streams_than_can_exist_cost_the_session() {
    let world = World::new(6, Link::lan());
    let sim = world.sim.clone();
    sim.block_on(async {
        let node = world.node(1).await;
        let raw = RawMember::new(&world, 3);
        let (connection, mut control) = raw.session(address(1)).await;
        let session = node.accept().await.unwrap();
        for stream in 0..3_000 {
            let question = frame(0x04, &ints(&[stream * 4 + 2, 1]));
            // The last ones may find the session closed already.
            let _ = control.write_all(&question).await;
        }
        let reason = session.closed().await;
        assert_eq!(reason, CloseReason::Violation { by: By::Us });
        drop(connection);
    });
    sim.shutdown();
}

#[test]
fn a_control_stream_that_ends_or_carries_nonsense_ends_the_session() {
    let endings: [&[u8]; 6] = [
        &[0x00, 0],
        &[0x80, 0],
        &[0x1f, 0],
        &[0x03, 1, 9],
        &[0x02, 1, 9],
        &[],
    ];
    for ending in endings {
        let world = World::new(7, Link::lan());
        let sim = world.sim.clone();
        sim.block_on(async {
            let node = world.node(1).await;
            let raw = RawMember::new(&world, 3);
            let (connection, mut control) = raw.session(address(1)).await;
            let session = node.accept().await.unwrap();
            control.write_all(ending).await.unwrap();
            if ending.is_empty() {
                control.reset(1_u32.into()).unwrap();
            }
            let reason = session.closed().await;
            assert_eq!(reason, CloseReason::Violation { by: By::Us }, "{ending:?}");
            drop(connection);
        });
        sim.shutdown();
    }
}

#[test]
fn who_never_opens_its_control_stream_gets_no_session_and_gives_its_place_back() {
    let world = World::new(7, Link::lan());
    let sim = world.sim.clone();
    sim.block_on(async {
        let node = world.node(1).await;
        let raw = RawMember::new(&world, 3);
        let connection = raw.dial(address(1)).await;
        let mut lane = open(&connection, LANE).await;
        lane.write_all(&frame(0x10, &[1, b'x'])).await.unwrap();
        let mut receiver = node.receive();
        let early = sim.timeout(Duration::from_secs(5), receiver.next()).await;
        assert!(early.is_err(), "{early:?} of no session");
        assert_eq!(node.stats().half_open, 1);
        sim.sleep(Duration::from_secs(6)).await;
        assert_eq!(node.stats().half_open, 0);
        assert_eq!(node.stats().sessions_begun, 0);
        assert!(connection.close_reason().is_some());
    });
    sim.shutdown();
}

#[test]
fn an_end_with_false_numbers_does_not_pass_for_an_orderly_one() {
    let world = World::new(8, Link::lan());
    let sim = world.sim.clone();
    sim.block_on(async {
        let node = world.node(1).await;
        let raw = RawMember::new(&world, 3);
        let (connection, mut control) = raw.session(address(1)).await;
        let session = node.accept().await.unwrap();
        // CLOSING speaks of two streams, FINISHED of five.
        let end = [frame(0x07, &ints(&[0, 1])), frame(0x06, &ints(&[5, 5]))].concat();
        control.write_all(&end).await.unwrap();
        let reason = session.closed().await;
        assert_eq!(reason, CloseReason::Violation { by: By::Us });
        drop(connection);
    });
    sim.shutdown();
}

#[test]
fn done_without_an_orderly_end_is_not_taken_for_one() {
    let world = World::new(9, Link::lan());
    let sim = world.sim.clone();
    sim.block_on(async {
        let node = world.node(1).await;
        let raw = RawMember::new(&world, 3);
        let (connection, _control) = raw.session(address(1)).await;
        let session = node.accept().await.unwrap();
        connection.close(0_u32.into(), b"");
        let reason = session.closed().await;
        assert_eq!(reason, CloseReason::Violation { by: By::Us });
    });
    sim.shutdown();
}

/// Announces far more than a node holds, and sends nothing of it.
#[test]
fn huge_messages_that_are_announced_take_no_more_than_the_bound() {
    let world = World::new(10, Link::lan());
    let sim = world.sim.clone();
    sim.block_on(async {
        let node = world.node(1).await;
        let raw = RawMember::new(&world, 3);
        let (connection, _control) = raw.session(address(1)).await;
        let _session = node.accept().await.unwrap();
        let mut lane = open(&connection, LANE).await;
        for id in 0..1_000 {
            let start = frame(0x11, &ints(&[id, 64 << 20, 7]));
            lane.write_all(&start).await.unwrap();
        }
        sim.sleep(Duration::from_secs(5)).await;
        // The last piece of each lane may come on top.
        let bound = (512 << 20) + (1 << 20);
        assert!(node.stats().undelivered <= bound, "{:?}", node.stats());
        assert!(connection.close_reason().is_none());
    });
    sim.shutdown();
}

/// Eight promises fill the node's whole budget, and are kept at a few bytes a second.
#[test]
fn long_messages_that_come_slowly_hold_up_nobody_elses() {
    let world = World::new(11, Link::lan());
    let sim = world.sim.clone();
    sim.block_on(async {
        let node = world.node(1).await;
        let (slow, honest) = (world.node(3).await, world.node(2).await);
        world.net.link(address(3), address(1), |link| {
            link.rate = 200_000;
            link.queue = 20_000;
        });
        let slow = slow.connect(address(1)).await.unwrap();
        for id in 0..8 {
            let slow = slow.clone();
            sim.spawn(async move { slow.send_on_stream(id, vec![0; 64 << 20]).await.is_ok() });
        }
        sim.sleep(Duration::from_secs(10)).await;
        let near = honest.connect(address(1)).await.unwrap();
        let sending = sim.spawn(async move { near.send_on_stream(1, vec![1; 100_000]).await });
        let mut receiver = node.receive();
        let packet = sim.timeout(Duration::from_secs(5), receiver.next()).await;
        assert_eq!(packet.unwrap().unwrap().data.len(), 100_000);
        sending.await.unwrap();
    });
    sim.shutdown();
}

/// 100 MB over twenty sessions, of which the application takes nothing.
#[test]
fn streams_that_nobody_accepted_are_freed_when_their_session_is_over() {
    let world = World::new(12, Link::lan());
    let sim = world.sim.clone();
    sim.block_on(async {
        let node = world.node(1).await;
        let member = world.node(2).await;
        let mut before = 0;
        for round in 0..30 {
            let near = member.connect(address(1)).await.unwrap();
            for _ in 0..10 {
                let mut stream = near.open_uni().await.unwrap();
                stream.write_all(&payload(1, 500_000)).await.unwrap();
                stream.finish().unwrap();
            }
            sim.sleep(Duration::from_secs(1)).await;
            near.abort(1, "");
            node.accept().await.unwrap().closed().await;
            sim.sleep(Duration::from_secs(5)).await;
            if round == 9 {
                before = resident_bytes();
            }
        }
        let grown = resident_bytes().saturating_sub(before);
        assert!(grown < 50_000_000, "{grown} bytes");
    });
    sim.shutdown();
}

/// Memory of this process, in bytes; pages are 4 KiB wherever this file exists.
fn resident_bytes() -> usize {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap();
    statm.split(' ').nth(1).unwrap().parse::<usize>().unwrap() * 4_096
}

/// Lets a raw member do as it likes while two honest ones go on, and still go on after it.
fn with_neighbours<F>(seed: u64, hostile: impl FnOnce(stt_sim::Sim, Connection) -> F)
where
    F: Future<Output = Vec<noq::SendStream>>,
{
    let world = World::new(seed, Link::lan());
    let sim = world.sim.clone();
    sim.block_on(async {
        let (_dialler, node, near, far) = world.pair().await;
        let raw = RawMember::new(&world, 3);
        let (connection, _control) = raw.session(address(1)).await;
        let _victim = node.accept().await.unwrap();
        let kept = hostile(sim.clone(), connection.clone()).await;
        for _ in 0..3 {
            let began = sim.elapsed();
            honest_work(&near, &far, &node).await;
            let took = sim.elapsed() - began;
            assert!(took < Duration::from_secs(1), "{took:?}");
            sim.sleep(Duration::from_secs(2)).await;
        }
        assert!(node.stats().undelivered < 64 << 20);
        drop((kept, connection));
    });
    sim.shutdown();
}

/// A stream, a message and a frame, from one honest member to another.
async fn honest_work(near: &Session, far: &Session, node: &Node) {
    let bytes = payload(1, 200_000);
    let mut send = near.open_uni().await.unwrap();
    send.write_all(&bytes).await.unwrap();
    send.finish().unwrap();
    let mut recv = far.accept_uni().await.unwrap();
    assert!(recv.read_to_end(200_000).await.unwrap() == bytes);
    let kind = UserFrameType::try_from(0x81).unwrap();
    near.send_frame(kind, "frame").await.unwrap();
    assert_eq!(far.receive_frame().await.unwrap().payload, "frame");
    near.send_on_stream(5, "message").await.unwrap();
    let mut receiver = node.receive();
    while receiver.next().await.unwrap().session_id != far.id() {}
}
