//! The text of a reference, and of an address: read and written it is the same, in lower case.
//!
//! Input: the text.

use stt_store::{Address, Reference};

/// Reads both and writes them.
pub fn body(data: &[u8]) {
    let Ok(text) = str::from_utf8(data) else {
        return;
    };
    if let Ok(reference) = text.parse::<Reference>() {
        assert_eq!(reference.to_string(), text.to_ascii_lowercase());
    }
    if let Ok(address) = text.parse::<Address>() {
        assert_eq!(address.to_string(), text.to_ascii_lowercase());
    }
}
