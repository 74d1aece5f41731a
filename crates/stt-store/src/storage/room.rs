//! The quota: who has to go so that something else fits.

use super::request::{Body, Put, Refusal};
use super::step::Step;
use crate::error::Failure;
use crate::index::Count;
use crate::log::HEAD_LEN;
use crate::object::block_count;

impl Step<'_, '_> {
    /// Evicts what was used longest ago until there is room.
    pub(super) fn make_room(&mut self, put: &Put) -> Result<(), Refusal> {
        let (needed, more) = match &put.body {
            Body::Whole { sealed, .. } => {
                let size = u64::from(HEAD_LEN) + sealed.len() as u64;
                (size, size)
            }
            // Its blocks are counted already.
            Body::Appended { .. } => (stored_len(put.length), HEAD_LEN.into()),
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
        loop {
            let live = self.tables.count(Count::Live)?;
            if live + more <= quota {
                return Ok(());
            }
            let Some(address) = self.tables.oldest()? else {
                let held = live.saturating_sub(needed - more);
                return Err(Refusal::QuotaHeld {
                    needed,
                    held,
                    quota,
                });
            };
            let row = self.tables.object(&address)?.ok_or(Failure::IndexLost)?;
            self.remove_row(&address, &row)?;
        }
    }
}

/// About what an object takes up in the log.
pub(super) fn stored_len(length: u64) -> u64 {
    let overhead = u64::from(HEAD_LEN) + stc::StcContext::OVERHEAD as u64 + 32;
    length.saturating_add(block_count(length).saturating_mul(overhead))
}
