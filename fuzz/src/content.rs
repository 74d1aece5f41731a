//! Requests for content and their answers: what is taken is within the law and has one encoding.
//!
//! Input: `type u8 | payload`.

use bytes::BytesMut;
use stt_wire::{ContentAnswer, ContentRequest, VarInt, limits};

/// Decodes a frame as either and encodes it again; none is taken as both.
pub fn body(data: &[u8]) {
    let Some(raw) = crate::raw_frame(data) else {
        return;
    };
    let request = ContentRequest::decode(raw.clone());
    let answer = ContentAnswer::decode(raw.clone());
    assert!(request.is_err() || answer.is_err());
    let mut out = BytesMut::new();
    if let Ok(request) = request {
        assert!(raw.payload.len() <= limits::MAX_CONTENT_REQUEST_LEN);
        request.encode(&mut out);
        assert_eq!(out, crate::encoded(&raw));
    } else if let Ok(answer) = answer {
        if let ContentAnswer::Have(spans) = &answer {
            let runs = spans.as_slice();
            assert!((1..=limits::MAX_SPANS).contains(&runs.len()));
            assert!(runs.iter().all(|run| run.count > 0));
            assert!(runs.windows(2).all(|pair| pair[0].end() < pair[1].first));
            assert!(spans.end() <= VarInt::MAX.get());
        }
        answer.encode(&mut out);
        assert_eq!(out, crate::encoded(&raw));
    }
}
