//! Frames out of a byte stream: the pieces it arrives in change nothing, and every frame has one
//! encoding.
//!
//! Input: eight bytes that say how to cut, then the stream.

use bytes::{Bytes, BytesMut};
use stt_wire::{DecodeError, FrameDecoder, FrameType, RawFrame};

/// Longest payload; small, so that short inputs reach it.
const LIMIT: usize = 200;

/// Decodes a stream whole and in pieces, and encodes it again.
pub fn body(data: &[u8]) {
    let Some((&seed, stream)) = data.split_first_chunk() else {
        return;
    };
    let whole = decode([Bytes::copy_from_slice(stream)]);
    let cut = Pieces {
        left: stream,
        state: u64::from_be_bytes(seed),
    };
    assert_eq!(decode(cut), whole);
    assert_prefix(&whole.0, stream, whole.1.is_none());
}

/// All frames that come out of `chunks`, and why no more did.
fn decode(chunks: impl IntoIterator<Item = Bytes>) -> (Vec<RawFrame>, Option<DecodeError>) {
    let mut decoder = FrameDecoder::new(LIMIT);
    let mut frames = Vec::new();
    for mut chunk in chunks {
        loop {
            match decoder.decode(&mut chunk) {
                Ok(Some(frame)) => frames.push(frame),
                Ok(None) => break,
                Err(failure) => {
                    assert_eq!(decoder.decode(&mut chunk), Err(failure), "an error stays");
                    return (frames, Some(failure));
                }
            }
        }
        assert!(chunk.is_empty(), "a chunk was not used up");
    }
    (frames, decoder.finish().err())
}

/// States that the frames encode to the start of the stream, or to all of it.
fn assert_prefix(frames: &[RawFrame], stream: &[u8], is_all: bool) {
    let mut out = BytesMut::new();
    for frame in frames {
        assert!(frame.payload.len() <= LIMIT);
        assert_ne!(frame.frame_type, FrameType::ILLEGAL);
        stt_wire::encode_frame(frame.frame_type, &frame.payload, &mut out);
    }
    assert!(stream.starts_with(&out));
    assert_eq!(is_all, out.len() == stream.len());
}

/// A stream in pieces of 0 to 15 bytes.
struct Pieces<'a> {
    left: &'a [u8],
    state: u64,
}

impl Iterator for Pieces<'_> {
    type Item = Bytes;

    fn next(&mut self) -> Option<Bytes> {
        if self.left.is_empty() {
            return None;
        }
        // A linear congruence, so that a state of 0 moves on too.
        self.state = self
            .state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        let size = usize::from((self.state >> 60) as u8).min(self.left.len());
        let (piece, left) = self.left.split_at(size);
        self.left = left;
        Some(Bytes::copy_from_slice(piece))
    }
}
