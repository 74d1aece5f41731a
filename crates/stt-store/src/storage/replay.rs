//! Reads what the log has beyond the index: after a crash a little, without an index everything.
//!
//! *Invariant*: what was acknowledged is found, and what is torn is not believed. spec: STORE-15,
//! STORE-17.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::step::Step;
use super::{Core, Shared};
use crate::error::Failure;
use crate::index::{BlockRow, Count, ObjectRow, Persist, RemovedRow};
use crate::log::{HEAD_LEN, HEADER_LEN, Item, Kind, Note, Place, Scan, Segment, scan};

/// Brings the index up to the end of the log, and the writer too.
pub(super) fn replay(shared: &Shared) -> Result<(), Failure> {
    let core = &mut *shared.core.lock();
    let covered = covered(shared)?;
    // Its segment may be gone, or not be begun yet; its number is used up anyhow.
    core.writer.skip_to(covered.segment);
    let last = shared.segments.all().pop();
    let mut tail = None;
    let mut found = Vec::new();
    let mut ends = Vec::new();
    let mut has_news = false;
    for segment in shared.segments.all() {
        let number = segment.header.number;
        if number < covered.segment {
            continue;
        }
        let from = if number == covered.segment {
            covered.offset
        } else {
            HEADER_LEN
        };
        let is_last = last
            .as_ref()
            .is_some_and(|last| last.header.number == number);
        let read = read_segment(&segment, from, is_last)?;
        if read.end < u32::MAX {
            ends.push((number, read.end));
        }
        has_news |= !read.records.is_empty() || number > covered.segment;
        tail = Some((Arc::clone(&segment), read.end, read.is_torn));
        found.extend(read.records.into_iter().map(|record| (number, record)));
    }
    if has_news {
        apply_all(shared, core, found, &ends)?;
    }
    drop_leftovers(shared, covered)?;
    if let Some((segment, end, is_torn)) = tail {
        let is_current = segment.keys.number == shared.vault.read().current().number;
        let is_last_number = shared.lost.range(segment.header.number..).next().is_none();
        if is_torn {
            shared.rewrite(core, segment.header.number)?;
        } else if is_current && is_last_number && end < shared.options.segment_len {
            core.writer.resume(segment, end);
        }
    }
    Ok(())
}

/// Up to where the index covers the log. Bytes that were cut off since are nobody's.
fn covered(shared: &Shared) -> Result<Place, Failure> {
    let view = shared.index()?.view()?;
    Ok(Place {
        segment: view.count(Count::CoveredSegment)?,
        offset: (view.count(Count::CoveredOffset)? as u32).max(HEADER_LEN),
    })
}

/// Records of one segment.
struct Read {
    records: Vec<Record>,
    /// Where the segment ends.
    end: u32,
    /// Whether there are records behind something torn.
    is_torn: bool,
}

struct Record {
    offset: u32,
    body: u32,
    note: Note,
    /// Whether it was synced for certain.
    is_certain: bool,
}

/// Reads the records from `from` on, and cuts off what a crash tore.
fn read_segment(segment: &Segment, from: u32, is_last: bool) -> Result<Read, Failure> {
    let size = u32::try_from(segment.file.size()?).unwrap_or(u32::MAX);
    if size < from {
        // Somebody cut it: what is missing is damage, and nothing may be put in its place.
        return Ok(Read {
            records: Vec::new(),
            end: u32::MAX,
            is_torn: false,
        });
    }
    let mut items = Vec::new();
    let range = Scan { from, to: size };
    scan(segment, range, |item| {
        items.push(item);
        Ok::<_, Failure>(())
    })?;
    let durable = if is_last {
        let durable = |item: &Item| match item {
            Item::Record { note, .. } => note.durable,
            Item::Gap { .. } => 0,
        };
        items.iter().map(durable).max().unwrap_or(0).max(from)
    } else {
        size
    };
    let mut read = Read {
        records: Vec::new(),
        end: from,
        is_torn: false,
    };
    let mut has_gap = false;
    for item in items {
        match item {
            Item::Record { offset, body, note } => {
                let is_certain = offset < durable;
                if !is_certain && !has_whole_body(segment, offset, body, &note)? {
                    has_gap = true;
                    continue;
                }
                read.is_torn |= has_gap;
                read.end = offset + HEAD_LEN + body;
                read.records.push(Record {
                    offset,
                    body,
                    note,
                    is_certain,
                });
            }
            Item::Gap { from, .. } if from >= durable => has_gap = true,
            Item::Gap { to, .. } => read.end = to.min(durable).max(read.end),
        }
    }
    if is_last && read.end < size {
        segment.file.set_size(read.end.into())?;
    }
    if is_last {
        // What is believed now may be in the memory of the system only.
        segment.file.sync()?;
    }
    Ok(read)
}

fn has_whole_body(segment: &Segment, offset: u32, body: u32, note: &Note) -> Result<bool, Failure> {
    if !note.kind.has_body() {
        return Ok(true);
    }
    Ok(segment.read_block(offset, body, &note.root)?.is_some())
}

