//! What comes out of a query: a result, or why there is none; and what it took. spec: DHT-38.

use std::time::Duration;

use stt_wire::{Contact, Record};

/// The number of a query, unique in its engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct QueryId(pub(crate) u64);

/// The end of a query. Each has exactly one.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Ended {
    /// Which query.
    pub query: QueryId,
    /// What it found or did, or why not.
    pub result: Result<Found, QueryError>,
    /// What it took.
    pub effort: Effort,
}

/// What a query found or did.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Found {
    /// The members closest to the key, closest first; each has answered, or three that did vouch
    /// for it.
    Members(Vec<Contact>),
    /// Verified records, one a signer: at least one. Whether what they say is true, only asking the
    /// signer tells.
    Records(Vec<Record>),
    /// The records are held: by so many members at least, of so many that should.
    Held {
        /// Holders of the record that has fewest.
        by: usize,
        /// Members that should hold it.
        of: usize,
    },
}

/// What a query took.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Effort {
    /// Requests sent.
    pub requests: usize,
    /// Of those, to members without a session.
    pub dials: usize,
    /// Members that answered.
    pub answered: usize,
    /// Members that did not, or lied.
    pub failed: usize,
    /// Time it took.
    pub time: Duration,
}

/// Why a query has no result.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum QueryError {
    /// The table is empty: we have not joined, or all members have gone.
    #[error("no member of the group is known")]
    NobodyKnown,
    /// All that were asked are gone, or do not answer.
    #[error("none of {asked} members answered")]
    NobodyAnswered {
        /// How many were asked.
        asked: usize,
    },
    /// All that could have such records were asked.
    #[error("{answered} members answered, and none has such a record")]
    NotFound {
        /// How many answered.
        answered: usize,
    },
    /// The members that should hold the records do not.
    #[error("{by} of {of} members hold the record")]
    NotHeld {
        /// How many hold it.
        by: usize,
        /// How many should.
        of: usize,
    },
    /// The time of a query was over.
    #[error("not finished after {after:?}: {answered} members answered")]
    TimedOut {
        /// The time it had.
        after: Duration,
        /// How many answered.
        answered: usize,
    },
    /// The requests of a query were used up.
    #[error("not finished after {requests} requests")]
    TooManyRequests {
        /// The requests it had.
        requests: usize,
    },
    /// Too many queries are under way.
    #[error("{queries} queries are under way")]
    Overloaded {
        /// How many.
        queries: usize,
    },
}
