//! Where the bytes of an object go.
//!
//! *Invariant*: a regular file has all of them or stays as it was. A device or a pipe can't be
//! taken back, so it gets them as they come.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, IsTerminal, Write},
    path::{Path, PathBuf},
};

use tempfile::NamedTempFile;

use crate::{exit::Failure, private_file, standard};

/// An open place for bytes.
pub(crate) struct Output {
    name: String,
    to: To,
}

enum To {
    Stream(File),
    /// Beside the name that it will have.
    File(NamedTempFile, PathBuf),
}

/// Whether the reader at the other end is still there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reader {
    There,
    Gone,
}

impl Reader {
    pub(crate) fn is_closed(self) -> bool {
        self == Self::Gone
    }
}

impl Output {
    /// Standard output, or what has this name.
    pub(crate) fn open(path: Option<&Path>) -> Result<Self, Failure> {
        let path = path.filter(|path| *path != Path::new("-"));
        let name = path.map_or_else(
            || "standard output".into(),
            |path| path.display().to_string(),
        );
        let opened = match path {
            None => standard::output().map(To::Stream),
            Some(path) => open(path),
        };
        match opened {
            Ok(to) => Ok(Self { name, to }),
            Err(error) if is_misnamed(&error) => {
                Err(Failure::usage(format!("cannot write {name}: {error}")))
            }
            Err(error) => Err(Failure::unwritten(name, &error)),
        }
    }

    /// Whether a person sees the bytes, and would see anything else among them.
    pub(crate) fn is_shown(&self) -> bool {
        matches!(&self.to, To::Stream(stream) if stream.is_terminal())
    }

    pub(crate) fn write(&mut self, piece: &[u8]) -> Result<Reader, Failure> {
        let written = match &mut self.to {
            To::Stream(stream) => stream.write_all(piece),
            To::File(file, _) => file.write_all(piece),
        };
        match written {
            Ok(()) => Ok(Reader::There),
            // Whoever reads has seen enough.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(Reader::Gone),
            Err(error) => Err(Failure::unwritten(&self.name, &error)),
        }
    }

    /// All bytes are written: the file gets its name.
    pub(crate) fn finish(self) -> Result<(), Failure> {
        let To::File(file, path) = self.to else {
            return Ok(());
        };
        let named = file.as_file().sync_all().and_then(|()| {
            file.persist(&path).map_err(|error| error.error)?;
            private_file::sync_folder(&path)
        });
        named.map_err(|error| Failure::unwritten(self.name, &error))
    }
}

fn open(path: &Path) -> io::Result<To> {
    let mut existing = OpenOptions::new();
    existing.write(true);
    match fs::metadata(path) {
        // Only what may be written may be replaced.
        Ok(found) if found.is_file() => {
            existing.open(path)?;
            let path = fs::canonicalize(path)?;
            let file = beside(&path)?;
            file.as_file().set_permissions(found.permissions())?;
            Ok(To::File(file, path))
        }
        Ok(_) => Ok(To::Stream(existing.open(path)?)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            if fs::symlink_metadata(path).is_ok() {
                return Err(error);
            }
            Ok(To::File(beside(path)?, path.into()))
        }
        Err(error) => Err(error),
    }
}

/// With the permissions that a new file gets.
fn beside(path: &Path) -> io::Result<NamedTempFile> {
    let mut builder = tempfile::Builder::new();
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    private_file::temporary_beside(path, builder)
}

/// Refuses a file among the store's own, by whatever name or link.
pub(crate) fn refuse_inside(store: &Path, path: &Path) -> Result<(), Failure> {
    if is_in(path, store) {
        let why = "a store needs its directory for itself";
        return Err(Failure::usage(format!(
            "cannot write {}: {why}",
            path.display()
        )));
    }
    Ok(())
}

fn is_in(path: &Path, directory: &Path) -> bool {
    let real = fs::canonicalize(path).unwrap_or_else(|_| path.into());
    let folder = fs::canonicalize(private_file::folder_of(&real));
    let directory = fs::canonicalize(directory);
    folder.is_ok_and(|folder| directory.is_ok_and(|directory| folder.starts_with(directory)))
}

/// Whether the name is at fault, and not the medium.
fn is_misnamed(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::NotFound | io::ErrorKind::IsADirectory | io::ErrorKind::NotADirectory
    )
}
