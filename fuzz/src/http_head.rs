//! Heads of HTTP: however the bytes are cut, the head ends at the first empty line, within its bound.
//!
//! Input: `length of a piece u8 | bytes`.

use stt::fuzzing;

/// Reads a head in pieces, and looks for its end in another way.
pub fn body(data: &[u8]) {
    let Some((&piece, bytes)) = data.split_first() else {
        return;
    };
    let within = &bytes[..bytes.len().min(8_192)];
    let end = within.windows(4).position(|at| at == b"\r\n\r\n");
    let Some((head, rest)) = fuzzing::head(bytes, piece.into()) else {
        assert_eq!(end, None);
        return;
    };
    assert_eq!(Some(head.len()), end.map(|at| at + 4));
    assert!(bytes.starts_with(&[head, rest].concat()));
}
