//! The parts of an object that have names of their own. spec: STORE-2, STORE-3.

use std::fmt;

use super::manifest::FAN_OUT;
use super::{BLOCK_LEN, Reference, block_count, block_len};

/// A part of an object that can be verified alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(clippy::exhaustive_enums, reason = "an object has no other parts")]
pub enum ObjectPart {
    /// A block, by its number.
    Block(u64),
    /// A manifest that names blocks, by its number. Objects of more than one block have them.
    Page(u64),
    /// The manifest that names manifests. Objects of more than 32,000 blocks have one.
    Top,
}

impl ObjectPart {
    /// Bytes of this part of an object; `None` if the object has no such part.
    pub fn len_in(self, reference: &Reference) -> Option<usize> {
        let blocks = block_count(reference.length);
        let pages = blocks.div_ceil(FAN_OUT);
        match self {
            Self::Block(number) => (number < blocks).then(|| block_len(reference.length, number)),
            Self::Page(number) if blocks > 1 && number < pages => {
                let names = (blocks - number * FAN_OUT).min(FAN_OUT);
                Some(HEAD_LEN + 32 * names as usize)
            }
            Self::Top if pages > 1 && pages <= FAN_OUT => Some(HEAD_LEN + 32 * pages as usize),
            Self::Page(_) | Self::Top => None,
        }
    }

    /// The longest there is, in bytes: 1 MiB.
    pub const MAX_LEN: usize = BLOCK_LEN;
}

impl fmt::Display for ObjectPart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Block(number) => write!(f, "block {number}"),
            Self::Page(number) => write!(f, "manifest {number}"),
            Self::Top => f.write_str("the topmost manifest"),
        }
    }
}

const HEAD_LEN: usize = 22;
