//! Applications that take little or nothing: what waits, what goes on, and how much is held.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a failed step is a failed test"
)]

mod support;

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use stt::{CloseReason, Delivery, Limits, Node, Session, UserFrameType};
use stt_sim::Link;
use support::{address, in_world, payload, target, transfer};

const KIB: usize = 1 << 10;
const MIB: usize = 1 << 20;

#[test]
fn a_sender_of_messages_waits_at_the_credit_and_everything_comes_once_they_are_taken() {
    const MESSAGES: u32 = 2_000;
    in_world(1, Link::wan(), |sim, world| async move {
        let (_a, acceptor, near, far) = world.pair().await;
        let sent = Arc::new(AtomicU64::new(0));
        let count = Arc::clone(&sent);
        let sender = sim.spawn(async move {
            for number in 0..MESSAGES {
                near.send_on_stream(1, numbered(number, 936)).await.unwrap();
                count.fetch_add(1, Relaxed);
            }
            near.close().await
        });
        sim.sleep(Duration::from_secs(20)).await;
        // 8,192 of credit, and each costs 936 and 64.
        assert_eq!(sent.load(Relaxed), 8);
        assert_eq!(acceptor.stats().undelivered, 8_000);
        let mut receiver = acceptor.receive();
        for number in 0..MESSAGES {
            let packet = receiver.next().await.unwrap();
            assert_eq!(packet.data, numbered(number, 936));
        }
        assert_eq!(acceptor.stats().undelivered, 0);
        assert_eq!(far.closed().await, CloseReason::Done);
        sender.await.unwrap();
    });
}

#[test]
fn what_is_held_of_messages_nobody_takes_stays_bounded_over_many_ids_and_sizes() {
    in_world(2, Link::wan(), |sim, world| async move {
        let (_a, acceptor, near, far) = world.pair().await;
        for id in 0..500 {
            let session = near.clone();
            drop(sim.spawn(async move {
                let size = [100, 4_000, 20_000, 300_000][id as usize % 4];
                while session.send_on_stream(id, vec![1; size]).await.is_ok() {}
            }));
        }
        for _ in 0..20 {
            sim.sleep(Duration::from_secs(1)).await;
            let held = acceptor.stats().undelivered;
            // The long ones that were first in their line were promised room for all of them.
            let bound = 500 * 8_192 + 250 * 300_064;
            assert!(held <= bound, "{held}");
        }
        assert!(acceptor.stats().undelivered >= 250 * 4_000);
        assert!(!far.is_closed());
    });
}

#[test]
fn lanes_that_waited_for_their_peers_do_not_all_read_beyond_the_bound() {
    const BOUND: usize = 100 * KIB;
    in_world(30, Link::lan(), |sim, world| async move {
        let mut limits = Limits::default();
        limits.undelivered = BOUND;
        let acceptor = world.node_with(1, limits).await;
        let mut sessions = Vec::new();
        for host in 0..20 {
            let dialler = world.node(2 + host).await;
            let session = dialler.connect(target(1)).await.unwrap();
            sessions.push((dialler, session));
        }
        let mut receiver = acceptor.receive();
        for (_, session) in &sessions {
            for lane in 0..8 {
                session
                    .send_on_stream(lane, "opens the lane")
                    .await
                    .unwrap();
                receiver.next().await.unwrap();
            }
        }
        for (_, session) in &sessions {
            for lane in 0..8 {
                let session = session.clone();
                drop(sim.spawn(async move { session.send_on_stream(lane, vec![1; 4_000]).await }));
            }
        }
        sim.sleep(Duration::from_secs(2)).await;
        let held = acceptor.stats().undelivered as usize;
        assert!(held > BOUND - 4 * KIB, "{held}");
        assert!(held <= BOUND + 16 * KIB, "{held}");
        for _ in 0..160 {
            assert_eq!(receiver.next().await.unwrap().data, vec![1; 4_000]);
        }
    });
}

#[test]
fn streams_and_frames_go_at_full_speed_past_messages_that_nobody_takes() {
    let [free, stalled] = [0, 200].map(|ids| {
        in_world(3, Link::wan(), move |sim, world| async move {
            let (_a, acceptor, near, far) = world.pair().await;
            for id in 0..ids {
                let session = near.clone();
                drop(sim.spawn(async move {
                    while session.send_on_stream(id, vec![1; 700]).await.is_ok() {}
                }));
            }
            sim.sleep(Duration::from_secs(2)).await;
            assert_eq!(acceptor.stats().undelivered > 0, ids > 0);
            let before = sim.elapsed();
            tokio::join!(
                transfer(&near, &far, payload(99, 8 * MIB)),
                exchange_frames(&near, &far, 500)
            );
            sim.elapsed().saturating_sub(before)
        })
    });
    assert!(stalled < free * 11 / 10, "{stalled:?}, not {free:?}");
}

