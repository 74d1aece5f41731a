//! Members that break the rules of endpoint streams, or keep them in the worst way.

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

use std::{future::Future, time::Duration};

use noq::Connection;
use raw::{
    ENDPOINT, LIMIT_EXCEEDED, PROTOCOL_VIOLATION, RawMember, assert_breach, frame, int, ints,
};
use stt::{
    By, CloseReason, Delivered, EndpointManager, EndpointOptions, Node, Refusal, RouteError,
    Session,
};
use stt_sim::{Link, Sim};
use support::{World, address};

const ATTACH: u8 = 0x18;
const ITEM: u8 = 0x19;
const ITEM_START: u8 = 0x1a;
const ITEM_MORE: u8 = 0x1b;
const ITEM_CREDIT: u8 = 0x1c;
const RECEIPT: u8 = 0x1d;

const REFUSED_KIND: u32 = 0x01;

/// Opens an endpoint stream and says `rest` on it. The other direction is not read, but kept.
async fn endpoint(connection: &Connection, rest: &[u8]) -> (noq::SendStream, noq::RecvStream) {
    let (mut send, recv) = connection.open_bi().await.unwrap();
    // The last ones may find the session closed already.
    let _ = send.write_all(&[ENDPOINT, rest].concat()).await;
    (send, recv)
}

fn attach(name: &str) -> Vec<u8> {
    frame(ATTACH, &[&[name.len() as u8], name.as_bytes()].concat())
}

fn item(len: usize) -> Vec<u8> {
    frame(ITEM, &vec![7; len])
}

/// The first part of an item, of `len` bytes.
fn start(total: u64, len: usize) -> Vec<u8> {
    frame(ITEM_START, &[int(total), vec![7; len]].concat())
}

fn more(len: usize) -> Vec<u8> {
    frame(ITEM_MORE, &vec![7; len])
}

/// Lets a raw member say something on an endpoint stream that costs it the session. Nobody serves
/// endpoints there: the rules hold all the same.
fn assert_costs(code: u64, said: &[u8]) {
    assert_breach(code, |connection| async move {
        let (send, recv) = endpoint(&connection, said).await;
        // Not stopped before the breach is seen.
        std::mem::forget(recv);
        vec![send]
    });
}

#[test]
fn items_beyond_the_credit_exceed_a_limit() {
    assert_costs(LIMIT_EXCEEDED, &[attach("e"), item(8_129)].concat());
    let many = [attach("e"), item(0).repeat(129)].concat();
    assert_costs(LIMIT_EXCEEDED, &many);
    let parts = [attach("e"), start(1 << 20, 8_000), more(129)].concat();
    assert_costs(LIMIT_EXCEEDED, &parts);
}

#[test]
fn items_beyond_the_credit_exceed_a_limit_before_they_come() {
    let announced = |frame_type, len| [vec![frame_type], int(len), vec![7; 100]].concat();
    let said = [
        announced(ITEM, 9_000),
        announced(ITEM_START, 9_000),
        [start(1 << 20, 8_000), announced(ITEM_MORE, 1_000)].concat(),
    ];
    for said in said {
        assert_costs(LIMIT_EXCEEDED, &[attach("e"), said].concat());
    }
}

#[test]
fn an_item_longer_than_the_limit_exceeds_it_before_it_comes() {
    assert_costs(
        LIMIT_EXCEEDED,
        &[attach("e"), start((64 << 20) + 1, 1)].concat(),
    );
    let announced = [attach("e"), vec![ITEM], int(65_545)].concat();
    assert_costs(LIMIT_EXCEEDED, &announced);
}

#[test]
fn a_frame_that_may_not_come_costs_the_session() {
    let said = [
        item(1),
        [attach("e"), attach("f")].concat(),
        [attach("e"), more(1)].concat(),
        [attach("e"), start(100, 10), item(1)].concat(),
        [attach("e"), start(100, 10), start(100, 10)].concat(),
        [attach("e"), start(100, 10), more(91)].concat(),
        [attach("e"), frame(ITEM_CREDIT, &int(9_000))].concat(),
        [attach("e"), frame(RECEIPT, &ints(&[1, 0]))].concat(),
        [attach("e"), frame(0x02, &ints(&[1, 9]))].concat(),
        [attach("e"), frame(0x80, b"a user's frame")].concat(),
        [attach("e"), frame(0x00, &[])].concat(),
        frame(ATTACH, &[2, 0xc3, 0x28]),
        frame(ATTACH, &[2, b'e']),
        frame(ATTACH, &[1, b'e', b'e']),
    ];
    for said in said {
        assert_costs(PROTOCOL_VIOLATION, &said);
    }
}

