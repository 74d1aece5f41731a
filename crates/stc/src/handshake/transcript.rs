//! The running hash of everything both sides have said. spec: STC-25.

use crate::kdf::HASH_LEN;
use aws_lc_rs::digest;
use std::fmt;

/// SHA-512 over the messages so far, framing included.
pub(super) struct Transcript(digest::Context);

impl Transcript {
    pub(super) fn new() -> Self {
        Self(digest::Context::new(&digest::SHA512))
    }

    pub(super) fn add(&mut self, message: &[u8]) {
        self.0.update(message);
    }

    /// The hash of what was added; more may follow.
    pub(super) fn hash(&self) -> [u8; HASH_LEN] {
        let mut hash = [0; HASH_LEN];
        hash.copy_from_slice(self.0.clone().finish().as_ref());
        hash
    }
}

impl fmt::Debug for Transcript {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Transcript").finish_non_exhaustive()
    }
}
