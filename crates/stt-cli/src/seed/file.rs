//! A seed file on disk. Remarks in it stay when an epoch is added.

use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
};

use stt::{Group, SystemEntropy};
use zeroize::Zeroizing;

use crate::{exit::Failure, private_file};

/// The group in a seed file.
pub(crate) fn read(path: &Path) -> Result<Group, Failure> {
    parse(&private_file::read(path)?, &path.display().to_string())
}

/// The group in a text that came from `origin`.
pub(crate) fn parse(text: &str, origin: &str) -> Result<Group, Failure> {
    Group::parse(text).map_err(|error| Failure::usage(format!("{origin}: {error}")))
}

/// A seed file that no other `stt seed next` changes meanwhile.
pub(super) struct SeedFile {
    path: PathBuf,
    file: File,
}

impl SeedFile {
    /// Waits for its turn. Whoever had it before has put another file in this one's place, so the
    /// lock counts only on the file that the name still means.
    pub(super) fn lock(path: &Path) -> Result<Self, Failure> {
        let cannot =
            |error: io::Error| Failure::other(format!("cannot lock {}: {error}", path.display()));
        loop {
            let file = private_file::open(path)?;
            file.lock().map_err(cannot)?;
            let named = fs::metadata(path).map_err(cannot)?;
            if is_same(&file.metadata().map_err(cannot)?, &named) {
                let path = path.to_owned();
                return Ok(Self { path, file });
            }
        }
    }

    /// Adds an epoch, on disk too, and returns the group with it.
    pub(super) fn with_next_epoch(mut self) -> Result<Group, Failure> {
        let origin = self.path.display().to_string();
        let before = private_file::text_of(&mut self.file, &self.path)?;
        let mut group = parse(&before, &origin)?;
        group
            .next_epoch(&mut SystemEntropy)
            .map_err(|error| Failure::usage(format!("{origin}: {error}")))?;
        let all = group.to_text().unwrap_or_default();
        // The newest epoch is the last line.
        let line = all.lines().next_back().unwrap_or_default();
        let after = with_line(&before, line);
        private_file::replace(&self.path, &after)
            .map_err(|error| Failure::other(format!("cannot write {origin}: {error}")))?;
        Ok(group)
    }
}

fn with_line(before: &str, line: &str) -> Zeroizing<String> {
    let mut after = Zeroizing::new(String::with_capacity(before.len() + line.len() + 2));
    after.push_str(before);
    if !before.ends_with('\n') {
        after.push('\n');
    }
    after.push_str(line);
    after.push('\n');
    after
}

#[cfg(unix)]
fn is_same(one: &fs::Metadata, other: &fs::Metadata) -> bool {
    use std::os::unix::fs::MetadataExt;
    (one.dev(), one.ino()) == (other.dev(), other.ino())
}

#[cfg(not(unix))]
fn is_same(_: &fs::Metadata, _: &fs::Metadata) -> bool {
    true
}
