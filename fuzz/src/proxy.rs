//! The environment's proxy: whatever it says, what is sent to it is one well-formed request that
//! names the host and nothing else.
//!
//! Input: `URL \n proxy \n whom it is not for`.

use stt::fuzzing;

/// Looks for the proxy on the way to a URL.
pub fn body(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let mut lines = text.splitn(3, '\n');
    let mut next = || lines.next().unwrap_or_default();
    let (url, named, exempt) = (next(), next(), next());
    let found = fuzzing::proxy(url, named, exempt);
    assert!(exempt != "*" || found.is_none());
    let Some((host, port, asked)) = found else {
        return;
    };
    assert!(!host.is_empty() && port != 0);
    assert!(asked.starts_with("CONNECT ") && asked.ends_with("\r\n\r\n"));
    assert!(asked.is_ascii() && !asked.contains(char::from(0)));
    let lines: Vec<&str> = asked.trim_end().split("\r\n").collect();
    assert_eq!(lines.len(), 2 + usize::from(named.contains('@')));
    assert!(lines.iter().all(|line| !line.contains(['\r', '\n'])));
}
