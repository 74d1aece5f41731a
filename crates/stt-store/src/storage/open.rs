//! Opens a store: keys, segments, index, and what the log has beyond the index.
//!
//! *Invariant*: nothing is written before a slot was opened. spec: STORE-10.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use parking_lot::{Mutex, RwLock};
use stc::Entropy;

use super::replay::replay;
use super::{BinaryStorage, Core, Shared, StorageOptions};
use crate::backend::Backend;
use crate::entropy::SharedEntropy;
use crate::error::{Failure, OpenError};
use crate::index::{Index, index_name};
use crate::keys::{KeysError, Opened, StoreKey, UNFINISHED, Vault};
use crate::log::{HEADER_LEN, Segment, Segments, Writer, number_of, read_header, segment_name};

/// See [`StorageOptions::open_backend`].
pub(super) fn open(
    options: StorageOptions,
    backend: Arc<dyn Backend>,
    key: StoreKey<'_>,
    entropy: Box<dyn Entropy + Send>,
) -> Result<BinaryStorage, OpenError> {
    let entropy = SharedEntropy::new(entropy);
    let names = backend.names()?;
    let numbers: BTreeSet<u64> = names.iter().filter_map(|name| number_of(name)).collect();
    let vault = open_keys(&*backend, key, &entropy, numbers.is_empty())?;
    let (segments, lost) = open_segments(&*backend, &vault, &numbers)?;
    let index = open_index(&*backend, &vault, &names, &entropy, options.index_cache)?;
    let next = numbers.last().map_or(1, |last| last + 1);
    let limits = (options.segment_len, next);
    let keys = Arc::clone(vault.current());
    let segments = Arc::new(segments);
    let writer = Writer::new(
        Arc::clone(&backend),
        Arc::clone(&segments),
        entropy.clone(),
        keys,
        limits,
    );
    let core = Core {
        writer,
        fresh: BTreeMap::new(),
        held: BTreeMap::new(),
        abandoned: Vec::new(),
        era: 0,
        since_checkpoint: 0,
        stuck: BTreeSet::new(),
        is_logged: false,
    };
    let shared = Shared {
        backend,
        entropy,
        options,
        vault: RwLock::new(vault),
        segments,
        index: RwLock::new(Arc::new(index)),
        core: Mutex::new(core),
        queue: Mutex::default(),
        let_go: Mutex::default(),
        used: Mutex::default(),
        damaged: Mutex::default(),
        lost,
        is_poisoned: AtomicBool::new(false),
    };
    match replay(&shared) {
        Err(Failure::IndexLost) => {
            // Its pages changed on the medium: once more, without it.
            start_index_anew(&shared)?;
            replay(&shared)?;
        }
        other => other?,
    }
    Ok(BinaryStorage {
        shared: Arc::new(shared),
    })
}

fn open_keys(
    backend: &dyn Backend,
    key: StoreKey<'_>,
    entropy: &SharedEntropy,
    is_new: bool,
) -> Result<Vault, OpenError> {
    match Vault::open(backend, key)? {
        Opened::Nothing if is_new => {
            let vault = Vault::create(key, entropy)?;
            vault.write(backend)?;
            Ok(vault)
        }
        Opened::Nothing => Err(OpenError::KeysDamaged),
        Opened::Keys { vault, intact } => {
            if !intact {
                vault.write(backend)?;
            }
            Ok(*vault)
        }
    }
}

/// Reads the header of every segment; the numbers of those that cannot be read come second.
fn open_segments(
    backend: &dyn Backend,
    vault: &Vault,
    numbers: &BTreeSet<u64>,
) -> Result<(Segments, BTreeSet<u64>), OpenError> {
    let segments = Segments::default();
    let mut lost = BTreeSet::new();
    for number in numbers {
        let name = segment_name(*number);
        let (file, header) = read_header(backend, &name)?;
        let header = match header {
            Err(KeysError::FutureVersion { found }) => {
                return Err(OpenError::FutureVersion { found, known: 1 });
            }
            Err(KeysError::Damaged) if is_unborn(&*file, *number, numbers)? => {
                backend.remove(&name)?;
                continue;
            }
            Err(KeysError::Damaged) => None,
            Ok(header) => Some(header),
        };
        let header = header.filter(|header| header.number == *number);
        let keys = header.and_then(|header| vault.generation(header.generation));
        match (header, keys) {
            (Some(header), Some(keys)) => segments.insert(Arc::new(Segment {
                header,
                keys: Arc::clone(keys),
                file,
            })),
            _ => {
                lost.insert(*number);
            }
        }
    }
    Ok((segments, lost))
}

/// Whether a segment was begun when the store ended: nothing can be in it.
fn is_unborn(
    file: &dyn crate::backend::BackendFile,
    number: u64,
    numbers: &BTreeSet<u64>,
) -> io::Result<bool> {
    Ok(numbers.last() == Some(&number) && file.size()? <= u64::from(HEADER_LEN))
}

/// Opens the index of the current generation; removes others, and files that were never finished.
fn open_index(
    backend: &dyn Backend,
    vault: &Vault,
    names: &[String],
    entropy: &SharedEntropy,
    cache: usize,
) -> Result<Index, Failure> {
    let name = index_name(vault.current().number);
    for other in names {
        let is_other_index = other.starts_with("index-") && *other != name;
        let is_unfinished = UNFINISHED.contains(&other.as_str());
        if is_other_index || is_unfinished {
            backend.remove(other)?;
        }
    }
    match Index::open(backend, vault.current(), entropy, cache) {
        Err(Failure::IndexLost) => {
            backend.remove(&name)?;
            Index::open(backend, vault.current(), entropy, cache)
        }
        other => other,
    }
}

fn start_index_anew(shared: &Shared) -> Result<(), Failure> {
    let vault = shared.vault.read();
    shared.backend.remove(&index_name(vault.current().number))?;
    let cache = shared.options.index_cache;
    let index = Index::open(&*shared.backend, vault.current(), &shared.entropy, cache)?;
    *shared.index.write() = Arc::new(index);
    Ok(())
}
