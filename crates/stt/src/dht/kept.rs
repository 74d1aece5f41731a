//! The members that are known, in a file for the next run. spec: DHT-50 to DHT-52.
//!
//! *Invariant.* Nothing is believed that this node did not seal.

use std::io;
use std::path::Path;

use stc::{Entropy, NodeId};
use stt_wire::KeptMembers;

use super::error::KeptError;
use super::keys::EpochKeys;
use crate::whole_file;

/// The members of the last run; none if there is no file.
pub(super) fn read(
    directory: &Path,
    keys: &EpochKeys,
    me: &NodeId,
) -> Result<KeptMembers, KeptError> {
    let Some(sealed) = whole_file::read(&directory.join(FILE), MAX_LEN)? else {
        return Ok(KeptMembers::default());
    };
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
    whole_file::replace(&directory.join(FILE), sealed)
}

const FILE: &str = "members";

/// More than 1,024 members with two addresses of IPv6 take.
const MAX_LEN: u64 = 128 << 10;
