//! URLs of WebSockets: what is read is written so that it is read as the same, and leads to a request
//! that a listener takes.
//!
//! Input: the text.

use stt::fuzzing;

/// Reads a URL, writes it, and asks there.
pub fn body(data: &[u8]) {
    let Ok(text) = str::from_utf8(data) else {
        return;
    };
    let Some(written) = fuzzing::url(text) else {
        return;
    };
    assert_eq!(fuzzing::url(&written).as_deref(), Some(&*written));
    let (tag, nonce) = ([7; 20], [1; 16]);
    let asked = fuzzing::request_to(text, tag, nonce).expect("a URL");
    assert_eq!(asked.matches("\r\n").count(), 7);
    let (taken, _, answer) = fuzzing::request(asked.as_bytes()).expect("a request");
    assert_eq!(taken, tag);
    assert_eq!(fuzzing::answer(answer.as_bytes(), nonce), Ok(()));
}
