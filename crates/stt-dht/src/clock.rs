//! Time as an argument: one clock that only runs forward, and one that others can read too.

use std::ops::{Add, Sub};
use std::time::Duration;

/// A point on a clock that only runs forward, from an origin of the caller's choice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Moment(u64);

impl Moment {
    /// The moment `since` after the origin, in whole microseconds.
    pub const fn after(since: Duration) -> Self {
        Self(since.as_secs() * 1_000_000 + since.subsec_micros() as u64)
    }

    /// Time since `earlier`; zero if that is later.
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_micros(self.0.saturating_sub(earlier.0))
    }
}

impl Add<Duration> for Moment {
    type Output = Self;

    fn add(self, time: Duration) -> Self {
        Self(self.0.saturating_add(Self::after(time).0))
    }
}

impl Sub<Duration> for Moment {
    type Output = Self;

    fn sub(self, time: Duration) -> Self {
        Self(self.0.saturating_sub(Self::after(time).0))
    }
}

/// What both clocks say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "the caller reads its clocks into it"
)]
pub struct Now {
    /// The clock that only runs forward; all waiting is measured by it.
    pub moment: Moment,
    /// Seconds since 1970; only the age of records is measured by it, and it may be 10 minutes
    /// wrong.
    pub unix: u64,
}
