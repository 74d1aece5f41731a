//! A proxy's answer to CONNECT: a status of three digits, or nothing.
//!
//! Input: the head.

use stt::fuzzing;

/// Reads an answer, and the same one with a head too many.
pub fn body(data: &[u8]) {
    let Some(status) = fuzzing::proxy_answer(data) else {
        return;
    };
    assert!((100..1_000).contains(&status));
    assert!(data.trim_ascii_start().starts_with(b"HTTP/1."));
    assert_eq!(fuzzing::proxy_answer(&[data, b"A: b\r\n\r\n"].concat()), None);
}
