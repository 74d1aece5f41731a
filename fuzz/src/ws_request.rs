//! Requests for an upgrade: what is taken shows a tag as the law writes it, and gets an answer that
//! its asker takes.
//!
//! Input: the head.

use stt::fuzzing;

/// Reads a request, and asks again with what it said.
pub fn body(data: &[u8]) {
    let Some((tag, key, answer)) = fuzzing::request(data) else {
        return;
    };
    let hex: String = tag.iter().map(|byte| format!("{byte:02x}")).collect();
    let text = String::from_utf8_lossy(data);
    assert!(text.trim_start().starts_with("GET "));
    assert!(text.contains(&format!("/{hex} HTTP/1.1")));
    assert!(text.contains(&key));
    assert!(answer.is_ascii() && answer.matches("\r\n").count() == 5);
}
