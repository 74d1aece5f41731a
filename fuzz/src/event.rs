//! Streams of events: a frame they take is within the law and has one encoding.
//!
//! Input: `type u8 | payload`.

use bytes::BytesMut;
use stt_wire::EventFrame;

/// Longest payload; small, so that short inputs reach it.
const LIMIT: usize = 100;

/// Decodes an event and encodes it again, whole and as header and payload.
pub fn body(data: &[u8]) {
    let Some(raw) = crate::raw_frame(data) else {
        return;
    };
    let Ok(event) = EventFrame::decode(raw.clone(), LIMIT) else {
        return;
    };
    assert!(event.payload.len() <= LIMIT);
    let (mut whole, mut parts) = (BytesMut::new(), BytesMut::new());
    event.encode(&mut whole);
    event.encode_header(&mut parts);
    parts.extend_from_slice(&event.payload);
    assert_eq!(whole, parts);
    assert_eq!(whole, crate::encoded(&raw));
}
