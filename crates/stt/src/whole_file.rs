//! A small file that a node keeps for its next run: read within a bound, and replaced whole.
//!
//! *Invariant.* A reader finds the old file or the new one, also after a crash. *Not here*: what is in it, and the seal
//! that shows who wrote it.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Read, Write};
use std::path::Path;

/// Why such a file was not read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum UnreadFile {
    #[error("cannot read it: {0}")]
    Io(#[from] io::Error),
    #[error("it is longer than {most} bytes")]
    TooLong { most: u64 },
}

/// The bytes of a file of at most `most` of them; `None` if there is none.
pub(crate) fn read(path: &Path, most: u64) -> Result<Option<Vec<u8>>, UnreadFile> {
    let file = match File::open(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        file => file?,
    };
    let mut bytes = Vec::new();
    let len = file.take(most + 1).read_to_end(&mut bytes)?;
    if len as u64 > most {
        return Err(UnreadFile::TooLong { most });
    }
    Ok(Some(bytes))
}

/// Puts the file in the place of the one before. Blocks until it is safe. One at a time may write.
pub(crate) fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let new = path.with_extension("new");
    let mut file = create(&new)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&new, path)?;
    path.parent().map_or(Ok(()), sync)
}

#[cfg(unix)]
fn create(path: &Path) -> io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt;
    let mut options = File::options();
    options.write(true).create(true).truncate(true).mode(0o600);
    options.open(path)
}

#[cfg(not(unix))]
fn create(path: &Path) -> io::Result<File> {
    File::create(path)
}

#[cfg(unix)]
fn sync(directory: &Path) -> io::Result<()> {
    File::open(directory)?.sync_all()
}

#[cfg(not(unix))]
fn sync(_: &Path) -> io::Result<()> {
    Ok(())
}