/// Changes the tables by what was read.
fn apply_all(
    shared: &Shared,
    core: &mut Core,
    found: Vec<(u64, Record)>,
    ends: &[(u64, u32)],
) -> Result<(), Failure> {
    let index = shared.index()?;
    index.change(
        |tables| {
            let mut step = Step::begin(shared, core, tables)?;
            let mut latest = BTreeMap::new();
            let mut sequence = step.tables.count(Count::Sequence)?;
            for (segment, record) in found {
                let place = Place {
                    segment,
                    offset: record.offset,
                };
                step.find_block(place, &record)?;
                if matches!(record.note.kind, Kind::Block | Kind::Mark) {
                    continue;
                }
                sequence = sequence.max(record.note.sequence + 1);
                let known: &mut (Place, Record) = match latest.entry(record.note.address) {
                    std::collections::btree_map::Entry::Vacant(entry) => {
                        entry.insert((place, record));
                        continue;
                    }
                    std::collections::btree_map::Entry::Occupied(entry) => entry.into_mut(),
                };
                if record.note.sequence >= known.1.note.sequence {
                    *known = (place, record);
                }
            }
            step.tables.set_count(Count::Sequence, sequence);
            for (address, (place, record)) in latest {
                step.find_object(&address, place, &record)?;
            }
            step.drop_waiting()?;
            for &(segment, offset) in ends {
                step.tables.extend(segment, offset)?;
                step.tables.set_covered(Place { segment, offset });
            }
            Ok(())
        },
        Persist::Now,
    )
}

/// Removes segments that were cleared away when the store ended.
fn drop_leftovers(shared: &Shared, covered: Place) -> Result<(), Failure> {
    let rows = shared.index()?.view()?.segments()?;
    for segment in shared.segments.all() {
        let number = segment.header.number;
        let is_known = rows.iter().any(|(known, _)| *known == number);
        if number < covered.segment && !is_known {
            shared.segments.remove(number);
            shared.backend.remove(&crate::log::segment_name(number))?;
        }
    }
    Ok(())
}

impl Step<'_, '_> {
    /// Notes the block of a record; a later record of the same block counts instead.
    fn find_block(&mut self, place: Place, record: &Record) -> Result<(), Failure> {
        if !record.note.kind.has_body() {
            return Ok(());
        }
        let name = record.note.root;
        let size = match record.note.kind {
            Kind::Block => HEAD_LEN + record.body,
            _ => record.body,
        };
        let old = self.tables.block(&name)?;
        if let Some(old) = old {
            self.tables.dead(old.place, old.size)?;
        }
        self.tables.live(place, size)?;
        let row = BlockRow {
            place,
            body: record.body,
            uses: old.map_or(0, |old| old.uses),
            size,
        };
        self.tables.put_block(&name, &row)
    }

    /// Notes what the latest record of an address says.
    fn find_object(
        &mut self,
        address: &[u8; 32],
        place: Place,
        record: &Record,
    ) -> Result<(), Failure> {
        let note = &record.note;
        let object = self.tables.object(address)?;
        let removed = self.tables.removed(address)?;
        let newest = object
            .map(|row| row.sequence)
            .max(removed.map(|row| row.sequence));
        if newest.is_some_and(|newest| newest > note.sequence) {
            return Ok(());
        }
        if note.kind == Kind::Removed {
            if let Some(row) = object {
                self.forget(address, &row)?;
            }
            if let Some(old) = removed {
                self.tables.dead(old.place, HEAD_LEN)?;
            }
            self.tables.live(place, HEAD_LEN)?;
            let row = RemovedRow {
                sequence: note.sequence,
                place,
                first: note.first,
                last: note.last,
            };
            return self.tables.put_removed(address, &row);
        }
        let mut row = ObjectRow {
            root: note.root,
            length: note.length,
            sequence: note.sequence,
            tick: 0,
            place,
            first: if note.first == 0 {
                place.segment
            } else {
                note.first
            },
            pinned: note.pinned,
        };
        if !self.find_uses(address, &row, object.as_ref(), record.is_certain)? {
            return Ok(());
        }
        if let Some(old) = removed {
            self.tables.dead(old.place, HEAD_LEN)?;
            self.tables.drop_removed(address)?;
        }
        row.tick = self.tables.draw(Count::Tick)?;
        self.tables.live(place, HEAD_LEN)?;
        self.tables.put_object(address, &row)
    }

    /// Counts the uses of an object's blocks; false if the object is not to be believed.
    fn find_uses(
        &mut self,
        address: &[u8; 32],
        row: &ObjectRow,
        old: Option<&ObjectRow>,
        is_certain: bool,
    ) -> Result<bool, Failure> {
        if let Some(old) = old {
            // The same address has the same blocks: they are counted already.
            self.tables.dead(old.place, HEAD_LEN)?;
            return Ok(true);
        }
        let all = self.names_of(row)?;
        let mut is_whole = all.is_complete;
        for name in &all.names {
            is_whole &= self.tables.block(name)?.is_some();
        }
        if !is_whole && !is_certain {
            return Ok(false);
        }
        for name in &all.names {
            if let Some(mut block) = self.tables.block(name)? {
                block.uses += 1;
                self.tables.put_block(name, &block)?;
            }
        }
        if !is_whole {
            self.note_damage(address);
        }
        Ok(true)
    }

    /// Drops blocks that no object names: of objects whose storing was broken off.
    fn drop_waiting(&mut self) -> Result<(), Failure> {
        while let Some(name) = self.tables.any_waiting()? {
            if let Some(block) = self.tables.block(&name)? {
                self.tables.dead(block.place, block.size)?;
            }
            self.tables.drop_block(&name)?;
        }
        Ok(())
    }
}
