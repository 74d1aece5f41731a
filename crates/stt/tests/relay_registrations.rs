//! A member that holds the seed and breaks the rules of registrations with a relay: it loses its session,
//! and nobody else anything.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::naive_bytecount,
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
    unfulfilled_lint_expectations,
    reason = "a part of it is used"
)]
#[path = "../src/transport/mod.rs"]
mod transport;

#[allow(dead_code, unreachable_pub, reason = "a part of it is used")]
#[path = "support/raw.rs"]
mod raw;

use std::time::Duration;

use noq::{Connection, ConnectionError};
use raw::{LIMIT_EXCEEDED, PROTOCOL_VIOLATION, RawMember, frame};
use stt::{Node, RelayLimits, Session};
use stt_sim::{Link, Sim};
use support::{World, address, in_world, payload, transfer};

/// What a stream says first to be a registration.
const REGISTRATION: &[u8] = &[0x01, 1, 0x12];

const REACH: u8 = 0x38;
const UNREACHED: u8 = 0x3c;

async fn relay(world: &World) -> Node {
    let builder = world.builder(9).relay(RelayLimits::default());
    world.start(builder).await
}

async fn register(connection: &Connection) -> (noq::SendStream, noq::RecvStream) {
    let (mut send, recv) = connection.open_bi().await.unwrap();
    send.write_all(REGISTRATION).await.unwrap();
    (send, recv)
}

/// Two honest members with a session through the relay.
async fn honest(world: &World) -> (Node, Node, Session, Session) {
    world.net.partition(address(1).ip(), address(2).ip());
    let one = world.start(world.builder(1).use_relay(address(9))).await;
    let two = world.start(world.builder(2).use_relay(address(9))).await;
    let near = one.connect_relayed(address(9), two.id()).await.unwrap();
    let far = two.accept().await.unwrap();
    (one, two, near, far)
}

/// Lets a raw member break a rule, expects it to be told so with `code`, and two others to notice nothing.
fn assert_breach<F: Future<Output = ()>>(
    code: u64,
    breach: impl FnOnce(Connection, noq::SendStream) -> F,
) {
    in_world(1, Link::lan(), |sim, world| async move {
        let _relay = relay(&world).await;
        let (_one, _two, near, far) = honest(&world).await;
        let raw = RawMember::new(&world, 3);
        let (connection, _control) = raw.session(address(9)).await;
        let (send, _recv) = register(&connection).await;
        breach(connection.clone(), send).await;
        let limit = Duration::from_secs(2);
        let closed = sim.timeout(limit, connection.closed()).await;
        let ConnectionError::ApplicationClosed(closed) = closed.unwrap() else {
            panic!("closed by nobody");
        };
        assert_eq!(u64::from(closed.error_code), code);
        transfer(&near, &far, payload(1, 100_000)).await;
    });
}

#[test]
fn who_says_what_no_member_says_loses_the_session() {
    let peer = [7; 32];
    let cases: [(u64, Vec<u8>); 6] = [
        // A request that has the number of no request.
        (
            PROTOCOL_VIOLATION,
            frame(REACH, &[&[0][..], &peer].concat()),
        ),
        // An id that is cut off, and one that goes on.
        (PROTOCOL_VIOLATION, frame(REACH, &[1, 2, 3])),
        (
            PROTOCOL_VIOLATION,
            frame(REACH, &[&[1][..], &peer, &[0]].concat()),
        ),
        // What only a relay says, with which one might want to register another.
        (PROTOCOL_VIOLATION, frame(0x3a, &[1, 1, 1])),
        (PROTOCOL_VIOLATION, frame(0x1f, &peer)),
        (LIMIT_EXCEEDED, frame(REACH, &[0; 65])),
    ];
    for (code, bytes) in cases {
        assert_breach(code, |_, mut send| async move {
            send.write_all(&bytes).await.unwrap();
            std::mem::forget(send);
        });
    }
}

#[test]
fn a_second_registration_beside_the_first_costs_the_session() {
    assert_breach(PROTOCOL_VIOLATION, |connection, first| async move {
        let (second, _) = register(&connection).await;
        std::mem::forget((first, second));
    });
}

/// How often UNREACHED is said on a stream until `until`.
async fn count_refusals(sim: &Sim, recv: &mut noq::RecvStream, until: Duration) -> usize {
    let mut said = Vec::new();
    let reading = async {
        while let Ok(Some(chunk)) = recv.read_chunk(usize::MAX).await {
            said.extend_from_slice(&chunk);
        }
    };
    let _ = sim.timeout(until, reading).await;
    said.iter().filter(|byte| **byte == UNREACHED).count()
}

#[test]
fn a_member_that_asks_without_end_is_answered_slowly_and_others_at_once() {
    in_world(2, Link::lan(), |sim, world| async move {
        let _relay = relay(&world).await;
        let (one, two, near, far) = honest(&world).await;
        let raw = RawMember::new(&world, 3);
        let (connection, _control) = raw.session(address(9)).await;
        let (mut send, mut recv) = register(&connection).await;
        let flooding = async move {
            let request = frame(REACH, &[&[1][..], &[9; 32]].concat());
            let _ = send.write_all(&request.repeat(50_000)).await;
            std::future::pending::<()>().await;
        };
        let refused = tokio::select! {
            biased;
            refused = count_refusals(&sim, &mut recv, Duration::from_secs(10)) => refused,
            () = flooding => unreachable!("it is pending"),
        };
        // What may be asked at once, and 20 a second.
        assert!((400..=520).contains(&refused), "{refused}");
        transfer(&near, &far, payload(1, 100_000)).await;
        let began = sim.elapsed();
        two.connect_relayed(address(9), one.id()).await.unwrap();
        let took = sim.elapsed().saturating_sub(began);
        assert!(took < Duration::from_millis(100), "{took:?}");
    });
}

#[test]
fn a_member_that_registers_again_and_again_is_refused_and_others_are_not() {
    in_world(3, Link::lan(), |sim, world| async move {
        let _relay = relay(&world).await;
        let (_one, _two, near, far) = honest(&world).await;
        let raw = RawMember::new(&world, 3);
        let (connection, _control) = raw.session(address(9)).await;
        let mut refused = 0;
        for _ in 0..600 {
            let (mut send, mut recv) = register(&connection).await;
            send.finish().unwrap();
            let said = recv.read_to_end(1_000).await.unwrap();
            refused += usize::from(said.first() == Some(&UNREACHED));
        }
        assert!((300..=350).contains(&refused), "{refused}");
        assert!(sim.elapsed() < Duration::from_secs(5));
        transfer(&near, &far, payload(1, 100_000)).await;
    });
}
