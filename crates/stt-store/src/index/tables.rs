//! The tables of the index, in one change or in one view.
//!
//! | table | key | row |
//! |---|---|---|
//! | objects | address | what it is and where its record lies |
//! | used | tick | address of an object that may be evicted, oldest first |
//! | removed | address | what must not come back |
//! | blocks | name | where it is, how often it is named |
//! | waiting | name | blocks that no object names yet |
//! | segments | number | where it ends, how much of it is needed |
//! | counts | what | a number of the whole store |

use std::collections::BTreeMap;
use std::ops::Bound;

use redb::{
    ReadOnlyTable, ReadTransaction, ReadableTable, Table, TableDefinition, WriteTransaction,
};

use super::rows::{BlockRow, ObjectRow, RemovedRow, SegmentRow};
use super::{contained, failure};
use crate::error::Failure;
use crate::log::Place;

type Rows<const N: usize> = TableDefinition<'static, [u8; 32], [u8; N]>;

const OBJECTS: Rows<{ ObjectRow::LEN }> = TableDefinition::new("objects");
const USED: TableDefinition<'static, u64, [u8; 32]> = TableDefinition::new("used");
const REMOVED: Rows<{ RemovedRow::LEN }> = TableDefinition::new("removed");
const BLOCKS: Rows<{ BlockRow::LEN }> = TableDefinition::new("blocks");
const WAITING: Rows<0> = TableDefinition::new("waiting");
const SEGMENTS: TableDefinition<'static, u64, [u8; SegmentRow::LEN]> =
    TableDefinition::new("segments");
const COUNTS: TableDefinition<'static, u8, u64> = TableDefinition::new("counts");

/// A number of the whole store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Count {
    /// The next sequence number.
    Sequence = 0,
    /// The next tick of use.
    Tick = 1,
    /// Up to where the index covers the log.
    CoveredSegment = 2,
    CoveredOffset = 3,
    Objects = 4,
    Pinned = 5,
    /// Bytes of objects, as their users see them.
    Length = 6,
    /// Bytes of records that are needed.
    Live = 7,
    /// Bytes of segments.
    Disk = 8,
}

/// All tables, in a change.
pub(crate) struct Tables<'t> {
    objects: Table<'t, [u8; 32], [u8; ObjectRow::LEN]>,
    used: Table<'t, u64, [u8; 32]>,
    removed: Table<'t, [u8; 32], [u8; RemovedRow::LEN]>,
    blocks: Table<'t, [u8; 32], [u8; BlockRow::LEN]>,
    waiting: Table<'t, [u8; 32], [u8; 0]>,
    segments: Table<'t, u64, [u8; SegmentRow::LEN]>,
    counts: Table<'t, u8, u64>,
    /// Rows of `segments` and of `counts` that were changed, written by [`finish`](Self::finish).
    changed_segments: BTreeMap<u64, SegmentRow>,
    changed_counts: BTreeMap<u8, u64>,
}

impl<'t> Tables<'t> {
    pub(super) fn open(change: &'t WriteTransaction) -> Result<Self, Failure> {
        Ok(Self {
            changed_segments: BTreeMap::new(),
            changed_counts: BTreeMap::new(),
            objects: change.open_table(OBJECTS).map_err(failure)?,
            used: change.open_table(USED).map_err(failure)?,
            removed: change.open_table(REMOVED).map_err(failure)?,
            blocks: change.open_table(BLOCKS).map_err(failure)?,
            waiting: change.open_table(WAITING).map_err(failure)?,
            segments: change.open_table(SEGMENTS).map_err(failure)?,
            counts: change.open_table(COUNTS).map_err(failure)?,
        })
    }

    /// Writes what was held back.
    pub(super) fn finish(mut self) -> Result<(), Failure> {
        for (number, row) in &self.changed_segments {
            let row = row.encode();
            self.segments.insert(number, row).map_err(failure)?;
        }
        for (what, count) in &self.changed_counts {
            self.counts.insert(what, count).map_err(failure)?;
        }
        Ok(())
    }

    pub(crate) fn object(&self, address: &[u8; 32]) -> Result<Option<ObjectRow>, Failure> {
        let row = self.objects.get(address).map_err(failure)?;
        Ok(row.map(|row| ObjectRow::decode(row.value())))
    }

    /// Inserts or changes an object, its place in the order of use and the counts.
    pub(crate) fn put_object(
        &mut self,
        address: &[u8; 32],
        row: &ObjectRow,
    ) -> Result<(), Failure> {
        let old = self.objects.insert(address, row.encode());
        let old = old.map_err(failure)?.map(|row| row.value());
        if let Some(old) = old {
            self.uncount(&ObjectRow::decode(old))?;
        }
        if !row.pinned {
            self.used.insert(row.tick, address).map_err(failure)?;
        }
        if row.is_partial {
            return Ok(());
        }
        self.add(Count::Objects, 1)?;
        self.add(Count::Pinned, row.pinned.into())?;
        self.add(Count::Length, row.length)
    }

