//! Frames of the application's own types, given to handlers: in which order, how many, how fast.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a failed step is a failed test"
)]

mod support;

use std::{sync::Arc, time::Duration};

use parking_lot::Mutex;
use stt::{
    AlreadyDispatched, CloseReason, Delivery, Frame, FrameDispatcher, Group, HandlerError, Node,
    ReceiveFrameError, RegisterError, ReservedFrameType, Session, SystemEntropy, UserFrameType,
};
use stt_sim::Link;
use support::{address, in_world};
use tokio::sync::Semaphore;

/// What handlers have seen, in order.
type Seen<T> = Arc<Mutex<Vec<T>>>;

fn of(frame_type: u8) -> UserFrameType {
    frame_type.try_into().unwrap()
}

fn panics(_: Session, _: Frame) {
    panic!("before any await");
}

/// Notes what arrives, at once.
fn note(dispatcher: &FrameDispatcher, frame_type: u8) -> Seen<Vec<u8>> {
    let seen = Seen::default();
    let notes = Arc::clone(&seen);
    let handler = move |_, frame: Frame| notes.lock().push(frame.payload.to_vec());
    dispatcher.register_handler(frame_type, handler).unwrap();
    seen
}

/// Notes what arrives and then waits for a permit.
fn note_and_wait(dispatcher: &FrameDispatcher, frame_type: u8) -> (Seen<Vec<u8>>, Arc<Semaphore>) {
    let (seen, gate) = (Seen::default(), Arc::new(Semaphore::new(0)));
    let (notes, permits) = (Arc::clone(&seen), Arc::clone(&gate));
    let handler = move |_, frame: Frame| {
        notes.lock().push(frame.payload.to_vec());
        let permits = Arc::clone(&permits);
        async move { permits.acquire().await.unwrap().forget() }
    };
    dispatcher.register_handler(frame_type, handler).unwrap();
    (seen, gate)
}

#[test]
fn datagrams_and_reliable_frames_reach_the_same_handler() {
    in_world(1, Link::lan(), |sim, world| async move {
        let (_a, _b, near, far) = world.pair().await;
        let dispatcher = FrameDispatcher::new();
        let seen: Seen<_> = Arc::default();
        let notes = Arc::clone(&seen);
        let handler = move |session: Session, frame: Frame| {
            let from = (session.id(), session.peer());
            notes.lock().push((from, frame));
        };
        dispatcher.register_handler(0x80, handler).unwrap();
        dispatcher.attach(&far).unwrap();
        near.send_frame(of(0x80), "reliable").await.unwrap();
        sim.sleep(Duration::from_secs(1)).await;
        near.send_datagram(of(0x80), "datagram").unwrap();
        sim.sleep(Duration::from_secs(1)).await;
        let seen = seen.lock();
        let ways: Vec<_> = seen.iter().map(|(_, frame)| frame.delivery).collect();
        assert_eq!(ways, [Delivery::Reliable, Delivery::Datagram]);
        let texts: Vec<_> = seen.iter().map(|(_, frame)| &frame.payload[..]).collect();
        assert_eq!(texts, [b"reliable", b"datagram"]);
        assert!(seen.iter().all(|(from, _)| *from == (far.id(), far.peer())));
        assert_eq!(dispatcher.stats().handled, 2);
    });
}

#[test]
fn reserved_types_are_refused_at_registration() {
    let dispatcher = FrameDispatcher::new();
    for number in 0..=u8::MAX {
        let registered = dispatcher.register_handler(number, |_, _| {});
        let refusal = ReservedFrameType {
            frame_type: number.into(),
        };
        let expected = if number < 0x80 {
            Err(RegisterError::Reserved(refusal))
        } else {
            Ok(())
        };
        assert_eq!(registered, expected);
    }
    let literal = dispatcher.register_handler(0x7f, |_, _| {});
    assert!(matches!(literal, Err(RegisterError::Reserved(_))));
}

#[test]
fn a_type_has_one_handler_and_another_once_that_is_removed() {
    in_world(2, Link::lan(), |sim, world| async move {
        let (_a, _b, near, far) = world.pair().await;
        let dispatcher = FrameDispatcher::new();
        dispatcher.attach(&far).unwrap();
        let first = note(&dispatcher, 0x80);
        let taken = dispatcher.register_handler(of(0x80), panics);
        let frame_type = of(0x80);
        assert_eq!(taken, Err(RegisterError::Taken { frame_type }));
        near.send_frame(frame_type, "1").await.unwrap();
        sim.sleep(Duration::from_secs(1)).await;
        assert_eq!(dispatcher.remove_handler(0x80), Ok(true));
        assert_eq!(dispatcher.remove_handler(0x80), Ok(false));
        assert!(dispatcher.remove_handler(0x01).is_err());
        let second = note(&dispatcher, 0x80);
        near.send_frame(frame_type, "2").await.unwrap();
        sim.sleep(Duration::from_secs(1)).await;
        assert_eq!(
            (&*first.lock(), &*second.lock()),
            (&vec![b"1".to_vec()], &vec![b"2".to_vec()])
        );
    });
}

