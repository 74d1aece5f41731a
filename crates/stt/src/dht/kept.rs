//! The members that are known, in a file for the next run. spec: DHT-50 to DHT-52.
//!
//! *Invariants.* A reader finds the old file or the new one, also after a crash. Nothing is believed
//! that this node did not seal.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Read, Write};
use std::path::{Path, PathBuf};

use stc::{Entropy, NodeId};
use stt_wire::KeptMembers;

use super::error::KeptError;
use super::keys::EpochKeys;

/// The members of the last run; none if there is no file.
pub(super) fn read(
    directory: &Path,
    keys: &EpochKeys,
    me: &NodeId,
) -> Result<KeptMembers, KeptError> {
    let file = match File::open(directory.join(FILE)) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(KeptMembers::default()),
        file => file?,
    };
    let mut sealed = Vec::new();
    let len = file.take(MAX_LEN + 1).read_to_end(&mut sealed)?;
    if len as u64 > MAX_LEN {
        return Err(KeptError::TooLong { most: MAX_LEN });
    }
    let members = keys.open_kept(me, &sealed).ok_or(KeptError::NotOurs)?;
    Ok(KeptMembers::decode(members.into())?)
}

/// The bytes of the file.
pub(super) fn seal(
    members: &KeptMembers,
    keys: &EpochKeys,
    me: &NodeId,
    entropy: &mut dyn Entropy,
) -> Vec<u8> {
    keys.seal_kept(me, &members.encode(), entropy)
}

/// Puts the file in the place of the one before. Blocks until it is safe.
pub(super) fn write(directory: &Path, sealed: &[u8]) -> io::Result<()> {
    // One at a time writes: whoever comes later has newer members, and may wait for it.
    let new = directory.join(NEW_FILE);
    let mut file = create(&new)?;
    file.write_all(sealed)?;
    file.sync_all()?;
    fs::rename(&new, directory.join(FILE))?;
    sync(directory)
}

#[cfg(unix)]
fn create(path: &PathBuf) -> io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt;
    let mut options = File::options();
    options.write(true).create(true).truncate(true).mode(0o600);
    options.open(path)
}

#[cfg(not(unix))]
fn create(path: &PathBuf) -> io::Result<File> {
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

const FILE: &str = "members";
const NEW_FILE: &str = "members.new";

/// More than 1,024 members with two addresses of IPv6 take.
const MAX_LEN: u64 = 128 << 10;
