//! Gives dead space back: what is needed of a segment is moved to the end of the log.
//!
//! *Invariants.*
//! - A segment is removed only after what was needed of it is synced and a checkpoint says so.
//! - A segment with damage in something that is needed is left alone.

use super::step::Step;
use super::{BinaryStorage, Core, Shared};
use crate::error::Failure;
use crate::index::{BlockRow, Persist};
use crate::log::{
    HEAD_LEN, HEADER_LEN, Item, Kind, Note, Place, Scan, Segment, scan, segment_name,
};

/// What a compaction did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Compacted {
    /// Segments that are gone.
    pub segments_removed: u64,
    /// Segments that were left alone because of damage in them.
    pub segments_damaged: u64,
}

impl BinaryStorage {
    /// Gives dead space back now, and goes on with a rotation that was broken off.
    ///
    /// Rewrites every segment of which less than three quarters are needed. Tries those again that could not be
    /// cleared away before.
    ///
    /// # Errors
    /// [`Failure`] of what lies below.
    pub fn compact(&self) -> Result<Compacted, Failure> {
        let mut done = self.shared.rewrite_old_keys()?;
        let rows = self
            .shared
            .watched(self.shared.index()?.view())?
            .segments()?;
        for (number, row) in rows {
            if row.live * 4 < u64::from(row.end) * 3 {
                let core = &mut *self.shared.core.lock();
                done.count(self.shared.rewrite(core, number)?);
            }
        }
        Ok(done)
    }
}

impl Compacted {
    fn count(&mut self, outcome: Outcome) {
        match outcome {
            Outcome::Removed => self.segments_removed += 1,
            Outcome::Damaged => self.segments_damaged += 1,
            Outcome::Needless => {}
        }
    }
}

/// What became of one segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    Removed,
    Damaged,
    /// There is no such segment.
    Needless,
}

impl Shared {
    /// Rewrites every segment that is under an older master key.
    pub(super) fn rewrite_old_keys(&self) -> Result<Compacted, Failure> {
        let mut done = Compacted::default();
        let current = self.vault.read().current().number;
        for segment in self.segments.all() {
            if segment.keys.number != current {
                let core = &mut *self.core.lock();
                done.count(self.rewrite(core, segment.header.number)?);
            }
        }
        let _core = self.core.lock();
        self.forget_old_keys()?;
        Ok(done)
    }

    /// Clears one segment away when there is too much dead space. Called after changes.
    pub(super) fn clear_away(&self, core: &mut Core) {
        if let Ok(Some(number)) = self.worst(core) {
            // This change is done, whatever becomes of that one. It is not tried again at every
            // change: on a full medium that would write, and take back, a segment each time.
            if self.rewrite(core, number).is_err() {
                core.stuck.insert(number);
            }
        }
    }

    /// The segment with the least in it, if there is too much dead space in all.
    fn worst(&self, core: &Core) -> Result<Option<u64>, Failure> {
        let rows = self.index()?.view()?.segments()?;
        let disk: u64 = rows.iter().map(|(_, row)| u64::from(row.end)).sum();
        let live: u64 = rows.iter().map(|(_, row)| row.live).sum();
        let dead = disk.saturating_sub(live);
        if dead < u64::from(self.options.segment_len).max(live / 3) {
            return Ok(None);
        }
        let is_open = |number: u64| Some(number) == core.writer.active();
        let sealed = rows
            .iter()
            .filter(|(number, _)| !is_open(*number) && !core.stuck.contains(number));
        let share = |row: &crate::index::SegmentRow| row.live * 1000 / u64::from(row.end.max(1));
        let worst = sealed.min_by_key(|(_, row)| share(row));
        Ok(worst
            .filter(|(_, row)| share(row) < 900)
            .map(|(number, _)| *number))
    }

