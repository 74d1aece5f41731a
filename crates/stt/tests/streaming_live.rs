//! Live streams in virtual time: flushes, gaps, signatures, cancelled calls, and hours of running.

#![allow(clippy::unwrap_used, reason = "a failed step is a failed test")]

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use futures_util::StreamExt as _;
use stt::streaming::{DecodeError, DecoderBuilder, GapPolicy, Received, SegmentError};
use stt::{BinaryStreamDecoder, BinaryStreamEncoder, NodeSeed, Segment, StcContext};
use tokio::{
    sync::mpsc,
    time::{Instant, timeout},
};

fn context() -> StcContext {
    StcContext::from_seed(&[7; 32], "test")
}

/// A source that gives what is sent to it.
fn channel() -> (
    mpsc::UnboundedSender<Bytes>,
    impl futures_util::Stream<Item = Bytes> + Send,
) {
    let (sender, mut receiver) = mpsc::unbounded_channel();
    (
        sender,
        futures_util::stream::poll_fn(move |cx| receiver.poll_recv(cx)),
    )
}

fn identity(seed: u8) -> Arc<stt::stc::Identity> {
    Arc::new(NodeSeed::from_bytes([seed; 32]).identity())
}

async fn next(encoder: &mut BinaryStreamEncoder) -> Segment {
    encoder.next().await.unwrap().unwrap()
}

fn feed(decoder: &BinaryStreamDecoder, segment: &Segment) -> Result<Received, SegmentError> {
    decoder.receive_segment(segment, segment.sequence())
}

/// Segments of one byte each.
async fn of_single_bytes(data: &[u8], signer: Option<u8>, sign_every: usize) -> Vec<Segment> {
    let (sender, source) = channel();
    let mut builder = BinaryStreamEncoder::builder(&context()).flush_after(Duration::ZERO);
    if let Some(seed) = signer {
        builder = builder.signed_by(identity(seed)).sign_every(sign_every);
    }
    let mut encoder = builder.live(source);
    let mut segments = Vec::new();
    for byte in data {
        sender.send(Bytes::copy_from_slice(&[*byte])).unwrap();
        while let Ok(segment) = timeout(Duration::from_millis(1), encoder.next()).await {
            segments.push(segment.unwrap().unwrap());
        }
    }
    drop(sender);
    while let Some(segment) = encoder.next().await {
        segments.push(segment.unwrap());
    }
    segments
}

fn skipping() -> DecoderBuilder {
    let policy = GapPolicy::SkipAfter(Duration::from_millis(100));
    BinaryStreamDecoder::builder(&context()).gaps(policy)
}

#[tokio::test(start_paused = true)]
async fn a_source_that_pauses_is_held_back_for_the_delay_and_no_longer() {
    for (delay, waited) in [(5, 5), (0, 0), (200, 200)] {
        let (sender, source) = channel();
        let delay = Duration::from_millis(delay);
        let mut encoder = BinaryStreamEncoder::builder(&context())
            .flush_after(delay)
            .live(source);
        sender.send(Bytes::from_static(b"first")).unwrap();
        let start = Instant::now();
        let segment = next(&mut encoder).await;
        assert_eq!(start.elapsed().as_millis(), waited);
        assert_eq!(segment.bytes().len(), 5 + 43);
        assert!(!segment.is_last());
        drop(sender);
        assert!(next(&mut encoder).await.is_last());
    }
}

#[tokio::test(start_paused = true)]
async fn each_live_segment_can_be_read_before_the_next_exists() {
    let (sender, source) = channel();
    let mut encoder = BinaryStreamEncoder::live(source, &context());
    let mut decoder = BinaryStreamDecoder::new(&context());
    for number in 0..100_u32 {
        let frame = Bytes::copy_from_slice(&number.to_be_bytes());
        sender.send(frame.clone()).unwrap();
        feed(&decoder, &next(&mut encoder).await).unwrap();
        assert_eq!(decoder.next().await.unwrap().unwrap(), frame);
    }
    drop(sender);
    feed(&decoder, &next(&mut encoder).await).unwrap();
    assert!(decoder.next().await.is_none());
}

