//! Answers to a request for an upgrade: none is taken that has an extension, a subprotocol or another
//! key's answer.
//!
//! Input: the head. It is an answer to the nonce of 16 ones.

use stt::fuzzing;

const NONCE: [u8; 16] = [1; 16];

/// Reads an answer.
pub fn body(data: &[u8]) {
    match fuzzing::answer(data, NONCE) {
        Ok(()) => {
            assert!(data.trim_ascii_start().starts_with(b"HTTP/1."));
            let text = String::from_utf8_lossy(data).to_ascii_lowercase();
            assert!(text.contains(" 101"));
            assert!(!text.contains("\nsec-websocket-extensions:"));
            assert!(!text.contains("\nsec-websocket-protocol:"));
            assert_ne!(fuzzing::answer(data, [2; 16]), Ok(()));
            let another = [data, b"A: b\r\n\r\n"].concat();
            assert_eq!(fuzzing::answer(&another, NONCE), Err(0));
        }
        Err(status) => assert!(status == 0 || (100..1_000).contains(&status)),
    }
}
