//! A record: its frame in the clear, and its note once it was opened.
//!
//! Input: offset u32, then bytes that are taken for a frame, and for a note.

use stt_store::fuzzing;

/// Reads a frame, and reads a note and writes it.
pub fn body(data: &[u8]) {
    let Some((offset, bytes)) = data.split_first_chunk() else {
        return;
    };
    if let Some(body) = fuzzing::frame(bytes, u32::from_be_bytes(*offset)) {
        assert!(body == 0 || (49..=1_048_625).contains(&body));
    }
    if let Some(written) = fuzzing::note(bytes) {
        assert_eq!(written, bytes);
    }
}
