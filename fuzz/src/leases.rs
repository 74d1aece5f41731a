//! What a keeper keeps of the leases it granted: what is taken has one form, and is bounded.

use bytes::Bytes;
use stt_wire::{KeptLeases, limits};

/// Decodes a list of leases and encodes it again.
pub fn body(data: &[u8]) {
    if let Ok(kept) = KeptLeases::decode(Bytes::copy_from_slice(data)) {
        assert!(kept.leases().len() <= limits::MAX_KEPT_LEASES);
        assert_eq!(kept.encode(), data);
    }
}