#[test]
fn frames_that_nobody_reads_hold_back_frames_alone_and_come_in_order_later() {
    const FRAMES: u32 = 200;
    in_world(4, Link::wan(), |sim, world| async move {
        let (_a, acceptor, near, far) = world.pair().await;
        let sent = Arc::new(AtomicU64::new(0));
        let (count, session) = (Arc::clone(&sent), near.clone());
        let sender = sim.spawn(async move {
            for number in 0..FRAMES {
                let frame = numbered(number, 64 * KIB);
                session.send_frame(frame_type(), frame).await.unwrap();
                count.fetch_add(1, Relaxed);
            }
        });
        sim.sleep(Duration::from_secs(20)).await;
        // 2 MiB wait for the application, a stream window and the sender's queue hold some more.
        let waiting = sent.load(Relaxed) as usize * 64 * KIB;
        assert!((2 * MIB..6 * MIB).contains(&waiting), "{waiting}");
        let before = sim.elapsed();
        tokio::join!(
            transfer(&near, &far, payload(99, 8 * MIB)),
            transfer_messages(&near, &acceptor, 200)
        );
        let took = sim.elapsed().saturating_sub(before);
        assert!(took < Duration::from_secs(3), "{took:?}");
        for number in 0..FRAMES {
            let frame = far.receive_frame().await.unwrap();
            assert_eq!(frame.payload, numbered(number, 64 * KIB));
        }
        sender.await;
        near.close().await.unwrap();
    });
}

#[test]
fn a_stream_that_is_not_read_stops_itself_and_no_other() {
    in_world(5, Link::wan(), |sim, world| async move {
        let (_a, _b, near, far) = world.pair().await;
        let mut writers = Vec::new();
        for number in 0..8 {
            let mut send = near.open_uni().await.unwrap();
            writers.push(sim.spawn(async move {
                send.write_all(&payload(number, 4 * MIB)).await.unwrap();
                send.finish().unwrap();
            }));
        }
        let mut unread = far.accept_uni().await.unwrap();
        for number in 1..8 {
            let mut recv = far.accept_uni().await.unwrap();
            let whole = recv.read_to_end(4 * MIB).await.unwrap();
            assert!(whole == payload(number, 4 * MIB));
        }
        sim.sleep(Duration::from_secs(10)).await;
        assert!(!writers[0].is_finished());
        let whole = unread.read_to_end(4 * MIB).await.unwrap();
        assert!(whole == payload(0, 4 * MIB));
        for writer in writers {
            writer.await;
        }
        near.close().await.unwrap();
    });
}

#[test]
fn eleven_unread_streams_leave_room_for_messages_frames_and_another_stream() {
    unread_streams(6, 11);
}

/// Twelve windows of a stream are the window of a session, as `Limits::session_window` says.
#[test]
fn more_unread_streams_than_fit_the_window_stop_the_session_until_they_are_dropped() {
    in_world(7, Link::wan(), move |sim, world| async move {
        let (_a, acceptor, near, far) = world.pair().await;
        for _ in 0..20 {
            let writer = near.clone();
            drop(sim.spawn(async move {
                let mut send = writer.open_uni().await.unwrap();
                send.write_all(&vec![1; 4 * MIB]).await
            }));
        }
        sim.sleep(Duration::from_secs(10)).await;
        let waiting = near.send_on_stream(1, "waits");
        assert!(sim.timeout(Duration::from_secs(5), waiting).await.is_ok());
        let mut receiver = acceptor.receive();
        let early = sim.timeout(Duration::from_secs(5), receiver.next()).await;
        assert!(early.is_err(), "the window was not full");
        for _ in 0..20 {
            drop(sim.timeout(Duration::from_secs(30), far.accept_uni()).await);
        }
        let late = sim.timeout(Duration::from_secs(5), receiver.next()).await;
        assert_eq!(late.expect("it goes on").unwrap().data, "waits");
        transfer(&near, &far, payload(99, MIB)).await;
    });
}

fn unread_streams(seed: u64, streams: usize) {
    in_world(seed, Link::wan(), move |sim, world| async move {
        let (_a, acceptor, near, far) = world.pair().await;
        let mut unread = Vec::new();
        for _ in 0..streams {
            let writer = near.clone();
            drop(sim.spawn(async move {
                let mut send = writer.open_uni().await.unwrap();
                send.write_all(&vec![1; 4 * MIB]).await
            }));
            let accepted = sim.timeout(Duration::from_secs(60), far.accept_uni()).await;
            unread.push(accepted.expect("another stream can be opened").unwrap());
            sim.sleep(Duration::from_millis(200)).await;
        }
        sim.sleep(Duration::from_secs(10)).await;
        let others = async {
            transfer_messages(&near, &acceptor, 100).await;
            exchange_frames(&near, &far, 100).await;
            transfer(&near, &far, payload(99, MIB)).await;
        };
        let done = sim.timeout(Duration::from_secs(60), others).await;
        assert!(done.is_ok(), "the others stopped too");
    });
}

