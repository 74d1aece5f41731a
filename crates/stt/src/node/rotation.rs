//! Seed epochs of a running node.
//!
//! A rotation goes through the members one by one, in any order: each first learns the new epoch
//! and still accepts the old one; after the grace the old one is dropped, and the sessions it had
//! authenticated end.

use std::{sync::Arc, time::Duration};

use stc::{Epoch, Group, MergeError, RotateError};

use super::Node;

/// Why a node's epochs did not change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RotationError {
    /// The epochs offered are not this group's.
    #[error(transparent)]
    Merge(#[from] MergeError),
    /// The epoch can't be dropped.
    #[error(transparent)]
    Rotate(#[from] RotateError),
}

impl Node {
    /// Learns the epochs of `next`, a later state of the same group, and after `grace` drops all
    /// but its newest. New sessions use the newest epoch that both sides know.
    ///
    /// # Errors
    ///
    /// [`RotationError`]; nothing changed.
    pub fn rotate(&self, next: &Group, grace: Duration) -> Result<(), RotationError> {
        self.shared.change_group(|group| group.merge(next))?;
        let newest = next.newest();
        let node = self.clone();
        let shared = Arc::clone(&self.shared);
        self.shared.platform.spawn(async move {
            let stopped = shared.stopped.notified();
            tokio::select! {
                biased;
                () = stopped => return,
                () = shared.platform.sleep(grace) => {}
            }
            let older: Vec<_> = shared
                .group()
                .epochs()
                .filter(|epoch| *epoch < newest)
                .collect();
            for epoch in older {
                // Somebody else may have dropped it meanwhile, which is as well.
                let _ = node.drop_epoch(epoch);
            }
        });
        Ok(())
    }

    /// Stops accepting an epoch now and ends the sessions it had authenticated.
    ///
    /// # Errors
    ///
    /// [`RotationError::Rotate`]: there is no such epoch, or it is the last one.
    pub fn drop_epoch(&self, epoch: Epoch) -> Result<(), RotationError> {
        self.shared.change_group(|group| group.drop_epoch(epoch))?;
        self.shared.end_sessions_of_dropped_epochs();
        Ok(())
    }
}
