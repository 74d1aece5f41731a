//! Beacons of a local network, opened: what is taken is within the law and has one encoding.

use bytes::Bytes;
use stt_wire::{Beacon, limits};

/// Decodes a beacon and encodes it again.
pub fn body(data: &[u8]) {
    if let Ok(beacon) = Beacon::decode(Bytes::copy_from_slice(data)) {
        assert!(beacon.addresses.len() <= limits::MAX_BEACON_ADDRESSES);
        assert_eq!(beacon.encode(), data);
    }
}
