//! Which block is asked of whom, and when it is taken away again: decided without clock or network.
//!
//! ```text
//! joins, gains, samples, ends ──> Plan ──> poll: Fetch (provider, block, from), Cancel
//! ```
//!
//! A block flies to us from one provider at a time. Each provider is asked for as much as keeps its line busy for a
//! moment, so the fast get more. Once nothing is left to be asked for, whoever is idle takes over what
//! would come last; it goes on where the other one stopped, so that little comes twice. In the order of the object
//! if all providers have all of it, else the rarest first.
//!
//! *Invariants.* The same inputs give the same orders. A block has at most one flight. What is under way is
//! bounded by [`MAX_FLYING`].
//!
//! *spec:* CONTENT-21.

mod pace;
mod pick;
mod provider;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use provider::Provider;

/// Names a provider within a plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct ProviderId(pub(crate) u32);

/// What is to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Order {
    /// Ask for a block, from this byte on.
    Fetch {
        provider: ProviderId,
        block: u64,
        from: usize,
    },
    /// Give up what flies; its end is to be [told](Plan::ended).
    Cancel { provider: ProviderId, block: u64 },
}

/// The blocks of one object and who gives them.
#[derive(Debug)]
pub(crate) struct Plan {
    length: u64,
    blocks: Vec<Block>,
    /// Wanted, and neither flying nor here.
    open: BTreeSet<u64>,
    flying: usize,
    missing: u64,
    providers: BTreeMap<ProviderId, Provider>,
    cancels: Vec<(ProviderId, u64)>,
    random: u64,
}

#[derive(Debug, Clone, Copy)]
struct Block {
    state: State,
    /// Bytes that came already, of providers that were given up.
    from: u32,
    /// It was false when it came from several: one provider alone is to send it.
    is_alone: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Open,
    Flying,
    /// It came, and is being compared with its name.
    Checking,
    Here,
}

/// How a flight ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// All of it came.
    Whole,
    /// It was given up, with so many bytes that can be used.
    Cut {
        /// Bytes of the block that are at hand now, those of earlier flights among them.
        at_hand: usize,
    },
    /// The provider does not have it.
    Absent,
    /// The provider wants to be left alone until then.
    Busy { until: Duration },
}

impl Plan {
    /// A plan for an object of `length` bytes. `random` is any number.
    pub(crate) fn new(length: u64, random: u64) -> Self {
        let count = length.div_ceil(BLOCK_LEN).max(1);
        let block = Block {
            state: State::Open,
            from: 0,
            is_alone: false,
        };
        Self {
            length,
            blocks: vec![block; count as usize],
            open: (0..count).collect(),
            flying: 0,
            missing: count,
            providers: BTreeMap::new(),
            cancels: Vec::new(),
            random: random | 1,
        }
    }

    /// A provider with this round trip can be asked; it has nothing yet.
    pub(crate) fn join(&mut self, id: ProviderId, round_trip: Duration, now: Duration) {
        let provider = Provider::new(self.blocks.len() as u64, round_trip, now);
        self.providers.entry(id).or_insert(provider);
    }

    /// A provider has these blocks; returns how many of them are news.
    pub(crate) fn gains(&mut self, id: ProviderId, first: u64, count: u64) -> u64 {
        let provider = self.providers.get_mut(&id);
        provider.map_or(0, |provider| provider.gain(first, count))
    }

    /// A provider is gone. What it was sending is given up: the ends are to be told nevertheless.
    pub(crate) fn leave(&mut self, id: ProviderId) {
        let Some(provider) = self.providers.get_mut(&id) else {
            return;
        };
        provider.is_gone = true;
        let flights: Vec<u64> = provider.flights.iter().map(|flight| flight.block).collect();
        for block in flights {
            self.cancel(id, block);
        }
        self.forget_if_over(id);
    }

    /// How much has come of each flight by now; to be called every so often. What the providers' pace is
    /// made of.
    pub(crate) fn sample(
        &mut self,
        received: impl IntoIterator<Item = (ProviderId, u64, u64)>,
        now: Duration,
    ) {
        for (id, block, bytes) in received {
            if let Some(provider) = self.providers.get_mut(&id) {
                provider.received(block, bytes);
            }
        }
        for provider in self.providers.values_mut() {
            provider.pace(now);
        }
        self.drop_stalled(now);
    }