#[tokio::test(start_paused = true)]
async fn a_cancelled_call_loses_nothing_on_either_side() {
    let (sender, source) = channel();
    let builder = BinaryStreamEncoder::builder(&context());
    let mut encoder = builder.flush_after(Duration::from_millis(50)).live(source);
    let mut decoder = BinaryStreamDecoder::new(&context());
    sender.send(Bytes::from_static(b"kept ")).unwrap();
    // Ten cancelled calls within the delay do not begin it anew.
    for _ in 0..10 {
        assert!(
            timeout(Duration::from_millis(4), encoder.next())
                .await
                .is_err()
        );
    }
    sender.send(Bytes::from_static(b"whole")).unwrap();
    let start = Instant::now();
    let segment = next(&mut encoder).await;
    assert!(start.elapsed() <= Duration::from_millis(11));
    for _ in 0..10 {
        assert!(
            timeout(Duration::from_millis(4), decoder.next())
                .await
                .is_err()
        );
    }
    feed(&decoder, &segment).unwrap();
    assert_eq!(decoder.next().await.unwrap().unwrap(), "kept whole");
    let feeder = decoder.feeder();
    assert!(
        timeout(Duration::from_secs(1), decoder.receive_all())
            .await
            .is_err()
    );
    sender.send(Bytes::from_static(b" end")).unwrap();
    drop(sender);
    let last = next(&mut encoder).await;
    feeder.receive_segment(&last, 1).unwrap();
    assert_eq!(decoder.receive_all().await.unwrap(), " end");
}

#[tokio::test(start_paused = true)]
async fn a_gap_is_skipped_at_the_deadline_and_told_in_its_place() {
    let segments = of_single_bytes(b"abcdef", None, 0).await;
    let mut decoder = skipping().build();
    feed(&decoder, &segments[0]).unwrap();
    feed(&decoder, &segments[3]).unwrap();
    assert_eq!(decoder.next().await.unwrap().unwrap(), "a");
    let start = Instant::now();
    let gap = DecodeError::Gap { sequences: 1..3 };
    assert_eq!(decoder.next().await.unwrap(), Err(gap));
    assert_eq!(start.elapsed().as_millis(), 100);
    assert_eq!(decoder.next().await.unwrap().unwrap(), "d");
    assert_eq!(
        feed(&decoder, &segments[2]),
        Err(SegmentError::TooLate { sequence: 2 })
    );
    assert_eq!(
        feed(&decoder, &segments[0]),
        Err(SegmentError::Duplicate { sequence: 0 })
    );
    for segment in &segments[4..] {
        feed(&decoder, segment).unwrap();
    }
    assert_eq!(decoder.next().await.unwrap().unwrap(), "e");
    assert_eq!(decoder.next().await.unwrap().unwrap(), "f");
    assert!(decoder.next().await.is_none());
    assert_eq!(decoder.stats().lost, 2);
}

#[tokio::test(start_paused = true)]
async fn a_late_segment_within_the_deadline_closes_the_gap() {
    let segments = of_single_bytes(b"abc", None, 0).await;
    let mut decoder = skipping().build();
    for sequence in [0, 2, 3] {
        feed(&decoder, &segments[sequence]).unwrap();
    }
    assert_eq!(decoder.next().await.unwrap().unwrap(), "a");
    assert!(
        timeout(Duration::from_millis(99), decoder.next())
            .await
            .is_err()
    );
    feed(&decoder, &segments[1]).unwrap();
    assert_eq!(decoder.receive_all().await.unwrap(), "bc");
}

#[tokio::test(start_paused = true)]
async fn without_a_deadline_a_gap_is_waited_for() {
    let segments = of_single_bytes(b"abc", None, 0).await;
    let mut decoder = BinaryStreamDecoder::new(&context());
    feed(&decoder, &segments[1]).unwrap();
    assert!(
        timeout(Duration::from_secs(86_400), decoder.next())
            .await
            .is_err()
    );
    feed(&decoder, &segments[0]).unwrap();
    assert_eq!(decoder.next().await.unwrap().unwrap(), "a");
}

#[tokio::test(start_paused = true)]
async fn only_what_the_signer_signed_is_given_out() {
    let signed = of_single_bytes(b"abcdefgh", Some(1), 64).await;
    let build = |seed| BinaryStreamDecoder::builder(&context()).signer(identity(seed).node_id());
    let mut decoder = build(1).build();
    for segment in &signed {
        feed(&decoder, segment).unwrap();
    }
    assert_eq!(decoder.receive_all().await.unwrap(), "abcdefgh");
    // Whoever does not ask, reads it too.
    let mut trusting = BinaryStreamDecoder::new(&context());
    for segment in &signed {
        feed(&trusting, segment).unwrap();
    }
    assert_eq!(trusting.receive_all().await.unwrap(), "abcdefgh");
    let other = build(2).build();
    let bad = SegmentError::BadSignature { sequence: 0 };
    assert_eq!(feed(&other, &signed[0]), Err(bad));
    assert_eq!(other.stream_id(), None);
    let unsigned = of_single_bytes(b"a", None, 0).await;
    assert_eq!(feed(&other, &unsigned[0]), Err(SegmentError::Unsigned));
}

