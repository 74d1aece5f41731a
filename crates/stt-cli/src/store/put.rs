//! `stt store put`: bytes in, an address out.

use std::{
    fs::File,
    io::{self, IsTerminal},
    path::Path,
};

use serde_json::json;
use stt_store::{Reference, StorageOptions, StoreError};

use super::{Place, Stop, progress::Progress};
use crate::{args::Put, exit::Failure, pages, standard, status::Status};

pub(super) fn put(asked: &Put, place: &Place, status: Status, stop: &Stop) -> Result<(), Failure> {
    // A file that cannot be read makes no store.
    let source = Source::open(asked.file.as_deref())?;
    let mut options = StorageOptions::default();
    if let Some(quota) = asked.quota {
        options = options.quota(quota);
    }
    let store = place.open_or_make(options, status)?;
    let progress = if source.is_typed {
        Progress::none()
    } else {
        Progress::of_bytes(status, source.length)
    };
    let reader = progress.wrap(stop.watch(source.file));
    let stored = store.store_reader(reader).map_err(|error| match error {
        StoreError::Source(_) if stop.is_asked() => super::stop::interrupted(),
        StoreError::Source(why) => Failure::other(format!("cannot read {}: {why}", source.name)),
        other => Failure::from(other).about(place.directory().display()),
    });
    progress.clear();
    drop(store);
    answer(&stored?, asked.reference, status)
}

fn answer(stored: &Reference, whole: bool, status: Status) -> Result<(), Failure> {
    match status {
        Status::Human if whole => pages::print(&format!("{stored}\n")),
        Status::Human => pages::print(&format!("{}\n", stored.address)),
        Status::Json => pages::print_json(&json!({
            "address": stored.address.to_string(),
            "root": stt_store::Address::from_bytes(stored.root).to_string(),
            "length": stored.length,
        })),
    }
}

/// What is to be stored.
struct Source {
    name: String,
    file: File,
    length: Option<u64>,
    is_typed: bool,
}

impl Source {
    fn open(path: Option<&Path>) -> Result<Self, Failure> {
        let path = path.filter(|path| *path != Path::new("-"));
        let (name, opened) = match path {
            Some(path) => (path.display().to_string(), File::open(path)),
            None => ("standard input".into(), standard::input()),
        };
        let cannot = |error: io::Error| Failure::usage(format!("cannot read {name}: {error}"));
        let file = opened.map_err(cannot)?;
        let found = file.metadata().map_err(cannot)?;
        if found.is_dir() {
            return Err(Failure::usage(format!(
                "{name} is a directory; make one stream of it: tar c DIR | stt store put"
            )));
        }
        Ok(Self {
            length: found.is_file().then_some(found.len()),
            is_typed: file.is_terminal(),
            name,
            file,
        })
    }
}