#[test]
fn a_stream_that_ends_inside_an_item_costs_the_session() {
    for said in [start(100, 10), vec![ITEM, 5, 1]] {
        let world = World::new(20, Link::lan());
        let sim = world.sim.clone();
        sim.block_on(async {
            let node = world.node(1).await;
            let served = EndpointManager::new();
            served.serve(&node).unwrap();
            served.create("e", EndpointOptions::default()).unwrap();
            let raw = RawMember::new(&world, 3);
            let (connection, _control) = raw.session(address(1)).await;
            let session = node.accept().await.unwrap();
            let rest = [attach("e"), said].concat();
            let (mut send, recv) = endpoint(&connection, &rest).await;
            send.finish().unwrap();
            let reason = session.closed().await;
            assert_eq!(reason, CloseReason::Violation { by: By::Us });
            assert_eq!(served.stats("e").unwrap().delivered, 0);
            drop(recv);
        });
        sim.shutdown();
    }
}

#[test]
fn a_257th_endpoint_stream_exceeds_a_limit_named_or_not() {
    for is_named in [false, true] {
        assert_breach(LIMIT_EXCEEDED, |connection| async move {
            let mut kept = Vec::new();
            for number in 0..257 {
                let name = attach(&format!("{number}"));
                let rest = if is_named { &name[..] } else { &[] };
                let (send, recv) = endpoint(&connection, rest).await;
                std::mem::forget(recv);
                kept.push(send);
            }
            kept
        });
    }
}

#[test]
fn two_endpoint_streams_of_one_name_cost_the_session() {
    assert_breach(PROTOCOL_VIOLATION, |connection| async move {
        let (first, one) = endpoint(&connection, &attach("e")).await;
        let (second, two) = endpoint(&connection, &attach("e")).await;
        std::mem::forget((one, two));
        vec![first, second]
    });
}

/// A node whose application routes to a raw member, which answers as it likes.
fn with_raw_receiver<F>(answer: impl FnOnce(Raw) -> F)
where
    F: Future<Output = ()>,
{
    let world = World::new(21, Link::lan());
    let sim = world.sim.clone();
    sim.block_on(async {
        let node = world.node(1).await;
        let raw = RawMember::new(&world, 3);
        let (connection, _control) = raw.session(address(1)).await;
        let session = node.accept().await.unwrap();
        let manager = EndpointManager::new();
        manager.bind_remote("e", &session, "e").unwrap();
        let sim = sim.clone();
        answer(Raw {
            sim,
            connection,
            session,
            manager,
        })
        .await;
    });
    sim.shutdown();
}

struct Raw {
    sim: Sim,
    connection: Connection,
    session: Session,
    manager: EndpointManager,
}

impl Raw {
    /// Routes in a task of its own.
    fn route(&self, len: usize) -> stt_sim::Task<Result<Delivered, RouteError>> {
        let manager = self.manager.clone();
        let route = async move { manager.route_to_endpoint("e", vec![7; len]).await };
        self.sim.spawn(route)
    }
}

#[test]
fn answers_that_cannot_be_true_cost_the_session_and_leave_the_item_unknown() {
    let answers = [
        frame(RECEIPT, &ints(&[2, 0])),
        frame(RECEIPT, &ints(&[0, 0])),
        frame(RECEIPT, &ints(&[(1 << 62) - 1, 1])),
        frame(ITEM_CREDIT, &int((1 << 62) - 1)),
        frame(RECEIPT, &ints(&[1])),
        frame(ITEM, &[7]),
        frame(0x00, &[]),
        frame(ITEM_CREDIT, &[0; 17]),
    ];
    for answer in answers {
        with_raw_receiver(|raw| async move {
            let routing = raw.route(100);
            let (mut send, _recv) = raw.connection.accept_bi().await.unwrap();
            raw.sim.sleep(Duration::from_millis(10)).await;
            send.write_all(&answer).await.unwrap();
            let reason = raw.session.closed().await;
            assert!(
                matches!(
                    reason,
                    CloseReason::Violation { by: By::Us } | CloseReason::AtLimit { by: By::Us }
                ),
                "{answer:?}: {reason:?}"
            );
            assert_eq!(routing.await, Err(RouteError::Unknown(reason)));
        });
    }
}

