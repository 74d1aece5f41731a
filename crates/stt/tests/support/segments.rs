//! Streams of segments in one fixed context, without a network.

#![allow(
    unreachable_pub,
    clippy::unwrap_used,
    reason = "a failed step is a failed test"
)]

use stt::streaming::DecoderBuilder;
use stt::{BinaryStreamDecoder, BinaryStreamEncoder, Segment, StcContext};

pub fn context() -> StcContext {
    StcContext::from_seed(&[7; 32], "test")
}

/// Bytes that differ from place to place.
pub fn bytes(len: usize) -> Vec<u8> {
    (0..len).map(|i| (i * 31 % 251) as u8).collect()
}

pub async fn all(mut encoder: BinaryStreamEncoder) -> Vec<Segment> {
    let mut segments = Vec::new();
    while let Some(segment) = encoder.next().await {
        segments.push(segment.unwrap());
    }
    assert!(encoder.next().await.is_none());
    segments
}

pub fn builder() -> DecoderBuilder {
    BinaryStreamDecoder::builder(&context())
}

/// A fixed shuffle, from a number.
pub fn shuffle<T>(items: &mut [T], mut state: u64) {
    for i in (1..items.len()).rev() {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        items.swap(i, (state >> 33) as usize % (i + 1));
    }
}
