//! A keys file: slots and ring as they lie on the medium. What is read writes the same bytes.
//!
//! Input: the file.

use stt_store::fuzzing;

/// Reads a keys file and writes it.
pub fn body(data: &[u8]) {
    if let Some(written) = fuzzing::keys(data) {
        assert_eq!(written, data);
    }
}
