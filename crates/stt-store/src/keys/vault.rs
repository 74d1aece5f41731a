//! The keys of an open store, and their two copies on the medium. spec: STORE-9 to STORE-12.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::sync::Arc;

use stc::{Secret, StcContext};
use zeroize::Zeroizing;

use super::file::{MAX_RING, MAX_SLOTS, SLOT_LEN};
use super::{Generation, KeysError, KeysFile, StoreKey, Unfit};
use crate::backend::Backend;
use crate::entropy::SharedEntropy;
use crate::error::{KeyError, OpenError};

/// Every generation whose key is known, and what the keys files say.
#[derive(Debug)]
pub(crate) struct Vault {
    file: KeysFile,
    current: Arc<Generation>,
    older: BTreeMap<u32, Arc<Generation>>,
}

/// What the medium says about keys.
#[derive(Debug)]
pub(crate) enum Opened {
    /// There is no keys file at all.
    Nothing,
    /// The keys, and whether both copies are well.
    Keys { vault: Box<Vault>, intact: bool },
}

impl Vault {
    /// Opens the keys with `key`. Writes nothing.
    pub(crate) fn open(backend: &dyn Backend, key: StoreKey<'_>) -> Result<Opened, OpenError> {
        let contexts = key.contexts().map_err(|Unfit| OpenError::Passphrase)?;
        let copies = [read(backend, FILES[0])?, read(backend, FILES[1])?];
        if copies.iter().all(|copy| matches!(copy, Copy::Missing)) {
            return Ok(Opened::Nothing);
        }
        for copy in &copies {
            if let Copy::Future(found) = *copy {
                let known = super::file::VERSION;
                return Err(OpenError::FutureVersion { found, known });
            }
        }
        let [one, other] = copies.map(Copy::valid);
        let intact = one.is_some() && one == other;
        let newest = one.into_iter().chain(other).max_by_key(|file| file.serial);
        let file = newest.ok_or(OpenError::KeysDamaged)?;
        let vault = Box::new(Self::unlock(file, &contexts)?);
        Ok(Opened::Keys { vault, intact })
    }

    /// New keys of a new store. Writes nothing yet.
    pub(crate) fn create(key: StoreKey<'_>, entropy: &SharedEntropy) -> Result<Self, OpenError> {
        let contexts = key.contexts().map_err(|Unfit| OpenError::Passphrase)?;
        let current = Generation::new(1, Secret::generate(&mut entropy.clone()));
        let mut vault = Self {
            file: KeysFile {
                serial: 0,
                store: entropy.bytes(),
                generation: 1,
                slots: Vec::new(),
                ring: Vec::new(),
            },
            current: Arc::new(current),
            older: BTreeMap::new(),
        };
        vault.push_slot(&contexts, entropy);
        vault.seal_ring(entropy);
        Ok(vault)
    }

    /// Writes both copies, each one atomically.
    pub(crate) fn write(&self, backend: &dyn Backend) -> io::Result<()> {
        let bytes = self.file.encode();
        FILES
            .iter()
            .try_for_each(|name| backend.replace(name, &bytes))
    }

    /// Whether both copies on the medium are these keys.
    pub(crate) fn is_intact(&self, backend: &dyn Backend) -> io::Result<[bool; 2]> {
        let copies = [read(backend, FILES[0])?, read(backend, FILES[1])?];
        Ok(copies.map(|copy| copy.valid().as_ref() == Some(&self.file)))
    }

    pub(crate) fn current(&self) -> &Arc<Generation> {
        &self.current
    }

    pub(crate) fn generation(&self, number: u32) -> Option<&Arc<Generation>> {
        if number == self.current.number {
            return Some(&self.current);
        }
        self.older.get(&number)
    }

    pub(crate) fn slot_count(&self) -> usize {
        self.file.slots.len()
    }

