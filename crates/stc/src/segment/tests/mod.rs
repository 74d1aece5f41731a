//! Segments against everything that can happen to them on the way.

mod signatures;

use super::*;
use crate::entropy::testing::Counter;
use crate::{Group, Identity, NodeSeed, StcContext, Suite};
use proptest::prelude::*;
use std::sync::Arc;

const SUITES: [Suite; 2] = [Suite::Aes256Gcm, Suite::ChaCha20Poly1305];

fn context() -> StcContext {
    StcContext::from_seed(&[7; 32], "test")
}

fn identity(seed: u8) -> Arc<Identity> {
    Arc::new(NodeSeed::from_bytes([seed; 32]).identity())
}

fn sealer(suite: Suite, extent: Extent) -> Sealer {
    Sealer::new(&context(), suite, extent, &mut Counter(0))
}

fn signed(extent: Extent) -> Sealer {
    Sealer::signed(
        &context(),
        Suite::Aes256Gcm,
        extent,
        identity(1),
        &mut Counter(0),
    )
}

fn seal(sealer: &mut Sealer, mark: Mark, data: &[u8]) -> Vec<u8> {
    let offset = sealer.data_offset();
    let mut segment = vec![0; offset + data.len() + 16];
    segment[offset..offset + data.len()].copy_from_slice(data);
    sealer.seal_in_place(mark, &mut segment).unwrap();
    segment
}

fn open(
    opener: &mut Opener,
    segment: &[u8],
    sequence: u64,
) -> Result<(Opened, Vec<u8>), OpenSegmentError> {
    let mut body = vec![0; Opener::body_len(segment.len()).unwrap_or_default()];
    let opened = opener.open(segment, sequence, &mut body)?;
    let offset = match &opened.body {
        Body::Data { offset } => *offset,
        Body::Signature(_) => body.len(),
    };
    Ok((opened, body.split_off(offset)))
}

#[test]
fn segments_open_in_any_order_with_their_marks_and_numbers() {
    for suite in SUITES {
        let mut sealer = sealer(suite, Extent::Live);
        let sealed = [
            seal(&mut sealer, Mark::More, b"one"),
            seal(&mut sealer, Mark::More, b""),
            seal(&mut sealer, Mark::Last, b"three"),
        ];
        let mut opener = Opener::new(&context());
        for (number, data, mark) in [
            (2, &b"three"[..], Mark::Last),
            (0, b"one", Mark::More),
            (1, b"", Mark::More),
        ] {
            let (opened, opened_data) = open(&mut opener, &sealed[number], number as u64).unwrap();
            assert_eq!(opened_data, data);
            assert_eq!(
                (opened.header.mark(), opened.header.sequence()),
                (mark, number as u64)
            );
            assert_eq!((opened.length, opened.header.is_bounded()), (None, false));
        }
        assert_eq!(opener.stream_id(), Some(sealer.stream_id()));
    }
}

#[test]
fn what_is_sealed_from_elsewhere_equals_what_is_sealed_in_place() {
    for suite in SUITES {
        for len in [0, 1, 15, 16, 17, 1_400, 65_536] {
            let data: Vec<u8> = (0..len).map(|i| i as u8).collect();
            let mut copied = vec![0; len + OVERHEAD];
            sealer(suite, Extent::Live)
                .seal_from(Mark::Last, &data, &mut copied)
                .unwrap();
            assert_eq!(
                copied,
                seal(&mut sealer(suite, Extent::Live), Mark::Last, &data)
            );
        }
    }
}

#[test]
fn a_bounded_stream_says_its_length_once() {
    let mut sealer = sealer(Suite::Aes256Gcm, Extent::Bounded(8));
    let first = seal(&mut sealer, Mark::More, b"four");
    let second = seal(&mut sealer, Mark::Last, b"more");
    let mut opener = Opener::new(&context());
    let (opened, data) = open(&mut opener, &first, 0).unwrap();
    assert_eq!((opened.length, &data[..]), (Some(8), &b"four"[..]));
    let (opened, data) = open(&mut opener, &second, 1).unwrap();
    assert_eq!((opened.length, &data[..]), (None, &b"more"[..]));
}

#[test]
fn every_changed_byte_is_noticed() {
    for suite in SUITES {
        let good = seal(&mut sealer(suite, Extent::Live), Mark::More, b"data");
        for at in 0..good.len() {
            let mut bad = good.clone();
            bad[at] ^= 0x40;
            let mut opener = Opener::new(&context());
            let error = open(&mut opener, &bad, 0).unwrap_err();
            let expected = match at {
                0 => OpenSegmentError::UnknownVersion { version: 0x41 },
                1 => OpenSegmentError::UnknownSuite {
                    suite: suite.code() ^ 0x40,
                },
                2 => OpenSegmentError::UnknownFlags { flags: 0x40 },
                _ => OpenSegmentError::NotAuthentic,
            };
            assert_eq!(error, expected, "byte {at}");
            assert_eq!(opener.stream_id(), None);
        }
    }
}

