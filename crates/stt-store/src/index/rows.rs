//! The rows of the index, each of a fixed length.

use crate::log::Place;

/// Where a block is, and how often objects name it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct BlockRow {
    pub(crate) place: Place,
    /// Bytes of the sealed body.
    pub(crate) body: u32,
    /// How often it is named. 0: an object is being stored that will name it.
    pub(crate) uses: u64,
    /// Bytes that are its own: those of the record, but for what belongs to an object.
    pub(crate) size: u32,
}

impl BlockRow {
    pub(crate) const LEN: usize = 28;

    pub(crate) fn encode(&self) -> [u8; Self::LEN] {
        let mut row = Row::new();
        row.place(self.place);
        row.put(self.body.to_be_bytes());
        row.put(self.uses.to_be_bytes());
        row.put(self.size.to_be_bytes());
        row.0
    }

    pub(crate) fn decode(bytes: [u8; Self::LEN]) -> Self {
        let mut cells = Cells(&bytes);
        Self {
            place: cells.place(),
            body: u32::from_be_bytes(cells.take()),
            uses: u64::from_be_bytes(cells.take()),
            size: u32::from_be_bytes(cells.take()),
        }
    }
}

/// An object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ObjectRow {
    pub(crate) root: [u8; 32],
    pub(crate) length: u64,
    pub(crate) sequence: u64,
    /// When it was used last, by the store's own count.
    pub(crate) tick: u64,
    /// The record that says so.
    pub(crate) place: Place,
    /// The first segment that may have an older record of it.
    pub(crate) first: u64,
    pub(crate) pinned: bool,
    /// Whether it is not here, and `root` and `length` are of a list of blocks that are.
    pub(crate) is_partial: bool,
}

impl ObjectRow {
    pub(crate) const LEN: usize = 77;

    pub(crate) fn encode(&self) -> [u8; Self::LEN] {
        let mut row = Row::new();
        row.put(self.root);
        row.put(self.length.to_be_bytes());
        row.put(self.sequence.to_be_bytes());
        row.put(self.tick.to_be_bytes());
        row.place(self.place);
        row.put(self.first.to_be_bytes());
        row.put([u8::from(self.pinned) | u8::from(self.is_partial) << 1]);
        row.0
    }

    pub(crate) fn decode(bytes: [u8; Self::LEN]) -> Self {
        let mut cells = Cells(&bytes);
        let mut row = Self {
            root: cells.take(),
            length: u64::from_be_bytes(cells.take()),
            sequence: u64::from_be_bytes(cells.take()),
            tick: u64::from_be_bytes(cells.take()),
            place: cells.place(),
            first: u64::from_be_bytes(cells.take()),
            pinned: false,
            is_partial: false,
        };
        let [flags] = cells.take();
        row.pinned = flags & 1 != 0;
        row.is_partial = flags & 2 != 0;
        row
    }
}

/// An object that was removed, and of which older records may be left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RemovedRow {
    pub(crate) sequence: u64,
    pub(crate) place: Place,
    pub(crate) first: u64,
    pub(crate) last: u64,
}

impl RemovedRow {
    pub(crate) const LEN: usize = 36;

    pub(crate) fn encode(&self) -> [u8; Self::LEN] {
        let mut row = Row::new();
        row.put(self.sequence.to_be_bytes());
        row.place(self.place);
        row.put(self.first.to_be_bytes());
        row.put(self.last.to_be_bytes());
        row.0
    }

    pub(crate) fn decode(bytes: [u8; Self::LEN]) -> Self {
        let mut cells = Cells(&bytes);
        Self {
            sequence: u64::from_be_bytes(cells.take()),
            place: cells.place(),
            first: u64::from_be_bytes(cells.take()),
            last: u64::from_be_bytes(cells.take()),
        }
    }
}

/// A segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct SegmentRow {
    /// Where its records end.
    pub(crate) end: u32,
    /// Bytes of records that are still needed.
    pub(crate) live: u64,
}

impl SegmentRow {
    pub(crate) const LEN: usize = 12;

    pub(crate) fn encode(&self) -> [u8; Self::LEN] {
        let mut row = Row::new();
        row.put(self.end.to_be_bytes());
        row.put(self.live.to_be_bytes());
        row.0
    }

    pub(crate) fn decode(bytes: [u8; Self::LEN]) -> Self {
        let mut cells = Cells(&bytes);
        Self {
            end: u32::from_be_bytes(cells.take()),
            live: u64::from_be_bytes(cells.take()),
        }
    }
}

/// Cells put one after the other.
struct Row<const N: usize>([u8; N], usize);

impl<const N: usize> Row<N> {
    fn new() -> Self {
        Self([0; N], 0)
    }

    fn put<const M: usize>(&mut self, cell: [u8; M]) {
        self.0[self.1..self.1 + M].copy_from_slice(&cell);
        self.1 += M;
    }

    fn place(&mut self, place: Place) {
        self.put(place.segment.to_be_bytes());
        self.put(place.offset.to_be_bytes());
    }
}

struct Cells<'a>(&'a [u8]);

impl Cells<'_> {
    fn take<const M: usize>(&mut self) -> [u8; M] {
        let mut cell = [0; M];
        let (head, rest) = self.0.split_at(M);
        cell.copy_from_slice(head);
        self.0 = rest;
        cell
    }

    fn place(&mut self) -> Place {
        Place {
            segment: u64::from_be_bytes(self.take()),
            offset: u32::from_be_bytes(self.take()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLACE: Place = Place {
        segment: 1 << 40,
        offset: 1 << 20,
    };

    #[test]
    fn rows_read_as_they_were_written() {
        let block = BlockRow {
            place: PLACE,
            body: 2,
            uses: 3,
            size: 4,
        };
        assert_eq!(BlockRow::decode(block.encode()), block);
        let object = ObjectRow {
            root: [1; 32],
            length: 2,
            sequence: 3,
            tick: 4,
            place: PLACE,
            first: 5,
            pinned: true,
            is_partial: false,
        };
        assert_eq!(ObjectRow::decode(object.encode()), object);
        let partial = ObjectRow {
            pinned: false,
            is_partial: true,
            ..object
        };
        assert_eq!(ObjectRow::decode(partial.encode()), partial);
        let removed = RemovedRow {
            sequence: 1,
            place: PLACE,
            first: 2,
            last: 3,
        };
        assert_eq!(RemovedRow::decode(removed.encode()), removed);
        let segment = SegmentRow { end: 1, live: 2 };
        assert_eq!(SegmentRow::decode(segment.encode()), segment);
    }
}
