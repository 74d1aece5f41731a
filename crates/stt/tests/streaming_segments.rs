//! Encoder and decoder alone: orders, duplicates, losses, tampering, bounds and ends.

#![allow(clippy::unwrap_used, reason = "a failed step is a failed test")]

#[path = "support/segments.rs"]
mod segments;

use segments::{all, builder, bytes, context, shuffle};
use stt::streaming::{DecodeError, EncodeError, OpenSegmentError, Received, SegmentError};
use stt::{BinaryStreamDecoder, BinaryStreamEncoder, Segment, StcContext};
use tokio::io::AsyncReadExt as _;

async fn bounded(data: &[u8], size: usize) -> Vec<Segment> {
    let builder = BinaryStreamEncoder::builder(&context()).segment_size(size);
    all(builder.bounded(data.to_vec())).await
}

fn feed(decoder: &BinaryStreamDecoder, segment: &Segment) -> Result<Received, SegmentError> {
    decoder.receive_segment(segment, segment.sequence())
}

#[tokio::test]
async fn a_thousand_segments_in_random_order_with_duplicates_decode_to_equal_bytes() {
    let data = bytes(1_000 * 1_097 - 8 - 500);
    let mut segments = bounded(&data, 1_140).await;
    assert_eq!(segments.len(), 1_000);
    let again: Vec<_> = segments.iter().step_by(10).cloned().collect();
    segments.extend(again);
    shuffle(&mut segments, 1);
    let mut decoder = builder().build();
    let mut duplicates = 0;
    for segment in &segments {
        match feed(&decoder, segment) {
            Ok(_) => {}
            Err(SegmentError::Duplicate { sequence }) => {
                assert_eq!(sequence, segment.sequence());
                duplicates += 1;
            }
            Err(error) => panic!("{error}"),
        }
    }
    assert_eq!((duplicates, decoder.stats().duplicates), (100, 100));
    assert_eq!(decoder.length(), Some(data.len() as u64));
    assert_eq!(decoder.receive_all().await.unwrap(), data);
    assert_eq!(decoder.stats().held_bytes, 0);
}

#[tokio::test]
async fn a_missing_segment_is_reported_and_may_come_later() {
    let data = bytes(10_000);
    let segments = bounded(&data, 1_140).await;
    let mut decoder = builder().build();
    for segment in segments.iter().filter(|segment| segment.sequence() != 4) {
        feed(&decoder, segment).unwrap();
    }
    let lost = DecodeError::Lost { sequences: 4..5 };
    assert_eq!(decoder.receive_all().await, Err(lost));
    assert_eq!(feed(&decoder, &segments[4]), Ok(Received::InOrder));
    assert_eq!(decoder.receive_all().await.unwrap(), data);
}

#[tokio::test]
async fn a_stream_that_is_cut_off_is_told_from_one_with_a_hole() {
    let data = bytes(10_000);
    let segments = bounded(&data, 1_140).await;
    for end in 0..segments.len() {
        let mut decoder = builder().build();
        for segment in &segments[..end] {
            feed(&decoder, segment).unwrap();
        }
        let truncated = DecodeError::Truncated {
            next: end as u64,
            bytes: (end * 1_097).saturating_sub(8) as u64,
        };
        assert_eq!(decoder.receive_all().await, Err(truncated));
    }
}

#[tokio::test]
async fn garbage_of_any_length_is_an_error_and_nothing_is_kept() {
    let mut decoder = builder().build();
    let garbage = bytes(64 * 1_024 + 1);
    let segment = &bounded(b"data", 1_140).await[0];
    let mut lookalike = segment.bytes().to_vec();
    lookalike.resize(64 * 1_024 + 1, 7);
    for len in (0..300)
        .chain((300..64 * 1_024).step_by(997))
        .chain([64 * 1_024])
    {
        let is_whole = len == segment.bytes().len();
        for source in [&garbage, if is_whole { &garbage } else { &lookalike }] {
            let refused = decoder.receive_segment(&source[..len], 0);
            assert!(matches!(refused, Err(SegmentError::Refused(_))), "{len}");
        }
    }
    let stats = decoder.stats();
    assert_eq!((stats.held_segments, stats.held_bytes), (0, 0));
    assert_eq!(decoder.stream_id(), None);
    feed(&decoder, segment).unwrap();
    assert_eq!(decoder.receive_all().await.unwrap(), "data");
}

