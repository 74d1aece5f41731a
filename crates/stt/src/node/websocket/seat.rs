//! Places for connections that have shown nothing yet. When all are taken, the network (a /24, or a
//! /56) that has the most makes room with its oldest, so a flood from one cannot keep out others. Where
//! all have one, those go last whose address had a session lately: not even a flood from everywhere can
//! keep them out.

use std::{fmt, net::IpAddr, sync::Arc};

use parking_lot::Mutex;
use tokio::sync::Notify;

use crate::node::door::{HalfOpen, network};

/// A number of places.
#[derive(Debug, Clone)]
pub(super) struct Seats(Arc<Mutex<HalfOpen>>);

/// One of them, until it is dropped or taken away.
pub(super) struct Seat {
    seats: Seats,
    number: u64,
    taken_away: Arc<Notify>,
}

impl Seats {
    pub(super) fn new(limit: usize) -> Self {
        Self(Arc::new(Mutex::new(HalfOpen::new(limit))))
    }

    /// Always finds one, if need be somebody else's.
    pub(super) fn take(&self, source: IpAddr, is_known: bool) -> Seat {
        let (number, taken_away) = self.0.lock().enter(network(source), is_known);
        Seat {
            seats: self.clone(),
            number,
            taken_away,
        }
    }
}

impl Seat {
    /// Resolves when somebody else has the place.
    pub(super) async fn taken_away(&self) {
        self.taken_away.notified().await;
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.seats.0.lock().leave(self.number);
    }
}

impl fmt::Debug for Seat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Seat").field(&self.number).finish()
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    #[test]
    fn a_network_that_floods_makes_room_for_others_with_its_oldest() {
        let seats = Seats::new(3);
        let ip = |text: &str| text.parse().unwrap();
        let first = seats.take(ip("10.0.0.1"), false);
        let other = seats.take(ip("10.0.1.1"), false);
        let second = seats.take(ip("10.0.0.2"), false);
        let _third = seats.take(ip("10.0.0.3"), false);
        assert!(first.taken_away().now_or_never().is_some());
        assert!(second.taken_away().now_or_never().is_none());
        assert!(other.taken_away().now_or_never().is_none());
    }
}