#[test]
fn known_flags_and_suites_are_authenticated_too() {
    let good = seal(
        &mut sealer(Suite::Aes256Gcm, Extent::Live),
        Mark::More,
        b"data",
    );
    for (at, value) in [(1, 2), (2, 1), (2, 2), (2, 4), (2, 12)] {
        let mut opener = Opener::new(&context());
        let mut bad = good.clone();
        bad[at] = value;
        for _ in 0..2 {
            assert_eq!(
                open(&mut opener, &bad, 0).unwrap_err(),
                OpenSegmentError::NotAuthentic
            );
            open(&mut opener, &good, 0).unwrap();
        }
    }
}

#[test]
fn every_truncation_and_extension_is_refused() {
    let good = seal(
        &mut sealer(Suite::Aes256Gcm, Extent::Live),
        Mark::More,
        b"data",
    );
    for len in 0..good.len() {
        let error = open(&mut Opener::new(&context()), &good[..len], 0).unwrap_err();
        let expected = if len < OVERHEAD {
            OpenSegmentError::TooShort { len }
        } else {
            OpenSegmentError::NotAuthentic
        };
        assert_eq!(error, expected);
    }
    let longer = [&good[..], &[0]].concat();
    assert_eq!(
        open(&mut Opener::new(&context()), &longer, 0).unwrap_err(),
        OpenSegmentError::NotAuthentic
    );
    let len = MAX_BODY_LEN + OVERHEAD + 1;
    let error = open(&mut Opener::new(&context()), &vec![1; len], 0).unwrap_err();
    assert_eq!(error, OpenSegmentError::TooLong { len });
}

#[test]
fn another_context_or_stream_is_refused_and_told_apart() {
    let (context, mut entropy) = (context(), Counter(0));
    let [mut one, mut other] =
        [(); 2].map(|()| Sealer::new(&context, Suite::Aes256Gcm, Extent::Live, &mut entropy));
    let (ours, theirs) = (
        seal(&mut one, Mark::More, b"a"),
        seal(&mut other, Mark::More, b"a"),
    );
    let foreign = OpenSegmentError::ForeignStream {
        expected: one.stream_id(),
        actual: other.stream_id(),
    };
    let mut first_seen = Opener::new(&context);
    open(&mut first_seen, &ours, 0).unwrap();
    let mut pinned = Opener::pinned(&context, one.stream_id());
    for opener in [&mut first_seen, &mut pinned] {
        assert_eq!(open(opener, &theirs, 0).unwrap_err(), foreign);
        open(opener, &ours, 0).unwrap();
    }
    let mut elsewhere = Opener::new(&StcContext::from_seed(&[7; 32], "other"));
    assert_eq!(
        open(&mut elsewhere, &ours, 0).unwrap_err(),
        OpenSegmentError::NotAuthentic
    );
}

#[test]
fn a_stream_of_any_epoch_opens_and_the_first_segment_shows_which() {
    let mut group = Group::generate(&mut Counter(5));
    let old = group.context("x").unwrap();
    group.next_epoch(&mut Counter(6)).unwrap();
    let contexts = group.contexts("x").unwrap();
    assert_eq!(contexts[0], group.context("x").unwrap());
    assert_eq!(contexts[1], old);
    let sealed = [&contexts[0], &old].map(|context| {
        let mut sealer = Sealer::new(context, Suite::Aes256Gcm, Extent::Live, &mut Counter(0));
        seal(&mut sealer, Mark::More, b"a")
    });
    for [first, other] in [[0, 1], [1, 0]] {
        let mut opener = Opener::new(&contexts[0]).or_context(&contexts[1]);
        open(&mut opener, &sealed[first], 0).unwrap();
        let error = open(&mut opener, &sealed[other], 0).unwrap_err();
        assert_eq!(error, OpenSegmentError::NotAuthentic);
        open(&mut opener, &sealed[first], 0).unwrap();
    }
}

#[test]
fn a_segment_handed_in_with_another_number_is_refused_and_pins_nothing() {
    let segment = seal(
        &mut sealer(Suite::Aes256Gcm, Extent::Live),
        Mark::More,
        b"a",
    );
    let mut opener = Opener::new(&context());
    let mismatch = OpenSegmentError::SequenceMismatch {
        claimed: 1,
        sealed: 0,
    };
    assert_eq!(open(&mut opener, &segment, 1).unwrap_err(), mismatch);
    assert_eq!(opener.stream_id(), None);
}

#[test]
fn a_sealer_never_seals_a_number_twice_nor_goes_on_after_the_end() {
    let mut sealer = sealer(Suite::Aes256Gcm, Extent::Live);
    let short = sealer.seal_in_place(Mark::More, &mut [0; OVERHEAD - 1]);
    let min = OVERHEAD;
    assert_eq!(
        short,
        Err(SealSegmentError::BadLength { len: min - 1, min })
    );
    let numbers = [(); 3].map(|()| {
        sealer
            .seal_in_place(Mark::More, &mut [0; OVERHEAD])
            .unwrap()
    });
    assert_eq!(numbers, [0, 1, 2]);
    assert_eq!(sealer.seal_in_place(Mark::Last, &mut [0; OVERHEAD]), Ok(3));
    assert_eq!(
        sealer.seal_in_place(Mark::More, &mut [0; OVERHEAD]),
        Err(SealSegmentError::Ended)
    );
    assert_eq!(
        sealer.seal_signature(Mark::More, &mut []),
        Err(SealSegmentError::Unsigned)
    );
}

