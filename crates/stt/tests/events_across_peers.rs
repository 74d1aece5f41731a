//! Emitters on two sides of a session: what crosses, in which order, and what is held.

#![allow(clippy::unwrap_used, reason = "a failed step is a failed test")]

mod support;

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use parking_lot::Mutex;
use stt::{
    AlreadyBridged, BridgeBacklog, BridgeOptions, BridgeSendError, BridgeWays, CloseReason, Event,
    EventEmitter, Forwarding, Group, Limits, Node, Origin, SendError, Session, SystemEntropy,
};
use stt_sim::{Link, Sim};
use support::{address, in_world};
use tokio::sync::Semaphore;

const KIB: usize = 1 << 10;

type Seen = Arc<Mutex<Vec<Event<Bytes>>>>;

fn bridged(session: &Session) -> EventEmitter {
    let emitter = EventEmitter::new();
    emitter.bridge(session, BridgeOptions::new()).unwrap();
    emitter
}

/// Keeps the events of one name.
fn keep(emitter: &EventEmitter, name: &str) -> Seen {
    let seen = Seen::default();
    let notes = Arc::clone(&seen);
    emitter
        .on(name, move |event| notes.lock().push(event))
        .unwrap();
    seen
}

fn payloads(seen: &Seen) -> Vec<Bytes> {
    seen.lock()
        .iter()
        .map(|event| (*event.payload()).clone())
        .collect()
}

async fn emit(emitter: &EventEmitter, name: &str, payload: impl Into<Bytes>) {
    let report = emitter.emit(name, payload.into()).await.unwrap();
    assert!(report.all_well(), "{report:?}");
}

/// Long enough for all that can happen to have happened.
async fn settle(sim: &Sim) {
    sim.sleep(Duration::from_secs(5)).await;
}

#[test]
fn events_of_bytes_are_told_on_the_other_side_in_their_order() {
    in_world(1, Link::lossy(0.05), |sim, world| async move {
        let (_a, _b, near, far) = world.pair().await;
        let (here, there) = (bridged(&near), bridged(&far));
        let (at_there, at_here) = (keep(&there, "θερμοκρασία"), keep(&here, "alarm"));
        let numbers: Vec<_> = (0..1_000_u32)
            .map(|it| Bytes::from(it.to_be_bytes().to_vec()))
            .collect();
        for number in &numbers {
            emit(&here, "θερμοκρασία", number.clone()).await;
        }
        emit(&there, "alarm", "").await;
        settle(&sim).await;
        assert_eq!(
            (payloads(&at_there), payloads(&at_here)),
            (numbers, vec![Bytes::new()])
        );
        let event = at_there.lock()[0].clone();
        let (peer, session) = (far.peer(), far.id());
        assert_eq!(event.origin(), Origin::Peer { peer, session });
        assert_eq!(event.name().as_str(), "θερμοκρασία");
        assert_eq!(
            (here.bridge_stats().sent, there.bridge_stats().received),
            (1_000, 1_000)
        );
    });
}

#[test]
fn an_event_does_not_come_back() {
    in_world(2, Link::lan(), |sim, world| async move {
        let (_a, _b, near, far) = world.pair().await;
        let (here, there) = (bridged(&near), bridged(&far));
        let (at_here, at_there) = (keep(&here, "event"), keep(&there, "event"));
        emit(&here, "event", "once").await;
        settle(&sim).await;
        assert_eq!((at_here.lock().len(), at_there.lock().len()), (1, 1));
        assert_eq!(at_here.lock()[0].origin(), Origin::Local);
        assert_eq!(
            (here.bridge_stats().received, there.bridge_stats().sent),
            (0, 0)
        );
    });
}

#[test]
fn payloads_that_are_no_bytes_stay_here() {
    in_world(3, Link::lan(), |sim, world| async move {
        let (_a, _b, near, far) = world.pair().await;
        let (here, there) = (bridged(&near), bridged(&far));
        let report = here.emit("event", 21.5_f64).await.unwrap();
        assert!(report.bridged.is_empty());
        emit(&here, "event", "bytes").await;
        settle(&sim).await;
        assert_eq!(there.bridge_stats().received, 1);
    });
}

