//! A group of random seeds: a stable name and a list of epochs that is never empty.
//!
//! *Invariants.* Epochs are distinct, newest first, at least one and at most [`MAX_EPOCHS`].

use super::id::{Epoch, GroupId};
use super::seed::SeedKeys;
use crate::entropy::{Entropy, random_bytes};
use crate::secret::Secret;
use std::sync::Arc;

/// How many epochs a group holds at once.
///
/// Every first packet at a gated door costs one MAC an epoch, so the list is short. A rotation
/// needs two.
pub const MAX_EPOCHS: usize = 16;

/// Why the epochs of a group were not changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RotateError {
    /// A passphrase has no epochs. Hand over a random seed instead.
    #[error("a passphrase does not rotate")]
    Passphrase,
    /// The number of the newest epoch is the last there is.
    #[error("no epoch number is left after {}", u16::MAX)]
    Exhausted,
    /// [`MAX_EPOCHS`] are held already; drop an old one first.
    #[error("a group holds at most {MAX_EPOCHS} epochs")]
    TooMany,
    /// The group has no epoch of this number.
    #[error("no epoch {epoch}")]
    Unknown {
        /// The number asked for.
        epoch: Epoch,
    },
    /// The epoch is the only one: without it there would be no group.
    #[error("epoch {epoch} is the last one")]
    Last {
        /// The number asked for.
        epoch: Epoch,
    },
}

/// Why the epochs of another group were not taken over. Nothing was changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MergeError {
    /// One of the two is a passphrase.
    #[error("a passphrase has no epochs to merge")]
    Passphrase,
    /// The two have different names.
    #[error("the epochs belong to another group")]
    OtherGroup,
    /// Both have this epoch, with different keys: somebody rotated twice at once.
    #[error("epoch {epoch} has two different keys")]
    Conflict {
        /// The number they share.
        epoch: Epoch,
    },
    /// Together they have more than [`MAX_EPOCHS`].
    #[error("a group holds at most {MAX_EPOCHS} epochs")]
    TooMany,
}

/// One epoch: its secret key and what the handshake derives from it.
#[derive(Debug, Clone)]
pub(super) struct EpochKey {
    pub(super) key: Arc<Secret<32>>,
    pub(super) seed: Arc<SeedKeys>,
}

impl EpochKey {
    pub(super) fn new(group: GroupId, epoch: Epoch, key: Secret<32>) -> Self {
        let seed = Arc::new(SeedKeys::random(group, epoch, &key));
        Self {
            key: Arc::new(key),
            seed,
        }
    }

    pub(super) fn epoch(&self) -> Epoch {
        self.seed.epoch()
    }
}

/// See the module.
#[derive(Debug, Clone)]
pub(super) struct RandomGroup {
    pub(super) id: GroupId,
    pub(super) newest: EpochKey,
    /// Newest first.
    pub(super) older: Vec<EpochKey>,
}

impl RandomGroup {
    pub(super) fn generate(entropy: &mut dyn Entropy) -> Self {
        let id = GroupId::from_bytes(random_bytes(entropy));
        Self::with_epoch(id, EpochKey::new(id, Epoch(1), Secret::generate(entropy)))
    }

    pub(super) fn with_epoch(id: GroupId, newest: EpochKey) -> Self {
        Self {
            id,
            newest,
            older: Vec::new(),
        }
    }

    pub(super) fn next_epoch(&mut self, entropy: &mut dyn Entropy) -> Result<Epoch, RotateError> {
        let number = self
            .newest
            .epoch()
            .0
            .checked_add(1)
            .ok_or(RotateError::Exhausted)?;
        if self.len() == MAX_EPOCHS {
            return Err(RotateError::TooMany);
        }
        self.insert(EpochKey::new(
            self.id,
            Epoch(number),
            Secret::generate(entropy),
        ));
        Ok(Epoch(number))
    }

    pub(super) fn drop_epoch(&mut self, epoch: Epoch) -> Result<(), RotateError> {
        let place = self
            .iter()
            .position(|held| held.epoch() == epoch)
            .ok_or(RotateError::Unknown { epoch })?;
        match place.checked_sub(1) {
            Some(place) => {
                self.older.remove(place);
            }
            None if self.older.is_empty() => return Err(RotateError::Last { epoch }),
            None => self.newest = self.older.remove(0),
        }
        Ok(())
    }

    pub(super) fn merge(&mut self, other: &Self) -> Result<usize, MergeError> {
        if self.id != other.id {
            return Err(MergeError::OtherGroup);
        }
        let mut new = Vec::new();
        for theirs in other.iter() {
            match self.find(theirs.epoch()) {
                None => new.push(theirs.clone()),
                Some(ours) if ours.key == theirs.key => {}
                Some(_) => {
                    return Err(MergeError::Conflict {
                        epoch: theirs.epoch(),
                    });
                }
            }
        }
        if self.len() + new.len() > MAX_EPOCHS {
            return Err(MergeError::TooMany);
        }
        let added = new.len();
        for epoch in new {
            self.insert(epoch);
        }
        Ok(added)
    }

    pub(super) fn find(&self, epoch: Epoch) -> Option<&EpochKey> {
        self.iter().find(|held| held.epoch() == epoch)
    }

    pub(super) fn len(&self) -> usize {
        1 + self.older.len()
    }

    /// Newest first.
    pub(super) fn iter(&self) -> impl DoubleEndedIterator<Item = &EpochKey> {
        std::iter::once(&self.newest).chain(&self.older)
    }

    /// Puts an epoch the group does not have into its place.
    pub(super) fn insert(&mut self, mut entry: EpochKey) {
        if entry.epoch() > self.newest.epoch() {
            std::mem::swap(&mut entry, &mut self.newest);
        }
        let place = self
            .older
            .partition_point(|held| held.epoch() > entry.epoch());
        self.older.insert(place, entry);
    }
}
