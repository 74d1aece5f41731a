//! A group: the set of nodes that share a seed.
//!
//! Two kinds, never mixed. A *random seed* has a stable name and a list of epochs, so it can
//! rotate; its door is gated. A *passphrase* has neither name nor epochs; its door is open.
//!
//! *Invariant*: from a passphrase only inputs of the handshake are derived. Nothing that goes on a
//! wire, into a file or into a name may be testable offline, so there is no context of it.
//!
//! spec: STC-7 to STC-14.

mod id;
mod passphrase;
mod random;
mod seed;
mod text;

pub use id::{Door, Epoch, GroupId};
pub use passphrase::PassphraseError;
pub use random::{MAX_EPOCHS, MergeError, RotateError};
pub use seed::SeedKeys;
pub use text::ParseGroupError;

use crate::context::StcContext;
use crate::entropy::Entropy;
use random::RandomGroup;
use std::fmt;
use std::sync::Arc;
use text::Parsed;
use zeroize::Zeroizing;

/// The nodes that share a seed, as seen by one of them: everything that seed gives.
///
/// Cloning is cheap and shares the keys.
#[derive(Clone)]
pub struct Group(Kind);

#[derive(Clone)]
enum Kind {
    Random(RandomGroup),
    Passphrase(Arc<SeedKeys>),
}

impl Group {
    /// A new group with a random name and one epoch, numbered 1.
    pub fn generate(entropy: &mut dyn Entropy) -> Self {
        Self(Kind::Random(RandomGroup::generate(entropy)))
    }

    /// The group of everybody who knows `words` in `realm`.
    ///
    /// The realm is a public name that keeps equal words apart, such as that of the application.
    /// Spaces around both are dropped; every other byte counts. Costs 64 MiB of memory and about
    /// 0.2 s: call it once, and not on a thread that must answer.
    ///
    /// # Errors
    ///
    /// [`PassphraseError`] when realm or words are empty, too short, too long or not printable, or
    /// when memory is short.
    pub fn from_passphrase(realm: &str, words: &str) -> Result<Self, PassphraseError> {
        Ok(Self(Kind::Passphrase(Arc::new(passphrase::stretch(
            realm, words,
        )?))))
    }

    /// Reads a group from text: `stt1…` lines, one an epoch and in any order, or one line
    /// `passphrase:REALM:WORDS`. Blank lines and lines beginning with `#` are skipped.
    ///
    /// A passphrase costs what [`from_passphrase`](Self::from_passphrase) costs.
    ///
    /// # Errors
    ///
    /// [`ParseGroupError`] says what is wrong; nothing is guessed.
    pub fn parse(text: &str) -> Result<Self, ParseGroupError> {
        match text::parse(text)? {
            Parsed::Random(group) => Ok(Self(Kind::Random(group))),
            Parsed::Passphrase { realm, words } => Ok(Self::from_passphrase(realm, words)?),
        }
    }

    /// The text of a random seed: one line an epoch, oldest first, no line break at the end.
    ///
    /// Whoever reads it is a member. `None` for a passphrase, which is not kept.
    pub fn to_text(&self) -> Option<Zeroizing<String>> {
        match &self.0 {
            Kind::Random(group) => Some(text::render(group)),
            Kind::Passphrase(_) => None,
        }
    }

    /// How a node of this group meets strangers.
    pub fn door(&self) -> Door {
        match &self.0 {
            Kind::Random(_) => Door::Gated,
            Kind::Passphrase(_) => Door::Open,
        }
    }

    /// The stable name; a passphrase has none.
    pub fn id(&self) -> Option<GroupId> {
        match &self.0 {
            Kind::Random(group) => Some(group.id),
            Kind::Passphrase(_) => None,
        }
    }

    /// The numbers of all epochs, newest last. A passphrase has one, 0.
    pub fn epochs(&self) -> impl DoubleEndedIterator<Item = Epoch> {
        self.seeds().rev().map(|seed| seed.epoch())
    }

    /// The newest epoch: what a dialler offers first.
    pub fn newest(&self) -> Epoch {
        self.newest_ref().epoch()
    }

    /// The oldest epoch: what is dropped first.
    pub fn oldest(&self) -> Epoch {
        match &self.0 {
            Kind::Random(group) => group.older.last().unwrap_or(&group.newest).epoch(),
            Kind::Passphrase(seed) => seed.epoch(),
        }
    }

