//! What lies in a directory, before anything is written to it.

use std::io;
use std::path::Path;

use super::DiskBackend;
use super::disk::LOCK;
use crate::keys;
use crate::log::number_of;

/// What [`DiskBackend::look`] found in a directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Found {
    /// No directory, an empty one, or a store that was never finished: opening it makes a store.
    Nothing,
    /// A store, or what is left of one.
    Store,
    /// Files that are not a store's. One made among them would take names for its own that may be theirs.
    Foreign,
}

impl DiskBackend {
    /// Says what a directory holds. Reads names only, takes no lock and writes nothing.
    ///
    /// # Errors
    /// Those of the file system, such as a path that is no directory.
    pub fn look(directory: impl AsRef<Path>) -> io::Result<Found> {
        let entries = match std::fs::read_dir(directory) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Found::Nothing),
            other => other?,
        };
        let mut found = Found::Nothing;
        for entry in entries {
            let name = entry?.file_name();
            let name = name.to_string_lossy();
            if keys::FILES.contains(&name.as_ref()) || number_of(&name).is_some() {
                return Ok(Found::Store);
            }
            if name != LOCK && !keys::UNFINISHED.contains(&name.as_ref()) {
                found = Found::Foreign;
            }
        }
        Ok(found)
    }
}
