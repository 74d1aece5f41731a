//! The changes of one batch: each one appends its records and changes the tables.
//!
//! A refusal changes nothing and lets the batch go on; a failure ends the batch.

use super::request::{Body, Put, Refusal, Request};
use super::{Core, Shared};
use crate::error::Failure;
use crate::index::{BlockRow, Count, ObjectRow, RemovedRow, Tables};
use crate::log::{HEAD_LEN, Kind, Note, Place};
use crate::object::Name;

/// A batch under way.
pub(super) struct Step<'a, 't> {
    pub(super) shared: &'a Shared,
    pub(super) core: &'a mut Core,
    pub(super) tables: &'a mut Tables<'t>,
}

impl<'a, 't> Step<'a, 't> {
    /// Begins with what happened since the last batch.
    pub(super) fn begin(
        shared: &'a Shared,
        core: &'a mut Core,
        tables: &'a mut Tables<'t>,
    ) -> Result<Self, Failure> {
        core.let_go(std::mem::take(&mut *shared.let_go.lock()));
        let mut step = Self {
            shared,
            core,
            tables,
        };
        step.note_uses()?;
        step.admit_fresh()?;
        step.drop_abandoned()?;
        Ok(step)
    }

    /// Ends with the sync that makes all of it true.
    pub(super) fn end(self) -> Result<(), Failure> {
        self.core.writer.sync()?;
        self.core.is_logged = true;
        self.core.fresh.clear();
        let end = self.core.writer.end();
        if self.core.writer.active().is_some() {
            self.tables.extend(end.segment, end.offset)?;
        }
        self.tables.set_covered(end);
        Ok(())
    }

    pub(super) fn apply(&mut self, request: &Request) -> Result<Result<(), Refusal>, Failure> {
        let result = match request {
            Request::Put(put) => self.put(put),
            Request::Remove(address) => self.remove(address),
            Request::Pin(address, pinned) => self.pin(address, *pinned),
            Request::Discard(address) => self.discard(address),
        };
        match result {
            Err(Refusal::Failure(failure)) => Err(failure),
            other => Ok(other),
        }
    }

    fn put(&mut self, put: &Put) -> Result<(), Refusal> {
        let is_damaged = self.shared.damaged.lock().contains(&put.address);
        if let Some(mut row) = self.tables.object(&put.address)?
            && !row.is_partial
            && (!is_damaged || put.body.is_partial())
        {
            row.tick = self.tables.draw(Count::Tick)?;
            self.tables.put_object(&put.address, &row)?;
            return Ok(());
        }
        if matches!(put.body, Body::Whole { generation, .. } if generation != self.core.writer.generation())
        {
            return Err(Refusal::Rotated);
        }
        if matches!(put.body, Body::Appended { era, .. } | Body::Partial { era, .. } if era != self.core.era)
        {
            return Err(Refusal::TakenBack);
        }
        self.make_room(put)?;
        // Only now: what is here of it may have had to go.
        let old = self.tables.object(&put.address)?;
        let (part, old) = match old {
            Some(row) if row.is_partial => (Some(row), None),
            other => (None, other),
        };
        let mut row = ObjectRow {
            root: put.root,
            length: put.length,
            sequence: self.tables.draw(Count::Sequence)?,
            tick: self.tables.draw(Count::Tick)?,
            place: self.core.writer.end(),
            first: u64::MAX,
            pinned: old.is_some_and(|old| old.pinned),
            is_partial: put.body.is_partial(),
        };
        if let Some(part) = part {
            row.first = part.first;
        }
        if let Some(old) = old {
            // It is damaged. Its blocks are counted already, as far as they are here.
            row.first = old.first;
            self.tables.dead(old.place, HEAD_LEN)?;
        }
        if let Some(removed) = self.tables.removed(&put.address)? {
            row.first = row.first.min(removed.first);
            self.tables.drop_removed(&put.address)?;
            self.tables.dead(removed.place, HEAD_LEN)?;
        }
        match &put.body {
            Body::Whole { sealed, .. } => {
                self.append_whole(put, &mut row, sealed, is_damaged)?;
            }
            Body::Appended { names, .. } => {
                self.use_all(names, old.is_some())?;
                self.declare(&put.address, &mut row, Kind::Object, &[])?;
            }
            Body::Partial { names, .. } => {
                self.use_all(names, false)?;
                self.declare(&put.address, &mut row, Kind::Partial, &[])?;
            }
        }
        if let Some(part) = part {
            // After the new one counted its blocks, so that none of them is dropped in between.
            self.forget(&put.address, &part)?;
        }
        self.tables.put_object(&put.address, &row)?;
        self.shared.damaged.lock().remove(&put.address);
        Ok(())
    }

    /// Appends an object of one block, with the block unless it is here already and well.
    fn append_whole(
        &mut self,
        put: &Put,
        row: &mut ObjectRow,
        body: &[u8],
        is_damaged: bool,
    ) -> Result<(), Failure> {
        let block = self.tables.block(&put.root)?;
        if let Some(mut block) = block
            && !is_damaged
        {
            block.uses += 1;
            self.tables.put_block(&put.root, &block)?;
            return self.declare(&put.address, row, Kind::Object, &[]);
        }
        self.declare(&put.address, row, Kind::Whole, body)?;
        let size = body.len() as u32;
        if let Some(old) = block {
            self.tables.dead(old.place, old.size)?;
        }
        self.tables.live(row.place, size)?;
        let new = BlockRow {
            place: row.place,
            body: size,
            uses: block.map_or(1, |block| block.uses.max(1)),
            size,
        };
        self.tables.put_block(&put.root, &new)
    }

