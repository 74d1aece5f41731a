//! How many dials are under way at a time: as many as are answered.
//!
//! A machine, or a network, that has too much to do answers dials too late. Whoever goes on dialling as much as before then has
//! all work done for dials that are given up, his own and others', and never gets out of it: so each dial that
//! nobody answers takes a place away, and each that is answered gives one back.

use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

use tokio::sync::{Semaphore, SemaphorePermit};

/// Places for dials.
#[derive(Debug)]
pub(super) struct Dials {
    free: Semaphore,
    /// Free ones and those that are taken.
    places: AtomicUsize,
    most: usize,
}

/// A place for one dial. Dropped, it is free again.
#[derive(Debug)]
pub(super) struct Place<'a> {
    dials: &'a Dials,
    permit: SemaphorePermit<'a>,
}

impl Dials {
    pub(super) fn new(most: usize) -> Self {
        Self {
            free: Semaphore::new(most),
            places: AtomicUsize::new(most),
            most,
        }
    }

    /// Waits for a place. Cancel safe.
    pub(super) async fn place(&self) -> Option<Place<'_>> {
        // Never closed, so there always is one.
        let permit = self.free.acquire().await.ok()?;
        Some(Place {
            dials: self,
            permit,
        })
    }
}

impl Place<'_> {
    /// The dial was answered.
    pub(super) fn answered(self) {
        let most = self.dials.most;
        let more = |places: usize| (places < most).then_some(places + 1);
        let places = &self.dials.places;
        if places.fetch_update(SeqCst, SeqCst, more).is_ok() {
            self.dials.free.add_permits(1);
        }
    }

    /// Nobody answered in time.
    pub(super) fn unanswered(self) {
        let less = |places: usize| (places > FEWEST).then_some(places.saturating_sub(1));
        let places = &self.dials.places;
        if places.fetch_update(SeqCst, SeqCst, less).is_ok() {
            self.permit.forget();
        }
    }
}

/// Enough to go on among members of which most have gone.
const FEWEST: usize = 4;

#[cfg(test)]
mod tests {
    use super::*;

    async fn dial(dials: &Dials, is_answered: bool) {
        let place = dials.place().await.unwrap();
        if is_answered {
            place.answered();
        } else {
            place.unanswered();
        }
    }

    #[tokio::test]
    async fn dials_that_nobody_answers_leave_few_places_and_answers_give_them_back() {
        let dials = Dials::new(8);
        for _ in 0..100 {
            dial(&dials, false).await;
        }
        assert_eq!(dials.free.available_permits(), FEWEST);
        for _ in 0..100 {
            dial(&dials, true).await;
        }
        assert_eq!(dials.free.available_permits(), 8);
    }

    #[tokio::test]
    async fn a_few_members_that_have_gone_slow_nobody_down() {
        let dials = Dials::new(32);
        for number in 0..1_000 {
            dial(&dials, number % 10 > 0).await;
        }
        assert!(dials.free.available_permits() >= 31);
    }

    #[tokio::test]
    async fn a_dial_that_is_given_up_leaves_its_place_as_it_was() {
        let dials = Dials::new(8);
        drop(dials.place().await);
        assert_eq!(dials.free.available_permits(), 8);
    }

    #[tokio::test]
    async fn who_may_dial_less_than_the_fewest_still_may() {
        let dials = Dials::new(1);
        dial(&dials, false).await;
        assert_eq!(dials.free.available_permits(), 1);
    }
}
