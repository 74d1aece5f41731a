//! Where members are in the world, and how long packets take between them.
//!
//! A member is a point in a square, and some way behind an access line. Between two of them a round
//! trip takes 110 ms times their distance, and both access lines: half of all pairs are within
//! 80 ms, none within 10 ms. A packet is up to a fifth slower than that, and one in a hundred is lost,
//! which costs its stream one and a half round trips.

use crate::rng::Rng;

/// What a round trip takes on one access line at least.
const LEAST_ACCESS_US: u32 = 5_000;
/// What a message takes at least.
pub(crate) const LEAST_ONE_WAY_US: u64 = LEAST_ACCESS_US as u64;

/// Where a member is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place {
    x: f32,
    y: f32,
    access_us: f32,
}

impl Place {
    pub(crate) fn random(rng: &mut Rng) -> Self {
        let (x, y) = (rng.unit() as f32, rng.unit() as f32);
        let access_us = (rng.exponential(6_500.0) + f64::from(LEAST_ACCESS_US)) as f32;
        Self { x, y, access_us }
    }

    /// A round trip, in microseconds.
    pub(crate) fn round_trip(&self, other: &Self) -> u64 {
        let distance = (self.x - other.x).hypot(self.y - other.y);
        ((110_000.0 * distance + self.access_us + other.access_us) as i64).unsigned_abs()
    }

    /// One way for one message, in microseconds.
    pub(crate) fn one_way(&self, other: &Self, rng: &mut Rng) -> u64 {
        let half = self.round_trip(other) / 2;
        let late = half * (rng.word() % 205) / 1_024;
        let lost = if rng.word().is_multiple_of(100) {
            3 * half
        } else {
            0
        };
        half + late + lost
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_of_all_pairs_are_within_eighty_milliseconds() {
        let mut rng = Rng::new(1);
        let places: Vec<_> = (0..400).map(|_| Place::random(&mut rng)).collect();
        let mut trips: Vec<_> = places
            .iter()
            .flat_map(|one| places.iter().map(|other| one.round_trip(other)))
            .collect();
        trips.sort_unstable();
        let median = trips[trips.len() / 2];
        assert!((76_000..84_000).contains(&median), "{median}");
    }

    #[test]
    fn no_message_takes_less_than_the_least() {
        let mut rng = Rng::new(1);
        for _ in 0..10_000 {
            let mut here = Place::random(&mut rng);
            let mut there = Place::random(&mut rng);
            assert!(here.one_way(&there, &mut rng) >= LEAST_ONE_WAY_US);
            (there.x, there.y) = (here.x, here.y);
            (here.access_us, there.access_us) = (LEAST_ACCESS_US as f32, LEAST_ACCESS_US as f32);
            assert!(here.one_way(&there, &mut rng) >= LEAST_ONE_WAY_US);
        }
    }
}
