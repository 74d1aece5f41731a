//! Encoder and decoder between nodes: contexts, streams over sessions, and streams that are cut off.

#![allow(clippy::unwrap_used, reason = "a failed step is a failed test")]

mod support;

use std::time::Duration;

use bytes::Bytes;
use futures_util::Stream;
use stt::streaming::{DEFAULT_FLUSH_DELAY, DEFAULT_SEGMENT_SIZE, DecodeError, GapPolicy};
use stt::{BinaryStreamDecoder, BinaryStreamEncoder, Node, Segment, Session, UserFrameType};
use stt_sim::{Link, Sim};
use support::{World, payload};

#[test]
fn both_sides_of_a_session_share_its_contexts_and_nobody_else_has_them() {
    let world = World::new(1, Link::wan());
    let sim = world.sim.clone();
    sim.block_on(async {
        let (dialler, acceptor, near, far) = world.pair().await;
        let name = |session: &stt::Session, label: &str| session.context(label).keyed_hash(b"");
        assert_eq!(name(&near, "video"), name(&far, "video"));
        assert_ne!(name(&near, "video"), name(&near, "audio"));
        let second = acceptor.connect(support::address(2)).await.unwrap();
        assert_ne!(name(&near, "video"), name(&second, "video"));
        let group = world.group.context("video").unwrap();
        assert_ne!(name(&near, "video"), group.keyed_hash(b""));
        drop(dialler);
    });
    sim.shutdown();
}

const FRAME: usize = 5_000;
const EVERY: Duration = Duration::from_millis(33);

/// A frame each 33 ms that begins with its number.
fn camera(sim: &Sim, frames: u32) -> impl Stream<Item = Bytes> + Send + use<> {
    let (sim, start) = (sim.clone(), sim.now());
    futures_util::stream::unfold(0, move |number: u32| {
        let sim = sim.clone();
        async move {
            if number == frames {
                return None;
            }
            let due = start + EVERY * (number + 1);
            sim.sleep(due.saturating_duration_since(sim.now())).await;
            let mut frame = vec![7; FRAME];
            frame[..4].copy_from_slice(&number.to_be_bytes());
            Some((Bytes::from(frame), number + 1))
        }
    })
}

/// Hands a decoder every message of the node, until the node or the session is over.
async fn feed_from(node: Node, session: Session, feeder: stt::streaming::SegmentFeeder) {
    let mut receiver = node.receive();
    loop {
        let packet = tokio::select! {
            biased;
            packet = receiver.next() => packet,
            _ = session.closed() => None,
        };
        let Some(packet) = packet else { return };
        let segment = Segment::decode(packet.data).unwrap();
        feeder.ready().await;
        feeder
            .receive_segment(&segment, segment.sequence())
            .unwrap();
    }
}

#[test]
fn a_live_stream_comes_whole_and_in_time_for_a_minute() {
    const FRAMES: u32 = 1_800;
    let world = World::new(2, Link::wan());
    let sim = world.sim.clone();
    let mut delays = sim.block_on(async {
        let (_dialler, acceptor, near, far) = world.pair().await;
        let context = far.context("video");
        let mut decoder = BinaryStreamDecoder::builder(&context)
            .for_session(&far)
            .build();
        drop(sim.spawn(feed_from(acceptor.clone(), far.clone(), decoder.feeder())));
        let start = sim.now();
        let (video, session) = (camera(&sim, FRAMES), near.clone());
        let sending = sim.spawn(async move {
            let builder = BinaryStreamEncoder::builder(&session.context("video"));
            let mut encoder = builder.for_session(&session).live(video);
            while let Some(segment) = encoder.next().await {
                session.send_on_stream(1, segment.unwrap()).await.unwrap();
            }
            session.close().await
        });
        let (mut read, mut delays) = (Vec::new(), Vec::new());
        while let Some(piece) = decoder.next().await {
            read.extend_from_slice(&piece.unwrap());
            while read.len() >= FRAME {
                let number = u32::from_be_bytes(read[..4].try_into().unwrap());
                assert_eq!(number as usize, delays.len());
                read.drain(..FRAME);
                delays.push(
                    sim.now()
                        .saturating_duration_since(start + EVERY * (number + 1)),
                );
            }
        }
        sending.await.unwrap();
        assert_eq!((read.len(), delays.len()), (0, FRAMES as usize));
        assert_eq!(decoder.stats().held_bytes, 0);
        delays
    });
    sim.shutdown();
    delays.sort();
    let p99 = delays[delays.len() * 99 / 100];
    // The path's latency one way, the flush delay, and the time 5 KB take at 100 Mbit/s.
    let bound = Link::wan().latency + DEFAULT_FLUSH_DELAY + Duration::from_millis(2);
    assert!(p99 < bound, "{p99:?}");
}

