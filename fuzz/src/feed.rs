//! Requests for the entries of a feed and their answers: what is taken is within the law and has one encoding.
//!
//! Input: `type u8 | payload`.

use bytes::BytesMut;
use stt_wire::{FeedAnswer, FeedRequest, limits};

/// Decodes a frame as either and encodes it again; none is taken as both.
pub fn body(data: &[u8]) {
    let Some(raw) = crate::raw_frame(data) else {
        return;
    };
    let request = FeedRequest::decode(raw.clone());
    let answer = FeedAnswer::decode(raw.clone());
    assert!(request.is_err() || answer.is_err());
    let mut out = BytesMut::new();
    if let Ok(request) = request {
        assert!(raw.payload.len() <= limits::MAX_FEED_REQUEST_LEN);
        request.encode(&mut out);
        assert_eq!(out, crate::encoded(&raw));
    } else if let Ok(answer) = answer {
        assert!(raw.payload.len() <= limits::MAX_FEED_ANSWER_LEN);
        answer.encode(&mut out);
        assert_eq!(out, crate::encoded(&raw));
    }
}