#[tokio::test]
async fn tampering_replay_foreign_streams_and_wrong_numbers_are_told_apart() {
    let (ours, theirs) = (bounded(b"ours", 300).await, bounded(b"theirs", 300).await);
    let decoder = builder().build();
    let refused = |segment: &[u8], sequence| match decoder.receive_segment(segment, sequence) {
        Err(SegmentError::Refused(error)) => error,
        other => panic!("{other:?}"),
    };
    let segment = &ours[0];
    let mismatch = OpenSegmentError::SequenceMismatch {
        claimed: 3,
        sealed: 0,
    };
    assert_eq!(refused(segment.as_ref(), 3), mismatch);
    feed(&decoder, segment).unwrap();
    assert_eq!(
        feed(&decoder, segment),
        Err(SegmentError::Duplicate { sequence: 0 })
    );
    let foreign = OpenSegmentError::ForeignStream {
        expected: segment.stream_id().unwrap(),
        actual: theirs[0].stream_id().unwrap(),
    };
    assert_eq!(refused(theirs[0].as_ref(), 0), foreign);
    let mut tampered = segment.bytes().to_vec();
    tampered[30] ^= 1;
    assert_eq!(refused(&tampered, 0), OpenSegmentError::NotAuthentic);
    let elsewhere = BinaryStreamDecoder::new(&StcContext::from_seed(&[8; 32], "test"));
    let refused = elsewhere.receive_segment(segment, 0);
    assert_eq!(refused, Err(OpenSegmentError::NotAuthentic.into()));
    let pinned = BinaryStreamDecoder::pinned(&context(), theirs[0].stream_id().unwrap()).build();
    assert!(matches!(
        feed(&pinned, segment),
        Err(SegmentError::Refused(
            OpenSegmentError::ForeignStream { .. }
        ))
    ));
    feed(&pinned, &theirs[0]).unwrap();
}

#[tokio::test]
async fn every_kind_of_source_gives_the_same_bytes() {
    let data = bytes(100_000);
    let pieces = |len: usize| {
        let pieces: Vec<_> = data
            .chunks(len)
            .map(bytes::Bytes::copy_from_slice)
            .collect();
        futures_util::stream::iter(pieces)
    };
    let tried = |len| futures_util::StreamExt::map(pieces(len), Ok);
    let make = || BinaryStreamEncoder::builder(&context());
    let length = data.len() as u64;
    let reader = || std::io::Cursor::new(data.clone());
    for encoder in [
        make().bounded(data.clone()),
        make().bounded_reader(reader(), length),
        make().bounded_stream(tried(7_001), length),
        make().live(pieces(33)),
        make().live(pieces(7_001)),
        make().live_try_stream(tried(1_097)),
        make().live_reader(reader()),
        make().segment_size(65_579).live_reader(reader()),
        make().segment_size(5_000_000).bounded(data.clone()),
    ] {
        let mut decoder = builder().build();
        let id = encoder.stream_id();
        for segment in all(encoder).await {
            assert!(segment.bytes().len() <= 1_140 || segment.bytes().len() > 2_000);
            feed(&decoder, &segment).unwrap();
        }
        assert_eq!(decoder.stream_id(), Some(id));
        assert_eq!(decoder.receive_all().await.unwrap(), data);
    }
}

#[tokio::test]
async fn sizes_around_the_edges_of_a_segment_come_whole() {
    for len in [
        0, 1, 1_088, 1_089, 1_090, 1_097, 2_185, 2_186, 2_187, 65_535, 65_536, 65_537,
    ] {
        let data = bytes(len);
        for segment_size in [256, 1_140, 65_579] {
            let segments = bounded(&data, segment_size).await;
            assert_eq!(
                segments.iter().filter(|segment| segment.is_last()).count(),
                1
            );
            let mut decoder = builder().build();
            for segment in &segments {
                feed(&decoder, segment).unwrap();
            }
            assert_eq!(decoder.receive_all().await.unwrap(), data, "{len}");
        }
    }
}

#[tokio::test]
async fn a_source_that_gives_more_or_less_than_announced_is_an_error() {
    let error = |data: &'static [u8], length| async move {
        let mut encoder = BinaryStreamEncoder::builder(&context()).bounded_reader(data, length);
        while let Some(segment) = encoder.next().await {
            if let Err(error) = segment {
                assert!(encoder.next().await.is_none());
                return Some(error);
            }
        }
        None
    };
    let data = &[1; 3_000];
    assert!(error(data, 3_000).await.is_none());
    assert!(matches!(
        error(data, 3_001).await,
        Some(EncodeError::SourceTooShort {
            length: 3_001,
            actual: 3_000
        })
    ));
    assert!(matches!(
        error(data, 2_999).await,
        Some(EncodeError::SourceTooLong { length: 2_999 })
    ));
    assert!(matches!(
        error(data, 0).await,
        Some(EncodeError::SourceTooLong { length: 0 })
    ));
}