#[test]
fn a_handler_may_register_and_remove_handlers() {
    in_world(3, Link::lan(), |sim, world| async move {
        let (_a, _b, near, far) = world.pair().await;
        let dispatcher = FrameDispatcher::new();
        let seen: Seen<_> = Arc::default();
        let (notes, own) = (Arc::clone(&seen), dispatcher.clone());
        let handler = move |_, _| {
            assert_eq!(own.remove_handler(0x80), Ok(true));
            let notes = Arc::clone(&notes);
            let next = move |_, frame: Frame| notes.lock().push(frame.payload);
            own.register_handler(0x80, next)
        };
        dispatcher.register_handler(0x80, handler).unwrap();
        dispatcher.attach(&far).unwrap();
        for number in ["1", "2"] {
            near.send_frame(of(0x80), number).await.unwrap();
            sim.sleep(Duration::from_secs(1)).await;
        }
        assert_eq!(*seen.lock(), ["2"]);
        assert_eq!(dispatcher.stats().handled, 2);
    });
}

#[test]
fn frames_of_one_type_are_handled_one_after_the_other() {
    const FRAMES: u8 = 50;
    in_world(4, Link::lossy(0.05), |sim, world| async move {
        let (_a, _b, near, far) = world.pair().await;
        let dispatcher = FrameDispatcher::new();
        let seen: Seen<_> = Arc::default();
        let (notes, clock) = (Arc::clone(&seen), sim.clone());
        let handler = move |_, frame: Frame| {
            let (notes, clock) = (Arc::clone(&notes), clock.clone());
            async move {
                let number = frame.payload[0];
                notes.lock().push(("begins", number));
                // The later, the quicker: side by side they would overtake each other.
                clock
                    .sleep(Duration::from_millis(u64::from(FRAMES - number)))
                    .await;
                notes.lock().push(("ends", number));
            }
        };
        dispatcher.register_handler(0xff, handler).unwrap();
        dispatcher.attach(&far).unwrap();
        for number in 0..FRAMES {
            near.send_frame(of(0xff), vec![number]).await.unwrap();
        }
        sim.sleep(Duration::from_secs(30)).await;
        let in_order: Vec<_> = (0..FRAMES)
            .flat_map(|number| [("begins", number), ("ends", number)])
            .collect();
        assert_eq!(*seen.lock(), in_order);
    });
}

#[test]
fn a_type_that_is_stalled_delays_no_other() {
    in_world(5, Link::lan(), |sim, world| async move {
        let (_a, _b, near, far) = world.pair().await;
        let dispatcher = FrameDispatcher::new();
        let (stalled, gate) = note_and_wait(&dispatcher, 0x80);
        let others = note(&dispatcher, 0x81);
        dispatcher.attach(&far).unwrap();
        for number in 0..100_u8 {
            near.send_frame(of(0x80), vec![number]).await.unwrap();
            near.send_frame(of(0x81), vec![number]).await.unwrap();
        }
        sim.sleep(Duration::from_secs(1)).await;
        assert_eq!((stalled.lock().len(), others.lock().len()), (1, 100));
        gate.add_permits(100);
        sim.sleep(Duration::from_secs(1)).await;
        let all: Vec<_> = (0..100).map(|number| vec![number]).collect();
        assert_eq!((&*stalled.lock(), &*others.lock()), (&all, &all));
    });
}

#[test]
fn frames_that_came_before_the_dispatcher_are_handled() {
    in_world(6, Link::lan(), |sim, world| async move {
        let (_a, _b, near, far) = world.pair().await;
        for number in 0..10_u8 {
            near.send_frame(of(0x80), vec![number]).await.unwrap();
        }
        sim.sleep(Duration::from_secs(1)).await;
        assert_eq!(far.receive_frame().await.unwrap().payload[..], [0]);
        let dispatcher = FrameDispatcher::new();
        let seen = note(&dispatcher, 0x80);
        dispatcher.attach(&far).unwrap();
        near.close().await.unwrap();
        let rest: Vec<_> = (1..10).map(|number| vec![number]).collect();
        assert_eq!(*seen.lock(), rest);
    });
}

