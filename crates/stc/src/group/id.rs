//! The public facts of a group: its name, the numbers of its epochs, the kind of its door.

use data_encoding::BASE32_NOPAD;
use std::fmt;

/// The name of a group: 16 random bytes that stay when its seeds rotate.
///
/// Not a secret by itself, yet never on a wire in the clear.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GroupId([u8; 16]);

impl GroupId {
    /// A name from its bytes.
    pub fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// The bytes.
    pub fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

impl fmt::Display for GroupId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&BASE32_NOPAD.encode(&self.0).to_ascii_lowercase())
    }
}

impl fmt::Debug for GroupId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "GroupId({self})")
    }
}

/// The number of a seed within its group: 1 for the first, one more at each rotation.
///
/// A passphrase does not rotate; its number is 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Epoch(pub u16);

impl fmt::Display for Epoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// How a node of the group meets strangers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(
    clippy::exhaustive_enums,
    reason = "whoever has a door decides for both kinds"
)]
pub enum Door {
    /// A random seed: nothing answers a first packet without the gate tag.
    Gated,
    /// A passphrase: anyone may begin a handshake, and gets one guess for it.
    Open,
}