#[test]
fn events_of_peers_are_forwarded_only_where_that_is_asked_for() {
    for forwarding in [Forwarding::OwnEvents, Forwarding::AllEvents] {
        in_world(4, Link::lan(), |sim, world| async move {
            let (hub, left, right) = (
                world.node(1).await,
                world.node(2).await,
                world.node(3).await,
            );
            let options = BridgeOptions::new().forwarding(forwarding);
            let middle = EventEmitter::new();
            middle.bridge_all(&hub, options).unwrap();
            let sessions = [&left, &right].map(|it| it.connect(address(1)));
            let [to_left, to_right] = sessions;
            let ends = [
                bridged(&to_left.await.unwrap()),
                bridged(&to_right.await.unwrap()),
            ];
            let at_ends = [keep(&ends[0], "event"), keep(&ends[1], "event")];
            let at_hub = keep(&middle, "event");
            emit(&ends[0], "event", "from the left").await;
            settle(&sim).await;
            let reached = usize::from(forwarding == Forwarding::AllEvents);
            let counts = [&at_ends[0], &at_hub, &at_ends[1]].map(|seen| seen.lock().len());
            assert_eq!(counts, [1, 1, reached]);
            emit(&middle, "event", "from the hub").await;
            settle(&sim).await;
            let counts = [&at_ends[0], &at_hub, &at_ends[1]].map(|seen| seen.lock().len());
            assert_eq!(counts, [2, 2, reached + 1]);
        });
    }
}

#[test]
fn only_the_names_and_ways_asked_for_cross() {
    in_world(5, Link::lan(), |sim, world| async move {
        let (_a, _b, near, far) = world.pair().await;
        let options = BridgeOptions::new().names(["public"]).unwrap();
        let (here, there) = (EventEmitter::new(), bridged(&far));
        here.bridge(&near, options).unwrap();
        let (at_here, at_there) = (keep(&here, "secret"), keep(&there, "secret"));
        let public = [keep(&here, "public"), keep(&there, "public")];
        for emitter in [&here, &there] {
            emit(emitter, "secret", "own").await;
            emit(emitter, "public", "all").await;
        }
        settle(&sim).await;
        assert_eq!((at_here.lock().len(), at_there.lock().len()), (1, 1));
        assert_eq!(public.map(|seen| seen.lock().len()), [2, 2]);
        assert_eq!(
            (here.bridge_stats().ignored, there.bridge_stats().ignored),
            (1, 0)
        );
        assert!(BridgeOptions::new().names(["n".repeat(256)]).is_err());
    });
}

#[test]
fn one_emitter_a_session_and_direction() {
    in_world(6, Link::lan(), |sim, world| async move {
        let (_a, _b, near, far) = world.pair().await;
        let [out, inward, late] = [(); 3].map(|()| EventEmitter::new());
        let ways = |ways| BridgeOptions::new().ways(ways);
        out.bridge(&near, ways(BridgeWays::Out)).unwrap();
        // What can't be had wholly leaves nothing behind.
        assert_eq!(
            late.bridge(&near, BridgeOptions::new()),
            Err(AlreadyBridged)
        );
        inward.bridge(&near, ways(BridgeWays::In)).unwrap();
        assert_eq!(
            late.bridge(&near, ways(BridgeWays::In)),
            Err(AlreadyBridged)
        );
        let there = bridged(&far);
        let (seen, at_there) = (keep(&inward, "event"), keep(&there, "event"));
        for emitter in [&out, &inward, &late, &there] {
            emit(emitter, "event", "event").await;
        }
        settle(&sim).await;
        assert_eq!((seen.lock().len(), at_there.lock().len()), (2, 2));
    });
}

