//! How sessions and streams end, and that both sides know how.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a failed step is a failed test"
)]

mod support;

use std::time::Duration;

use bytes::Bytes;
use stt::{
    By, CloseReason, Limits, Node, ReadError, ReadToEndError, SendError, Session, SessionError,
    UserFrameType, WriteError,
};
use stt_sim::Link;
use support::{address, in_world, next_hop, payload, target};

const MIB: usize = 1 << 20;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Closer {
    Dialler,
    Acceptor,
    Both,
}

#[test]
fn an_orderly_end_by_either_side_or_both_delivers_all_over_a_path_that_loses_a_tenth() {
    for (seed, closer) in [Closer::Dialler, Closer::Acceptor, Closer::Both]
        .into_iter()
        .cycle()
        .take(12)
        .enumerate()
    {
        in_world(seed as u64, Link::lossy(0.1), |sim, world| async move {
            let (a, b, near, far) = world.pair().await;
            tokio::join!(produce(&near), produce(&far));
            let reading = [(a, near.clone()), (b, far.clone())].map(|(node, session)| {
                let clock = sim.clone();
                sim.spawn(async move {
                    clock.sleep(Duration::from_millis(100)).await;
                    consume(&node, &session).await;
                })
            });
            let end = async |session: &Session, closes: bool| {
                if closes {
                    session.close().await.unwrap();
                }
                assert_eq!(session.closed().await, CloseReason::Done, "{closer:?}");
            };
            tokio::join!(
                end(&near, closer != Closer::Acceptor),
                end(&far, closer != Closer::Dialler)
            );
            for task in reading {
                task.await;
            }
        });
    }
}

const STREAM_BYTES: usize = 200_000;
const MESSAGES: u32 = 100;
const FRAMES: u32 = 30;

/// Begins a little of everything; all of it may still be on its way when this returns.
async fn produce(session: &Session) {
    let mut send = session.open_uni().await.unwrap();
    send.write_bytes(payload(1, STREAM_BYTES).into())
        .await
        .unwrap();
    send.finish().unwrap();
    for number in 0..MESSAGES {
        let id = u64::from(number % 7);
        session
            .send_on_stream(id, number.to_be_bytes().to_vec())
            .await
            .unwrap();
    }
    for number in 0..FRAMES {
        session
            .send_frame(frame_type(), number.to_be_bytes().to_vec())
            .await
            .unwrap();
    }
}

async fn consume(node: &Node, session: &Session) {
    let mut recv = session.accept_uni().await.unwrap();
    let whole = recv.read_to_end(STREAM_BYTES).await.unwrap();
    assert!(whole == payload(1, STREAM_BYTES));
    let mut next: Vec<u32> = (0..7).collect();
    let mut receiver = node.receive();
    for _ in 0..MESSAGES {
        let packet = receiver.next().await.unwrap();
        let expected = &mut next[packet.stream_id as usize];
        assert_eq!(packet.data[..], expected.to_be_bytes());
        *expected += 7;
    }
    for number in 0..FRAMES {
        let frame = session.receive_frame().await.unwrap();
        assert_eq!(frame.payload[..], number.to_be_bytes());
    }
}

#[test]
fn close_waits_for_a_peer_that_consumes_nothing_and_abort_ends_it_for_both() {
    for what in 0..3 {
        in_world(20 + what, Link::wan(), |sim, world| async move {
            let (_a, _b, near, far) = world.pair().await;
            match what {
                0 => near.send_on_stream(1, "never taken").await.unwrap(),
                1 => near.send_frame(frame_type(), "never taken").await.unwrap(),
                _ => {
                    let mut send = near.open_uni().await.unwrap();
                    send.write_all(b"never taken").await.unwrap();
                    send.finish().unwrap();
                }
            }
            let patience = Duration::from_secs(120);
            assert!(sim.timeout(patience, near.close()).await.is_err());
            assert!(!near.is_closed() && !far.is_closed());
            near.abort(5, "enough");
            let aborted = |by| CloseReason::Aborted {
                by,
                code: 5,
                reason: Bytes::from_static(b"enough"),
            };
            assert_eq!(near.close().await, Err(aborted(By::Us)));
            assert_eq!(far.closed().await, aborted(By::Peer));
        });
    }
}

