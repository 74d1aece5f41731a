//! Which store, and who opens it.
//!
//! *Invariants.*
//! - Only `put` makes a store, and only where nothing is: a mistyped directory stays as it is.
//! - A node seed is made only together with a store: one that is missing beside a store is told.

use std::path::{Path, PathBuf};

use stt::{Group, NodeSeed, SystemEntropy};
use stt_store::{BinaryStorage, DiskBackend, Found, StorageOptions, StoreKey};

use crate::{
    args::StorePlace,
    data_dir,
    exit::{Exit, Failure},
    private_file, seed,
    status::Status,
};

/// Where a store is, or is to be, and where its seed comes from.
#[derive(Debug)]
pub(super) struct Place {
    directory: PathBuf,
    seed: SeedPlace,
}

#[derive(Debug)]
enum SeedPlace {
    File(PathBuf),
    DataDir(PathBuf),
}

/// A seed that opens a store.
#[derive(Debug)]
pub(super) enum Key {
    Node(NodeSeed),
    Group(Box<Group>),
}

impl Place {
    pub(super) fn of(asked: StorePlace, data_dir: Option<PathBuf>) -> Result<Self, Failure> {
        let in_data_dir = data_dir.as_ref().map(|data_dir| data_dir.join("store"));
        let directory = asked.directory.or(in_data_dir).ok_or_else(|| {
            Failure::usage("a store needs a place: --store DIR, --data-dir DIR or STT_DATA_DIR")
        })?;
        let seed = match (asked.seed_file, data_dir) {
            (Some(file), _) => SeedPlace::File(file),
            (None, Some(data_dir)) => SeedPlace::DataDir(data_dir),
            (None, None) => {
                let places = "--seed-file FILE, --data-dir DIR or STT_DATA_DIR";
                return Err(Failure::usage(format!("a store needs a seed: {places}")));
            }
        };
        Ok(Self { directory, seed })
    }

    /// Opens the store that is here.
    pub(super) fn open(&self) -> Result<BinaryStorage, Failure> {
        Ok(self.open_with_key()?.0)
    }

    /// Opens the store that is here, and says with which seed.
    pub(super) fn open_with_key(&self) -> Result<(BinaryStorage, Key), Failure> {
        if self.look()? != Found::Store {
            let directory = self.directory.display();
            let message = format!("there is no store in {directory}; `stt store put` makes one");
            return Err(Failure::usage(message));
        }
        let key = self.key()?;
        let store = self.open_as_asked(StorageOptions::default(), &key)?;
        Ok((store, key))
    }

    /// Opens the store that is here, or makes one.
    pub(super) fn open_or_make(
        &self,
        options: StorageOptions,
        status: Status,
    ) -> Result<BinaryStorage, Failure> {
        let key = match (self.look()?, &self.seed) {
            (Found::Nothing, SeedPlace::DataDir(data_dir)) => {
                Key::Node(data_dir::node_seed(data_dir, status)?)
            }
            (Found::Nothing | Found::Store, _) => self.key()?,
            _ => {
                return Err(Failure::usage(format!(
                    "{} has files that are no store's; a store needs a directory for itself",
                    self.directory.display()
                )));
            }
        };
        self.open_as_asked(options, &key)
    }

    fn look(&self) -> Result<Found, Failure> {
        DiskBackend::look(&self.directory).map_err(|error| {
            let directory = self.directory.display();
            Failure::usage(format!("cannot look into {directory}: {error}"))
        })
    }

    fn key(&self) -> Result<Key, Failure> {
        match &self.seed {
            SeedPlace::File(file) => Key::read(file),
            SeedPlace::DataDir(data_dir) => data_dir::kept_node_seed(data_dir).map(Key::Node),
        }
    }

    fn open_as_asked(&self, options: StorageOptions, key: &Key) -> Result<BinaryStorage, Failure> {
        let opened = options.open(&self.directory, key.as_store_key(), Box::new(SystemEntropy));
        opened.map_err(|error| {
            let mut failure = Failure::from(error);
            if failure.exit == Exit::WrongSeed {
                failure.message = format!("{}, the one in {}", failure.message, self.seed_file());
            }
            failure.about(self.directory.display())
        })
    }

    fn seed_file(&self) -> String {
        match &self.seed {
            SeedPlace::File(file) => file.display().to_string(),
            SeedPlace::DataDir(data_dir) => data_dir::file_in(data_dir).display().to_string(),
        }
    }

    pub(super) fn directory(&self) -> &Path {
        &self.directory
    }
}

impl Key {
    /// The seed in a file, a group's or a node's.
    pub(super) fn read(path: &Path) -> Result<Self, Failure> {
        let text = private_file::read(path)?;
        if let Some(node) = data_dir::node_seed_in(&text, path) {
            return node.map(Self::Node);
        }
        let group = seed::parse(&text, &path.display().to_string())?;
        Ok(Self::Group(Box::new(group)))
    }

    pub(super) fn as_store_key(&self) -> StoreKey<'_> {
        match self {
            Self::Node(seed) => StoreKey::Node(seed),
            Self::Group(group) => StoreKey::Group(group),
        }
    }
}