#[test]
fn events_before_the_peer_has_bridged_are_not_lost() {
    in_world(7, Link::wan(), |sim, world| async move {
        let (_a, _b, near, far) = world.pair().await;
        let here = bridged(&near);
        for number in 0..1_000_u32 {
            emit(&here, "event", number.to_be_bytes().to_vec()).await;
        }
        settle(&sim).await;
        let there = EventEmitter::new();
        let seen = keep(&there, "event");
        there.bridge(&far, BridgeOptions::new()).unwrap();
        settle(&sim).await;
        let numbers: Vec<_> = (0..1_000_u32).map(|it| it.to_be_bytes().to_vec()).collect();
        assert_eq!(payloads(&seen), numbers);
    });
}

#[test]
fn a_peer_that_takes_no_events_holds_back_events_and_nothing_else() {
    for backlog in [BridgeBacklog::Wait, BridgeBacklog::Refuse] {
        in_world(8, Link::wan(), |sim, world| async move {
            let (_a, acceptor, near, far) = world.pair().await;
            let here = EventEmitter::new();
            here.bridge(&near, BridgeOptions::new().backlog(backlog))
                .unwrap();
            let emitter = here.clone();
            let emitting = sim.spawn(async move {
                let mut full = 0;
                for _ in 0..200 {
                    let payload = Bytes::from(vec![7; 64 * KIB]);
                    let report = emitter.emit("event", payload).await.unwrap();
                    let refused = Err(BridgeSendError::Full);
                    full += u32::from(report.bridged[0].outcome == refused);
                }
                full
            });
            sim.sleep(Duration::from_secs(30)).await;
            // A stream window, and the queue before it.
            let held = here.bridge_stats().sent as usize * 64 * KIB;
            assert!(held < 3 << 20, "{held}");
            assert_eq!(emitting.is_finished(), backlog == BridgeBacklog::Refuse);
            near.send_on_stream(1, "message").await.unwrap();
            assert_eq!(acceptor.receive().next().await.unwrap().data, "message");
            if backlog == BridgeBacklog::Refuse {
                let sent = here.bridge_stats().sent as u32;
                assert_eq!(emitting.await, 200 - sent);
                // An orderly end waits for the peer, until it takes what was sent.
                let closing = sim.timeout(Duration::from_secs(60), near.close());
                assert!(closing.await.is_err());
                drop(bridged(&far));
                near.close().await.unwrap();
            }
        });
    }
}

#[test]
fn a_peer_that_handles_slowly_has_64_events_under_way_and_its_emitter_waits() {
    in_world(9, Link::wan(), |sim, world| async move {
        let (_a, _b, near, far) = world.pair().await;
        let (here, there) = (bridged(&near), bridged(&far));
        let (begun, gate) = (
            Arc::new(Mutex::new(Vec::new())),
            Arc::new(Semaphore::new(0)),
        );
        let (notes, permits) = (Arc::clone(&begun), Arc::clone(&gate));
        let handler = move |event: Event<Bytes>| {
            notes.lock().push(event[0]);
            let permits = Arc::clone(&permits);
            async move { permits.acquire().await.unwrap().forget() }
        };
        there.on("event", handler).unwrap();
        for number in 0..100_u8 {
            emit(&here, "event", vec![number]).await;
        }
        settle(&sim).await;
        assert_eq!(*begun.lock(), (0..64).collect::<Vec<u8>>());
        gate.add_permits(10);
        settle(&sim).await;
        assert_eq!(*begun.lock(), (0..74).collect::<Vec<u8>>());
        gate.add_permits(90);
        settle(&sim).await;
        assert_eq!(*begun.lock(), (0..100).collect::<Vec<u8>>());
    });
}

#[test]
fn an_orderly_end_flushes_the_events_before_it() {
    in_world(10, Link::lossy(0.05), |sim, world| async move {
        let (_a, _b, near, far) = world.pair().await;
        let (here, there) = (bridged(&near), bridged(&far));
        let seen = keep(&there, "event");
        for _ in 0..100 {
            emit(&here, "event", vec![7; 10 * KIB]).await;
        }
        near.close().await.unwrap();
        assert_eq!(far.closed().await, CloseReason::Done);
        assert_eq!(seen.lock().len(), 100);
        // Afterwards the bridge is gone, and the emitter is as good as any.
        let report = here.emit("event", Bytes::new()).await.unwrap();
        assert!(report.bridged.is_empty());
        settle(&sim).await;
    });
}

