//! Members that lie on the wire of the DHT, flood, or say nothing: each costs its own share.

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
#[allow(dead_code, reason = "a part of it is used")]
#[path = "dht/village.rs"]
mod village;

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use bytes::BytesMut;
use noq::{Connection, ConnectionError};
use raw::{LIMIT_EXCEEDED, PROTOCOL_VIOLATION, RawMember, frame, int};
use stt::{
    dht::{BootstrapError, QueryError},
    storage::Address,
};
use stt_sim::Link;
use stt_wire::{Addresses, Contact, DhtAnswer};
use support::{World, address, in_world};
use village::{Village, builder, options, providers};

/// What a stream says first to be a request of the DHT.
const REQUEST: &[u8] = &[0x01, 1, 0x10];

const PING: &[u8] = &[0x28, 1, 0x01];

/// A member that is dialled, and answers each request with the same bytes: `None` for silence.
/// Resolves with the code it is told when its first session ends.
async fn liar(world: Arc<World>, host: u8, answer: Option<Vec<u8>>) -> u64 {
    let member = RawMember::new(&world, host);
    let (connection, _control) = member.accept().await;
    loop {
        let accepted = connection.accept_bi().await;
        let (mut send, mut recv) = match accepted {
            Ok(streams) => streams,
            Err(error) => return code(&error),
        };
        let _ = recv.read_to_end(1 << 20).await;
        match &answer {
            Some(answer) => {
                let _ = send.write_all(answer).await;
                let _ = send.finish();
            }
            // Kept open, as if the answer were still to come.
            None => std::mem::forget((send, recv)),
        }
    }
}

fn code(error: &ConnectionError) -> u64 {
    match error {
        ConnectionError::ApplicationClosed(closed) => closed.error_code.into(),
        error => panic!("{error}"),
    }
}

fn encoded(answer: &DhtAnswer) -> Vec<u8> {
    let mut bytes = BytesMut::new();
    answer.encode(&mut bytes);
    bytes.to_vec()
}

/// `count` members that are nowhere.
fn ghosts(count: u8) -> Vec<Contact> {
    let ghost = |number| Contact {
        node: [number; 32],
        addresses: Addresses::from(address(100 + number)),
    };
    (0..count).map(ghost).collect()
}

#[test]
fn members_that_lie_on_the_wire_cost_their_own_share() {
    let nodes = encoded(&DhtAnswer::Nodes(ghosts(20)));
    let mut too_many = encoded(&DhtAnswer::Nodes(ghosts(20)));
    // One more than there are, and one more than there may be.
    let count = too_many.iter().position(|byte| *byte == 20).unwrap();
    too_many[count] = 21;
    let long = [&[0x31][..], &int(65_537), &[0; 1_000]].concat();
    let breaches = [
        (b"garbage".to_vec(), PROTOCOL_VIOLATION),
        (frame(0x28, &[1]), PROTOCOL_VIOLATION),
        (Vec::new(), PROTOCOL_VIOLATION),
        ([&nodes[..], &nodes[..]].concat(), PROTOCOL_VIOLATION),
        (nodes[..nodes.len() - 1].to_vec(), PROTOCOL_VIOLATION),
        (too_many, LIMIT_EXCEEDED),
        (long, LIMIT_EXCEEDED),
    ];
    for (answer, expected) in breaches {
        in_world(1, Link::wan(), |sim, world| async move {
            let node = builder(&world, 1, options()).start().await.unwrap();
            let liar = sim.spawn(liar(Arc::clone(&world), 2, Some(answer.clone())));
            let joined = node.dht().unwrap().bootstrap([address(2).into()]).await;
            let reason = BootstrapError::Query(QueryError::NobodyAnswered { asked: 1 });
            assert_eq!(format!("{joined:?}"), format!("{:?}", Err::<(), _>(reason)));
            assert_eq!(liar.await, expected, "{answer:02x?}");
            assert_eq!(node.dht().unwrap().stats().members, 0);
        });
    }
}

#[test]
fn endless_members_that_are_nowhere_and_silence_end_a_query_in_time() {
    for answer in [Some(encoded(&DhtAnswer::Nodes(ghosts(20)))), None] {
        in_world(2, Link::wan(), |sim, world| async move {
            let village = Village::new(&sim, &world, 6).await;
            let object = Address::of(b"object");
            village.dht(2).announce(object).await.unwrap();
            drop(sim.spawn(liar(Arc::clone(&world), 20, answer)));
            let dht = village.dht(5);
            let before = sim.elapsed();
            let _ = dht.bootstrap([address(20).into()]).await;
            let found = providers(&dht, object).await.unwrap();
            assert_eq!(found, BTreeSet::from([village.id(2)]));
            assert!(sim.elapsed() - before < Duration::from_secs(60));
            sim.sleep(Duration::from_secs(60)).await;
            // Whoever never answered is in nobody's table.
            assert!(dht.members().iter().all(|member| {
                let host = member.addresses[0];
                (1..=6).any(|honest| address(honest) == host) || host == address(20)
            }));
        });
    }
}