#[test]
fn long_messages_of_many_sessions_share_a_small_budget_and_all_arrive() {
    const SIZES: &[usize] = &[MIB, 2 * MIB, 3 * MIB, 5 * MIB];
    let total = long_messages(8, 8 * MIB, 4, SIZES);
    assert!(total < Duration::from_secs(60), "{total:?}");
}

#[test]
fn long_messages_as_long_as_the_budget_arrive_one_after_the_other() {
    long_messages(9, 8 * MIB, 4, &[8 * MIB]);
}

#[test]
fn one_message_longer_than_the_budget_arrives() {
    long_messages(10, 8 * MIB, 1, &[64 * MIB]);
}

#[test]
fn several_messages_longer_than_the_budget_arrive_one_after_the_other() {
    long_messages(11, 8 * MIB, 3, &[12 * MIB]);
}

/// Each of `senders` sends a message of each size on an id of its own, all at once.
fn long_messages(seed: u64, budget: usize, senders: u8, sizes: &'static [usize]) -> Duration {
    in_world(seed, Link::lan(), move |sim, world| async move {
        let mut limits = Limits::default();
        limits.undelivered = budget;
        let acceptor = world.node_with(1, limits).await;
        let mut tasks = Vec::new();
        for host in 2..2 + senders {
            let node = world.node(host).await;
            let session = node.connect(target(1)).await.unwrap();
            for (id, size) in sizes.iter().enumerate() {
                let session = session.clone();
                tasks.push(sim.spawn(async move {
                    let message = payload(id as u64, *size);
                    session.send_on_stream(id as u64, message).await.unwrap();
                }));
            }
        }
        let longest = sizes.iter().max().copied().unwrap();
        let mut arrived: BTreeMap<_, Vec<u64>> = BTreeMap::new();
        let mut receiver = acceptor.receive();
        for _ in 0..tasks.len() {
            let next = sim.timeout(Duration::from_secs(60), receiver.next()).await;
            let packet = next.expect("none waits for ever").unwrap();
            let expected = payload(packet.stream_id, sizes[packet.stream_id as usize]);
            assert!(packet.data == expected);
            arrived
                .entry(packet.session_id)
                .or_default()
                .push(packet.stream_id);
            let held = acceptor.stats().undelivered as usize;
            let slack = usize::from(senders) * sizes.len() * 8 * KIB + KIB;
            assert!(held <= budget.max(longest) + slack, "{held}");
        }
        assert!(arrived.values().all(|ids| ids.len() == sizes.len()));
        for task in tasks {
            task.await;
        }
        sim.elapsed()
    })
}

#[test]
fn a_session_that_dies_within_a_long_message_gives_its_room_to_others() {
    in_world(12, Link::wan(), |sim, world| async move {
        let mut limits = Limits::default();
        limits.undelivered = 8 * MIB;
        let acceptor = world.node_with(1, limits).await;
        let (doomed, other) = (world.node(2).await, world.node(3).await);
        let to_die = doomed.connect(target(1)).await.unwrap();
        let to_live = other.connect(target(1)).await.unwrap();
        drop(sim.spawn(async move { to_die.send_on_stream(1, vec![1; 7 * MIB]).await }));
        sim.sleep(Duration::from_millis(200)).await;
        let sender = sim.spawn(async move { to_live.send_on_stream(1, vec![2; 7 * MIB]).await });
        sim.sleep(Duration::from_millis(100)).await;
        world.net.kill(address(2));
        let mut receiver = acceptor.receive();
        let next = sim.timeout(Duration::from_secs(60), receiver.next()).await;
        let packet = next.expect("the other arrives").unwrap();
        assert!(packet.data.iter().all(|byte| *byte == 2));
        sender.await.unwrap();
    });
}

