//! Reads what the log has beyond the index: after a crash a little, without an index everything.
//!
//! The log is read twice: for blocks, then for the objects that name them, because a block that was
//! moved lies behind its object. Records pass by one at a time, so memory does not grow with the log.
//!
//! *Invariant*: what was acknowledged is found, and what is torn is not believed. spec: STORE-15,
//! STORE-17.

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
    let mut spans = Vec::new();
    for segment in shared.segments.all() {
        let number = segment.header.number;
        if number >= covered.segment {
            let from = if number == covered.segment {
                covered.offset
            } else {
                HEADER_LEN
            };
            spans.push(Span::survey(shared, segment, from)?);
        }
    }
    let is_news = |span: &Span| span.end > span.from || span.number() > covered.segment;
    if spans.iter().any(is_news) {
        apply_all(shared, core, &spans)?;
    }
    drop_leftovers(shared, covered)?;
    if let Some(tail) = spans.pop() {
        let is_current = tail.segment.keys.number == shared.vault.read().current().number;
        let is_open = !tail.is_cut && !tail.segment.file.is_sealed();
        let has_room = is_open && tail.end < shared.options.segment_len;
        if tail.is_torn {
            shared.rewrite(core, tail.number())?;
        } else if is_current && has_room && !has_lost(shared, tail.number()) {
            core.writer.resume(tail.segment, tail.end);
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

/// Whether a segment from this number on cannot be read.
fn has_lost(shared: &Shared, number: u64) -> bool {
    shared.lost.range(number..).next().is_some()
}

/// The part of a segment that the index does not cover.
struct Span {
    segment: Arc<Segment>,
    from: u32,
    /// Where the records end that are believed.
    end: u32,
    /// What lies before was synced for certain.
    durable: u32,
    /// Whether there are records behind something torn.
    is_torn: bool,
    /// Whether the file ends before what the index has of it: nothing may be put in its place.
    is_cut: bool,
}

struct Record {
    body: u32,
    note: Note,
    /// Whether it was synced for certain.
    is_certain: bool,
}

impl Span {
    /// Finds out what of a segment is to be believed, and cuts off what a crash tore.
    fn survey(shared: &Shared, segment: Arc<Segment>, from: u32) -> Result<Self, Failure> {
        let number = segment.header.number;
        let size = u32::try_from(segment.file.size()?).unwrap_or(u32::MAX);
        let last = shared.segments.all().pop();
        let is_last = last.is_some_and(|last| last.header.number == number);
        let mut span = Self {
            segment,
            from,
            end: size.max(from),
            durable: size.max(from),
            is_torn: false,
            is_cut: size < from,
        };
        // One that is not the last was synced whole, also when the next one cannot be read.
        if is_last && !has_lost(shared, number) && !span.is_cut {
            span.durable = span.find_durable()?;
            span.find_end(size)?;
            if span.end < size {
                span.segment.file.set_size(span.end.into())?;
            }
            // What is believed now may be in the memory of the system only.
            span.segment.file.sync()?;
        }
        Ok(span)
    }

    fn number(&self) -> u64 {
        self.segment.header.number
    }

    /// The most that a valid record says was durable when it was written.
    fn find_durable(&self) -> Result<u32, Failure> {
        let mut durable = self.from;
        self.scan(self.end, |item| {
            if let Item::Record { note, .. } = item {
                durable = durable.max(note.durable);
            }
            Ok(())
        })?;
        Ok(durable)
    }

    fn find_end(&mut self, size: u32) -> Result<(), Failure> {
        let (mut end, mut has_gap, mut is_torn) = (self.from, false, false);
        self.scan(size, |item| {
            match item {
                Item::Record { offset, body, note } => {
                    if self.is_believed(offset, body, &note)? {
                        is_torn |= has_gap;
                        end = offset + HEAD_LEN + body;
                    } else {
                        has_gap = true;
                    }
                }
                Item::Gap { from, .. } if from >= self.durable => has_gap = true,
                Item::Gap { to, .. } => end = to.min(self.durable).max(end),
            }
            Ok(())
        })?;
        (self.end, self.is_torn) = (end, is_torn);
        Ok(())
    }

    fn is_believed(&self, offset: u32, body: u32, note: &Note) -> Result<bool, Failure> {
        Ok(offset < self.durable || has_whole_body(&self.segment, offset, body, note)?)
    }

    /// Shows every record that is believed to `visit`.
    fn records(
        &self,
        mut visit: impl FnMut(Place, &Record) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        self.scan(self.end, |item| {
            let Item::Record { offset, body, note } = item else {
                return Ok(());
            };
            if !self.is_believed(offset, body, &note)? {
                return Ok(());
            }
            let place = Place {
                segment: self.number(),
                offset,
            };
            let is_certain = offset < self.durable;
            let record = Record {
                body,
                note,
                is_certain,
            };
            visit(place, &record)
        })
    }

    fn scan(&self, to: u32, visit: impl FnMut(Item) -> Result<(), Failure>) -> Result<(), Failure> {
        let range = Scan {
            from: self.from,
            to,
        };
        scan(&self.segment, range, visit)
    }
}

fn has_whole_body(segment: &Segment, offset: u32, body: u32, note: &Note) -> Result<bool, Failure> {
    if !note.kind.has_body() {
        return Ok(true);
    }
    Ok(segment.read_block(offset, body, &note.root)?.is_some())
}

/// Changes the tables by what the log says.
fn apply_all(shared: &Shared, core: &mut Core, spans: &[Span]) -> Result<(), Failure> {
    let index = shared.index()?;
    index.change(
        |tables| {
            let mut step = Step::begin(shared, core, tables)?;
            for span in spans {
                span.records(|place, record| step.find_block(place, record))?;
            }
            let mut sequence = step.tables.count(Count::Sequence)?;
            for span in spans {
                span.records(|place, record| {
                    if matches!(record.note.kind, Kind::Block | Kind::Mark) {
                        return Ok(());
                    }
                    sequence = sequence.max(record.note.sequence.saturating_add(1));
                    step.find_object(&record.note.address, place, record)
                })?;
            }
            step.tables.set_count(Count::Sequence, sequence);
            step.drop_waiting()?;
            for span in spans.iter().filter(|span| !span.is_cut) {
                let (segment, offset) = (span.number(), span.end);
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
                self.forget_for_now(address, &row)?;
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
            is_partial: note.kind == Kind::Partial,
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

    /// Takes an object out of the tables. Its blocks stay until all of the log was read: what
    /// comes later may name them.
    fn forget_for_now(&mut self, address: &[u8; 32], row: &ObjectRow) -> Result<(), Failure> {
        for name in self.names_of(row)?.names {
            if let Some(mut block) = self.tables.block(&name)? {
                block.uses = block.uses.saturating_sub(1);
                self.tables.put_block(&name, &block)?;
            }
        }
        self.shared.damaged.lock().remove(address);
        self.tables.dead(row.place, HEAD_LEN)?;
        self.tables.drop_object(address)
    }

    /// Counts the uses of an object's blocks; false if the object is not to be believed.
    fn find_uses(
        &mut self,
        address: &[u8; 32],
        row: &ObjectRow,
        old: Option<&ObjectRow>,
        is_certain: bool,
    ) -> Result<bool, Failure> {
        if let Some(old) = old
            && old.is_partial == row.is_partial
            && old.root == row.root
        {
            // The same root has the same blocks: they are counted already.
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
        if let Some(old) = old {
            self.forget_for_now(address, old)?;
        }
        for name in &all.names {
            if let Some(mut block) = self.tables.block(name)? {
                block.uses += 1;
                self.tables.put_block(name, &block)?;
            }
        }
        if !is_whole && !row.is_partial {
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
