//! The control stream: a frame it takes has one encoding, the one it came in.
//!
//! Input: `type u8 | payload`.

use bytes::BytesMut;
use stt_wire::ControlFrame;

/// Decodes a control frame and encodes it again.
pub fn body(data: &[u8]) {
    let Some(raw) = crate::raw_frame(data) else {
        return;
    };
    let Ok(frame) = ControlFrame::decode(raw.clone()) else {
        return;
    };
    let mut out = BytesMut::new();
    frame.encode(&mut out);
    if let ControlFrame::Ignored(frame_type) = frame {
        assert!(frame_type.may_be_ignored() && frame_type.name().is_none());
        assert!(out.is_empty());
    } else {
        assert_eq!(out, crate::encoded(&raw));
    }
}
