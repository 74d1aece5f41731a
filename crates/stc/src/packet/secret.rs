//! The secret of one direction of a connection, from which its keys are made. spec: STC-15.

use crate::kdf::{HASH_LEN, expand};
use crate::secret::Secret;

/// The secret that protects what one side sends, at one encryption level.
#[derive(Debug, PartialEq, Eq)]
pub struct TrafficSecret(Secret<HASH_LEN>);

impl TrafficSecret {
    pub(crate) fn derive(secret: &Secret<HASH_LEN>, label: &str, context: &[u8]) -> Self {
        Self(expand(secret.as_bytes(), label, context))
    }

    /// The secret after a key update. Who has it cannot compute the one before.
    #[must_use]
    pub fn next(&self) -> Self {
        Self::derive(&self.0, "ku", b"")
    }

    /// The bytes, for test vectors and for inspecting packets while debugging.
    pub fn as_bytes(&self) -> &[u8; HASH_LEN] {
        self.0.as_bytes()
    }
}

/// One value for each direction, named after the side that sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Directional<T> {
    /// For what the initiator sends.
    pub initiator: T,
    /// For what the responder sends.
    pub responder: T,
}