    /// Takes an object out of the tables; its blocks are left as they are.
    pub(crate) fn drop_object(&mut self, address: &[u8; 32]) -> Result<(), Failure> {
        let old = self.objects.remove(address).map_err(failure)?;
        match old.map(|row| row.value()) {
            Some(old) => self.uncount(&ObjectRow::decode(old)),
            None => Ok(()),
        }
    }

    /// Takes what an object adds out of the order of use and of the counts.
    fn uncount(&mut self, old: &ObjectRow) -> Result<(), Failure> {
        self.used.remove(old.tick).map_err(failure)?;
        if old.is_partial {
            return Ok(());
        }
        self.subtract(Count::Objects, 1)?;
        self.subtract(Count::Pinned, old.pinned.into())?;
        self.subtract(Count::Length, old.length)
    }

    /// The object that may be evicted and was used next after `last`, and when; first the one that was used
    /// longest ago.
    pub(crate) fn next_used(&self, last: Option<u64>) -> Result<Option<(u64, [u8; 32])>, Failure> {
        let start = last.map_or(Bound::Unbounded, Bound::Excluded);
        let range: (Bound<u64>, Bound<u64>) = (start, Bound::Unbounded);
        let next = self.used.range(range).map_err(failure)?.next();
        let next = next.transpose().map_err(failure)?;
        Ok(next.map(|(tick, address)| (tick.value(), address.value())))
    }

    pub(crate) fn removed(&self, address: &[u8; 32]) -> Result<Option<RemovedRow>, Failure> {
        let row = self.removed.get(address).map_err(failure)?;
        Ok(row.map(|row| RemovedRow::decode(row.value())))
    }

    pub(crate) fn put_removed(
        &mut self,
        address: &[u8; 32],
        row: &RemovedRow,
    ) -> Result<(), Failure> {
        self.removed
            .insert(address, row.encode())
            .map_err(failure)?;
        Ok(())
    }

    pub(crate) fn drop_removed(&mut self, address: &[u8; 32]) -> Result<(), Failure> {
        self.removed.remove(address).map_err(failure)?;
        Ok(())
    }

    pub(crate) fn block(&self, name: &[u8; 32]) -> Result<Option<BlockRow>, Failure> {
        let row = self.blocks.get(name).map_err(failure)?;
        Ok(row.map(|row| BlockRow::decode(row.value())))
    }

    pub(crate) fn put_block(&mut self, name: &[u8; 32], row: &BlockRow) -> Result<(), Failure> {
        self.blocks.insert(name, row.encode()).map_err(failure)?;
        if row.uses == 0 {
            self.waiting.insert(name, []).map_err(failure)?;
        } else {
            self.waiting.remove(name).map_err(failure)?;
        }
        Ok(())
    }

    pub(crate) fn drop_block(&mut self, name: &[u8; 32]) -> Result<(), Failure> {
        self.blocks.remove(name).map_err(failure)?;
        self.waiting.remove(name).map_err(failure)?;
        Ok(())
    }

    /// A block that no object names.
    pub(crate) fn any_waiting(&self) -> Result<Option<[u8; 32]>, Failure> {
        let name = self.waiting.first().map_err(failure)?;
        Ok(name.map(|(name, _)| name.value()))
    }

    pub(crate) fn segment(&self, number: u64) -> Result<Option<SegmentRow>, Failure> {
        if let Some(row) = self.changed_segments.get(&number) {
            return Ok(Some(*row));
        }
        let row = self.segments.get(number).map_err(failure)?;
        Ok(row.map(|row| SegmentRow::decode(row.value())))
    }

    pub(crate) fn drop_segment(&mut self, number: u64) -> Result<(), Failure> {
        let row = self.segment(number)?.unwrap_or_default();
        self.changed_segments.remove(&number);
        self.segments.remove(number).map_err(failure)?;
        self.subtract(Count::Live, row.live)?;
        self.subtract(Count::Disk, row.end.into())
    }

    /// Says that the records of a segment go up to `end`.
    pub(crate) fn extend(&mut self, number: u64, end: u32) -> Result<(), Failure> {
        let mut row = self.segment(number)?.unwrap_or_default();
        let more = end.saturating_sub(row.end);
        row.end += more;
        self.changed_segments.insert(number, row);
        self.add(Count::Disk, more.into())
    }

    /// Counts bytes of a record that are needed.
    pub(crate) fn live(&mut self, place: Place, bytes: u32) -> Result<(), Failure> {
        let mut row = self.segment(place.segment)?.unwrap_or_default();
        row.live += u64::from(bytes);
        self.changed_segments.insert(place.segment, row);
        self.add(Count::Live, bytes.into())
    }

