//! Integers: each has one encoding, and one that is cut off is left where it is.
//!
//! Input: integers, one after the other.

use stt_wire::varint::{peek_varint, put_varint, take_varint};

/// Decodes integers until the bytes end or break, and encodes them again.
pub fn body(data: &[u8]) {
    let mut left = data;
    loop {
        let before = left;
        let peeked = peek_varint(before);
        let taken = take_varint(&mut left);
        assert_eq!(taken, peeked.map(|peeked| peeked.map(|(value, _)| value)));
        let Ok(Some(value)) = taken else {
            assert!(
                taken.is_err() || left == before,
                "an integer cut off was taken"
            );
            return;
        };
        let mut out = Vec::new();
        put_varint(&mut out, value);
        assert_eq!(out, before[..before.len() - left.len()]);
        assert_eq!(out.len(), value.encoded_len());
    }
}
