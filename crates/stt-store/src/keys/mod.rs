//! Keys of a store: seeds open slots, a slot holds the master key, a ring the older ones.
//!
//! spec: STORE-8 to STORE-12.

mod file;
mod generation;
mod vault;

pub(crate) use file::{KeysError, KeysFile};
pub(crate) use generation::Generation;
pub(crate) use vault::{FILES, Opened, UNFINISHED, Vault};

use stc::{ContextError, Group, NodeSeed, StcContext};

/// Who may open a store.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub enum StoreKey<'a> {
    /// The seed of a node.
    Node(&'a NodeSeed),
    /// The seed of a group, which must be random. Any epoch opens the slot that was made of it;
    /// a slot is made of the newest.
    Group(&'a Group),
}

impl StoreKey<'_> {
    /// Contexts of slots, that of a new slot first.
    fn contexts(self) -> Result<Vec<StcContext>, Unfit> {
        match self {
            Self::Node(seed) => Ok(vec![StcContext::from_seed(seed.as_bytes(), SLOT_LABEL)]),
            Self::Group(group) => {
                let epochs = group.epochs().rev();
                let contexts = epochs.map(|epoch| group.context_at(epoch, SLOT_LABEL));
                let contexts: Result<_, ContextError> = contexts.collect();
                contexts.map_err(|_| Unfit)
            }
        }
    }
}

/// A [`StoreKey`] with the seed in it, to be handed to another thread.
#[derive(Debug)]
#[non_exhaustive]
pub enum OwnedStoreKey {
    /// The seed of a node.
    Node(NodeSeed),
    /// The seed of a group.
    Group(Group),
}

impl OwnedStoreKey {
    /// The key, borrowed.
    pub fn as_key(&self) -> StoreKey<'_> {
        match self {
            Self::Node(seed) => StoreKey::Node(seed),
            Self::Group(group) => StoreKey::Group(group),
        }
    }
}

impl From<StoreKey<'_>> for OwnedStoreKey {
    fn from(key: StoreKey<'_>) -> Self {
        match key {
            StoreKey::Node(seed) => Self::Node(NodeSeed::from_bytes(*seed.as_bytes())),
            StoreKey::Group(group) => Self::Group(group.clone()),
        }
    }
}

/// The key is a passphrase.
#[derive(Debug)]
pub(crate) struct Unfit;

const SLOT_LABEL: &str = "stt store slot";
