//! What is in the store: `ls`, `rm`, `pin`, `unpin`, `stat`, `verify`, `compact`.

use std::io::{self, BufWriter, Write};

use serde_json::{Value, json};
use stt_store::{Address, BinaryStorage, Damage, Entry, Stats, Verified};

use super::{Place, Stop, progress::Progress};
use crate::{
    args::Objects,
    exit::{Exit, Failure},
    pages,
    rate::{count, size},
    standard,
    status::Status,
};

/// `stt store ls`.
pub(super) fn list(place: &Place, status: Status, stop: &Stop) -> Result<(), Failure> {
    let store = place.open()?;
    let output = standard::output().map_err(|error| unwritten(&error))?;
    let mut output = BufWriter::new(output);
    for entry in store.list() {
        stop.check()?;
        let written = output.write_all(line_of(&entry?, status).as_bytes());
        if seen_enough(written)? {
            return Ok(());
        }
    }
    seen_enough(output.flush()).map(drop)
}

fn line_of(entry: &Entry, status: Status) -> String {
    let Entry {
        reference,
        is_pinned,
        ..
    } = entry;
    let (address, length) = (reference.address, reference.length);
    match status {
        Status::Human => {
            let pinned = if *is_pinned { "pinned" } else { "-" };
            format!("{address}\t{length}\t{pinned}\n")
        }
        Status::Json => {
            let root = Address::from_bytes(reference.root).to_string();
            let address = address.to_string();
            let line =
                json!({"address": address, "root": root, "length": length, "pinned": is_pinned});
            format!("{line}\n")
        }
    }
}

/// Whether the reader of standard output is gone.
fn seen_enough(written: io::Result<()>) -> Result<bool, Failure> {
    match written {
        Ok(()) => Ok(false),
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(true),
        Err(error) => Err(unwritten(&error)),
    }
}

fn unwritten(error: &io::Error) -> Failure {
    Failure::unwritten("standard output", error)
}

/// `stt store rm`.
pub(super) fn remove(asked: &Objects, place: &Place) -> Result<(), Failure> {
    each(asked, place, |store, address| Ok(store.remove(address)?))
}

/// `stt store pin`.
pub(super) fn pin(asked: &Objects, place: &Place) -> Result<(), Failure> {
    each(asked, place, |store, address| Ok(store.pin(address)?))
}

/// `stt store unpin`.
pub(super) fn unpin(asked: &Objects, place: &Place) -> Result<(), Failure> {
    each(asked, place, |store, address| Ok(store.unpin(address)?))
}

fn each(
    asked: &Objects,
    place: &Place,
    act: impl Fn(&BinaryStorage, Address) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let store = place.open()?;
    let mut objects = asked.objects.iter();
    objects.try_for_each(|object| act(&store, object.address()))
}

/// `stt store stat`.
pub(super) fn stat(place: &Place, status: Status) -> Result<(), Failure> {
    let store = place.open()?;
    let stats = store.stats()?;
    drop(store);
    match status {
        Status::Human => pages::print(&in_words(&stats)),
        Status::Json => pages::print_json(&json!({
            "objects": stats.objects,
            "pinned": stats.pinned,
            "object_bytes": stats.object_bytes,
            "live_bytes": stats.live_bytes,
            "segment_bytes": stats.segment_bytes,
            "segments": stats.segments,
            "seeds": stats.key_slots,
            "key_generation": stats.key_generation,
        })),
    }
}

fn in_words(stats: &Stats) -> String {
    let Stats {
        objects,
        pinned,
        object_bytes,
        live_bytes,
        segment_bytes,
        segments,
        key_slots,
        key_generation,
        ..
    } = stats;
    let segments = count(*segments, "segment");
    let [in_objects, in_use, on_disk] = [*object_bytes, *live_bytes, *segment_bytes].map(size);
    format!(
        "objects   {objects}, {pinned} pinned\n\
         content   {object_bytes} bytes ({in_objects})\n\
         in use    {live_bytes} bytes ({in_use})\n\
         on disk   {segment_bytes} bytes ({on_disk}) in {segments}\n\
         seeds     {key_slots} open the store\n\
         key       number {key_generation}\n"
    )
}

/// `stt store compact`.
pub(super) fn compact(place: &Place, status: Status) -> Result<(), Failure> {
    let store = place.open()?;
    let before = store.stats()?.segment_bytes;
    let progress = Progress::of_work(status, "moving what is needed");
    let compacted = store.compact();
    progress.clear();
    let damaged = compacted?.segments_damaged;
    let after = store.stats()?.segment_bytes;
    drop(store);
    if damaged > 0 {
        let places = count(damaged, "segment");
        let message = format!("{places} left alone because of damage: see `stt store verify`");
        return Err(Failure::new(Exit::Damaged, message).about(place.directory().display()));
    }
    let [freed, left] = [before.saturating_sub(after), after].map(size);
    status.note(format_args!("{freed} given back; {left} on disk"));
    Ok(())
}

/// `stt store verify`.
pub(super) fn verify(place: &Place, status: Status) -> Result<(), Failure> {
    let store = place.open()?;
    let progress = Progress::of_work(status, "reading everything");
    let found = store.verify();
    progress.clear();
    drop(store);
    let found = found?;
    match status {
        Status::Human => pages::print(&damage_lines(&found))?,
        Status::Json => pages::print_json(&as_document(&found))?,
    }
    if !found.is_well() {
        let places = count(found.damage.len() as u64, "damaged place");
        return Err(Failure::new(Exit::Damaged, places).about(place.directory().display()));
    }
    let objects = count(found.objects, "object");
    status.note(format_args!(
        "all is well: {objects}, {} bytes",
        found.bytes
    ));
    Ok(())
}

fn damage_lines(found: &Verified) -> String {
    let lines = found.damage.iter().map(|damage| format!("{damage}\n"));
    lines.collect()
}

fn as_document(found: &Verified) -> Value {
    let damage: Vec<_> = found.damage.iter().map(damage_as_json).collect();
    json!({
        "ok": found.is_well(),
        "objects": found.objects,
        "bytes": found.bytes,
        "damage": damage,
    })
}

fn damage_as_json(damage: &Damage) -> Value {
    let what = damage.to_string();
    match damage {
        Damage::Object { address, .. } => json!({"what": what, "object": address.to_string()}),
        Damage::Segment { segment, .. }
        | Damage::Header { segment }
        | Damage::LostSegment { segment } => json!({"what": what, "segment": segment}),
        _ => json!({"what": what}),
    }
}
