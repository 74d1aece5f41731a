//! Datagrams: what is taken has one encoding, and means the same on the stream of users' frames.
//!
//! Input: the datagram.

use bytes::Bytes;
use stt_wire::{RawFrame, UserFrame};

/// Decodes a datagram and encodes it again.
pub fn body(data: &[u8]) {
    let datagram = Bytes::copy_from_slice(data);
    let as_frame = crate::raw_frame(data).map(UserFrame::decode);
    let Ok(frame) = UserFrame::decode_datagram(datagram.clone()) else {
        assert!(as_frame.is_none_or(|frame| frame.is_err()));
        return;
    };
    assert!(u8::from(frame.frame_type) >= 0x80);
    assert_eq!(frame.encode_datagram(), datagram);
    let raw = RawFrame {
        frame_type: frame.frame_type.into(),
        payload: frame.payload.clone(),
    };
    assert_eq!(UserFrame::decode(raw), Ok(frame.clone()));
    assert_eq!(as_frame, Some(Ok(frame)));
}