    /// Adds an epoch with a fresh key, numbered one above the newest, and returns its number.
    ///
    /// # Errors
    ///
    /// [`RotateError`] when this is a passphrase, numbers are exhausted, or too many are held.
    pub fn next_epoch(&mut self, entropy: &mut dyn Entropy) -> Result<Epoch, RotateError> {
        self.random_mut()
            .ok_or(RotateError::Passphrase)?
            .next_epoch(entropy)
    }

    /// Forgets an epoch, whose sessions the caller closes.
    ///
    /// # Errors
    ///
    /// [`RotateError`] when this is a passphrase, has no such epoch, or no other.
    pub fn drop_epoch(&mut self, epoch: Epoch) -> Result<(), RotateError> {
        self.random_mut()
            .ok_or(RotateError::Passphrase)?
            .drop_epoch(epoch)
    }

    /// Takes over the epochs of `other` that this one lacks, and returns how many.
    ///
    /// # Errors
    ///
    /// [`MergeError`] when they are different groups or disagree about an epoch. Nothing was
    /// changed then.
    pub fn merge(&mut self, other: &Self) -> Result<usize, MergeError> {
        match (&mut self.0, &other.0) {
            (Kind::Random(ours), Kind::Random(theirs)) => ours.merge(theirs),
            _ => Err(MergeError::Passphrase),
        }
    }

    /// The handshake keys of one epoch.
    pub fn seed(&self, epoch: Epoch) -> Option<Arc<SeedKeys>> {
        self.seeds().find(|seed| seed.epoch() == epoch).cloned()
    }

    /// The handshake keys of the newest epoch.
    pub fn newest_seed(&self) -> Arc<SeedKeys> {
        self.newest_ref().clone()
    }

    /// The handshake keys of all epochs, newest first.
    pub fn seeds(&self) -> impl DoubleEndedIterator<Item = &Arc<SeedKeys>> {
        let older = match &self.0 {
            Kind::Random(group) => group.older.as_slice(),
            Kind::Passphrase(_) => &[],
        };
        std::iter::once(self.newest_ref()).chain(older.iter().map(|entry| &entry.seed))
    }

    /// The context `label` of the newest epoch, shared by all members.
    ///
    /// # Errors
    ///
    /// [`ContextError::Passphrase`]: a passphrase has no contexts.
    pub fn context(&self, label: &str) -> Result<StcContext, ContextError> {
        self.context_at(self.newest(), label)
    }

    /// The context `label` of a given epoch, to read what was made before a rotation.
    ///
    /// # Errors
    ///
    /// [`ContextError`] when this is a passphrase or has no such epoch.
    pub fn context_at(&self, epoch: Epoch, label: &str) -> Result<StcContext, ContextError> {
        let Kind::Random(group) = &self.0 else {
            return Err(ContextError::Passphrase);
        };
        let entry = group
            .find(epoch)
            .ok_or(ContextError::UnknownEpoch { epoch })?;
        Ok(StcContext::from_root(
            &seed::context_root(group.id, epoch, &entry.key),
            label,
        ))
    }

    /// The contexts `label` of all epochs, newest first: what is sealed in the first can be opened
    /// by members who have rotated, and whoever reads takes any of them while a rotation is under way.
    ///
    /// # Errors
    ///
    /// [`ContextError::Passphrase`]: a passphrase has no contexts.
    pub fn contexts(&self, label: &str) -> Result<Vec<StcContext>, ContextError> {
        let epochs = self.epochs().rev();
        epochs.map(|epoch| self.context_at(epoch, label)).collect()
    }

    fn newest_ref(&self) -> &Arc<SeedKeys> {
        match &self.0 {
            Kind::Random(group) => &group.newest.seed,
            Kind::Passphrase(seed) => seed,
        }
    }

    fn random_mut(&mut self) -> Option<&mut RandomGroup> {
        match &mut self.0 {
            Kind::Random(group) => Some(group),
            Kind::Passphrase(_) => None,
        }
    }
}

impl fmt::Debug for Group {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Group")
            .field("door", &self.door())
            .field("id", &self.id())
            .field(
                "epochs",
                &self.epochs().map(|epoch| epoch.0).collect::<Vec<_>>(),
            )
            .finish_non_exhaustive()
    }
}

/// Why a group gave no context.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ContextError {
    /// Whatever is made with a context can be tested offline against guesses of a passphrase.
    /// Use the context of a session, or hand over a random seed.
    #[error("a passphrase has no contexts")]
    Passphrase,
    /// The group has no epoch of this number.
    #[error("no epoch {epoch}")]
    UnknownEpoch {
        /// The number asked for.
        epoch: Epoch,
    },
}

#[cfg(test)]
mod tests;
