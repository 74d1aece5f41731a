//! A directory of the file system, locked by the process that has it. spec: STORE-7.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::{Backend, BackendFile};
use crate::error::{Failure, OpenError};

/// The files of one directory. Dropping it gives the directory free.
#[derive(Debug)]
pub struct DiskBackend {
    directory: PathBuf,
    _locks: Locks,
}

/// Two, because somebody may remove the file `LOCK` while it is locked.
#[derive(Debug)]
struct Locks {
    _file: File,
    _directory: Option<File>,
}

#[derive(Debug)]
struct DiskFile(File);

impl DiskBackend {
    /// Takes the directory, making it if there is none.
    ///
    /// # Errors
    /// [`OpenError::InUse`] when somebody has it, or a [`Failure`] of the file system.
    pub fn open(directory: impl AsRef<Path>) -> Result<Self, OpenError> {
        let directory = directory.as_ref().to_path_buf();
        if !directory.is_dir() {
            create_directory(&directory)?;
        }
        let locks = Locks {
            _directory: lock_directory(&directory)?,
            _file: lock_file(&directory.join(LOCK))?,
        };
        Ok(Self {
            directory,
            _locks: locks,
        })
    }

    /// Makes changes of names durable.
    fn sync_names(&self) -> io::Result<()> {
        sync_directory(&self.directory)
    }
}

impl Backend for DiskBackend {
    fn names(&self) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in fs::read_dir(&self.directory)? {
            // A name that is no text is none of ours.
            names.extend(entry?.file_name().into_string().ok());
        }
        names.retain(|name| name != LOCK);
        Ok(names)
    }

    fn open(&self, name: &str) -> io::Result<Arc<dyn BackendFile>> {
        let mut options = OpenOptions::new();
        let file = options.read(true).write(true);
        Ok(Arc::new(DiskFile(file.open(self.directory.join(name))?)))
    }

    fn create(&self, name: &str) -> io::Result<Arc<dyn BackendFile>> {
        let file = new_file(&self.directory.join(name))?;
        file.sync_all()?;
        self.sync_names()?;
        Ok(Arc::new(DiskFile(file)))
    }

    fn replace(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        let temporary = self.directory.join(format!("{name}.new"));
        let mut file = new_file(&temporary)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        drop(file);
        fs::rename(&temporary, self.directory.join(name))?;
        self.sync_names()
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        match fs::remove_file(self.directory.join(name)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => self.sync_names(),
        }
    }
}

impl BackendFile for DiskFile {
    fn size(&self) -> io::Result<u64> {
        Ok(self.0.metadata()?.len())
    }

    #[cfg(unix)]
    fn read_at(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        std::os::unix::fs::FileExt::read_exact_at(&self.0, out, offset)
    }

    #[cfg(unix)]
    fn write_at(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        std::os::unix::fs::FileExt::write_all_at(&self.0, data, offset)
    }

    #[cfg(windows)]
    fn read_at(&self, mut offset: u64, mut out: &mut [u8]) -> io::Result<()> {
        while !out.is_empty() {
            let count = std::os::windows::fs::FileExt::seek_read(&self.0, out, offset)?;
            if count == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            offset += count as u64;
            out = &mut out[count..];
        }
        Ok(())
    }

    #[cfg(windows)]
    fn write_at(&self, mut offset: u64, mut data: &[u8]) -> io::Result<()> {
        while !data.is_empty() {
            let count = std::os::windows::fs::FileExt::seek_write(&self.0, data, offset)?;
            offset += count as u64;
            data = &data[count..];
        }
        Ok(())
    }

    fn set_size(&self, size: u64) -> io::Result<()> {
        self.0.set_len(size)
    }

    #[cfg(target_os = "linux")]
    fn begin_sync(&self, offset: u64, len: u64) {
        // Linux starts to write dirty pages that are said not to be needed, without waiting. An error of
        // the medium is kept for the next sync; one of the call itself means only that nothing began.
        let len = std::num::NonZeroU64::new(len);
        let _ = rustix::fs::fadvise(&self.0, offset, len, rustix::fs::Advice::DontNeed);
    }

    fn sync(&self) -> io::Result<()> {
        self.0.sync_data()
    }
}

/// An empty file that only its owner may read. What had the name is gone, and not followed if it
/// was a link.
fn new_file(path: &Path) -> io::Result<File> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    owners_alone().read(true).create_new(true).open(path)
}

fn owners_alone() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

fn lock_file(path: &Path) -> Result<File, OpenError> {
    let file = owners_alone().create(true).truncate(false).open(path)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(OpenError::InUse),
        Err(TryLockError::Error(error)) => Err(Failure::from(error).into()),
    }
}

/// Locks the directory itself, where the system can do that.
#[cfg(unix)]
fn lock_directory(directory: &Path) -> Result<Option<File>, OpenError> {
    let file = File::open(directory)?;
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(TryLockError::WouldBlock) => Err(OpenError::InUse),
        // Some network file systems lock only what can be written to: then the file has to do.
        Err(TryLockError::Error(_)) => Ok(None),
    }
}

#[cfg(not(unix))]
fn lock_directory(_directory: &Path) -> Result<Option<File>, OpenError> {
    Ok(None)
}

/// Makes a directory, and makes its name durable in the one above.
fn create_directory(directory: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(directory)?;
    match directory.canonicalize()?.parent() {
        Some(above) => sync_directory(above),
        None => Ok(()),
    }
}

#[cfg(unix)]
fn sync_directory(directory: &Path) -> io::Result<()> {
    File::open(directory)?.sync_all()
}

/// Other systems keep names in order themselves, and do not let a directory be opened.
#[cfg(not(unix))]
fn sync_directory(_directory: &Path) -> io::Result<()> {
    Ok(())
}

pub(super) const LOCK: &str = "LOCK";
