//! The leases, in a file for the next run. spec: COPY-13, COPY-14.
//!
//! *Invariant.* Nothing is believed that this node did not seal.

use std::io;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use stc::{NodeId, NodeSeed, StcContext};
use stt_wire::{DecodeError, KeptLeases, limits::MAX_KEPT_LEASES};

use crate::transport::platform::Platform;
use crate::whole_file::{self, UnreadFile};

/// Why the leases of the last run are not believed. The node does not start, so that nothing is removed for want of them.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LeasesError {
    /// The file could not be read.
    #[error("cannot read it: {0}")]
    Read(#[from] io::Error),
    /// It is longer than such a file can be.
    #[error("it is longer than {most} bytes")]
    TooLong {
        /// The limit, in bytes.
        most: u64,
    },
    /// It was not written by a node of this identity, or was changed since.
    #[error("it was not sealed by this node")]
    NotOurs,
    /// What was sealed is not what it must be.
    #[error("it is malformed: {0}")]
    Malformed(#[from] DecodeError),
}

impl From<UnreadFile> for LeasesError {
    fn from(error: UnreadFile) -> Self {
        match error {
            UnreadFile::Io(error) => Self::Read(error),
            UnreadFile::TooLong { most } => Self::TooLong { most },
        }
    }
}

/// Where they are, and what seals them.
#[derive(Debug)]
pub(super) struct LeaseFile {
    path: PathBuf,
    context: StcContext,
    me: NodeId,
}

impl LeaseFile {
    pub(super) fn new(directory: &Path, seed: &NodeSeed) -> Self {
        Self {
            path: directory.join("leases"),
            context: StcContext::from_seed(seed.as_bytes(), "stt offer").derive("leases"),
            me: seed.identity().node_id(),
        }
    }

    /// The leases of the last run; none if there is no file.
    pub(super) fn read(&self) -> Result<KeptLeases, LeasesError> {
        let Some(sealed) = whole_file::read(&self.path, MAX_LEN)? else {
            return Ok(KeptLeases::default());
        };
        let opened = self.context.open(self.me.as_bytes(), &sealed);
        let leases: Bytes = opened.map_err(|_| LeasesError::NotOurs)?.into();
        Ok(KeptLeases::decode(leases)?)
    }

    /// Puts these in the place of those before. Blocks until it is safe.
    pub(super) fn write(&self, leases: &KeptLeases, platform: &Platform) -> io::Result<()> {
        let entropy = &mut platform.entropy();
        let sealed = self
            .context
            .seal(entropy, self.me.as_bytes(), &leases.encode());
        whole_file::replace(&self.path, &sealed)
    }
}

/// As many leases as there may be, and the seal.
const MAX_LEN: u64 = (MAX_KEPT_LEASES * KeptLeases::LEASE_LEN + 4_096) as u64;
