//! Message lanes: a frame they take is within the law and has one encoding.
//!
//! Input: `type u8 | payload`.

use bytes::BytesMut;
use stt_wire::{LaneFrame, limits};

/// Decodes a lane frame and encodes it again, whole and as header and payload.
pub fn body(data: &[u8]) {
    let Some(raw) = crate::raw_frame(data) else {
        return;
    };
    let Ok(frame) = LaneFrame::decode(raw.clone(), limits::DEFAULT_MESSAGE_LEN) else {
        return;
    };
    assert!(frame.payload().len() <= limits::MAX_PART_LEN);
    if let LaneFrame::MessageStart(start) = &frame {
        let total = start.total.get();
        assert!(total <= limits::DEFAULT_MESSAGE_LEN && total > start.payload.len() as u64);
    }
    let is_of_several = matches!(
        frame,
        LaneFrame::MessageStart(_) | LaneFrame::MessageMore(_)
    );
    assert!(!is_of_several || !frame.payload().is_empty());
    let (mut whole, mut parts) = (BytesMut::new(), BytesMut::new());
    frame.encode(&mut whole);
    frame.encode_header(&mut parts);
    parts.extend_from_slice(&frame.into_payload());
    assert_eq!(whole, parts);
    assert_eq!(whole, crate::encoded(&raw));
}
