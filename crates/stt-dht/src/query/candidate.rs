//! A member on the way to a key, and how far we are with it.

use stt_wire::Contact;

use crate::Key;
use crate::key::Distance;

/// A member that a query has heard of.
#[derive(Debug, Clone)]
pub(crate) struct Candidate {
    pub(crate) contact: Contact,
    pub(crate) key: Key,
    pub(crate) distance: Distance,
    pub(crate) state: State,
    /// Members that told of it; ourselves, if it is in the table.
    pub(crate) vouchers: u8,
    /// The first of them; ours has none.
    pub(crate) teller: Option<u16>,
    /// Paths that may ask it, a bit each.
    pub(crate) paths: u8,
    /// The path that asked it: it belongs to that one alone.
    pub(crate) asked_on: Option<u8>,
    /// Its answer had none of the records that are looked for.
    pub(crate) is_empty_handed: bool,
}

/// How far we are with a candidate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    /// It was not asked.
    Heard,
    /// It was asked.
    Asked { is_cold: bool },
    /// It was asked, and takes longer than nearly all others do.
    Slow,
    /// It answered.
    Answered,
    /// It did not.
    Failed,
}

impl Candidate {
    /// Whether a path may ask it, or has.
    pub(crate) fn is_on(&self, path: u8) -> bool {
        let is_told = self.paths & (1 << path) != 0;
        self.asked_on.map_or(is_told, |other| other == path)
    }

    pub(crate) fn is_failed(&self) -> bool {
        self.state == State::Failed
    }

    /// Whether nothing but the word of this member speaks for it.
    pub(crate) fn is_word_of(&self, teller: u16) -> bool {
        self.state == State::Heard && self.vouchers == 1 && self.teller == Some(teller)
    }

    /// Whether we wait for it.
    pub(crate) const fn is_open(&self) -> bool {
        matches!(self.state, State::Asked { .. } | State::Slow)
    }
}
