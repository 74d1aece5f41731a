//! How copies stand.

use std::time::Duration;

use stc::NodeId;

use super::options::PlaceError;

/// How the copies of an object stand.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct ReplicationStatus {
    /// Copies that are wanted.
    pub wanted: usize,
    /// Copies that are kept, or on their way, by keeper.
    pub copies: Vec<CopyStatus>,
    /// Why there are too few, if everyone was asked and there still are.
    pub shortfall: Option<PlaceError>,
}

/// One copy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct CopyStatus {
    /// Who keeps it.
    pub keeper: NodeId,
    /// How it stands.
    pub state: CopyState,
}

/// How a copy stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum CopyState {
    /// It is on its way.
    Coming {
        /// Bytes of it that are there.
        here: u64,
    },
    /// It was there when its keeper was asked last.
    Kept {
        /// The lease that was granted then.
        lease: Duration,
    },
    /// Its keeper did not answer since.
    Away {
        /// When it was asked last, it had not answered for so long.
        since: Duration,
    },
}

impl ReplicationStatus {
    /// Copies that are kept, those of keepers that are away not counted.
    pub fn kept(&self) -> usize {
        let is_kept = |copy: &&CopyStatus| matches!(copy.state, CopyState::Kept { .. });
        self.copies.iter().filter(is_kept).count()
    }

    pub(super) fn set(&mut self, keeper: NodeId, state: CopyState) {
        match self.copies.iter_mut().find(|copy| copy.keeper == keeper) {
            Some(copy) => copy.state = state,
            None => self.copies.push(CopyStatus { keeper, state }),
        }
    }

    pub(super) fn remove(&mut self, keeper: NodeId) {
        self.copies.retain(|copy| copy.keeper != keeper);
    }
}

/// What the driver shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Shown {
    pub(super) status: ReplicationStatus,
    /// How often everyone was asked.
    pub(super) round: u64,
}

impl Shown {
    pub(super) fn new(wanted: usize) -> Self {
        let status = ReplicationStatus {
            wanted,
            ..ReplicationStatus::default()
        };
        Self { status, round: 0 }
    }
}