#[tokio::test]
async fn a_source_that_fails_ends_the_stream_without_an_end() {
    let source = futures_util::stream::iter([
        Ok(bytes::Bytes::from_static(b"some")),
        Err(std::io::Error::other("gone")),
    ]);
    let builder = BinaryStreamEncoder::builder(&context()).flush_after(std::time::Duration::ZERO);
    let mut encoder = builder.live_try_stream(source);
    let failed = encoder.next().await.unwrap();
    assert!(matches!(failed, Err(EncodeError::Source(error)) if error.to_string() == "gone"));
    assert!(encoder.next().await.is_none());
}

#[tokio::test]
async fn what_is_encrypted_once_serves_many() {
    let data = bytes(20_000);
    let segments = bounded(&data, 1_140).await;
    let mut viewers = [(); 3].map(|()| builder().build());
    for segment in &segments {
        for viewer in &viewers {
            let copy = segment.clone();
            assert_eq!(copy.bytes().as_ptr(), segment.bytes().as_ptr());
            feed(viewer, &copy).unwrap();
        }
    }
    for viewer in &mut viewers {
        assert_eq!(viewer.receive_all().await.unwrap(), data);
    }
}

#[tokio::test]
async fn the_window_bounds_segments_and_bytes_and_always_takes_the_one_it_waits_for() {
    let segments = bounded(&bytes(20_000), 1_140).await;
    let mut decoder = builder().window_segments(4).window_bytes(3_000).build();
    let far = SegmentError::TooFarAhead {
        sequence: 4,
        end: 4,
    };
    assert_eq!(feed(&decoder, &segments[4]), Err(far));
    for sequence in [3, 2] {
        let ahead = Received::Ahead { missing: 0 };
        assert_eq!(feed(&decoder, &segments[sequence]), Ok(ahead));
    }
    let full = SegmentError::Full {
        held: 2_194,
        max: 3_000,
    };
    assert_eq!(feed(&decoder, &segments[1]), Err(full));
    feed(&decoder, &segments[0]).unwrap();
    let full = SegmentError::Full {
        held: 3_283,
        max: 3_000,
    };
    assert_eq!(feed(&decoder, &segments[1]), Err(full));
    assert_eq!(decoder.stats().held_segments, 3);
    decoder.next().await.unwrap().unwrap();
    feed(&decoder, &segments[1]).unwrap();
    assert!(decoder.stats().held_bytes <= 3_000 + 1_097);
}

#[tokio::test]
async fn more_than_is_to_be_collected_is_an_error() {
    let segments = bounded(&bytes(5_000), 1_140).await;
    let mut decoder = builder().max_collected(4_999).build();
    for segment in &segments {
        feed(&decoder, segment).unwrap();
    }
    let too_long = DecodeError::TooLong { max: 4_999 };
    assert_eq!(decoder.receive_all().await, Err(too_long));
}

#[tokio::test]
async fn a_decoder_reads_as_any_reader_and_tells_a_cut_from_an_end() {
    let data = bytes(10_000);
    let segments = bounded(&data, 1_140).await;
    for (count, is_whole) in [(segments.len(), true), (segments.len() - 1, false)] {
        let mut decoder = builder().build();
        let feeder = decoder.feeder();
        for segment in &segments[..count] {
            feeder.receive_segment(segment, segment.sequence()).unwrap();
        }
        drop(feeder);
        let mut read = Vec::new();
        let result = decoder.read_to_end(&mut read).await;
        if is_whole {
            result.unwrap();
            assert_eq!(read, data);
        } else {
            assert_eq!(
                result.unwrap_err().kind(),
                std::io::ErrorKind::UnexpectedEof
            );
            assert!(data.starts_with(&read) && read.len() > 8_000);
        }
    }
}

#[tokio::test]
async fn one_task_feeds_while_another_reads_and_a_slow_reader_slows_the_feeder() {
    let data = bytes(1_000_000);
    let segments = bounded(&data, 1_140).await;
    let mut decoder = builder().window_bytes(10_000).build();
    let feeder = decoder.feeder();
    let feeding = tokio::spawn(async move {
        for segment in &segments {
            feeder.ready().await;
            feeder.receive_segment(segment, segment.sequence()).unwrap();
        }
    });
    let mut read = Vec::new();
    while let Some(piece) = decoder.next().await {
        read.extend_from_slice(&piece.unwrap());
        assert!(decoder.stats().held_bytes <= 10_000 + 1_097);
        tokio::task::yield_now().await;
    }
    feeding.await.unwrap();
    assert!(read == data);
}