#[test]
fn five_thousand_message_streams_in_turn_keep_their_order() {
    const IDS: u64 = 5_000;
    const ROUNDS: u32 = 3;
    let took = in_world(13, Link::wan(), |sim, world| async move {
        sim.limit(Duration::from_secs(24 * 3_600));
        let (_a, acceptor, near, far) = world.pair().await;
        let before = sim.elapsed();
        let sender = sim.spawn(async move {
            for round in 0..ROUNDS {
                for id in 0..IDS {
                    near.send_on_stream(id, numbered(round, 32)).await.unwrap();
                }
            }
            near.close().await
        });
        let mut next = vec![0; IDS as usize];
        let mut receiver = acceptor.receive();
        for _ in 0..IDS * u64::from(ROUNDS) {
            let packet = receiver.next().await.unwrap();
            let expected = &mut next[packet.stream_id as usize];
            assert_eq!(packet.data, numbered(*expected, 32));
            *expected += 1;
        }
        assert_eq!(far.closed().await, CloseReason::Done);
        sender.await.unwrap();
        sim.elapsed().saturating_sub(before)
    });
    // Measured: 700 s, a round trip for each of the ids that had to make room.
    assert!(took < Duration::from_secs(1_000), "{took:?}");
}

#[test]
fn two_thousand_senders_at_once_on_ids_of_their_own_all_get_through() {
    const IDS: u64 = 2_000;
    in_world(14, Link::lossy(0.02), |sim, world| async move {
        let (_a, acceptor, near, far) = world.pair().await;
        let mut senders = Vec::new();
        for id in 0..IDS {
            let session = near.clone();
            senders.push(sim.spawn(async move {
                for number in 0..5 {
                    let size = 50 + 1_000 * (id as usize % 3);
                    session
                        .send_on_stream(id, numbered(number, size))
                        .await
                        .unwrap();
                }
            }));
        }
        let mut next = vec![0_u32; IDS as usize];
        let mut receiver = acceptor.receive();
        for _ in 0..IDS * 5 {
            let packet = receiver.next().await.unwrap();
            let expected = &mut next[packet.stream_id as usize];
            assert_eq!(packet.data[..4], expected.to_be_bytes());
            *expected += 1;
        }
        for sender in senders {
            sender.await;
        }
        near.close().await.unwrap();
        assert_eq!(far.closed().await, CloseReason::Done);
    });
}

/// A sender that gives up leaves its message stream idle, and one that waits for room gets it.
#[test]
fn a_sender_that_gives_up_makes_room_for_one_that_waits() {
    in_world(15, Link::wan(), |sim, world| async move {
        let (_a, acceptor, near, _far) = world.pair().await;
        let mut stalled = Vec::new();
        for id in 0..1_024_u64 {
            let session = near.clone();
            let clock = sim.clone();
            stalled.push(sim.spawn(async move {
                for _ in 0..8 {
                    session.send_on_stream(id, vec![0; 936]).await.unwrap();
                }
                // No credit is left: this one is given up.
                let ninth = session.send_on_stream(id, vec![0; 936]);
                clock.timeout(Duration::from_secs(20), ninth).await
            }));
        }
        sim.sleep(Duration::from_secs(10)).await;
        let session = near.clone();
        let late = sim.spawn(async move { session.send_on_stream(5_000, "late").await });
        sim.sleep(Duration::from_secs(1)).await;
        let mut receiver = acceptor.receive();
        for task in stalled {
            assert!(task.await.is_err());
        }
        // All are idle now: one can be let go as soon as its messages are taken.
        for _ in 0..8 * 1_024 {
            receiver.next().await.unwrap();
        }
        let next = sim.timeout(Duration::from_secs(60), receiver.next()).await;
        let packet = next.expect("the late one gets through").unwrap();
        assert_eq!(packet.stream_id, 5_000);
        late.await.unwrap();
    });
}

fn numbered(number: u32, len: usize) -> Vec<u8> {
    let mut message = vec![number as u8; len];
    message[..4].copy_from_slice(&number.to_be_bytes());
    message
}

fn frame_type() -> UserFrameType {
    UserFrameType::try_from(0x80).unwrap()
}

async fn exchange_frames(near: &Session, far: &Session, count: u32) {
    let send = async {
        for number in 0..count {
            near.send_frame(frame_type(), numbered(number, 1_000))
                .await
                .unwrap();
        }
    };
    let receive = async {
        for number in 0..count {
            let frame = far.receive_frame().await.unwrap();
            assert_eq!(frame.payload, numbered(number, 1_000));
            assert_eq!(frame.delivery, Delivery::Reliable);
        }
    };
    tokio::join!(send, receive);
}

async fn transfer_messages(near: &Session, node: &Node, count: u32) {
    let send = async {
        for number in 0..count {
            near.send_on_stream(77, numbered(number, 1_000))
                .await
                .unwrap();
        }
    };
    let receive = async {
        let mut receiver = node.receive();
        for number in 0..count {
            let packet = receiver.next().await.unwrap();
            assert_eq!(
                (packet.stream_id, packet.data),
                (77, numbered(number, 1_000).into())
            );
        }
    };
    tokio::join!(send, receive);
}