#[test]
fn a_receiver_that_calls_half_an_item_delivered_is_caught() {
    with_raw_receiver(|raw| async move {
        let routing = raw.route(100_000);
        let (mut send, _recv) = raw.connection.accept_bi().await.unwrap();
        raw.sim.sleep(Duration::from_millis(10)).await;
        send.write_all(&frame(RECEIPT, &ints(&[1, 0])))
            .await
            .unwrap();
        assert!(matches!(routing.await, Err(RouteError::Unknown(_))));
        let reason = raw.session.closed().await;
        assert_eq!(reason, CloseReason::Violation { by: By::Us });
    });
}

#[test]
fn a_receiver_that_ends_or_resets_before_it_has_answered_is_caught() {
    for resets in [false, true] {
        with_raw_receiver(|raw| async move {
            let routing = raw.route(100);
            let (mut send, _recv) = raw.connection.accept_bi().await.unwrap();
            send.write_all(&frame(ITEM_CREDIT, &int(9_000)))
                .await
                .unwrap();
            raw.sim.sleep(Duration::from_millis(10)).await;
            if resets {
                send.reset(9_u32.into()).unwrap();
            } else {
                send.finish().unwrap();
            }
            assert!(matches!(routing.await, Err(RouteError::Unknown(_))));
            let reason = raw.session.closed().await;
            assert_eq!(reason, CloseReason::Violation { by: By::Us });
        });
    }
}

#[test]
fn a_peer_that_knows_no_endpoint_streams_refuses_the_item_and_keeps_the_session() {
    with_raw_receiver(|raw| async move {
        for _ in 0..3 {
            let routing = raw.route(100);
            let (mut send, mut recv) = raw.connection.accept_bi().await.unwrap();
            recv.stop(REFUSED_KIND.into()).unwrap();
            send.reset(REFUSED_KIND.into()).unwrap();
            let refused = Err(Refusal::NoSuchEndpoint.into());
            assert_eq!(routing.await, refused);
        }
        assert!(!raw.session.is_closed());
    });
}

#[test]
fn an_outcome_of_a_newer_version_is_a_refusal() {
    with_raw_receiver(|raw| async move {
        let routing = raw.route(100);
        let (mut send, _recv) = raw.connection.accept_bi().await.unwrap();
        raw.sim.sleep(Duration::from_millis(10)).await;
        send.write_all(&frame(RECEIPT, &ints(&[1, 77])))
            .await
            .unwrap();
        let refused = Err(Refusal::Other { code: 77 }.into());
        assert_eq!(routing.await, refused);
    });
}

#[test]
fn a_receiver_that_grants_without_end_and_takes_nothing_fills_no_memory() {
    with_raw_receiver(|raw| async move {
        let mut accepted = 0;
        let first = raw.manager.begin_route("e", "x").await.unwrap();
        let (mut send, _recv) = raw.connection.accept_bi().await.unwrap();
        send.write_all(&frame(ITEM_CREDIT, &int(1 << 39)))
            .await
            .unwrap();
        raw.sim.sleep(Duration::from_secs(1)).await;
        for len in [1 << 20, 0].repeat(100) {
            let route = raw.manager.begin_route("e", vec![7; len]);
            if let Ok(route) = raw.sim.timeout(Duration::from_secs(1), route).await {
                drop(route.unwrap());
                accepted += len;
            }
        }
        assert!(accepted <= 9 << 20, "{accepted}");
        drop(first);
    });
}

#[test]
fn a_stream_that_nobody_uses_is_let_go_after_half_a_minute_or_a_whole_one() {
    with_raw_receiver(|raw| async move {
        for _ in 0..2 {
            let routing = raw.route(100);
            let (mut send, mut recv) = raw.connection.accept_bi().await.unwrap();
            raw.sim.sleep(Duration::from_secs(20)).await;
            let receipt = frame(RECEIPT, &ints(&[1, 0]));
            send.write_all(&receipt).await.unwrap();
            assert_eq!(routing.await, Ok(Delivered));
            let answered = raw.sim.elapsed();
            recv.read_to_end(1_000).await.unwrap();
            let kept = raw.sim.elapsed().saturating_sub(answered);
            let (least, most) = (Duration::from_secs(30), Duration::from_secs(61));
            assert!(kept >= least && kept <= most, "{kept:?}");
            send.finish().unwrap();
        }
    });
}