#[test]
fn frames_without_a_handler_are_counted_shown_and_harmless() {
    in_world(7, Link::lan(), |sim, world| async move {
        let (_a, _b, near, far) = world.pair().await;
        let dispatcher = FrameDispatcher::new();
        let handled = note(&dispatcher, 0x80);
        let shown: Seen<_> = Arc::default();
        let notes = Arc::clone(&shown);
        dispatcher.on_unhandled(move |session, frame| {
            notes
                .lock()
                .push((session.id(), u8::from(frame.frame_type)));
            panic!("an observer that fails");
        });
        dispatcher.attach(&far).unwrap();
        for frame_type in [0x81, 0x80, 0xff, 0x80] {
            near.send_frame(of(frame_type), "frame").await.unwrap();
        }
        sim.sleep(Duration::from_secs(1)).await;
        assert_eq!(*shown.lock(), [(far.id(), 0x81), (far.id(), 0xff)]);
        assert_eq!(handled.lock().len(), 2);
        let stats = dispatcher.stats();
        assert_eq!((stats.unhandled, stats.handled), (2, 2));
        near.close().await.unwrap();
    });
}

#[test]
fn a_handler_that_fails_or_panics_stops_nobody() {
    in_world(8, Link::lan(), |sim, world| async move {
        let (_a, _b, near, far) = world.pair().await;
        let dispatcher = FrameDispatcher::new();
        let handler = |_, frame: Frame| async move {
            match &frame.payload[..] {
                b"fail" => Err("it failed"),
                b"panic" => panic!("it panicked"),
                _ => Ok(()),
            }
        };
        dispatcher.register_handler(0x80, handler).unwrap();
        dispatcher.register_handler(0x81, panics).unwrap();
        let shown: Seen<_> = Arc::default();
        let notes = Arc::clone(&shown);
        dispatcher.on_failure(move |_, frame_type, error: &HandlerError| {
            notes.lock().push((u8::from(frame_type), error.to_string()));
            panic!("an observer that fails");
        });
        dispatcher.attach(&far).unwrap();
        for payload in ["fail", "well", "panic", "well"] {
            near.send_frame(of(0x80), payload).await.unwrap();
        }
        sim.sleep(Duration::from_secs(1)).await;
        near.send_frame(of(0x81), "any").await.unwrap();
        sim.sleep(Duration::from_secs(1)).await;
        let shown = std::mem::take(&mut *shown.lock());
        let shown: Vec<_> = shown
            .iter()
            .map(|(ty, text)| (*ty, text.as_str()))
            .collect();
        let expected = [
            (0x80, "handler failed: it failed"),
            (0x80, "handler panicked: it panicked"),
            (0x81, "handler panicked: before any await"),
        ];
        assert_eq!(shown, expected);
        let stats = dispatcher.stats();
        assert_eq!((stats.handled, stats.failed, stats.panicked), (2, 1, 2));
        near.close().await.unwrap();
    });
}

#[test]
fn frames_that_nobody_handles_hold_their_sender_back() {
    const KIB: usize = 1 << 10;
    in_world(9, Link::wan(), |sim, world| async move {
        let (_a, acceptor, near, far) = world.pair().await;
        let dispatcher = FrameDispatcher::new();
        let (handled, gate) = note_and_wait(&dispatcher, 0x80);
        dispatcher.attach(&far).unwrap();
        let sent = Arc::new(Mutex::new(0));
        let (count, sender) = (Arc::clone(&sent), near.clone());
        let sending = sim.spawn(async move {
            for _ in 0..200 {
                sender
                    .send_frame(of(0x80), vec![7; 64 * KIB])
                    .await
                    .unwrap();
                *count.lock() += 1;
            }
        });
        sim.sleep(Duration::from_secs(20)).await;
        // 2 MiB are the dispatcher's; a stream window and the sender's queue hold the rest.
        let waiting = *sent.lock() * 64 * KIB;
        assert!((2 << 20..6 << 20).contains(&waiting), "{waiting}");
        // The session itself is not held back.
        near.send_on_stream(1, "message").await.unwrap();
        assert_eq!(acceptor.receive().next().await.unwrap().data, "message");
        gate.add_permits(200);
        sending.await;
        near.close().await.unwrap();
        assert_eq!(handled.lock().len(), 200);
    });
}

