//! Which block a provider is asked for next.

use super::{Plan, ProviderId};

impl Plan {
    /// An open block that this provider has: the first one while everybody has everything, else one of the
    /// rarest, begun ones before others.
    pub(super) fn pick(&mut self, id: ProviderId) -> Option<u64> {
        let provider = self.providers.get(&id)?;
        let mut present = self.providers.values().filter(|other| !other.is_gone);
        if present.all(super::provider::Provider::has_all) {
            return self.open.iter().copied().find(|block| provider.has(*block));
        }
        let start = self.draw() % self.blocks.len() as u64;
        let provider = self.providers.get(&id)?;
        let around = self.open.range(start..).chain(self.open.range(..start));
        let candidates = around
            .filter(|block| provider.has(**block))
            .take(MOST_LOOKED_AT);
        candidates.copied().min_by_key(|block| self.holders(*block))
    }

    /// How many providers have a block.
    fn holders(&self, block: u64) -> usize {
        let present = self.providers.values().filter(|other| !other.is_gone);
        present.filter(|other| other.has(block)).count()
    }

    /// Xorshift: any order will do, as long as fetchers differ and a run can be replayed.
    fn draw(&mut self) -> u64 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        self.random
    }
}

/// Of very long objects not every block is looked at each time.
const MOST_LOOKED_AT: usize = 4_096;
