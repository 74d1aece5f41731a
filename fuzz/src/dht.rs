//! Requests and answers of the DHT: what is taken is within the law and has one encoding.
//!
//! Input: `type u8 | payload`.

use bytes::BytesMut;
use stt_wire::{Ask, DhtAnswer, DhtRequest, limits};

/// Decodes a frame as either and encodes it again; none is taken as both.
pub fn body(data: &[u8]) {
    let Some(raw) = crate::raw_frame(data) else {
        return;
    };
    let request = DhtRequest::decode(raw.clone());
    let answer = DhtAnswer::decode(raw.clone());
    assert!(request.is_err() || answer.is_err());
    let mut out = BytesMut::new();
    if let Ok(request) = request {
        if let Ask::PutRecords { records, .. } = &request.ask {
            assert!((1..=limits::MAX_PUT_RECORDS).contains(&records.len()));
            assert!(records.iter().all(|record| record.sealed.len() <= limits::MAX_SEALED_LEN));
        }
        request.encode(&mut out);
        assert_eq!(out, crate::encoded(&raw));
    } else if let Ok(answer) = answer {
        if let DhtAnswer::Records { records, closer } = &answer {
            assert!(records.len() <= limits::MAX_FOUND_RECORDS);
            assert!(closer.len() <= limits::MAX_CONTACTS);
        }
        answer.encode(&mut out);
        assert_eq!(out, crate::encoded(&raw));
    }
}
