//! Where the files of a store lie: a directory, memory, or whatever keeps a few promises.
//!
//! *Promises of a backend.* [`BackendFile::sync`] returns when everything written to the file, and its
//! length, survives a loss of power. [`Backend::create`], [`Backend::replace`] and
//! [`Backend::remove`] are durable when they return. A write changes no bytes but those it names.
//! One store at a time: whoever makes a backend makes sure of it.

mod disk;
mod found;
mod memory;
#[cfg(feature = "object-store")]
mod object;

use std::fmt::Debug;
use std::io;
use std::sync::Arc;

pub use disk::DiskBackend;
pub use found::Found;
pub use memory::MemoryBackend;
#[cfg(feature = "object-store")]
pub use object::{ObjectBackend, Takeover};

/// A flat set of named files.
pub trait Backend: Debug + Send + Sync + 'static {
    /// The names of all files, in any order.
    ///
    /// # Errors
    /// Those of the medium.
    fn names(&self) -> io::Result<Vec<String>>;

    /// Opens a file that exists.
    ///
    /// # Errors
    /// [`io::ErrorKind::NotFound`], or those of the medium.
    fn open(&self, name: &str) -> io::Result<Arc<dyn BackendFile>>;

    /// Makes an empty file, durably. What had the name is gone.
    ///
    /// # Errors
    /// Those of the medium.
    fn create(&self, name: &str) -> io::Result<Arc<dyn BackendFile>>;

    /// Makes `bytes` the content of the file, atomically and durably.
    ///
    /// # Errors
    /// Those of the medium.
    fn replace(&self, name: &str, bytes: &[u8]) -> io::Result<()>;

    /// Removes a file durably. Handles to it may go on reading.
    ///
    /// # Errors
    /// Those of the medium. That there is no such file is none.
    fn remove(&self, name: &str) -> io::Result<()>;
}

/// An open file of a [`Backend`].
pub trait BackendFile: Debug + Send + Sync {
    /// Its length in bytes.
    ///
    /// # Errors
    /// Those of the medium.
    fn size(&self) -> io::Result<u64>;

    /// Fills `out` from `offset`.
    ///
    /// # Errors
    /// [`io::ErrorKind::UnexpectedEof`] when the file ends before, or those of the medium.
    fn read_at(&self, offset: u64, out: &mut [u8]) -> io::Result<()>;

    /// Writes all of `data` at `offset`, making the file longer if need be.
    ///
    /// # Errors
    /// Those of the medium; a part may have been written.
    fn write_at(&self, offset: u64, data: &[u8]) -> io::Result<()>;

    /// Cuts the file, or makes it longer by zeros.
    ///
    /// # Errors
    /// Those of the medium.
    fn set_size(&self, size: u64) -> io::Result<()>;

    /// Lets the medium begin with `len` bytes written at `offset`, so that the next sync has less to wait for.
    ///
    /// A hint: it promises nothing, and what goes wrong is told by that sync. Default: nothing.
    fn begin_sync(&self, offset: u64, len: u64) {
        let _ = (offset, len);
    }

    /// Whether nothing may be appended to it any more. Default: no.
    fn is_sealed(&self) -> bool {
        false
    }

    /// Returns when everything written is durable.
    ///
    /// # Errors
    /// Those of the medium. Nobody knows then what is durable.
    fn sync(&self) -> io::Result<()>;
}
