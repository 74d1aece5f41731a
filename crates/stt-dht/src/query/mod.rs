//! What is asked of the network: a lookup, and what it is for.

mod candidate;
pub(crate) mod lookup;
mod spread;

use std::collections::BTreeMap;

use stt_wire::{Record, RecordKind};

pub(crate) use self::lookup::{Lookup, Shape};
pub(crate) use self::spread::Spread;
use crate::Moment;

/// One query under way.
#[derive(Debug, Clone)]
pub(crate) struct Query {
    pub(crate) lookup: Lookup,
    pub(crate) goal: Goal,
    pub(crate) started: Moment,
    pub(crate) answered: usize,
    /// The result was given out already; what is left to do, nobody waits for.
    pub(crate) is_told: bool,
}

/// What a query is for.
#[derive(Debug, Clone)]
pub(crate) enum Goal {
    /// To know our surroundings.
    Upkeep,
    /// To know how many members there are, by a key that is chosen by chance alone.
    Survey,
    /// To know who is closest to a key.
    Closest,
    /// To find records.
    Records(Wanted),
    /// To have records held by those closest to them.
    Put(Vec<Record>),
    /// The same, after it is known who is closest.
    Spread(Spread),
}

/// The records that a query looks for, and those it has found.
#[derive(Debug, Clone)]
pub(crate) struct Wanted {
    pub(crate) kind: RecordKind,
    /// The query ends with the records of so many signers.
    pub(crate) enough: usize,
    /// By signer, the latest of each.
    pub(crate) found: BTreeMap<[u8; 32], Record>,
    /// How many members had any.
    pub(crate) tellers: usize,
}
