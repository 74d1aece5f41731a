//! Endpoint streams, both ways: a frame that is taken is within the law and has one encoding.
//!
//! Input: `type u8 | payload`.

use bytes::BytesMut;
use stt_wire::{EndpointAnswer, EndpointFrame, limits};

/// Decodes a frame of either direction and encodes it again; none is taken in both.
pub fn body(data: &[u8]) {
    let Some(raw) = crate::raw_frame(data) else {
        return;
    };
    let frame = EndpointFrame::decode(raw.clone(), limits::DEFAULT_MESSAGE_LEN);
    let answer = EndpointAnswer::decode(raw.clone());
    assert!(frame.is_err() || answer.is_err());
    let mut out = BytesMut::new();
    if let Ok(frame) = frame {
        assert!(frame.payload().len() <= limits::MAX_PART_LEN);
        if let EndpointFrame::ItemStart { total, payload } = &frame {
            assert!(total.get() <= limits::DEFAULT_MESSAGE_LEN);
            assert!(total.get() > payload.len() as u64 && !payload.is_empty());
        }
        frame.encode(&mut out);
        assert_eq!(out, crate::encoded(&raw));
    } else if let Ok(answer) = answer {
        answer.encode(&mut out);
        assert_eq!(out, crate::encoded(&raw));
    }
}