#[test]
fn an_abort_tells_the_other_side_any_code_and_a_reason() {
    for code in [0, 1, u32::MAX] {
        in_world(30, Link::lossy(0.05), |_, world| async move {
            let (_a, _b, near, far) = world.pair().await;
            far.abort(code, "why not");
            let reason = Bytes::from_static(b"why not");
            let seen = CloseReason::Aborted {
                by: By::Peer,
                code,
                reason,
            };
            assert_eq!(near.closed().await, seen);
            let refused = near.send_on_stream(1, "x").await.unwrap_err();
            assert_eq!(refused, SendError::Closed(seen.clone()));
            assert_eq!(
                near.open_stream().await.unwrap_err(),
                SessionError::Closed(seen)
            );
        });
    }
}

#[test]
fn nothing_is_taken_after_an_abort() {
    in_world(31, Link::wan(), |_, world| async move {
        let (_a, _b, near, _far) = world.pair().await;
        near.abort(1, "");
        let refused = near.send_on_stream(1, "x").await;
        assert!(matches!(refused, Err(SendError::Closed(_))), "{refused:?}");
        assert!(near.is_closed());
    });
}

/// Wherever the cut comes: a side that says all is well must be right.
#[test]
fn a_cut_at_any_moment_of_an_orderly_end_is_never_taken_for_a_good_one() {
    let mut outcomes = Vec::new();
    // What goes through a relay takes twice as long.
    let slower = if support::WAY == support::Way::Relay {
        2
    } else {
        1
    };
    for moment in (0..400).step_by(5).map(|moment| moment * slower) {
        let good = in_world(moment, Link::wan(), |sim, world| async move {
            let (_a, b, near, far) = world.pair().await;
            let mut send = near.open_uni().await.unwrap();
            send.write_bytes(payload(1, MIB).into()).await.unwrap();
            send.finish().unwrap();
            near.send_on_stream(1, "last").await.unwrap();
            let reader = far.clone();
            let reading = sim.spawn(async move {
                let mut recv = reader.accept_uni().await.ok()?;
                let whole = recv.read_to_end(MIB).await.ok()?;
                assert!(whole == payload(1, MIB));
                let packet = b.receive().next().await?;
                assert_eq!(&packet.data[..], b"last");
                Some(())
            });
            let closing = sim.spawn(async move { near.close().await });
            sim.sleep(Duration::from_millis(moment)).await;
            world.net.kill(address(2));
            let (here, there) = (closing.await, far.closed().await);
            let consumed = sim
                .timeout(Duration::from_secs(1), reading)
                .await
                .ok()
                .flatten();
            if here.is_ok() || there == CloseReason::Done {
                assert!(consumed.is_some(), "{moment} ms: {here:?}, {there:?}");
            }
            if consumed.is_none() {
                assert!(here.is_err() && there != CloseReason::Done);
            }
            here.is_ok()
        });
        outcomes.push(good);
    }
    assert!(outcomes.contains(&true) && outcomes.contains(&false));
}

#[test]
fn a_stream_dropped_unfinished_is_never_taken_for_a_whole_one() {
    in_world(40, Link::wan(), |_, world| async move {
        let (_a, _b, near, far) = world.pair().await;
        let mut send = near.open_uni().await.unwrap();
        send.write_all(b"half").await.unwrap();
        let mut recv = far.accept_uni().await.unwrap();
        let mut buf = [0; 4];
        assert_eq!(recv.read(&mut buf).await.unwrap(), 4);
        drop(send);
        let end = recv.read_to_end(100).await.unwrap_err();
        assert_eq!(end, ReadToEndError::Read(ReadError::Reset { code: None }));
        near.close().await.unwrap();
    });
}