#[test]
fn requests_that_are_malformed_cost_the_session() {
    let requests = [
        (b"garbage".to_vec(), PROTOCOL_VIOLATION),
        (frame(0x30, &[]), PROTOCOL_VIOLATION),
        (frame(0x28, &[9]), PROTOCOL_VIOLATION),
        (frame(0x29, &[1, 7, 7]), PROTOCOL_VIOLATION),
        ([PING, PING].concat(), PROTOCOL_VIOLATION),
        (frame(0x2b, &[1, 0, 65]), LIMIT_EXCEEDED),
        (int(0x2900_0000), PROTOCOL_VIOLATION),
    ];
    for (request, expected) in requests {
        in_world(3, Link::wan(), |_, world| async move {
            let _node = builder(&world, 1, options()).start().await.unwrap();
            let raw = RawMember::new(&world, 2);
            let (connection, _control) = raw.session(address(1)).await;
            let (mut send, _recv) = connection.open_bi().await.unwrap();
            send.write_all(&[REQUEST, &request].concat()).await.unwrap();
            let _ = send.finish();
            assert_eq!(code(&connection.closed().await), expected, "{request:02x?}");
        });
    }
}

/// Asks, and reads the first byte of the answer: its type.
async fn ask(connection: &Connection, request: &[u8]) -> u8 {
    let (mut send, mut recv) = connection.open_bi().await.unwrap();
    send.write_all(&[REQUEST, request].concat()).await.unwrap();
    send.finish().unwrap();
    recv.read_to_end(1 << 17).await.unwrap()[0]
}

const PONG: u8 = 0x30;
const BUSY: u8 = 0x35;

#[test]
fn a_flood_of_requests_is_answered_busy_and_others_are_served() {
    in_world(4, Link::lan(), |sim, world| async move {
        let _node = builder(&world, 1, options()).start().await.unwrap();
        let (flooder, other) = (RawMember::new(&world, 2), RawMember::new(&world, 3));
        let (connection, _control) = flooder.session(address(1)).await;
        let (quiet, _quiet_control) = other.session(address(1)).await;
        let mut asked = Vec::new();
        for _ in 0..600 {
            let connection = connection.clone();
            asked.push(sim.spawn(async move { ask(&connection, PING).await }));
        }
        assert_eq!(ask(&quiet, PING).await, PONG);
        let mut answers = Vec::new();
        for asking in asked {
            answers.push(asking.await);
        }
        assert!(answers.iter().all(|answer| [PONG, BUSY].contains(answer)));
        answers.retain(|answer| *answer == PONG);
        // Four seconds' worth at once, and some more while the others are asked.
        assert!((200..=300).contains(&answers.len()), "{}", answers.len());
        // It is a matter of time.
        sim.sleep(Duration::from_secs(2)).await;
        assert_eq!(ask(&connection, PING).await, PONG);
    });
}

#[test]
fn requests_that_never_come_to_their_end_are_bounded_in_number_and_time() {
    in_world(5, Link::lan(), |sim, world| async move {
        let _node = builder(&world, 1, options()).start().await.unwrap();
        let raw = RawMember::new(&world, 2);
        let (connection, _control) = raw.session(address(1)).await;
        let mut kept = Vec::new();
        for _ in 0..64 {
            let (mut send, recv) = connection.open_bi().await.unwrap();
            send.write_all(&[REQUEST, &PING[..1]].concat())
                .await
                .unwrap();
            kept.push((send, recv));
        }
        sim.sleep(Duration::from_secs(1)).await;
        // There is room for no more of them, so that the answer comes before the request was read.
        assert_eq!(ask(&connection, PING).await, BUSY);
        sim.sleep(Duration::from_secs(10)).await;
        assert_eq!(ask(&connection, PING).await, PONG);
        for (_, mut recv) in kept {
            assert!(recv.read_to_end(100).await.is_err());
        }
    });
}

#[test]
fn a_member_that_serves_nobody_refuses_requests_and_goes_on() {
    use stt::dht::{DhtOptions, Serving};
    in_world(6, Link::lan(), |_, world| async move {
        let client = DhtOptions::new().serving(Serving::Never);
        let _client = builder(&world, 1, client).start().await.unwrap();
        let _without = world.node(2).await;
        for host in [1, 2] {
            let raw = RawMember::new(&world, 10 + host);
            let (connection, _control) = raw.session(address(host)).await;
            for _ in 0..2 {
                let (mut send, mut recv) = connection.open_bi().await.unwrap();
                send.write_all(&[REQUEST, PING].concat()).await.unwrap();
                let refused = recv.read_to_end(100).await.unwrap_err();
                let noq::ReadToEndError::Read(noq::ReadError::Reset(code)) = refused else {
                    panic!("{refused}");
                };
                assert_eq!(u64::from(code), 0x01);
            }
        }
    });
}