#[test]
fn a_receiver_that_says_nothing_holds_up_its_own_routers_only() {
    with_raw_receiver(|raw| async move {
        let first = raw.route(4_000);
        let second = raw.route(4_000);
        let third = raw.route(4_000);
        raw.sim.sleep(Duration::from_secs(20)).await;
        let is_pending = [&first, &second, &third].map(|route| !route.is_finished());
        assert_eq!(is_pending, [true; 3]);
        raw.manager
            .create("here", EndpointOptions::default())
            .unwrap();
        let here = raw.manager.route_to_endpoint("here", "x").await;
        assert_eq!(here, Ok(Delivered));
        raw.session.abort(1, "");
        assert!(matches!(first.await, Err(RouteError::Unknown(_))));
        assert!(matches!(second.await, Err(RouteError::Unknown(_))));
        let third = third.await;
        assert!(
            matches!(third, Err(RouteError::Refused(Refusal::SessionClosed(_)))),
            "{third:?}"
        );
    });
}

/// Lets a raw member do as it likes while an honest one routes, and still can after it.
fn with_neighbour<F>(hostile: impl FnOnce(Sim, Connection) -> F)
where
    F: Future<Output = Vec<(noq::SendStream, noq::RecvStream)>>,
{
    let world = World::new(22, Link::lan());
    let sim = world.sim.clone();
    sim.block_on(async {
        let node = world.node(1).await;
        let served = EndpointManager::new();
        served.serve(&node).unwrap();
        served.create("e", EndpointOptions::default()).unwrap();
        let stalled = EndpointOptions::default().items(1);
        served.create("stalled", stalled).unwrap();
        let raw = RawMember::new(&world, 3);
        let (connection, _control) = raw.session(address(1)).await;
        let victim = node.accept().await.unwrap();
        let honest = world.node(2).await;
        let near = honest.connect(address(1)).await.unwrap();
        let kept = hostile(sim.clone(), connection.clone()).await;
        let manager = EndpointManager::new();
        manager.bind_remote("e", &near, "e").unwrap();
        for _ in 0..3 {
            honest_work(&sim, &manager, &served).await;
            sim.sleep(Duration::from_secs(2)).await;
        }
        assert!(!victim.is_closed(), "{}", victim.closed().await);
        assert_bounded(&node);
        drop((kept, connection));
    });
    sim.shutdown();
}

async fn honest_work(sim: &Sim, near: &EndpointManager, far: &EndpointManager) {
    let began = sim.elapsed();
    for len in [10, 1_000, 200_000] {
        let routed = near.route_to_endpoint("e", vec![9; len]).await;
        assert_eq!(routed, Ok(Delivered));
        while far.receive_from("e").await.unwrap().data.first() != Some(&9) {}
    }
    let took = sim.elapsed().saturating_sub(began);
    assert!(took < Duration::from_secs(1), "{took:?}");
}

/// 8 KiB for each stream, 8 MiB of growth and 16 MiB of promises are what a session can take.
fn assert_bounded(node: &Node) {
    let held = node.stats().unplaced;
    assert!(held <= 27 << 20, "{held}");
}

#[test]
fn streams_that_are_opened_and_left_alone_disturb_nobody() {
    with_neighbour(|_, connection| async move {
        let mut kept = Vec::new();
        for number in 0..256 {
            let name = "n".repeat(255 - number % 3);
            let said = [
                vec![],
                vec![ATTACH],
                attach(&format!("{number}")),
                frame(ATTACH, &[&[255], name.as_bytes()].concat())[..200].to_vec(),
                [attach(&format!("{number}")), start(64 << 20, 7_000)].concat(),
                [attach(&format!("{number}")), vec![ITEM], int(8_000)].concat(),
            ];
            kept.push(endpoint(&connection, &said[number % said.len()]).await);
        }
        kept
    });
}

