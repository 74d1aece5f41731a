//! The text of a node's name: read and written it is the same text, in lower case.
//!
//! Input: the text.

use stc::NodeId;

/// Reads a name and writes it.
pub fn body(data: &[u8]) {
    let Ok(text) = str::from_utf8(data) else {
        return;
    };
    if let Ok(id) = text.parse::<NodeId>() {
        assert_eq!(id.to_string(), text.to_ascii_lowercase());
        assert_eq!(NodeId::from_bytes(*id.as_bytes()), id);
    }
}