    /// Appends the record that says what `row` says, and notes its place.
    pub(super) fn declare(
        &mut self,
        address: &[u8; 32],
        row: &mut ObjectRow,
        kind: Kind,
        body: &[u8],
    ) -> Result<(), Failure> {
        let note = Note {
            sequence: row.sequence,
            address: *address,
            root: row.root,
            length: row.length,
            pinned: row.pinned,
            // A record that is the first of its object says so by the number 0.
            first: if row.first == u64::MAX { 0 } else { row.first },
            ..Note::of(kind)
        };
        row.place = self.append(note, body)?;
        row.first = row.first.min(row.place.segment);
        self.tables.live(row.place, HEAD_LEN)
    }

    fn remove(&mut self, address: &[u8; 32]) -> Result<(), Refusal> {
        let row = self.whole(address)?;
        if row.pinned {
            return Err(Refusal::Pinned);
        }
        Ok(self.remove_row(address, &row)?)
    }

    /// The row of an object that is here.
    fn whole(&self, address: &[u8; 32]) -> Result<ObjectRow, Refusal> {
        let row = self.tables.object(address)?;
        row.filter(|row| !row.is_partial).ok_or(Refusal::Unknown)
    }

    fn discard(&mut self, address: &[u8; 32]) -> Result<(), Refusal> {
        match self.tables.object(address)? {
            Some(row) if row.is_partial => Ok(self.remove_row(address, &row)?),
            _ => Ok(()),
        }
    }

    pub(super) fn remove_row(
        &mut self,
        address: &[u8; 32],
        row: &ObjectRow,
    ) -> Result<(), Failure> {
        self.forget(address, row)?;
        self.shared.damaged.lock().remove(address);
        let mut removed = RemovedRow {
            sequence: self.tables.draw(Count::Sequence)?,
            place: row.place,
            first: row.first,
            last: row.place.segment,
        };
        self.declare_removed(address, &mut removed)
    }

    /// Appends the record that says what `removed` says, and notes its place.
    pub(super) fn declare_removed(
        &mut self,
        address: &[u8; 32],
        removed: &mut RemovedRow,
    ) -> Result<(), Failure> {
        let note = Note {
            sequence: removed.sequence,
            address: *address,
            first: removed.first,
            last: removed.last,
            ..Note::of(Kind::Removed)
        };
        removed.place = self.append(note, &[])?;
        self.tables.live(removed.place, HEAD_LEN)?;
        self.tables.put_removed(address, removed)
    }

    fn pin(&mut self, address: &[u8; 32], pinned: bool) -> Result<(), Refusal> {
        let mut row = self.whole(address)?;
        if row.pinned == pinned {
            return Ok(());
        }
        self.tables.dead(row.place, HEAD_LEN)?;
        row.pinned = pinned;
        row.sequence = self.tables.draw(Count::Sequence)?;
        self.declare(address, &mut row, Kind::Object, &[])?;
        Ok(self.tables.put_object(address, &row)?)
    }

    /// Takes an object out of the tables, and its blocks if nobody else names them.
    pub(super) fn forget(&mut self, address: &[u8; 32], row: &ObjectRow) -> Result<(), Failure> {
        for name in self.names_of(row)?.names {
            if let Some(mut block) = self.tables.block(&name)? {
                block.uses = block.uses.saturating_sub(1);
                self.keep_or_drop(&name, &block)?;
            }
        }
        self.tables.dead(row.place, HEAD_LEN)?;
        self.tables.drop_object(address)
    }

    /// Remembers that an object is damaged.
    pub(super) fn note_damage(&self, address: &[u8; 32]) {
        self.shared.damaged.lock().insert(*address);
    }

    /// Whether a segment other than `but` may have a record of what was removed.
    pub(super) fn may_return(&self, but: u64, removed: &RemovedRow) -> bool {
        let segments = &self.shared.segments;
        let lost = self
            .shared
            .lost
            .range(removed.first..=removed.last.max(removed.first));
        lost.count() > 0
            || segments.has_any(removed.first, removed.last.min(but.saturating_sub(1)))
            || segments.has_any(removed.first.max(but + 1), removed.last)
    }

    pub(super) fn seal_block(&self, name: &Name, block: &[u8]) -> Vec<u8> {
        self.shared.seal_block(name, block).0
    }

    pub(super) fn append(&mut self, note: Note, body: &[u8]) -> Result<Place, Failure> {
        let place = self.core.writer.append(note, body)?;
        let end = place.offset + HEAD_LEN + body.len() as u32;
        self.tables.extend(place.segment, end)?;
        Ok(place)
    }

    fn note_uses(&mut self) -> Result<(), Failure> {
        let used = std::mem::take(&mut *self.shared.used.lock());
        for address in used {
            if let Some(mut row) = self.tables.object(&address)? {
                row.tick = self.tables.draw(Count::Tick)?;
                self.tables.put_object(&address, &row)?;
            }
        }
        Ok(())
    }
}
