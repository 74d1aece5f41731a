//! The quota: who has to go so that something else fits.
//!
//! *Invariant*: nobody goes unless it is enough.

use std::collections::BTreeMap;

use super::request::{Body, Put, Refusal};
use super::step::Step;
use crate::error::Failure;
use crate::index::Count;
use crate::log::HEAD_LEN;
use crate::object::{Name, block_count};

impl Step<'_, '_> {
    /// Evicts what was used longest ago until there is room.
    pub(super) fn make_room(&mut self, put: &Put) -> Result<(), Refusal> {
        let (needed, more) = match &put.body {
            Body::Whole { sealed, .. } => {
                let size = u64::from(HEAD_LEN) + sealed.len() as u64;
                (size, size)
            }
            // Its blocks are counted already.
            Body::Appended { .. } | Body::Partial { .. } => {
                (stored_len(put.length), HEAD_LEN.into())
            }
        };
        self.evict(needed, more)
    }

    /// Evicts until `more` bytes fit into the quota.
    pub(super) fn evict(&mut self, needed: u64, more: u64) -> Result<(), Refusal> {
        let Some(quota) = self.shared.options.quota else {
            return Ok(());
        };
        if needed > quota {
            return Err(Refusal::QuotaTooSmall { needed, quota });
        }
        let live = self.tables.count(Count::Live)?;
        if live + more <= quota {
            return Ok(());
        }
        let plan = self.plan(live + more - quota)?;
        if live + more > quota + plan.freed {
            let held = live.saturating_sub(plan.freed + needed - more);
            return Err(Refusal::QuotaHeld {
                needed,
                held,
                quota,
            });
        }
        for _ in 0..plan.leaving {
            let (_, address) = self.tables.next_used(None)?.ok_or(Failure::IndexLost)?;
            let row = self.tables.object(&address)?.ok_or(Failure::IndexLost)?;
            self.remove_row(&address, &row)?;
        }
        Ok(())
    }

    /// How many have to go so that `wanted` bytes are free, or all if they are not enough.
    fn plan(&mut self, wanted: u64) -> Result<Plan, Failure> {
        let mut plan = Plan::default();
        let mut last = None;
        while plan.freed < wanted
            && let Some((tick, address)) = self.tables.next_used(last)?
        {
            last = Some(tick);
            let row = self.tables.object(&address)?.ok_or(Failure::IndexLost)?;
            // The record of an object goes, and one that says so comes.
            for name in self.names_of(&row)?.names {
                plan.freed += self.freed_with(&name, &mut plan.uses)?;
            }
            plan.leaving += 1;
        }
        Ok(plan)
    }

    /// Bytes that are free when one object less names this block.
    fn freed_with(&self, name: &Name, uses: &mut BTreeMap<Name, u64>) -> Result<u64, Failure> {
        let Some(block) = self.tables.block(name)? else {
            return Ok(0);
        };
        let mut left = block.uses.saturating_sub(1);
        if left > 0 {
            let uses = uses.entry(*name).or_insert(block.uses);
            *uses = uses.saturating_sub(1);
            left = *uses;
        }
        let is_free = left == 0 && !self.core.held.contains_key(name);
        Ok(if is_free { block.size.into() } else { 0 })
    }
}

/// Objects that are evicted together.
#[derive(Default)]
struct Plan {
    /// So many, those that were used longest ago.
    leaving: u64,
    /// Bytes that are free then.
    freed: u64,
    /// How often a block that several objects name is named by those that stay.
    uses: BTreeMap<Name, u64>,
}

/// About what an object takes up in the log.
pub(super) fn stored_len(length: u64) -> u64 {
    let overhead = u64::from(HEAD_LEN) + stc::StcContext::OVERHEAD as u64 + 32;
    length.saturating_add(block_count(length).saturating_mul(overhead))
}
