//! What the tests of every frame need: any integer of the wire, and one frame out of its bytes.

use bytes::{Bytes, BytesMut};
use proptest::prelude::*;

use crate::limits::MAX_LANE_FRAME_LEN;
use crate::{FrameDecoder, RawFrame, VarInt};

/// Integers of all four lengths, equally often.
pub(crate) fn any_varint() -> impl Strategy<Value = VarInt> {
    prop_oneof![
        0..1_u64 << 6,
        0..1_u64 << 14,
        0..1_u64 << 30,
        0..1_u64 << 62
    ]
    .prop_map(VarInt::saturating)
}

/// Payloads from nothing to a few hundred bytes.
pub(crate) fn any_payload(least: usize) -> impl Strategy<Value = Bytes> {
    prop::collection::vec(any::<u8>(), least..300).prop_map(Bytes::from)
}

/// The one frame that `bytes` are.
pub(crate) fn only_frame(bytes: BytesMut) -> RawFrame {
    let mut bytes = bytes.freeze();
    let frame = FrameDecoder::new(MAX_LANE_FRAME_LEN)
        .decode(&mut bytes)
        .unwrap()
        .unwrap();
    assert!(bytes.is_empty(), "bytes after the frame");
    frame
}

/// The frame with its last `cut` bytes of payload missing.
pub(crate) fn cut(frame: &RawFrame, cut: usize) -> RawFrame {
    let payload = frame.payload.slice(..frame.payload.len() - cut);
    RawFrame {
        frame_type: frame.frame_type,
        payload,
    }
}

/// The frame with a byte more than it should have.
pub(crate) fn with_byte_after(frame: &RawFrame) -> RawFrame {
    let payload = [&frame.payload[..], &[0]].concat().into();
    RawFrame {
        frame_type: frame.frame_type,
        payload,
    }
}