    /// How many slots one of `keys` opens.
    pub(crate) fn opened_by(&self, keys: &[StoreKey<'_>]) -> Result<usize, KeyError> {
        let mut contexts = Vec::new();
        for key in keys {
            contexts.extend(key.contexts().map_err(|Unfit| KeyError::Passphrase)?);
        }
        Ok(self.slots_of(&contexts).count())
    }

    /// These keys and a slot for `key`.
    pub(crate) fn with_slot(
        &self,
        key: StoreKey<'_>,
        entropy: &SharedEntropy,
    ) -> Result<Self, KeyError> {
        let contexts = key.contexts().map_err(|Unfit| KeyError::Passphrase)?;
        if self.slots_of(&contexts[..1]).next().is_some() {
            return Err(KeyError::Present);
        }
        if self.slot_count() == MAX_SLOTS {
            return Err(KeyError::TooMany { max: MAX_SLOTS });
        }
        let mut vault = self.next();
        vault.push_slot(&contexts, entropy);
        Ok(vault)
    }

    /// These keys without the slots that `key` opens.
    pub(crate) fn without_slot(&self, key: StoreKey<'_>) -> Result<Self, KeyError> {
        let contexts = key.contexts().map_err(|Unfit| KeyError::Passphrase)?;
        let opened: BTreeSet<usize> = self.slots_of(&contexts).collect();
        if opened.is_empty() {
            return Err(KeyError::Absent);
        }
        if opened.len() == self.slot_count() {
            return Err(KeyError::Last);
        }
        let mut vault = self.next();
        let mut number = 0..;
        let stays = |_: &_| {
            number
                .next()
                .is_some_and(|number| !opened.contains(&number))
        };
        vault.file.slots.retain(stays);
        Ok(vault)
    }

    /// Keys of the next generation, which exactly `keys` open.
    pub(crate) fn rotated(
        &self,
        keys: &[StoreKey<'_>],
        entropy: &SharedEntropy,
    ) -> Result<Self, KeyError> {
        if keys.is_empty() {
            return Err(KeyError::NoSeed);
        }
        if keys.len() > MAX_SLOTS || self.older.len() == MAX_RING {
            return Err(KeyError::TooMany { max: MAX_SLOTS });
        }
        let number = self.current.number + 1;
        let mut vault = self.next();
        vault
            .older
            .insert(self.current.number, Arc::clone(&self.current));
        vault.current = Arc::new(Generation::new(
            number,
            Secret::generate(&mut entropy.clone()),
        ));
        vault.file.generation = number;
        vault.file.slots.clear();
        for key in keys {
            let contexts = key.contexts().map_err(|Unfit| KeyError::Passphrase)?;
            if vault.slots_of(&contexts[..1]).next().is_none() {
                vault.push_slot(&contexts, entropy);
            }
        }
        vault.seal_ring(entropy);
        Ok(vault)
    }

    /// These keys without the generations that are not in `used`; `None` if all are.
    pub(crate) fn without_unused(
        &self,
        used: &BTreeSet<u32>,
        entropy: &SharedEntropy,
    ) -> Option<Self> {
        if self.older.keys().all(|number| used.contains(number)) {
            return None;
        }
        let mut vault = self.next();
        vault.older.retain(|number, _| used.contains(number));
        vault.seal_ring(entropy);
        Some(vault)
    }

    fn next(&self) -> Self {
        let mut file = self.file.clone();
        file.serial += 1;
        Self {
            file,
            current: Arc::clone(&self.current),
            older: self.older.clone(),
        }
    }

    fn unlock(file: KeysFile, contexts: &[StcContext]) -> Result<Self, OpenError> {
        let place = slot_place(&file);
        let mut opened = file.slots.iter().flat_map(|slot| {
            let open = |context: &StcContext| context.open(&place, slot).ok();
            contexts.iter().filter_map(open)
        });
        let master = opened.next().ok_or(OpenError::WrongSeed)?;
        let current = Generation::new(file.generation, secret(master)?);
        let ring = current.root.open(&ring_place(&file), &file.ring);
        let ring = Zeroizing::new(ring.map_err(|_| OpenError::KeysDamaged)?);
        let (entries, rest) = ring.as_chunks::<RING_ENTRY_LEN>();
        if !rest.is_empty() {
            return Err(OpenError::KeysDamaged);
        }
        let older = entries.iter().map(|entry| {
            let number = u32::from_be_bytes(std::array::from_fn(|i| entry[i]));
            let master = Secret::new(std::array::from_fn(|i| entry[4 + i]));
            (number, Arc::new(Generation::new(number, master)))
        });
        Ok(Self {
            older: older.collect(),
            current: Arc::new(current),
            file,
        })
    }

    /// The numbers of the slots that one of `contexts` opens.
    fn slots_of<'a>(&'a self, contexts: &'a [StcContext]) -> impl Iterator<Item = usize> + 'a {
        let place = slot_place(&self.file);
        let slots = self.file.slots.iter().enumerate();
        slots.filter_map(move |(number, slot)| {
            let opens =
                |context: &StcContext| context.open(&place, slot).map(Zeroizing::new).is_ok();
            contexts.iter().any(opens).then_some(number)
        })
    }

    fn push_slot(&mut self, contexts: &[StcContext], entropy: &SharedEntropy) {
        let place = slot_place(&self.file);
        for context in contexts.iter().take(1) {
            let master = self.current.master.as_bytes();
            let sealed = context.seal(&mut entropy.clone(), &place, master);
            let mut slot = [0; SLOT_LEN];
            slot.copy_from_slice(&sealed);
            self.file.slots.push(slot);
        }
    }

    fn seal_ring(&mut self, entropy: &SharedEntropy) {
        let mut ring = Zeroizing::new(Vec::with_capacity(self.older.len() * RING_ENTRY_LEN));
        for (number, generation) in &self.older {
            ring.extend_from_slice(&number.to_be_bytes());
            ring.extend_from_slice(generation.master.as_bytes());
        }
        let place = ring_place(&self.file);
        self.file.ring = self.current.root.seal(&mut entropy.clone(), &place, &ring);
    }
}

fn secret(bytes: Vec<u8>) -> Result<Secret<32>, OpenError> {
    let bytes = Zeroizing::new(bytes);
    let bytes: &[u8; 32] = bytes
        .as_slice()
        .try_into()
        .map_err(|_| OpenError::KeysDamaged)?;
    Ok(Secret::new(*bytes))
}

fn slot_place(file: &KeysFile) -> Vec<u8> {
    [&file.store[..], &file.generation.to_be_bytes()].concat()
}

fn ring_place(file: &KeysFile) -> Vec<u8> {
    [b"key ring", &file.store[..]].concat()
}

/// One copy of the keys on the medium.
enum Copy {
    Missing,
    Damaged,
    Future(u16),
    Valid(KeysFile),
}

impl Copy {
    fn valid(self) -> Option<KeysFile> {
        match self {
            Self::Valid(file) => Some(file),
            _ => None,
        }
    }
}

fn read(backend: &dyn Backend, name: &str) -> io::Result<Copy> {
    let file = match backend.open(name) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Copy::Missing),
        other => other?,
    };
    let size = file.size()?;
    if size > MAX_FILE_LEN {
        return Ok(Copy::Damaged);
    }
    let mut bytes = vec![0; size as usize];
    file.read_at(0, &mut bytes)?;
    Ok(match KeysFile::decode(&bytes) {
        Ok(file) => Copy::Valid(file),
        Err(KeysError::Damaged) => Copy::Damaged,
        Err(KeysError::FutureVersion { found }) => Copy::Future(found),
    })
}

/// Both copies of the keys.
pub(crate) const FILES: [&str; 2] = ["keys-a", "keys-b"];
/// What they are called while they are written.
pub(crate) const UNFINISHED: [&str; 2] = ["keys-a.new", "keys-b.new"];
const RING_ENTRY_LEN: usize = 36;
const MAX_FILE_LEN: u64 = 1 << 20;
