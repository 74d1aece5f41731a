//! What a node keeps of the members it knew: what is taken has one form, and is bounded.

use bytes::Bytes;
use stt_wire::{KeptMembers, limits};

/// Decodes a list of members and encodes it again.
pub fn body(data: &[u8]) {
    if let Ok(kept) = KeptMembers::decode(Bytes::copy_from_slice(data)) {
        assert!(kept.contacts().len() <= limits::MAX_KEPT_MEMBERS);
        assert_eq!(kept.encode(), data);
    }
}