#[test]
fn a_reset_and_a_stop_carry_the_applications_code() {
    in_world(41, Link::wan(), |_, world| async move {
        let (_a, _b, near, far) = world.pair().await;
        let (mut send, recv) = near.open_stream().await.unwrap();
        send.write_all(b"x").await.unwrap();
        let (mut back, mut from) = far.accept_stream().await.unwrap();
        send.reset(u32::MAX);
        recv.stop(7);
        let mut buf = [0; 4];
        let reset = loop {
            match from.read(&mut buf).await {
                Ok(read) => assert_ne!(read, 0),
                Err(error) => break error,
            }
        };
        assert_eq!(
            reset,
            ReadError::Reset {
                code: Some(u32::MAX)
            }
        );
        assert_eq!(
            back.delivered().await,
            Err(WriteError::Stopped { code: Some(7) })
        );
        let stopped = back.write(b"y").await.unwrap_err();
        assert_eq!(stopped, WriteError::Stopped { code: Some(7) });
        drop(back);
        far.close().await.unwrap();
    });
}

#[test]
fn a_reader_that_is_dropped_stops_a_writer_of_large_and_of_small_pieces() {
    for piece in [100, 100_000] {
        in_world(42, Link::wan(), |sim, world| async move {
            let (_a, _b, near, far) = world.pair().await;
            let mut send = near.open_uni().await.unwrap();
            let writer = sim.spawn(async move {
                loop {
                    if let Err(error) = send.write_all(&vec![0; piece]).await {
                        return error;
                    }
                }
            });
            let recv = far.accept_uni().await.unwrap();
            sim.sleep(Duration::from_secs(5)).await;
            assert!(!writer.is_finished());
            drop(recv);
            let stopped = sim.timeout(Duration::from_secs(5), writer).await.unwrap();
            assert_eq!(stopped, WriteError::Stopped { code: None });
            near.close().await.unwrap();
        });
    }
}

#[test]
fn nothing_begins_after_close_and_what_was_begun_goes_on() {
    in_world(43, Link::wan(), |sim, world| async move {
        let (_a, _b, near, far) = world.pair().await;
        let mut send = near.open_uni().await.unwrap();
        let mut recv = far.accept_uni().await.unwrap();
        let closer = near.clone();
        let closing = sim.spawn(async move { closer.close().await });
        sim.sleep(Duration::from_secs(1)).await;
        assert_eq!(near.open_uni().await.unwrap_err(), SessionError::Closing);
        assert_eq!(
            near.send_on_stream(1, "x").await.unwrap_err(),
            SendError::Closing
        );
        assert_eq!(
            near.send_frame(frame_type(), "x").await.unwrap_err(),
            SendError::Closing
        );
        send.write_bytes(payload(1, MIB).into()).await.unwrap();
        send.finish().unwrap();
        assert!(recv.read_to_end(MIB).await.unwrap() == payload(1, MIB));
        closing.await.unwrap();
        assert_eq!(far.closed().await, CloseReason::Done);
    });
}

/// The opener waits for the peer to allow one more stream while the end begins.
#[test]
fn a_stream_that_was_being_opened_when_the_end_began_is_refused_or_delivered() {
    in_world(44, Link::wan(), |sim, world| async move {
        let mut limits = Limits::default();
        limits.streams = 1;
        let (_a, _b, near, far) = world.pair_with(limits).await;
        // One for the application, as many as endpoints may take, and one for a relay.
        let mut opened = Vec::new();
        for _ in 0..258 {
            opened.push(near.open_stream().await.unwrap().0);
        }
        let opener = near.clone();
        let late = sim.spawn(async move {
            let (mut send, back) = opener.open_stream().await.ok()?;
            drop(back);
            send.write_all(b"late").await.ok()?;
            send.finish().ok()
        });
        sim.sleep(Duration::from_secs(1)).await;
        assert!(!late.is_finished());
        let closer = near.clone();
        let closing = sim.spawn(async move { closer.close().await });
        sim.sleep(Duration::from_secs(1)).await;
        for mut send in opened {
            send.finish().unwrap();
        }
        let reader = far.clone();
        let reading = sim.spawn(async move {
            let mut whole = Vec::new();
            while let Ok((_, mut recv)) = reader.accept_stream().await {
                whole.extend(recv.read_to_end(100).await.unwrap_or_default());
            }
            whole
        });
        let was_taken = late.await.is_some();
        let was_done = closing.await.is_ok();
        let delivered = reading.await == b"late";
        assert!(
            !(was_taken && was_done) || delivered,
            "taken, done, and not delivered"
        );
    });
}

