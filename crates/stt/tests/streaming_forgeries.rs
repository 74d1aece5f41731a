//! What a member who breaks the rules can make a decoder do: fail, and nothing else.
//!
//! A member knows the context, so he can seal any segment of any stream id; he cannot sign for another.

#![allow(clippy::unwrap_used, reason = "a failed step is a failed test")]

use std::{sync::Arc, time::Duration};

use stt::stc::{
    Identity, Suite,
    segment::{Extent, Mark, Sealer},
};
use stt::streaming::{DecodeError, GapPolicy, SegmentError};
use stt::{BinaryStreamDecoder, Entropy, NodeSeed, StcContext};

/// Gives every sealer the same stream id.
struct Chosen;

impl Entropy for Chosen {
    fn fill(&mut self, out: &mut [u8]) {
        out.fill(9);
    }
}

fn context() -> StcContext {
    StcContext::from_seed(&[7; 32], "test")
}

fn identity(seed: u8) -> Arc<Identity> {
    Arc::new(NodeSeed::from_bytes([seed; 32]).identity())
}

fn sealer(extent: Extent) -> Sealer {
    Sealer::new(&context(), Suite::Aes256Gcm, extent, &mut Chosen)
}

fn signed_by(seed: u8) -> Sealer {
    let (context, signer) = (context(), identity(seed));
    Sealer::signed(
        &context,
        Suite::Aes256Gcm,
        Extent::Live,
        signer,
        &mut Chosen,
    )
}

fn seal(sealer: &mut Sealer, mark: Mark, data: &[u8]) -> Vec<u8> {
    let room = vec![0; sealer.data_offset()];
    let mut segment = [&room[..], data, &[0; 16]].concat();
    sealer.seal_in_place(mark, &mut segment).unwrap();
    segment
}

fn sign(sealer: &mut Sealer, mark: Mark) -> Vec<u8> {
    let mut segment = vec![0; sealer.signature_len()];
    sealer.seal_signature(mark, &mut segment).unwrap();
    segment
}

/// A stream of three segments of data, and one of a forger who slipped in his own second one.
fn with_a_forged_segment() -> [Vec<u8>; 5] {
    let (mut honest, mut forger) = (signed_by(1), signed_by(2));
    sign(&mut forger, Mark::More);
    seal(&mut forger, Mark::More, b"one");
    let forged = seal(&mut forger, Mark::More, b"lie");
    let mut segments = vec![sign(&mut honest, Mark::More)];
    for data in [b"one", b"two", b"six"] {
        segments.push(seal(&mut honest, Mark::More, data));
    }
    segments.push(sign(&mut honest, Mark::Last));
    segments[2] = forged;
    segments.try_into().unwrap()
}

#[tokio::test]
async fn a_segment_that_the_signer_did_not_make_is_never_given_out() {
    let signer = identity(1).node_id();
    let build = || BinaryStreamDecoder::builder(&context()).signer(signer);
    let skipping = GapPolicy::SkipAfter(Duration::ZERO);
    for (mut decoder, ending) in [
        (
            build().build(),
            vec![Err(DecodeError::Forged { sequence: 2 })],
        ),
        (
            build().gaps(skipping).build(),
            vec![Err(DecodeError::Gap { sequences: 2..3 }), Ok("six".into())],
        ),
    ] {
        for (sequence, segment) in (0..).zip(with_a_forged_segment()) {
            decoder.receive_segment(segment, sequence).unwrap();
        }
        assert_eq!(decoder.next().await.unwrap().unwrap(), "one");
        let mut rest = Vec::new();
        while let Some(piece) = decoder.next().await {
            rest.push(piece);
        }
        assert_eq!(rest, ending);
    }
}

#[tokio::test]
async fn without_a_demanded_signer_a_member_is_believed() {
    let mut decoder = BinaryStreamDecoder::new(&context());
    for (sequence, segment) in (0..).zip(with_a_forged_segment()) {
        decoder.receive_segment(segment, sequence).unwrap();
    }
    assert_eq!(decoder.receive_all().await.unwrap(), "oneliesix");
}

#[tokio::test]
async fn more_than_64_segments_without_a_signature_are_not_waited_for() {
    // Two forgers who leave a signature out each where the other has one.
    let (mut one, mut other) = (signed_by(1), signed_by(2));
    let mut segments = vec![sign(&mut one, Mark::More)];
    sign(&mut other, Mark::More);
    for _ in 0..40 {
        segments.push(seal(&mut one, Mark::More, b"a"));
        seal(&mut other, Mark::More, b"a");
    }
    sign(&mut other, Mark::More);
    sign(&mut one, Mark::More);
    segments.push(vec![]);
    for _ in 0..40 {
        segments.push(seal(&mut one, Mark::More, b"a"));
    }
    // In place of the signature, data of a third who has none there.
    let mut third = signed_by(3);
    sign(&mut third, Mark::More);
    for _ in 1..41 {
        seal(&mut third, Mark::More, b"a");
    }
    segments[41] = seal(&mut third, Mark::More, b"a");
    let signer = identity(1).node_id();
    let mut decoder = BinaryStreamDecoder::builder(&context())
        .signer(signer)
        .build();
    for (sequence, segment) in (0..).zip(&segments) {
        decoder.receive_segment(segment, sequence).unwrap();
    }
    assert!(decoder.stats().held_segments <= 65);
    assert!(matches!(
        decoder.next().await,
        Some(Err(DecodeError::Forged { .. }))
    ));
}

#[tokio::test]
async fn a_stream_of_another_length_than_it_says_is_an_error() {
    for (data, actual) in [(&b"abc"[..], 3), (b"abcdefg", 7)] {
        let segment = seal(&mut sealer(Extent::Bounded(5)), Mark::Last, data);
        let mut decoder = BinaryStreamDecoder::new(&context());
        decoder.receive_segment(segment, 0).unwrap();
        let wrong = DecodeError::WrongLength { sealed: 5, actual };
        assert_eq!(decoder.receive_all().await, Err(wrong));
    }
}

#[tokio::test]
async fn a_second_end_or_a_segment_beyond_the_end_is_refused() {
    let (mut short, mut long) = (sealer(Extent::Live), sealer(Extent::Live));
    let all: Vec<_> = (0..4).map(|_| seal(&mut long, Mark::More, b"a")).collect();
    seal(&mut short, Mark::More, b"a");
    let end = seal(&mut short, Mark::Last, b"end");
    let contradiction = |sequence| Err(SegmentError::ContradictsEnd { sequence });
    let decoder = BinaryStreamDecoder::new(&context());
    decoder.receive_segment(&end, 1).unwrap();
    assert_eq!(decoder.receive_segment(&all[2], 2), contradiction(2));
    let decoder = BinaryStreamDecoder::new(&context());
    decoder.receive_segment(&all[3], 3).unwrap();
    assert_eq!(decoder.receive_segment(&end, 1), contradiction(1));
}