    /// A flight is over.
    pub(crate) fn ended(&mut self, id: ProviderId, block: u64, end: End, now: Duration) {
        let Some(provider) = self.providers.get_mut(&id) else {
            return;
        };
        if !provider.land(block, end, self.length, now) {
            return;
        }
        self.cancels.retain(|cancel| *cancel != (id, block));
        self.flying -= 1;
        self.forget_if_over(id);
        let state = match end {
            End::Whole => State::Checking,
            _ => State::Open,
        };
        let Some(row) = self.blocks.get_mut(block as usize) else {
            return;
        };
        if row.state == State::Here {
            return;
        }
        row.state = state;
        match end {
            End::Cut { at_hand } => row.from = if row.is_alone { 0 } else { at_hand as u32 },
            End::Whole => row.from = 0,
            End::Absent | End::Busy { .. } => {}
        }
        if state == State::Open {
            self.open.insert(block);
        }
    }

    /// A block is here: it came and is what its name says, or was here before.
    pub(crate) fn kept(&mut self, block: u64) {
        let Some(row) = self.blocks.get_mut(block as usize) else {
            return;
        };
        if row.state == State::Here {
            return;
        }
        let was_flying = row.state == State::Flying;
        row.state = State::Here;
        self.open.remove(&block);
        self.missing -= 1;
        if was_flying {
            let carriers = self.providers.iter();
            let carriers = carriers.filter(|(_, provider)| provider.flies(block));
            let carriers: Vec<_> = carriers.map(|(id, _)| *id).collect();
            for id in carriers {
                self.cancel(id, block);
            }
        }
    }

    /// A block of this provider was true.
    pub(crate) fn proved(&mut self, id: ProviderId) {
        if let Some(provider) = self.providers.get_mut(&id) {
            provider.is_proven = true;
        }
    }

    /// A block was false, or is damaged: it is wanted again. Alone, if several had sent it.
    pub(crate) fn wanted_again(&mut self, block: u64, is_alone: bool) {
        let Some(row) = self.blocks.get_mut(block as usize) else {
            return;
        };
        if row.state == State::Here {
            self.missing += 1;
        }
        if row.state != State::Flying {
            row.state = State::Open;
            row.from = 0;
            self.open.insert(block);
        }
        row.is_alone |= is_alone;
    }

    /// How many blocks are not here.
    pub(crate) fn missing(&self) -> u64 {
        self.missing
    }

    /// Bytes a second that a provider sends, if that is known.
    pub(crate) fn rate(&self, id: ProviderId) -> Option<u64> {
        let rate = self.providers.get(&id)?.rate?;
        Some(Duration::from_secs_f64(rate.clamp(0.0, 1e15)).as_secs())
    }

    /// The next order; `None` when there is nothing to be done now.
    pub(crate) fn poll(&mut self, now: Duration) -> Option<Order> {
        if let Some((provider, block)) = self.cancels.pop() {
            return Some(Order::Cancel { provider, block });
        }
        if let Some(order) = self.next_fetch(now) {
            return Some(order);
        }
        self.take_over(now);
        let (provider, block) = self.cancels.pop()?;
        Some(Order::Cancel { provider, block })
    }

    fn next_fetch(&mut self, now: Duration) -> Option<Order> {
        if self.open.is_empty() || self.flying >= MAX_FLYING {
            return None;
        }
        // The one that would bring it first chooses first.
        let hungry = self.providers.iter();
        let hungry = hungry.filter(|(_, provider)| provider.wants_more(self.length, now));
        let mut hungry: Vec<_> = hungry
            .map(|(id, provider)| (provider.would_bring_in(self.length), *id))
            .collect();
        hungry.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        for (_, id) in hungry {
            if let Some(block) = self.pick(id) {
                return Some(self.fetch(id, block, now));
            }
        }
        None
    }

    fn fetch(&mut self, id: ProviderId, number: u64, now: Duration) -> Order {
        let mut from = 0;
        if let Some(row) = self.blocks.get_mut(number as usize) {
            row.state = State::Flying;
            from = row.from as usize;
        }
        self.open.remove(&number);
        self.flying += 1;
        if let Some(provider) = self.providers.get_mut(&id) {
            provider.depart(number, from as u64, now);
        }
        Order::Fetch {
            provider: id,
            block: number,
            from,
        }
    }

    fn cancel(&mut self, id: ProviderId, block: u64) {
        if let Some(provider) = self.providers.get_mut(&id)
            && provider.give_up(block)
        {
            self.cancels.push((id, block));
        }
    }

    fn forget_if_over(&mut self, id: ProviderId) {
        let is_over = |provider: &Provider| provider.is_gone && provider.flights.is_empty();
        if self.providers.get(&id).is_some_and(is_over) {
            self.providers.remove(&id);
        }
    }
}

/// Bytes of every block but the last.
const BLOCK_LEN: u64 = 1 << 20;

/// Blocks under way at a time, from all providers: so many MiB of memory.
pub(crate) const MAX_FLYING: usize = 96;

/// Bytes of a block of an object.
fn len_of(length: u64, block: u64) -> u64 {
    length.saturating_sub(block * BLOCK_LEN).min(BLOCK_LEN)
}

#[cfg(test)]
mod tests;
