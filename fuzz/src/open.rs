//! OPEN: what is taken has one encoding, and what refuses only the stream names no known kind.
//!
//! Input: `type u8 | payload`.

use bytes::BytesMut;
use stt_wire::{Open, OpenError, RegisteredStreamCode, StreamKind, VarInt, limits};

/// Decodes the first frame of a stream and encodes it again.
pub fn body(data: &[u8]) {
    let Some(raw) = crate::raw_frame(data) else {
        return;
    };
    match Open::decode(raw.clone()) {
        Ok(open) => {
            let mut out = BytesMut::new();
            open.encode(&mut out);
            assert_within_the_law(open.kind);
            assert_eq!(out, crate::encoded(&raw));
        }
        Err(OpenError::Malformed(_)) => {}
        Err(refusal) => {
            assert_eq!(
                refusal.stream_code(),
                Some(RegisteredStreamCode::RefusedKind)
            );
        }
    }
}

fn assert_within_the_law(kind: StreamKind) {
    match kind {
        StreamKind::Data { stripe } => assert_eq!(stripe, VarInt::ZERO),
        StreamKind::Messages { lane } => assert!(lane <= limits::MAX_LANE),
        _ => {}
    }
}