    /// Counts bytes of a record that are no longer needed.
    pub(crate) fn dead(&mut self, place: Place, bytes: u32) -> Result<(), Failure> {
        let mut row = self.segment(place.segment)?.unwrap_or_default();
        row.live = row.live.saturating_sub(bytes.into());
        self.changed_segments.insert(place.segment, row);
        self.subtract(Count::Live, bytes.into())
    }

    pub(crate) fn count(&self, what: Count) -> Result<u64, Failure> {
        if let Some(count) = self.changed_counts.get(&(what as u8)) {
            return Ok(*count);
        }
        let count = self.counts.get(what as u8).map_err(failure)?;
        Ok(count.map_or(0, |count| count.value()))
    }

    pub(crate) fn set_count(&mut self, what: Count, count: u64) {
        self.changed_counts.insert(what as u8, count);
    }

    /// A number that was never given before.
    pub(crate) fn draw(&mut self, what: Count) -> Result<u64, Failure> {
        let number = self.count(what)?;
        self.set_count(what, number + 1);
        Ok(number)
    }

    fn add(&mut self, what: Count, number: u64) -> Result<(), Failure> {
        let count = self.count(what)?.saturating_add(number);
        self.set_count(what, count);
        Ok(())
    }

    fn subtract(&mut self, what: Count, number: u64) -> Result<(), Failure> {
        let count = self.count(what)?.saturating_sub(number);
        self.set_count(what, count);
        Ok(())
    }

    pub(crate) fn set_covered(&mut self, place: Place) {
        self.set_count(Count::CoveredSegment, place.segment);
        self.set_count(Count::CoveredOffset, place.offset.into());
    }
}

/// The tables as they were at one moment.
pub(crate) struct View {
    objects: ReadOnlyTable<[u8; 32], [u8; ObjectRow::LEN]>,
    blocks: ReadOnlyTable<[u8; 32], [u8; BlockRow::LEN]>,
    segments: ReadOnlyTable<u64, [u8; SegmentRow::LEN]>,
    counts: ReadOnlyTable<u8, u64>,
}

impl View {
    pub(super) fn open(read: &ReadTransaction) -> Result<Self, Failure> {
        Ok(Self {
            objects: read.open_table(OBJECTS).map_err(failure)?,
            blocks: read.open_table(BLOCKS).map_err(failure)?,
            segments: read.open_table(SEGMENTS).map_err(failure)?,
            counts: read.open_table(COUNTS).map_err(failure)?,
        })
    }

    pub(crate) fn object(&self, address: &[u8; 32]) -> Result<Option<ObjectRow>, Failure> {
        contained(|| {
            let row = self.objects.get(address).map_err(failure)?;
            Ok(row.map(|row| ObjectRow::decode(row.value())))
        })
    }

    /// Up to `limit` objects behind `after`, in the order of their addresses.
    pub(crate) fn objects(
        &self,
        after: Option<[u8; 32]>,
        limit: usize,
    ) -> Result<Vec<([u8; 32], ObjectRow)>, Failure> {
        let start = after.map_or(Bound::Unbounded, Bound::Excluded);
        let range: (Bound<[u8; 32]>, Bound<[u8; 32]>) = (start, Bound::Unbounded);
        let decode = |row: Result<(redb::AccessGuard<'_, _>, redb::AccessGuard<'_, _>), _>| {
            let (address, row) = row.map_err(failure)?;
            Ok((address.value(), ObjectRow::decode(row.value())))
        };
        contained(|| {
            let rows = self.objects.range(range).map_err(failure)?;
            rows.take(limit).map(decode).collect()
        })
    }

    pub(crate) fn block(&self, name: &[u8; 32]) -> Result<Option<BlockRow>, Failure> {
        contained(|| {
            let row = self.blocks.get(name).map_err(failure)?;
            Ok(row.map(|row| BlockRow::decode(row.value())))
        })
    }

    pub(crate) fn segments(&self) -> Result<Vec<(u64, SegmentRow)>, Failure> {
        contained(|| all_segments(&self.segments))
    }

    pub(crate) fn count(&self, what: Count) -> Result<u64, Failure> {
        contained(|| {
            let count = self.counts.get(what as u8).map_err(failure)?;
            Ok(count.map_or(0, |count| count.value()))
        })
    }
}

fn all_segments(
    table: &impl ReadableTable<u64, [u8; SegmentRow::LEN]>,
) -> Result<Vec<(u64, SegmentRow)>, Failure> {
    let rows = table.iter().map_err(failure)?;
    let decode = |row: Result<(redb::AccessGuard<'_, u64>, redb::AccessGuard<'_, _>), _>| {
        let (number, row) = row.map_err(failure)?;
        Ok((number.value(), SegmentRow::decode(row.value())))
    };
    rows.map(decode).collect()
}
