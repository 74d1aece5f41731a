//! A provider as the plan sees it: what it has, what it sends, and how fast.

use std::time::Duration;

use super::{End, len_of};

/// One provider.
#[derive(Debug)]
pub(super) struct Provider {
    has: Has,
    /// In the order in which they were asked for, which is the one in which they come.
    pub(super) flights: Vec<Flight>,
    /// Bytes a second; nothing before the first bytes came.
    pub(super) rate: Option<f64>,
    pub(super) round_trip: Duration,
    /// Bytes that came since the pace was looked at.
    fresh: u64,
    paced_at: Duration,
    /// When the last bytes came, or the first flight began.
    pub(super) heard_at: Duration,
    /// It is not asked before that.
    pub(super) rests_until: Duration,
    /// Whether a block of it was what its name says.
    pub(super) is_proven: bool,
    /// How often in a row it stalled.
    pub(super) stalls: u32,
    pub(super) is_gone: bool,
}

/// A block under way.
#[derive(Debug, Clone, Copy)]
pub(super) struct Flight {
    pub(super) block: u64,
    pub(super) from: u64,
    pub(super) received: u64,
    is_given_up: bool,
}

#[derive(Debug)]
enum Has {
    All {
        count: u64,
    },
    Some {
        bits: Vec<u64>,
        count: u64,
        total: u64,
    },
}

impl Provider {
    pub(super) fn new(blocks: u64, round_trip: Duration, now: Duration) -> Self {
        Self {
            has: Has::Some {
                bits: vec![0; blocks.div_ceil(64) as usize],
                count: 0,
                total: blocks,
            },
            flights: Vec::new(),
            rate: None,
            round_trip,
            fresh: 0,
            paced_at: now,
            heard_at: now,
            rests_until: Duration::ZERO,
            is_proven: false,
            stalls: 0,
            is_gone: false,
        }
    }

    pub(super) fn has(&self, block: u64) -> bool {
        match &self.has {
            Has::All { count } => block < *count,
            Has::Some { bits, .. } => {
                let word = bits.get((block / 64) as usize);
                word.is_some_and(|word| word & (1 << (block % 64)) != 0)
            }
        }
    }

    pub(super) fn has_all(&self) -> bool {
        matches!(self.has, Has::All { .. })
    }

    pub(super) fn gain(&mut self, first: u64, added: u64) -> u64 {
        let Has::Some { bits, count, total } = &mut self.has else {
            return 0;
        };
        let mut news = 0;
        for block in first..first.saturating_add(added).min(*total) {
            let word = &mut bits[(block / 64) as usize];
            let bit = 1 << (block % 64);
            news += u64::from(*word & bit == 0);
            *word |= bit;
        }
        *count += news;
        if *count == *total {
            self.has = Has::All { count: *total };
        }
        news
    }

    fn lose(&mut self, block: u64) {
        if let Has::All { count } = self.has {
            let bits = vec![u64::MAX; count.div_ceil(64) as usize];
            self.has = Has::Some {
                bits,
                count,
                total: count,
            };
        }
        if let Has::Some { bits, count, .. } = &mut self.has
            && let Some(word) = bits.get_mut((block / 64) as usize)
        {
            let bit = 1 << (block % 64);
            *count -= u64::from(*word & bit != 0);
            *word &= !bit;
        }
    }

    pub(super) fn flies(&self, block: u64) -> bool {
        self.flights.iter().any(|flight| flight.block == block)
    }

    pub(super) fn depart(&mut self, block: u64, from: u64, now: Duration) {
        if self.flights.is_empty() {
            self.heard_at = now;
            self.paced_at = now;
        }
        self.flights.push(Flight {
            block,
            from,
            received: 0,
            is_given_up: false,
        });
    }

    /// Notes how much has come of a flight, in all.
    pub(super) fn received(&mut self, block: u64, bytes: u64) {
        let flight = self.flights.iter_mut().find(|flight| flight.block == block);
        if let Some(flight) = flight {
            self.fresh += bytes.saturating_sub(flight.received);
            flight.received = flight.received.max(bytes);
        }
    }

    /// A flight is over; false if there is none.
    pub(super) fn land(&mut self, block: u64, end: End, length: u64, now: Duration) -> bool {
        let flight = self.flights.iter().position(|flight| flight.block == block);
        let Some(at) = flight else {
            return false;
        };
        let flight = self.flights.remove(at);
        match end {
            End::Whole => {
                let whole = len_of(length, block).saturating_sub(flight.from);
                self.fresh += whole.saturating_sub(flight.received);
                self.stalls = 0;
            }
            End::Cut { at_hand } => {
                let came = (at_hand as u64).saturating_sub(flight.from);
                self.fresh += came.saturating_sub(flight.received);
            }
            End::Absent => self.lose(block),
            End::Busy { until } => self.rests_until = until.max(now),
        }
        true
    }

    /// Marks a flight as given up; false if it was, or is none.
    pub(super) fn give_up(&mut self, block: u64) -> bool {
        let flight = self.flights.iter_mut().find(|flight| flight.block == block);
        flight.is_some_and(|flight| !std::mem::replace(&mut flight.is_given_up, true))
    }

    /// Looks at the clock: how fast is it by now?
    pub(super) fn pace(&mut self, now: Duration) {
        let seconds = now.saturating_sub(self.paced_at).as_secs_f64();
        if seconds < MIN_SAMPLE_SECONDS {
            return;
        }
        if self.fresh > 0 {
            self.heard_at = now;
        } else if self.rate.is_none() || self.flights.is_empty() {
            // Nothing to learn from: the first bytes are on their way, or it was asked for none.
            if self.flights.is_empty() {
                self.paced_at = now;
            }
            return;
        }
        let measured = self.fresh as f64 / seconds;
        let weight = seconds / (seconds + MEMORY_SECONDS);
        self.rate = Some(match self.rate {
            Some(rate) => rate + (measured - rate) * weight,
            None => measured,
        });
        self.fresh = 0;
        self.paced_at = now;
    }

    /// Bytes that it has still to send.
    pub(super) fn outstanding(&self, length: u64) -> u64 {
        let rests = self.flights.iter().filter(|flight| !flight.is_given_up);
        rests.map(|flight| flight.rest(length)).sum()
    }
}

impl Flight {
    /// Bytes of it that have not come.
    pub(super) fn rest(&self, length: u64) -> u64 {
        len_of(length, self.block).saturating_sub(self.from + self.received)
    }

    pub(super) fn is_given_up(&self) -> bool {
        self.is_given_up
    }
}

const MIN_SAMPLE_SECONDS: f64 = 0.02;

/// How long a pace is remembered, about.
const MEMORY_SECONDS: f64 = 0.5;
