//! What can be counted of a node.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use super::shared::Shared;

/// Counters of a node since it started, and what it holds now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct NodeStats {
    /// Sessions that exist.
    pub sessions: usize,
    /// Sessions that ever began, either way.
    pub sessions_begun: u64,
    /// Attempts of others in progress.
    pub half_open: usize,
    /// Attempts of others that came to nothing.
    pub refused: u64,
    /// Attempts that were not answered, because of a limit.
    pub ignored: u64,
    /// Attempts that were replays, and not answered.
    pub replayed: u64,
    /// Attempts that were first asked to show their address.
    pub retried: u64,
    /// First packets of strangers, or forged ones, not answered.
    pub turned_away: u64,
    /// Datagrams of other protocols or versions, dropped before anything looked at them.
    pub foreign_datagrams: u64,
    /// Bytes of messages that wait for [`Node::receive`](crate::Node::receive).
    pub undelivered: u64,
    /// Happenings that [`Node::events`](crate::Node::events) did not tell, because too many waited.
    pub events_dropped: u64,
    /// Handlers of [`Node::events`](crate::Node::events) that failed, or take another type than
    /// the event carries.
    pub events_failed: u64,
    /// Bytes of items from peers that wait for a place in an endpoint's queue, or were promised.
    pub unplaced: u64,
}

pub(super) fn of(shared: &Shared) -> NodeStats {
    let count = |counter: &AtomicU64| counter.load(Relaxed);
    let counters = &shared.counters;
    NodeStats {
        sessions: shared.sessions().len(),
        sessions_begun: count(&counters.sessions),
        half_open: shared.doorkeeper.lock().half_open(),
        refused: count(&counters.refused),
        ignored: count(&counters.ignored),
        replayed: count(&counters.replayed),
        retried: count(&counters.retried),
        turned_away: shared.turned_away(),
        foreign_datagrams: shared.dropped_datagrams(),
        undelivered: shared.inbox.used(),
        events_dropped: shared.happenings.dropped(),
        events_failed: shared.happenings.failed(),
        unplaced: shared.backlog.used(),
    }
}