#[test]
fn a_shutdown_flushes_what_is_taken_and_reports_who_was_cut_off_at_the_limit() {
    in_world(45, Link::wan(), |sim, world| async move {
        let node = world.node(1).await;
        let (good, bad) = (world.node(2).await, world.node(3).await);
        let to_good = node.connect(target(2)).await.unwrap();
        let to_bad = node.connect(target(3)).await.unwrap();
        let (from_good, from_bad) = (good.accept().await.unwrap(), bad.accept().await.unwrap());
        for number in 0..1_000_u32 {
            let message = number.to_be_bytes().to_vec();
            to_good
                .send_on_stream(u64::from(number), message)
                .await
                .unwrap();
        }
        to_bad.send_on_stream(1, "never taken").await.unwrap();
        let reading = sim.spawn(async move {
            let mut receiver = good.receive();
            for _ in 0..1_000 {
                receiver.next().await.unwrap();
            }
        });
        let before = sim.elapsed();
        let cut_off = node.shutdown(Duration::from_secs(5)).await;
        let took = sim.elapsed().saturating_sub(before);
        assert!(took < Duration::from_secs(7), "{took:?}");
        let by_us = CloseReason::ShutDown { by: By::Us };
        // A session with a relay is one of the node's too.
        let mut of_these = cut_off;
        of_these.retain(|(id, _)| [to_good.id(), to_bad.id()].contains(id));
        assert_eq!(of_these, [(to_bad.id(), by_us)]);
        reading.await;
        assert_eq!(from_good.closed().await, CloseReason::Done);
        let by_peer = CloseReason::ShutDown { by: By::Peer };
        assert_eq!(from_bad.closed().await, by_peer);
    });
}

#[test]
fn a_session_that_hears_nothing_for_the_idle_timeout_is_over_on_both_sides() {
    in_world(46, Link::wan(), |sim, world| async move {
        let (_a, _b, near, far) = world.pair().await;
        sim.sleep(Duration::from_secs(300)).await;
        assert!(!near.is_closed() && !far.is_closed(), "it was only idle");
        world.net.partition(next_hop(), address(2));
        let before = sim.elapsed();
        let ends = tokio::join!(near.closed(), far.closed());
        assert_eq!(ends, (CloseReason::IdleTimeout, CloseReason::IdleTimeout));
        let took = sim.elapsed().saturating_sub(before);
        // The idle timeout begins anew with the first keep-alive that gets no answer.
        assert!(took <= Duration::from_secs(41), "{took:?}");
    });
}

fn frame_type() -> UserFrameType {
    UserFrameType::try_from(0x80).unwrap()
}

/// The control stream counts among the streams that CLOSING speaks of.
#[test]
fn a_session_closed_the_moment_it_was_opened_ends_in_order() {
    for seed in 0..20 {
        in_world(100 + seed, Link::lan(), |_, world| async move {
            let acceptor = world.node(1).await;
            let dialler = world.node(2).await;
            let session = dialler.connect(target(1)).await.unwrap();
            session.close().await.unwrap();
            let seen = acceptor.accept().await.unwrap();
            assert_eq!(seen.closed().await, CloseReason::Done);
        });
    }
}
