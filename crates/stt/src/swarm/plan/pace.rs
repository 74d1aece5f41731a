//! How much is asked of each provider at a time, who takes over from whom, and when one has stalled.

use std::time::Duration;

use super::provider::{Flight, Provider};
use super::{BLOCK_LEN, Plan, ProviderId, State};

impl Provider {
    /// Whether it should be asked for another block: what it has still to send lasts for less than a moment.
    pub(super) fn wants_more(&self, length: u64, now: Duration) -> bool {
        if self.is_gone || self.rests_until > now {
            return false;
        }
        if self.stalls > 0 {
            return self.flights.is_empty();
        }
        let Some(rate) = self.rate.filter(|_| !self.flights.is_empty()) else {
            return self.flights.is_empty();
        };
        if self.flights.len() >= MAX_FLIGHTS {
            return false;
        }
        // Who has not shown a true block yet is asked for the next one no sooner than needed.
        let ahead = if self.is_proven {
            self.look_ahead()
        } else {
            self.round_trip
        };
        (self.outstanding(length) as f64) < rate * ahead.as_secs_f64()
    }

    /// How long its line should have something to carry.
    fn look_ahead(&self) -> Duration {
        (2 * self.round_trip).max(MIN_LOOK_AHEAD)
    }

    /// In how many seconds it would have sent one block more; who was never tried comes first,
    /// who stalled last.
    pub(super) fn would_bring_in(&self, length: u64) -> f64 {
        if self.stalls > 0 {
            return f64::INFINITY;
        }
        let bytes = (self.outstanding(length) + BLOCK_LEN) as f64;
        self.rate.map_or(0.0, |rate| bytes / rate.max(1.0))
    }

    /// For how long nothing has come that was asked for.
    fn silent_for(&self, now: Duration) -> Duration {
        if self.flights.is_empty() {
            return Duration::ZERO;
        }
        now.saturating_sub(self.heard_at)
    }

    /// Seconds until each flight that is not given up will have come, in their order; of those of which
    /// that can be said.
    fn arrivals(&self, length: u64, now: Duration) -> impl Iterator<Item = (&Flight, f64)> {
        let is_silent = self.silent_for(now) > self.patience();
        let mut before = 0;
        let flights = self.flights.iter().filter(|flight| !flight.is_given_up());
        flights.filter_map(move |flight| {
            before += flight.rest(length);
            let seconds = match self.rate {
                _ if is_silent => f64::INFINITY,
                Some(rate) => before as f64 / rate.max(1.0),
                None => return None,
            };
            Some((flight, seconds))
        })
    }

    /// How long it may be silent.
    fn patience(&self) -> Duration {
        (4 * self.round_trip).max(MIN_PATIENCE)
    }
}

impl Plan {
    /// Takes the flights of providers that are silent for too long, as long as somebody else may send them.
    pub(super) fn drop_stalled(&mut self, now: Duration) {
        let is_well = |provider: &Provider| {
            !provider.is_gone && provider.silent_for(now) <= provider.patience()
        };
        let well = self
            .providers
            .iter()
            .filter(|(_, provider)| is_well(provider));
        let well: Vec<ProviderId> = well.map(|(id, _)| *id).collect();
        let stalled = self
            .providers
            .iter()
            .filter(|(_, provider)| !is_well(provider));
        let stalled: Vec<ProviderId> = stalled.map(|(id, _)| *id).collect();
        for id in stalled {
            let Some(provider) = self.providers.get(&id) else {
                continue;
            };
            let mut flights = provider.flights.iter().map(|flight| flight.block);
            let others = |block| {
                let mut others = well.iter().filter_map(|id| self.providers.get(id));
                others.any(|other| other.has(block))
            };
            if !flights.any(others) {
                continue;
            }
            let flights: Vec<u64> = provider.flights.iter().map(|flight| flight.block).collect();
            let rest = provider.patience() * (1 << provider.stalls.min(MAX_STALL_STEPS));
            if let Some(provider) = self.providers.get_mut(&id) {
                provider.stalls += 1;
                provider.rests_until = now + rest;
                provider.heard_at = now;
                provider.rate = None;
            }
            for block in flights {
                self.cancel(id, block);
            }
        }
    }

    /// Nothing is left to be asked for: whoever is idle takes over what would come last, if that is worth it.
    pub(super) fn take_over(&mut self, now: Duration) {
        if !self.open.is_empty() {
            return;
        }
        let idle = self.providers.iter();
        let idle = idle.filter(|(_, provider)| provider.wants_more(self.length, now));
        let mut idle: Vec<_> = idle
            .filter_map(|(id, provider)| Some((*id, provider.rate?)))
            .collect();
        // The fastest first.
        idle.sort_unstable_by(|a, b| b.1.total_cmp(&a.1));
        for (id, rate) in idle {
            if let Some((from, block)) = self.worth_taking(id, rate, now) {
                return self.cancel(from, block);
            }
        }
    }

    /// The flight that would come last of those that `id` could bring much sooner.
    fn worth_taking(&self, id: ProviderId, rate: f64, now: Duration) -> Option<(ProviderId, u64)> {
        let taker = self.providers.get(&id)?;
        let others = self.providers.iter().filter(|(other, _)| **other != id);
        let mut worst: Option<(f64, ProviderId, u64)> = None;
        for (other, provider) in others {
            for (flight, seconds) in provider.arrivals(self.length, now) {
                let is_alone = self.is_alone(flight.block);
                let rest = if is_alone {
                    super::len_of(self.length, flight.block)
                } else {
                    flight.rest(self.length)
                };
                let outstanding = taker.outstanding(self.length) + rest;
                let own = outstanding as f64 / rate + taker.round_trip.as_secs_f64();
                let is_worth = own * WORTH + MIN_GAIN_SECONDS < seconds;
                let is_late = worst.is_none_or(|(latest, ..)| seconds > latest);
                if is_worth && is_late && taker.has(flight.block) {
                    worst = Some((seconds, *other, flight.block));
                }
            }
        }
        worst.map(|(_, other, block)| (other, block))
    }

    fn is_alone(&self, block: u64) -> bool {
        let row = self.blocks.get(block as usize);
        row.is_some_and(|row| row.is_alone && row.state == State::Flying)
    }
}

/// So that a session's window, 16 MiB, is not all of this object's.
const MAX_FLIGHTS: usize = 16;

/// Long enough for whoever asks to be woken late. Whatever is asked for beyond what keeps the lines busy only waits: in memory, and
/// in our socket's buffer, which several fast providers fill until it drops packets.
const MIN_LOOK_AHEAD: Duration = Duration::from_millis(30);

/// Shorter silences than this are the network's.
const MIN_PATIENCE: Duration = Duration::from_secs(2);

const MAX_STALL_STEPS: u32 = 5;

/// What is taken over has to come so much sooner.
const WORTH: f64 = 1.3;

/// And at least by this much.
const MIN_GAIN_SECONDS: f64 = 0.1;