    /// Moves what is needed of a segment to the end of the log, and removes it.
    pub(super) fn rewrite(&self, core: &mut Core, number: u64) -> Result<Outcome, Failure> {
        let Some(segment) = self.segments.find(number) else {
            return Ok(Outcome::Needless);
        };
        if core.writer.active() == Some(number) {
            // Blocks that are not synced yet would be lost with it.
            self.change(core, |_| Ok(()))?;
            let keys = std::sync::Arc::clone(self.vault.read().current());
            core.writer.turn(&keys)?;
        }
        let is_empty = self.change_and(core, Persist::Now, |step| {
            let is_empty = move_needed(step, &segment)?;
            if is_empty {
                step.tables.drop_segment(number)?;
            }
            Ok(is_empty)
        })?;
        if !is_empty {
            core.stuck.insert(number);
            return Ok(Outcome::Damaged);
        }
        // As long as its file may come back, what is removed must not be forgotten.
        self.backend.remove(&segment_name(number))?;
        self.segments.remove(number);
        core.stuck.remove(&number);
        Ok(Outcome::Removed)
    }
}

/// Appends everything that is needed of `segment` anew; false if something needed is damaged.
fn move_needed(step: &mut Step<'_, '_>, segment: &Segment) -> Result<bool, Failure> {
    let number = segment.header.number;
    let end = step.tables.segment(number)?.unwrap_or_default().end;
    let range = Scan {
        from: HEADER_LEN,
        to: end,
    };
    let mut is_well = true;
    scan(segment, range, |item| {
        if let Item::Record { offset, body, note } = item {
            let place = Place {
                segment: number,
                offset,
            };
            is_well &= move_record(step, segment, place, body, &note)?;
        }
        Ok::<_, Failure>(())
    })?;
    // Whatever is still counted was needed and could not be read.
    let left = step.tables.segment(number)?.unwrap_or_default().live;
    Ok(is_well && left == 0)
}

/// Moves one record; false if it is needed and damaged.
fn move_record(
    step: &mut Step<'_, '_>,
    segment: &Segment,
    place: Place,
    body: u32,
    note: &Note,
) -> Result<bool, Failure> {
    let object = match note.kind {
        Kind::Object | Kind::Whole | Kind::Partial => step.tables.object(&note.address)?,
        _ => None,
    };
    let object = object.filter(|row| row.place == place);
    let block = if note.kind.has_body() {
        step.tables.block(&note.root)?
    } else {
        None
    };
    let block = block.filter(|row| row.place == place);
    let mut sealed = Vec::new();
    if block.is_some() {
        match step.reseal(segment, place.offset, body, &note.root)? {
            Some(body) => sealed = body,
            None => return Ok(false),
        }
    }
    if let Some(mut row) = object {
        step.tables.dead(place, HEAD_LEN)?;
        let kind = if row.is_partial {
            Kind::Partial
        } else if block.is_some() {
            Kind::Whole
        } else {
            Kind::Object
        };
        step.declare(&note.address, &mut row, kind, &sealed)?;
        step.tables.put_object(&note.address, &row)?;
        if let Some(block) = block {
            step.moved(&note.root, &block, row.place, block.body)?;
        }
    } else if let Some(block) = block {
        let moved = Note {
            root: note.root,
            ..Note::of(Kind::Block)
        };
        let new = step.append(moved, &sealed)?;
        step.moved(&note.root, &block, new, HEAD_LEN + block.body)?;
    }
    if note.kind == Kind::Removed {
        step.move_removed(place, note)?;
    }
    Ok(true)
}

impl Step<'_, '_> {
    /// The body of a record for the end of the log; `None` if it is damaged.
    fn reseal(
        &self,
        segment: &Segment,
        offset: u32,
        body: u32,
        name: &[u8; 32],
    ) -> Result<Option<Vec<u8>>, Failure> {
        let Some(block) = segment.read_block(offset, body, name)? else {
            return Ok(None);
        };
        Ok(Some(self.seal_block(name, &block)))
    }

    fn moved(
        &mut self,
        name: &[u8; 32],
        block: &BlockRow,
        place: Place,
        size: u32,
    ) -> Result<(), Failure> {
        self.tables.dead(block.place, block.size)?;
        self.tables.live(place, size)?;
        let row = BlockRow {
            place,
            size,
            ..*block
        };
        self.tables.put_block(name, &row)
    }

    fn move_removed(&mut self, place: Place, note: &Note) -> Result<(), Failure> {
        let removed = self.tables.removed(&note.address)?;
        let Some(mut removed) = removed.filter(|row| row.place == place) else {
            return Ok(());
        };
        self.tables.dead(place, HEAD_LEN)?;
        if self.may_return(place.segment, &removed) {
            return self.declare_removed(&note.address, &mut removed);
        }
        self.tables.drop_removed(&note.address)
    }
}