#[test]
fn an_emit_that_is_dropped_while_it_waits_sends_nothing() {
    in_world(13, Link::lan(), |sim, world| async move {
        let (_a, _b, near, far) = world.pair().await;
        let (here, there) = (bridged(&near), EventEmitter::new());
        let patience = Duration::from_secs(1);
        let mut sent = 0;
        loop {
            let payload = Bytes::from(vec![7; 64 * KIB]);
            match sim.timeout(patience, here.emit("event", payload)).await {
                Ok(_) => sent += 1,
                Err(_) => break,
            }
        }
        let seen = keep(&there, "event");
        there.bridge(&far, BridgeOptions::new()).unwrap();
        near.close().await.unwrap();
        assert_eq!(
            (seen.lock().len(), here.bridge_stats().sent),
            (sent, sent as u64)
        );
        settle(&sim).await;
    });
}

#[test]
fn an_event_longer_than_a_frame_may_be_is_not_sent_and_that_is_reported() {
    in_world(11, Link::lan(), |sim, world| async move {
        let mut limits = Limits::default();
        limits.frame = 10 * KIB;
        let (_a, _b, near, far) = world.pair_with(limits).await;
        let (here, there) = (bridged(&near), bridged(&far));
        let name = "n".repeat(255);
        let seen = keep(&there, &name);
        let too_long = Bytes::from(vec![7; 10 * KIB + 1]);
        let report = here.emit(&name, too_long).await.unwrap();
        let (len, max) = (10 * KIB + 1, 10 * KIB);
        let refused = BridgeSendError::Send(SendError::TooLong { len, max });
        assert_eq!(report.bridged[0].outcome, Err(refused));
        assert_eq!(report.bridged[0].peer, near.peer());
        assert!(!report.all_well());
        emit(&here, &name, vec![7; 10 * KIB]).await;
        settle(&sim).await;
        assert_eq!(seen.lock().len(), 1);
    });
}

#[test]
fn handlers_of_events_of_peers_that_fail_are_counted_and_stop_nobody() {
    in_world(12, Link::lan(), |sim, world| async move {
        let (_a, _b, near, far) = world.pair().await;
        let (here, there) = (bridged(&near), bridged(&far));
        there
            .on("event", |_: Event<Bytes>| Err("it failed"))
            .unwrap();
        there.on("event", |_: Event<u8>| {}).unwrap();
        let seen = keep(&there, "event");
        emit(&here, "event", "1").await;
        emit(&here, "event", "2").await;
        settle(&sim).await;
        assert_eq!((seen.lock().len(), there.bridge_stats().failed), (2, 4));
    });
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_nodes_on_real_sockets_tell_each_other() {
    let group = Group::generate(&mut SystemEntropy);
    let node = || async {
        let builder = Node::builder(group.clone()).bind("127.0.0.1:0".parse().unwrap());
        builder.start().await.unwrap()
    };
    let (server, client) = (node().await, node().await);
    let (there, here) = (EventEmitter::new(), EventEmitter::new());
    there.bridge_all(&server, BridgeOptions::new()).unwrap();
    let echo = there.clone();
    let answer = move |question: Event<Bytes>| {
        let echo = echo.clone();
        async move { echo.emit("answer", (*question).clone()).await.map(drop) }
    };
    there.on("question", answer).unwrap();
    let (answers, mut answered) = tokio::sync::mpsc::unbounded_channel();
    let note = move |event: Event<Bytes>| answers.send(event.payload());
    here.on("answer", note).unwrap();
    let session = client.connect(server.local_addresses()[0]).await.unwrap();
    here.bridge(&session, BridgeOptions::new()).unwrap();
    for number in 0..1_000_u32 {
        emit(&here, "question", number.to_be_bytes().to_vec()).await;
    }
    for number in 0..1_000_u32 {
        assert_eq!(answered.recv().await.unwrap()[..], number.to_be_bytes());
    }
}