#[test]
fn frames_that_are_being_handled_count_as_held() {
    in_world(15, Link::wan(), |sim, world| async move {
        let (_a, _b, near, far) = world.pair().await;
        let dispatcher = FrameDispatcher::new();
        let stalled: Vec<_> = (0x80..0x88)
            .map(|frame_type| note_and_wait(&dispatcher, frame_type))
            .collect();
        dispatcher.attach(&far).unwrap();
        let sender = near.clone();
        let sending = sim.spawn(async move {
            for frame_type in 0x80..0x88 {
                let longest = vec![7; 1 << 20];
                sender.send_frame(of(frame_type), longest).await.unwrap();
            }
        });
        sim.sleep(Duration::from_secs(20)).await;
        let begun = |(seen, _): &(Seen<_>, _)| seen.lock().len();
        assert_eq!(stalled.iter().map(begun).sum::<usize>(), 2);
        for (_, gate) in &stalled {
            gate.add_permits(1);
        }
        sending.await;
        near.close().await.unwrap();
        assert_eq!(stalled.iter().map(begun).sum::<usize>(), 8);
    });
}

#[test]
fn datagrams_beyond_the_queue_are_dropped_and_counted() {
    in_world(10, Link::ideal(), |sim, world| async move {
        let (_a, _b, near, far) = world.pair().await;
        let dispatcher = FrameDispatcher::new();
        let (handled, gate) = note_and_wait(&dispatcher, 0x80);
        let others = note(&dispatcher, 0x81);
        dispatcher.attach(&far).unwrap();
        for _ in 0..1_100 {
            near.send_datagram(of(0x80), "datagram").unwrap();
            sim.sleep(Duration::from_millis(1)).await;
        }
        near.send_datagram(of(0x81), "of another type").unwrap();
        sim.sleep(Duration::from_secs(1)).await;
        // One is being handled and 1,024 wait.
        assert_eq!(dispatcher.stats().dropped_datagrams, 75);
        assert_eq!((handled.lock().len(), others.lock().len()), (1, 1));
        gate.add_permits(2_000);
        sim.sleep(Duration::from_secs(1)).await;
        assert_eq!(handled.lock().len(), 1_025);
        near.send_datagram(of(0x80), "datagram").unwrap();
        sim.sleep(Duration::from_secs(1)).await;
        assert_eq!(handled.lock().len(), 1_026);
    });
}

#[test]
fn an_orderly_end_waits_for_the_frames_before_it() {
    in_world(11, Link::lan(), |sim, world| async move {
        let (_a, _b, near, far) = world.pair().await;
        let dispatcher = FrameDispatcher::new();
        let (handled, gate) = note_and_wait(&dispatcher, 0x80);
        dispatcher.attach(&far).unwrap();
        for number in 0..10_u8 {
            near.send_frame(of(0x80), vec![number]).await.unwrap();
        }
        let closing = sim.timeout(Duration::from_secs(20), near.close());
        assert!(closing.await.is_err());
        gate.add_permits(9);
        near.close().await.unwrap();
        assert_eq!(far.closed().await, CloseReason::Done);
        assert_eq!(handled.lock().len(), 10);
    });
}

#[test]
fn a_handler_may_close_its_session() {
    in_world(12, Link::lan(), |sim, world| async move {
        let (_a, _b, near, far) = world.pair().await;
        let dispatcher = FrameDispatcher::new();
        let handler = |session: Session, _| async move { session.close().await };
        dispatcher.register_handler(0x80, handler).unwrap();
        dispatcher.attach(&far).unwrap();
        near.send_frame(of(0x80), "goodbye").await.unwrap();
        let closed = sim.timeout(Duration::from_secs(10), near.closed()).await;
        assert_eq!(closed.unwrap(), CloseReason::Done);
        sim.sleep(Duration::from_secs(1)).await;
        assert_eq!(dispatcher.stats().handled, 1);
    });
}

#[test]
fn a_handler_that_closes_its_session_by_a_task_is_not_in_the_way_of_frames_behind_it() {
    in_world(16, Link::lan(), |sim, world| async move {
        let (_a, _b, near, far) = world.pair().await;
        let dispatcher = FrameDispatcher::new();
        let task = sim.clone();
        let handler = move |session: Session, _| {
            drop(task.spawn(async move { session.close().await }));
        };
        dispatcher.register_handler(0x80, handler).unwrap();
        dispatcher.attach(&far).unwrap();
        for _ in 0..3 {
            near.send_frame(of(0x80), "goodbye").await.unwrap();
        }
        let closed = sim.timeout(Duration::from_secs(10), near.closed()).await;
        assert_eq!(closed.unwrap(), CloseReason::Done);
        sim.sleep(Duration::from_secs(1)).await;
        assert_eq!(dispatcher.stats().handled, 3);
    });
}