#[test]
fn keys_change_within_a_long_stream_and_both_sides_follow() {
    let mut sealer = sealer(Suite::Aes256Gcm, Extent::Live);
    let mut segment = [0; OVERHEAD];
    let mut around = Vec::new();
    for number in 0..=keys::SEGMENTS_A_KEY {
        sealer.seal_in_place(Mark::More, &mut segment).unwrap();
        if number == 0 || number + 1 >= keys::SEGMENTS_A_KEY {
            around.push((number, segment));
        }
    }
    let mut opener = Opener::new(&context());
    for round in [[0, 2, 1], [2, 0, 1]] {
        for (number, segment) in round.map(|i| around[i]) {
            open(&mut opener, &segment, number).unwrap();
        }
    }
}

#[test]
fn authentic_segments_that_break_the_layout_are_refused() {
    let stream = |extent, is_signed| {
        let shape = header::Shape::new(extent, is_signed);
        let stream_id = SegmentStreamId::from_bytes([1; 16]);
        let header = Header {
            suite: Suite::Aes256Gcm,
            shape,
            mark: Mark::More,
            is_signature: false,
            stream_id,
            sequence: 0,
        };
        (
            header,
            keys::SegmentContext::from(&context()).keys(header.suite, shape, stream_id),
        )
    };
    let refused = |(header, mut keys): (Header, keys::StreamKeys), len: usize| {
        let mut segment = vec![0; len + OVERHEAD];
        keys.seal_in_place(&header, &mut segment).unwrap();
        let result = open(&mut Opener::new(&context()), &segment, header.sequence);
        let malformed = OpenSegmentError::Malformed {
            sequence: header.sequence,
        };
        result.err() == Some(malformed)
    };
    let change = |(header, keys), change: fn(&mut Header)| {
        let mut header: Header = header;
        change(&mut header);
        (header, keys)
    };
    let bounded = || stream(Extent::Bounded(0), false);
    assert!(refused(bounded(), 7));
    assert!(!refused(bounded(), 8));
    let signed = || stream(Extent::Live, true);
    assert!(refused(signed(), 1));
    assert!(!refused(change(signed(), |h| h.sequence = 1), 1));
    assert!(refused(
        change(signed(), |h| (h.sequence, h.mark) = (1, Mark::Last)),
        1
    ));
    let signature = || change(signed(), |h| (h.sequence, h.is_signature) = (70, true));
    for (len, is_refused) in [
        (0, true),
        (63, true),
        (64, false),
        (65, true),
        (80, false),
        (64 + 1024, false),
        (80 + 1024, true),
    ] {
        assert_eq!(refused(signature(), len), is_refused, "{len}");
    }
    let second = || change(signed(), |h| (h.sequence, h.is_signature) = (1, true));
    assert!(!refused(second(), 64 + 16));
    assert!(refused(second(), 64 + 32));
    let first = || change(signed(), |h| h.is_signature = true);
    assert!(refused(first(), 64));
    assert!(!refused(first(), 96));
    assert!(refused(first(), 112));
}

#[test]
fn a_buffer_of_another_length_is_refused() {
    let segment = seal(
        &mut sealer(Suite::Aes256Gcm, Extent::Live),
        Mark::More,
        b"data",
    );
    let result = Opener::new(&context()).open(&segment, 0, &mut [0; 3]);
    assert_eq!(
        result,
        Err(OpenSegmentError::BadBuffer {
            expected: 4,
            actual: 3
        })
    );
}

#[test]
fn debug_shows_no_key() {
    let sealer = signed(Extent::Live);
    let shown = format!("{sealer:?} {:?}", Opener::new(&context()));
    assert!(shown.len() < 400, "{shown}");
}

proptest! {
    #[test]
    fn anything_sealed_opens(data: Vec<u8>, is_last: bool, is_bounded: bool) {
        let extent = if is_bounded { Extent::Bounded(data.len() as u64) } else { Extent::Live };
        let mark = if is_last { Mark::Last } else { Mark::More };
        let segment = seal(&mut sealer(Suite::Aes256Gcm, extent), mark, &data);
        let (opened, opened_data) = open(&mut Opener::new(&context()), &segment, 0).unwrap();
        prop_assert_eq!(opened_data, data);
        prop_assert_eq!(opened.header.mark(), mark);
    }

    #[test]
    fn anything_else_is_refused(bytes in prop::collection::vec(any::<u8>(), 0..300), sequence: u64) {
        prop_assert!(open(&mut Opener::new(&context()), &bytes, sequence).is_err());
    }
}
