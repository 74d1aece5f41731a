//! Where a member says that it is: what is taken has one form, and can be dialled.

use bytes::Bytes;
use stt_wire::{Whereabouts, limits};

/// Decodes whereabouts and encodes them again; what is made of their addresses is the same.
pub fn body(data: &[u8]) {
    if let Ok(says) = Whereabouts::decode(Bytes::copy_from_slice(data)) {
        assert!(says.addresses().len() <= limits::MAX_WHEREABOUTS);
        assert_eq!(says.encode(), data);
        assert_eq!(Whereabouts::new(says.addresses().iter().copied()), says);
    }
}