#[test]
fn a_small_frame_does_not_hold_on_to_the_packet_it_came_in() {
    in_world(17, Link::lan(), |sim, world| async move {
        let (_a, _b, near, far) = world.pair().await;
        near.send_frame(of(0x80), "first").await.unwrap();
        far.receive_frame().await.unwrap();
        for _ in 0..2 {
            near.send_frame(of(0x80), "reliable").await.unwrap();
        }
        near.send_datagram(of(0x80), "datagram").unwrap();
        near.send_datagram(of(0x80), "datagram").unwrap();
        sim.sleep(Duration::from_secs(1)).await;
        let mut frames = Vec::new();
        for _ in 0..4 {
            frames.push(far.receive_frame().await.unwrap());
        }
        for frame in &frames {
            assert!(frame.payload.is_unique(), "{frame:?}");
        }
    });
}

#[test]
fn receive_frame_says_that_a_dispatcher_has_the_frames() {
    in_world(13, Link::lan(), |sim, world| async move {
        let (_a, _b, near, far) = world.pair().await;
        let session = far.clone();
        let waiting = sim.spawn(async move { session.receive_frame().await });
        sim.sleep(Duration::from_secs(1)).await;
        let dispatcher = FrameDispatcher::new();
        dispatcher.attach(&far).unwrap();
        assert_eq!(waiting.await, Err(ReceiveFrameError::Dispatched));
        let seen = note(&dispatcher, 0x80);
        near.send_frame(of(0x80), "frame").await.unwrap();
        assert_eq!(
            far.receive_frame().await,
            Err(ReceiveFrameError::Dispatched)
        );
        sim.sleep(Duration::from_secs(1)).await;
        assert_eq!(seen.lock().len(), 1);
        assert_eq!(dispatcher.attach(&far), Err(AlreadyDispatched));
        assert_eq!(FrameDispatcher::new().attach(&far), Err(AlreadyDispatched));
    });
}

#[test]
fn a_dispatcher_serves_the_sessions_a_node_has_and_those_it_will_have() {
    in_world(14, Link::lan(), |sim, world| async move {
        let (server, early, late) = (
            world.node(1).await,
            world.node(2).await,
            world.node(3).await,
        );
        let first = early.connect(address(1)).await.unwrap();
        sim.sleep(Duration::from_secs(1)).await;
        let dispatcher = FrameDispatcher::new();
        let seen: Seen<_> = Arc::default();
        let notes = Arc::clone(&seen);
        let handler = move |session: Session, _| notes.lock().push(session.peer());
        dispatcher.register_handler(0x80, handler).unwrap();
        dispatcher.serve(&server).unwrap();
        assert_eq!(
            FrameDispatcher::new().serve(&server),
            Err(AlreadyDispatched)
        );
        let second = late.connect(address(1)).await.unwrap();
        let dialled = server.connect(address(3)).await.unwrap();
        for session in [&first, &second] {
            session.send_frame(of(0x80), "frame").await.unwrap();
            sim.sleep(Duration::from_secs(1)).await;
        }
        assert_eq!(*seen.lock(), [early.id(), late.id()]);
        assert_eq!(
            dialled.receive_frame().await,
            Err(ReceiveFrameError::Dispatched)
        );
    });
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_nodes_on_real_sockets_talk_by_handlers() {
    let group = Group::generate(&mut SystemEntropy);
    let node = || async {
        let address = "127.0.0.1:0".parse().unwrap();
        Node::builder(group.clone())
            .bind(address)
            .start()
            .await
            .unwrap()
    };
    let (server, client) = (node().await, node().await);
    let echo = FrameDispatcher::new();
    let handler = |session: Session, frame: Frame| async move {
        session.send_frame(frame.frame_type, frame.payload).await
    };
    echo.register_handler(0x80, handler).unwrap();
    echo.serve(&server).unwrap();
    let session = client.connect(server.local_addresses()[0]).await.unwrap();
    let (answers, mut answered) = tokio::sync::mpsc::unbounded_channel();
    let dispatcher = FrameDispatcher::new();
    let handler = move |_, frame: Frame| answers.send(frame.payload);
    dispatcher.register_handler(0x80, handler).unwrap();
    dispatcher.attach(&session).unwrap();
    for number in 0..1_000_u32 {
        let payload = number.to_be_bytes().to_vec();
        session.send_frame(of(0x80), payload).await.unwrap();
    }
    for number in 0..1_000_u32 {
        assert_eq!(answered.recv().await.unwrap()[..], number.to_be_bytes());
    }
}
