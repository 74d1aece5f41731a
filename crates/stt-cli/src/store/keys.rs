//! Who may open the store: `add-seed`, `remove-seed`, `rotate-key`.

use std::path::{Path, PathBuf};

use stt_store::StoreKey;

use super::{Place, place::Key, progress::Progress};
use crate::{
    args::RotateKey,
    exit::{Exit, Failure},
    rate::count,
    status::Status,
};

/// `stt store add-seed`.
pub(super) fn add(file: &Path, place: &Place, status: Status) -> Result<(), Failure> {
    let key = Key::read(file)?;
    let store = place.open()?;
    let added = store.add_seed(key.as_store_key());
    added.map_err(|error| Failure::from(error).about(file.display()))?;
    say_slots(store.stats()?.key_slots, status);
    Ok(())
}

/// `stt store remove-seed`.
pub(super) fn remove(file: &Path, place: &Place, status: Status) -> Result<(), Failure> {
    let key = Key::read(file)?;
    let store = place.open()?;
    let removed = store.remove_seed(key.as_store_key());
    removed.map_err(|error| Failure::from(error).about(file.display()))?;
    say_slots(store.stats()?.key_slots, status);
    Ok(())
}

fn say_slots(count: u64, status: Status) {
    status.note(format_args!("seeds that open the store: {count}"));
}

/// `stt store rotate-key`.
pub(super) fn rotate(asked: &RotateKey, place: &Place, status: Status) -> Result<(), Failure> {
    let read = |file: &PathBuf| Key::read(file);
    let others: Vec<Key> = asked.with.iter().map(read).collect::<Result<_, _>>()?;
    let (store, own) = place.open_with_key()?;
    let keys = std::iter::once(&own).chain(&others);
    let keys: Vec<StoreKey<'_>> = keys.map(Key::as_store_key).collect();
    let before = store.stats()?.key_slots;
    let dropped = before.saturating_sub(store.slots_opened_by(&keys)?);
    if dropped > 0 && !asked.drop_others {
        return Err(Failure::usage(format!(
            "{dropped} of {} that open the store would be let go: name them by --with FILE, or say \
             --drop-others",
            count(before, "seed")
        )));
    }
    let progress = Progress::of_work(status, "writing everything anew");
    let rotated = store.rotate_key(&keys);
    progress.clear();
    let rotated = rotated?;
    if rotated.segments_left > 0 {
        return Err(Failure::new(
            Exit::Damaged,
            format!(
                "master key {} counts, but {} under an older one, because of damage",
                rotated.key_generation,
                count(rotated.segments_left, "segment")
            ),
        ));
    }
    let number = rotated.key_generation;
    status.note(format_args!(
        "master key {number} counts; {} let go",
        count(dropped, "seed")
    ));
    Ok(())
}