#[tokio::test(start_paused = true)]
async fn signed_data_wait_for_the_signature_that_covers_them() {
    let (sender, source) = channel();
    let builder = BinaryStreamEncoder::builder(&context()).segment_size(1_140);
    let mut encoder = builder.signed_by(identity(1)).sign_every(4).live(source);
    let signer = identity(1).node_id();
    let mut decoder = BinaryStreamDecoder::builder(&context())
        .signer(signer)
        .build();
    sender.send(vec![7; 1_097 * 4].into()).unwrap();
    for _ in 0..5 {
        feed(&decoder, &next(&mut encoder).await).unwrap();
        assert!(timeout(Duration::ZERO, decoder.next()).await.is_err());
    }
    feed(&decoder, &next(&mut encoder).await).unwrap();
    for _ in 0..4 {
        assert_eq!(decoder.next().await.unwrap().unwrap(), vec![7; 1_097]);
    }
    // A pause is signed too: nobody waits for a block to fill.
    sender.send("x".into()).unwrap();
    for _ in 0..2 {
        feed(&decoder, &next(&mut encoder).await).unwrap();
    }
    assert_eq!(decoder.next().await.unwrap().unwrap(), "x");
}

#[tokio::test(start_paused = true)]
async fn a_lost_segment_leaves_the_others_provable_and_a_lost_signature_takes_what_it_covers() {
    // 0 signature, 1 data, 2 signature, 3 data, 4 signature, ...
    let segments = of_single_bytes(b"abcd", Some(1), 1).await;
    assert_eq!(segments.len(), 10);
    let read = |lost: &'static [u64]| {
        let decoder = skipping().signer(identity(1).node_id()).build();
        for segment in segments
            .iter()
            .filter(|segment| !lost.contains(&segment.sequence()))
        {
            feed(&decoder, segment).unwrap();
        }
        decoder.end_input();
        decoder
            .map(|piece| match piece {
                Ok(data) => String::from_utf8(data.to_vec()).unwrap(),
                Err(DecodeError::Gap { sequences }) => format!("[{sequences:?}]"),
                Err(error) => error.to_string(),
            })
            .collect::<String>()
    };
    assert_eq!(read(&[]).await, "abcd");
    assert_eq!(read(&[3]).await, "a[3..4]cd");
    assert_eq!(read(&[4]).await, "a[3..5]cd");
    assert_eq!(read(&[3, 4]).await, "a[3..5]cd");
    let cut = read(&[9]).await;
    assert_eq!(
        cut,
        "abcdstream was cut off before segment 9, after 4 bytes"
    );
}

#[tokio::test(start_paused = true)]
async fn signatures_follow_within_a_long_stream_of_any_segment_size() {
    let data: Vec<u8> = (0..300_000_u32).map(|i| (i * 31 % 251) as u8).collect();
    for size in [256, 1_140, 20_000] {
        let builder = BinaryStreamEncoder::builder(&context()).segment_size(size);
        let mut encoder = builder.signed_by(identity(1)).bounded(data.clone());
        let signer = identity(1).node_id();
        let mut decoder = BinaryStreamDecoder::builder(&context())
            .signer(signer)
            .build();
        while let Some(segment) = encoder.next().await {
            let segment = segment.unwrap();
            assert!(segment.bytes().len() <= size);
            feed(&decoder, &segment).unwrap();
        }
        assert_eq!(decoder.length(), Some(300_000));
        assert_eq!(decoder.receive_all().await.unwrap(), data);
    }
}

/// Nine hours of video at 30 frames a second, a frame a segment; one in a hundred is lost, one in
/// fifty comes late.
#[tokio::test(start_paused = true)]
async fn a_million_live_segments_are_held_in_flat_memory() {
    const SEGMENTS: u64 = 1_000_000;
    let (sender, source) = channel();
    let builder = BinaryStreamEncoder::builder(&context()).flush_after(Duration::ZERO);
    let mut encoder = builder.live(source);
    let mut decoder = skipping().build();
    let (mut most_segments, mut most_bytes, mut read, mut late) = (0, 0, 0_u64, None);
    for number in 0..SEGMENTS {
        sender.send(Bytes::from_static(b"a frame")).unwrap();
        let segment = next(&mut encoder).await;
        tokio::time::advance(Duration::from_millis(33)).await;
        if let Some(late) = late.take() {
            feed(&decoder, &late).unwrap();
        }
        match number {
            number if number % 100 == 0 => {}
            number if number % 50 == 25 => late = Some(segment),
            _ => drop(feed(&decoder, &segment).unwrap()),
        }
        while let Ok(Some(piece)) = timeout(Duration::ZERO, decoder.next()).await {
            match piece {
                Ok(_) => read += 1,
                Err(DecodeError::Gap { sequences }) => read += sequences.end - sequences.start,
                Err(error) => panic!("{error}"),
            }
        }
        let stats = decoder.stats();
        most_segments = most_segments.max(stats.held_segments);
        most_bytes = most_bytes.max(stats.held_bytes);
    }
    assert!(SEGMENTS - read < 10, "{read}");
    assert_eq!(decoder.stats().lost, SEGMENTS / 100);
    assert!(
        most_segments <= 10 && most_bytes <= 4_096,
        "{most_segments} {most_bytes}"
    );
}