#[test]
fn endless_names_cost_a_slot_each_and_no_memory_once_let_go() {
    with_neighbour(|_, connection| async move {
        for number in 0..3_000 {
            let rest = [attach(&format!("{number:0>255}")), item(1_000)].concat();
            let (mut send, mut recv) = endpoint(&connection, &rest).await;
            send.finish().unwrap();
            let answer = recv.read_to_end(1_000).await.unwrap();
            assert_eq!(answer, frame(RECEIPT, &ints(&[1, 1])));
        }
        Vec::new()
    });
}

#[test]
fn a_sender_that_never_reads_its_answers_disturbs_nobody() {
    with_neighbour(|sim, connection| async move {
        let mut kept = Vec::new();
        for name in ["e", "none", "stalled"] {
            let (mut send, recv) = endpoint(&connection, &attach(name)).await;
            let task = sim.clone();
            drop(sim.spawn(async move {
                // As much as it is allowed by what it does not read, and no more.
                for _ in 0..100 {
                    if send.write_all(&item(0)).await.is_err() {
                        return;
                    }
                    task.sleep(Duration::from_millis(1)).await;
                }
                std::mem::forget(send);
            }));
            let (idle, _) = endpoint(&connection, &attach(&format!("{name}?"))).await;
            kept.push((idle, recv));
        }
        sim.sleep(Duration::from_secs(2)).await;
        kept
    });
}

#[test]
fn long_items_that_are_announced_and_never_come_hold_up_no_other_session() {
    with_neighbour(|sim, connection| async move {
        let mut kept = Vec::new();
        for number in 0..200 {
            let rest = [attach(&format!("{number}")), start(16 << 20, 8_000)].concat();
            kept.push(endpoint(&connection, &rest).await);
        }
        // These have an endpoint, and are promised room.
        let rest = [attach("e"), start(16 << 20, 8_000)].concat();
        kept.push(endpoint(&connection, &rest).await);
        sim.sleep(Duration::from_secs(2)).await;
        kept
    });
}

#[test]
fn a_session_has_long_items_of_16_mib_under_way_and_no_more() {
    with_neighbour(|sim, connection| async move {
        let mut kept = Vec::new();
        // Both have room in their queues; together they are more than `assert_bounded` allows.
        for name in ["e", "stalled"] {
            let rest = [attach(name), start(16 << 20, 8_000)].concat();
            kept.push(endpoint(&connection, &rest).await);
        }
        sim.sleep(Duration::from_secs(2)).await;
        kept
    });
}

/// What a control stream of a node says next, by type; the frames are short.
async fn control_types(sim: &Sim, control: &mut noq::RecvStream) -> Vec<u8> {
    let mut said = Vec::new();
    while let Ok(chunk) = sim
        .timeout(Duration::from_secs(2), control.read_chunk(1_000))
        .await
    {
        said.extend_from_slice(&chunk.unwrap().unwrap());
    }
    let mut types = Vec::new();
    while let [frame_type, len, ..] = said[..] {
        types.push(frame_type);
        said.drain(..2 + usize::from(len));
    }
    types
}

#[test]
fn an_end_is_not_called_finished_before_every_item_is_answered() {
    const CLOSING: u8 = 0x07;
    const FINISHED: u8 = 0x06;
    let world = World::new(23, Link::lan());
    let sim = world.sim.clone();
    sim.block_on(async {
        let node = world.node(1).await;
        let served = EndpointManager::new();
        served.serve(&node).unwrap();
        served
            .create("e", EndpointOptions::default().items(1))
            .unwrap();
        let raw = RawMember::new(&world, 3);
        let (connection, mut control) = raw.session(address(1)).await;
        let rest = [attach("e"), item(1), item(1)].concat();
        let (mut send, mut recv) = endpoint(&connection, &rest).await;
        send.finish().unwrap();
        let closing = frame(CLOSING, &ints(&[1, 1]));
        control.write_all(&closing).await.unwrap();
        let mut theirs = connection.accept_uni().await.unwrap();
        let before = control_types(&sim, &mut theirs).await;
        assert!(before.contains(&CLOSING) && !before.contains(&FINISHED));
        served.receive_from("e").await.unwrap();
        let after = control_types(&sim, &mut theirs).await;
        assert!(after.contains(&FINISHED), "{after:?}");
        let answers = recv.read_to_end(100).await.unwrap();
        assert!(answers.ends_with(&frame(RECEIPT, &ints(&[2, 0]))));
    });
    sim.shutdown();
}