#[test]
fn datagrams_that_are_lost_leave_gaps_that_are_told_and_late_bytes_never_come_wrong() {
    const FRAMES: u32 = 300;
    let world = World::new(
        3,
        Link {
            loss: 0.02,
            reorder: 0.05,
            ..Link::wan()
        },
    );
    let sim = world.sim.clone();
    sim.block_on(async {
        let (_dialler, _acceptor, near, far) = world.pair().await;
        let video = UserFrameType::try_from(0x80).unwrap();
        let decoder = BinaryStreamDecoder::builder(&far.context("video"))
            .gaps(GapPolicy::SkipAfter(Duration::from_millis(50)))
            .for_session(&far);
        let mut decoder = decoder.build();
        let feeder = decoder.feeder();
        let receiving = sim.spawn(async move {
            while let Ok(frame) = far.receive_frame().await {
                let segment = Segment::decode(frame.payload).unwrap();
                let _ = feeder.receive_segment(&segment, segment.sequence());
            }
        });
        let builder = BinaryStreamEncoder::builder(&near.context("video"));
        let mut encoder = builder.for_session(&near).live(camera(&sim, FRAMES));
        let sending = sim.spawn(async move {
            let mut sent = 0;
            while let Some(segment) = encoder.next().await {
                near.send_datagram(video, segment.unwrap()).unwrap();
                sent += 1;
            }
            // The last datagrams are on their way.
            sent
        });
        let (mut taken, mut lost) = (0, 0);
        let reading = async {
            while let Some(piece) = decoder.next().await {
                match piece {
                    Ok(_) => taken += 1,
                    Err(DecodeError::Gap { sequences }) => lost += sequences.end - sequences.start,
                    Err(error) => panic!("{error}"),
                }
            }
        };
        let _ = sim.timeout(Duration::from_secs(20), reading).await;
        let sent: u64 = sending.await;
        assert!(lost > 0, "the link loses");
        // All are accounted for, but what was lost at the very end, and the empty end itself.
        assert!(sent - (taken + lost) <= 10, "{sent} {taken} {lost}");
        assert_eq!(decoder.stats().lost, lost);
        drop(receiving);
    });
    sim.shutdown();
}

#[test]
fn a_sender_that_dies_in_mid_stream_leaves_a_truncated_stream() {
    let world = World::new(4, Link::wan());
    let sim = world.sim.clone();
    sim.block_on(async {
        let (_dialler, acceptor, near, far) = world.pair().await;
        let mut decoder = BinaryStreamDecoder::builder(&far.context("file"))
            .for_session(&far)
            .build();
        drop(sim.spawn(feed_from(acceptor.clone(), far.clone(), decoder.feeder())));
        let data = payload(4, 1 << 20);
        let builder = BinaryStreamEncoder::builder(&near.context("file")).for_session(&near);
        let mut encoder = builder.bounded(data.clone());
        for _ in 0..300 {
            let segment = encoder.next().await.unwrap().unwrap();
            near.send_on_stream(1, segment).await.unwrap();
        }
        sim.sleep(Duration::from_secs(1)).await;
        near.abort(1, "power cut");
        let DecodeError::Truncated { next, bytes } = decoder.receive_all().await.unwrap_err()
        else {
            panic!("not truncated");
        };
        assert_eq!(next, 300);
        assert!(bytes > 300 * 1_000 && bytes < data.len() as u64);
    });
    sim.shutdown();
}

#[test]
fn a_stream_encrypted_once_reaches_several_peers() {
    let world = World::new(5, Link::wan());
    let sim = world.sim.clone();
    sim.block_on(async {
        let source = world.node(1).await;
        let data = payload(5, 300_000);
        let context = world.group.context("video").unwrap();
        let mut reading = Vec::new();
        for host in 2..6 {
            let viewer = world.node(host).await;
            let session = viewer.connect(support::address(1)).await.unwrap();
            let decoder = BinaryStreamDecoder::builder(&context).for_session(&session);
            let mut decoder = decoder.build();
            drop(sim.spawn(feed_from(viewer, session, decoder.feeder())));
            reading.push(sim.spawn(async move { decoder.receive_all().await }));
        }
        for _ in 0..4 {
            source.accept().await.unwrap();
        }
        let platform = world.platform("encoder");
        let builder = BinaryStreamEncoder::builder(&context).platform(platform);
        let mut encoder = builder.bounded(data.clone());
        while let Some(segment) = encoder.next().await {
            for delivery in source.send_to_all(1, segment.unwrap()).await {
                delivery.outcome.unwrap();
            }
        }
        for viewer in reading {
            assert_eq!(viewer.await.unwrap(), data);
        }
    });
    sim.shutdown();
}

#[test]
fn segments_fit_the_datagrams_of_the_path() {
    for (mtu, follows) in [(1_228, false), (1_500, true)] {
        let world = World::new(6, Link { mtu, ..Link::wan() });
        let sim = world.sim.clone();
        sim.block_on(async {
            let (_dialler, _acceptor, near, _far) = world.pair().await;
            sim.sleep(Duration::from_secs(5)).await;
            let most = near.max_datagram_len().unwrap();
            assert!(DEFAULT_SEGMENT_SIZE <= most, "{most}");
            assert_eq!(most > 1_300, follows, "{most}");
            let builder = BinaryStreamEncoder::builder(&near.context("x")).for_session(&near);
            let mut encoder = builder.bounded(vec![0; 100_000]);
            let segment = encoder.next().await.unwrap().unwrap();
            assert_eq!(segment.bytes().len(), most);
            let video = UserFrameType::try_from(0x80).unwrap();
            near.send_datagram(video, segment).unwrap();
        });
        sim.shutdown();
    }
}
