//! Where blocks are kept: the store of the data dir, beside the file that is to be written, or nowhere for long.

use std::{
    fs,
    path::{Path, PathBuf},
};

use stt::{BinaryStorage, Door, Group, NodeSeed, storage::StoreKey};
use tempfile::TempDir;

use crate::exit::Failure;

/// An open store, and what becomes of it.
pub(super) struct Room {
    pub(super) storage: BinaryStorage,
    pub(super) directory: PathBuf,
    stay: Stay,
}

enum Stay {
    /// It is the data dir's.
    ForGood,
    /// It is there as long as the object is not.
    UntilDone,
    /// It goes with this process.
    Now(TempDir),
}

impl Room {
    /// The store of the data dir, else one beside `output`, else one that does not stay.
    pub(super) async fn open(
        data_dir: Option<&Path>,
        output: Option<&Path>,
        node: &NodeSeed,
        group: &Group,
    ) -> Result<Self, Failure> {
        if let Some(data_dir) = data_dir {
            let directory = data_dir.join("store");
            return Self::at(directory, StoreKey::Node(node), Stay::ForGood).await;
        }
        let output = output.filter(|path| *path != Path::new("-") && !is_special(path));
        match output {
            // A passphrase opens no store.
            Some(output) if group.door() == Door::Gated => {
                let mut name = output.as_os_str().to_owned();
                name.push(".stt-part");
                Self::at(name.into(), StoreKey::Group(group), Stay::UntilDone).await
            }
            _ => {
                let made = TempDir::new();
                let directory =
                    made.map_err(|error| Failure::unwritten("a temporary directory", &error))?;
                let path = directory.path().to_owned();
                Self::at(path, StoreKey::Node(node), Stay::Now(directory)).await
            }
        }
    }

    async fn at(directory: PathBuf, key: StoreKey<'_>, stay: Stay) -> Result<Self, Failure> {
        let opened = BinaryStorage::open(&directory, key).await;
        let storage = opened.map_err(|error| Failure::from(error).about(directory.display()))?;
        Ok(Self {
            storage,
            directory,
            stay,
        })
    }

    /// Whether what came will be here the next time.
    pub(super) fn lasts(&self) -> bool {
        !matches!(self.stay, Stay::Now(_))
    }

    /// The object is where it was wanted.
    pub(super) async fn done(self) {
        let _ = self.storage.close().await;
        match self.stay {
            Stay::ForGood => {}
            // What cannot be removed is in nobody's way.
            Stay::UntilDone => drop(fs::remove_dir_all(&self.directory)),
            Stay::Now(directory) => drop(directory.close()),
        }
    }
}

/// A device or a pipe, beside which nothing is to be put.
fn is_special(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|found| !found.is_file())
}
