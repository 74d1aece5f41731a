//! Files that hold a secret: only their owner may read them, and they are replaced whole.
//!
//! *Invariants.*
//! - *Private*: nothing is read from a file that group or others could read or write, and nothing
//!   is written to one.
//! - *Whole*: a reader sees the old text or the new one, also after a crash.

use std::{
    fs::{self, File},
    io::{self, Read, Write},
    path::{Path, PathBuf},
};

use tempfile::{Builder, NamedTempFile};
use zeroize::Zeroizing;

use crate::exit::Failure;

/// The text of a private file.
pub(crate) fn read(path: &Path) -> Result<Zeroizing<String>, Failure> {
    let mut file = open(path)?;
    text_of(&mut file, path)
}

/// Opens a private file, once it is known to be one.
///
/// Looked at before opening, because opening a pipe would wait, and after it, because what a name
/// means can change in between.
pub(crate) fn open(path: &Path) -> Result<File, Failure> {
    let cannot =
        |error: io::Error| Failure::usage(format!("cannot read {}: {error}", path.display()));
    check(path, &fs::metadata(path).map_err(cannot)?)?;
    let file = File::open(path).map_err(cannot)?;
    check(path, &file.metadata().map_err(cannot)?)?;
    Ok(file)
}

/// All text of an open file.
pub(crate) fn text_of(file: &mut File, path: &Path) -> Result<Zeroizing<String>, Failure> {
    // Sized at once: a growing buffer would leave copies of the secret behind.
    let mut text = Zeroizing::new(String::with_capacity(MAX_LEN as usize + 1));
    let read = file.take(MAX_LEN + 1).read_to_string(&mut text);
    match read {
        Ok(len) if len as u64 <= MAX_LEN => Ok(text),
        Ok(_) => Err(Failure::usage(format!(
            "{} is longer than {MAX_LEN} bytes, so it is no such file",
            path.display()
        ))),
        Err(error) => Err(Failure::usage(format!(
            "cannot read {}: {error}",
            path.display()
        ))),
    }
}

/// Creates a private file. Of several that create it at once, one succeeds.
pub(crate) fn create(path: &Path, text: &str) -> io::Result<()> {
    let whole = written(path, text)?;
    whole.persist_noclobber(path).map_err(|error| error.error)?;
    sync_folder(path)
}

/// Puts `text` in the place of what the file held; permissions stay.
pub(crate) fn replace(path: &Path, text: &str) -> io::Result<()> {
    // A link stays a link.
    let path = fs::canonicalize(path)?;
    let whole = written(&path, text)?;
    whole
        .as_file()
        .set_permissions(fs::metadata(&path)?.permissions())?;
    whole.persist(&path).map_err(|error| error.error)?;
    sync_folder(&path)
}

/// A new file in the folder of `path`, removed unless it gets a name. Errors do not mention the one
/// that it has until then, which nobody gave.
pub(crate) fn temporary_beside(
    path: &Path,
    mut with: Builder<'_, '_>,
) -> io::Result<NamedTempFile> {
    let folder = folder_of(path);
    fs::metadata(&folder)?;
    let file = with.prefix(".stt-").tempfile_in(folder);
    file.map_err(|error| error.kind().into())
}

/// A file beside `path`, readable by its owner alone, with `text` safely on the disk.
fn written(path: &Path, text: &str) -> io::Result<NamedTempFile> {
    let mut whole = temporary_beside(path, Builder::new())?;
    whole.write_all(text.as_bytes())?;
    whole.as_file().sync_all()?;
    Ok(whole)
}

/// The folder that a file is in.
pub(crate) fn folder_of(path: &Path) -> PathBuf {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder.into(),
        _ => PathBuf::from("."),
    }
}

/// Makes the name as safe as the bytes.
#[cfg(unix)]
pub(crate) fn sync_folder(path: &Path) -> io::Result<()> {
    File::open(folder_of(path))?.sync_all()
}

#[cfg(not(unix))]
pub(crate) fn sync_folder(_: &Path) -> io::Result<()> {
    Ok(())
}

fn check(path: &Path, found: &fs::Metadata) -> Result<(), Failure> {
    if !found.is_file() {
        return Err(Failure::usage(format!(
            "{} is not a regular file",
            path.display()
        )));
    }
    if is_open_to_others(found) {
        return Err(Failure::usage(format!(
            "{0} is open to others; let only its owner read it: chmod 600 {0}",
            path.display()
        )));
    }
    Ok(())
}

#[cfg(unix)]
fn is_open_to_others(found: &fs::Metadata) -> bool {
    use std::os::unix::fs::PermissionsExt;
    found.permissions().mode() & 0o077 != 0
}

#[cfg(not(unix))]
fn is_open_to_others(_: &fs::Metadata) -> bool {
    false
}

/// In bytes; sixteen epochs take 1.5 KB, and there may be remarks.
const MAX_LEN: u64 = 64 * 1_024;
