//! The text of a group: what is read can be written, and reads as the same group.
//!
//! Input: the text. Well-formed passphrases are left out: each costs a fifth of a second by design.

use stc::Group;

/// Reads a group, writes it and reads it again.
pub fn body(data: &[u8]) {
    let Ok(text) = str::from_utf8(data) else {
        return;
    };
    if text.lines().any(is_passphrase) {
        return;
    }
    let Ok(group) = Group::parse(text) else {
        return;
    };
    let written = group.to_text();
    let again = written
        .as_deref()
        .map(|text| Group::parse(text).map(|group| group.to_text()));
    assert_eq!(again, Some(Ok(written.clone())));
}

/// Whether reading the line could stretch a passphrase.
fn is_passphrase(line: &str) -> bool {
    line.trim()
        .strip_prefix("passphrase:")
        .is_some_and(|rest| rest.contains(':'))
}
