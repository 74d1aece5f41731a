//! A manifest: what is read writes the same bytes, and has the names its length asks for.
//!
//! Input: depth u8, covered u64, then the manifest.

use stt_store::fuzzing;

/// Reads a manifest and writes it.
pub fn body(data: &[u8]) {
    let Some((&[depth], rest)) = data.split_first_chunk() else {
        return;
    };
    let Some((covered, bytes)) = rest.split_first_chunk() else {
        return;
    };
    if let Some(written) = fuzzing::manifest(bytes, depth, u64::from_be_bytes(*covered)) {
        assert_eq!(written, bytes);
    }
}
