//! Who may open the store, and the change of its master key. spec: STORE-9 to STORE-12.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::{BinaryStorage, Core, Shared};
use crate::error::{Failure, KeyError};
use crate::index::{Index, Persist, index_name};
use crate::keys::{StoreKey, Vault};

/// What a rotation did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Rotated {
    /// The number of the new master key.
    pub key_generation: u32,
    /// Seeds that opened the store before and do no longer.
    pub slots_dropped: u64,
    /// Segments that are still under an older master key, because they are damaged.
    pub segments_left: u64,
}

impl BinaryStorage {
    /// Lets another seed open the store, durably.
    ///
    /// # Errors
    /// [`KeyError`]; nothing was changed then.
    pub fn add_seed(&self, key: StoreKey<'_>) -> Result<(), KeyError> {
        let _core = self.shared.core.lock();
        let vault = self
            .shared
            .vault
            .read()
            .with_slot(key, &self.shared.entropy)?;
        Ok(self.shared.install(vault)?)
    }

    /// Lets a seed open the store no longer, durably.
    ///
    /// Whoever had it may have kept the master key: [`rotate_key`](Self::rotate_key) locks him out.
    ///
    /// # Errors
    /// [`KeyError`]; nothing was changed then.
    pub fn remove_seed(&self, key: StoreKey<'_>) -> Result<(), KeyError> {
        let _core = self.shared.core.lock();
        let vault = self.shared.vault.read().without_slot(key)?;
        Ok(self.shared.install(vault)?)
    }

    /// How many of the slots that [`Stats`](super::Stats) counts one of `keys` opens: those that
    /// [`rotate_key`](Self::rotate_key) with these would not drop.
    ///
    /// # Errors
    /// [`KeyError::Passphrase`].
    pub fn slots_opened_by(&self, keys: &[StoreKey<'_>]) -> Result<u64, KeyError> {
        Ok(self.shared.vault.read().opened_by(keys)? as u64)
    }

    /// Replaces the master key, and writes everything anew under the new one.
    ///
    /// Afterwards exactly `keys` open the store: slots of other seeds cannot be made without them.
    /// The new key counts as soon as this began to rewrite; if it is broken off,
    /// [`compact`](Self::compact) goes on.
    ///
    /// # Errors
    /// [`KeyError`]; the new key may count already if what lies below failed.
    pub fn rotate_key(&self, keys: &[StoreKey<'_>]) -> Result<Rotated, KeyError> {
        let before = self.shared.vault.read().slot_count();
        {
            let core = &mut *self.shared.core.lock();
            self.shared.turn_keys(core, keys)?;
        }
        self.shared.rewrite_old_keys()?;
        let vault = self.shared.vault.read();
        let current = vault.current().number;
        let segments = self.shared.segments.all();
        let is_left = |number: u32| number != current;
        let left = segments
            .iter()
            .filter(|segment| is_left(segment.keys.number));
        Ok(Rotated {
            key_generation: current,
            slots_dropped: before.saturating_sub(vault.slot_count()) as u64,
            segments_left: left.count() as u64,
        })
    }
}

impl Shared {
    /// Writes new keys and uses them.
    fn install(&self, vault: Vault) -> Result<(), Failure> {
        if let Err(error) = vault.write(&*self.backend) {
            // One of the two copies may be the new one.
            let failure = error.into();
            self.poison(&failure);
            return Err(failure);
        }
        *self.vault.write() = vault;
        Ok(())
    }

    /// Makes a new generation count: index, keys, and what is written from now on.
    fn turn_keys(&self, core: &mut Core, keys: &[StoreKey<'_>]) -> Result<(), KeyError> {
        let vault = self.vault.read().rotated(keys, &self.entropy)?;
        self.change_and(core, Persist::Now, |_| Ok(()))?;
        let old = self.vault.read().current().number;
        let new = Arc::clone(vault.current());
        let index = self.index()?;
        index.copy_to(&*self.backend, &new, &self.entropy)?;
        self.install(vault)?;
        let turned = core
            .writer
            .turn(&new)
            .map_err(Failure::from)
            .and_then(|()| {
                let cache = self.options.index_cache;
                Index::open(&*self.backend, &new, &self.entropy, cache)
            });
        match turned {
            Ok(index) => *self.index.write() = Arc::new(index),
            Err(failure) => {
                self.poison(&failure);
                return Err(failure.into());
            }
        }
        // Readers may still look at the old one, whose file handle lives on.
        Ok(self
            .backend
            .remove(&index_name(old))
            .map_err(Failure::from)?)
    }

    /// Lets go of master keys that no segment needs.
    pub(super) fn forget_old_keys(&self) -> Result<(), Failure> {
        let used = |segment: &Arc<crate::log::Segment>| segment.keys.number;
        let used: BTreeSet<u32> = self.segments.all().iter().map(used).collect();
        if !self.lost.is_empty() {
            // Nobody knows which key they need.
            return Ok(());
        }
        let vault = self.vault.read().without_unused(&used, &self.entropy);
        vault.map_or(Ok(()), |vault| self.install(vault))
    }
}
