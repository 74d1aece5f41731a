//! The header of a segment: what is read writes the same, and one good copy is enough.
//!
//! Input: the 128 bytes.

use stt_store::fuzzing;

/// Reads a header and writes it; what was written reads as the same.
pub fn body(data: &[u8]) {
    if let Some(written) = fuzzing::header(data) {
        assert_eq!(fuzzing::header(&written), Some(written.clone()));
        let half = written.len() / 2;
        assert!(data[..half] == written[..half] || data[half..] == written[half..]);
    }
}
