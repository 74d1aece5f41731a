//! Which blocks an object names, and how often each is named.

use std::collections::BTreeSet;

use super::step::Step;
use crate::error::Failure;
use crate::index::{BlockRow, ObjectRow};
use crate::log::HEAD_LEN;
use crate::object::{Manifest, Name};

impl Step<'_, '_> {
    /// Every block and manifest that an object names, as far as its manifests can be read.
    pub(super) fn names_of(&mut self, row: &ObjectRow) -> Result<Names, Failure> {
        let mut all = Names {
            names: vec![row.root],
            is_complete: true,
        };
        let Some(depth) = Manifest::depth_of(row.length) else {
            return Ok(all);
        };
        // Manifests may be in the buffer still.
        self.core.writer.flush()?;
        let Some(top) = self.manifest(&row.root, depth, row.length)? else {
            all.is_complete = false;
            return Ok(all);
        };
        all.names.extend(&top.names);
        if depth == 0 {
            return Ok(all);
        }
        let page_len = crate::object::FAN_OUT * crate::object::BLOCK_LEN as u64;
        for (number, name) in (0..).zip(&top.names) {
            let covered = (row.length - number * page_len).min(page_len);
            match self.manifest(name, 0, covered)? {
                Some(page) => all.names.extend(page.names),
                None => all.is_complete = false,
            }
        }
        Ok(all)
    }

    pub(super) fn manifest(
        &self,
        name: &Name,
        depth: u8,
        covered: u64,
    ) -> Result<Option<Manifest>, Failure> {
        let Some(row) = self.tables.block(name)? else {
            return Ok(None);
        };
        let Some(segment) = self.shared.segments.find(row.place.segment) else {
            return Ok(None);
        };
        let block = segment.read_block(row.place.offset, row.body, name)?;
        Ok(block.and_then(|block| Manifest::decode(&block, depth, covered)))
    }

    /// Counts one more use of each block, or of those that nobody uses if the others are counted.
    pub(super) fn use_all(&mut self, names: &[Name], is_counted: bool) -> Result<(), Failure> {
        let mut unused = BTreeSet::new();
        for name in names {
            // Whoever stores holds them, so each one is here.
            let mut block = self.tables.block(name)?.ok_or(Failure::IndexLost)?;
            if block.uses == 0 {
                unused.insert(*name);
            }
            if !is_counted || unused.contains(name) {
                block.uses += 1;
                self.tables.put_block(name, &block)?;
            }
        }
        Ok(())
    }

    pub(super) fn keep_or_drop(&mut self, name: &Name, block: &BlockRow) -> Result<(), Failure> {
        if block.uses > 0 || self.core.held.contains_key(name) {
            return self.tables.put_block(name, block);
        }
        self.tables.dead(block.place, block.size)?;
        self.tables.drop_block(name)
    }

    /// Tells the index of blocks that this batch will sync.
    pub(super) fn admit_fresh(&mut self) -> Result<(), Failure> {
        for (name, row) in &self.core.fresh {
            let end = row.place.offset + HEAD_LEN + row.body;
            self.tables.extend(row.place.segment, end)?;
            // There may be an older one, which was damaged or came meanwhile: this one counts.
            let mut row = *row;
            if let Some(old) = self.tables.block(name)? {
                self.tables.dead(old.place, old.size)?;
                row.uses = old.uses;
            }
            self.tables.live(row.place, row.size)?;
            self.tables.put_block(name, &row)?;
        }
        Ok(())
    }

    pub(super) fn drop_abandoned(&mut self) -> Result<(), Failure> {
        for name in std::mem::take(&mut self.core.abandoned) {
            if let Some(block) = self.tables.block(&name)?
                && block.uses == 0
            {
                self.keep_or_drop(&name, &block)?;
            }
        }
        Ok(())
    }
}

/// The blocks of an object.
pub(super) struct Names {
    pub(super) names: Vec<Name>,
    /// Whether every manifest could be read.
    pub(super) is_complete: bool,
}
