//! What a record says, sealed. spec: STORE-14.

/// Bytes of a note in the clear.
pub(crate) const NOTE_LEN: usize = 113;

/// What a record is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A block of any object.
    Block = 1,
    /// An object is here.
    Object = 2,
    /// An object of one block, and that block.
    Whole = 3,
    /// The object is not here.
    Removed = 4,
    /// Nothing but how much is durable.
    Mark = 5,
    /// Some blocks of an object that is not here.
    Partial = 6,
}

impl Kind {
    pub(crate) fn has_body(self) -> bool {
        matches!(self, Self::Block | Self::Whole)
    }

    fn from_byte(byte: u8) -> Option<Self> {
        let kinds = [
            Self::Block,
            Self::Object,
            Self::Whole,
            Self::Removed,
            Self::Mark,
            Self::Partial,
        ];
        kinds.into_iter().find(|kind| *kind as u8 == byte)
    }
}

/// One note. Fields that a kind does not have are zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Note {
    pub(crate) kind: Kind,
    /// Bytes of this segment that were synced when this was written.
    pub(crate) durable: u32,
    pub(crate) sequence: u64,
    pub(crate) address: [u8; 32],
    /// The root of an object, or the name of a block.
    pub(crate) root: [u8; 32],
    pub(crate) length: u64,
    pub(crate) pinned: bool,
    /// The first segment that may have an older note of this address.
    pub(crate) first: u64,
    /// The last one.
    pub(crate) last: u64,
}

impl Note {
    /// A note of a kind, with nothing in it.
    pub(crate) fn of(kind: Kind) -> Self {
        Self {
            kind,
            durable: 0,
            sequence: 0,
            address: [0; 32],
            root: [0; 32],
            length: 0,
            pinned: false,
            first: 0,
            last: 0,
        }
    }

    pub(crate) fn encode(&self) -> [u8; NOTE_LEN] {
        let mut bytes = [0; NOTE_LEN];
        bytes[0] = self.kind as u8;
        bytes[1..5].copy_from_slice(&self.durable.to_be_bytes());
        bytes[5..13].copy_from_slice(&self.sequence.to_be_bytes());
        bytes[13..45].copy_from_slice(&self.address);
        bytes[45..77].copy_from_slice(&self.root);
        bytes[77..85].copy_from_slice(&self.length.to_be_bytes());
        bytes[85] = self.pinned.into();
        bytes[86..94].copy_from_slice(&self.first.to_be_bytes());
        bytes[94..102].copy_from_slice(&self.last.to_be_bytes());
        bytes
    }

    pub(crate) fn decode(bytes: &[u8]) -> Option<Self> {
        let bytes: &[u8; NOTE_LEN] = bytes.try_into().ok()?;
        let u64_at = |at: usize| u64::from_be_bytes(std::array::from_fn(|i| bytes[at + i]));
        let note = Self {
            kind: Kind::from_byte(bytes[0])?,
            durable: u32::from_be_bytes(std::array::from_fn(|i| bytes[1 + i])),
            sequence: u64_at(5),
            address: std::array::from_fn(|i| bytes[13 + i]),
            root: std::array::from_fn(|i| bytes[45 + i]),
            length: u64_at(77),
            pinned: bytes[85] == 1,
            first: u64_at(86),
            last: u64_at(94),
        };
        (note.encode() == *bytes).then_some(note)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn note_reads_as_it_was_written(
            kind in 1_u8..=6, durable: u32, sequence: u64, address: [u8; 32], root: [u8; 32],
            numbers: [u64; 3], pinned: bool,
        ) {
            let note = Note {
                kind: Kind::from_byte(kind).unwrap(),
                durable, sequence, address, root, pinned,
                length: numbers[0], first: numbers[1], last: numbers[2],
            };
            prop_assert_eq!(Note::decode(&note.encode()), Some(note));
        }
    }

    #[test]
    fn note_with_spare_bits_is_refused() {
        let bytes = Note::of(Kind::Mark).encode();
        for (place, value) in [(0, 0), (0, 7), (85, 2), (102, 1), (112, 1)] {
            let mut bad = bytes;
            bad[place] = value;
            assert_eq!(Note::decode(&bad), None);
        }
        assert_eq!(Note::decode(&bytes[1..]), None);
    }
}
