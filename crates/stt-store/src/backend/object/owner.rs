//! Who has the store in an object store. spec: STORE-21, STORE-22.

use std::io;

use data_encoding::HEXLOWER;

use super::Takeover;
use super::bridge::Remote;
use super::file::part_name;
use crate::backend::{Backend as _, DiskBackend};
use crate::error::{Failure, OpenError};
use crate::log::{number_of, segment_name};

/// The owner: us.
#[derive(Debug)]
pub(super) struct Owner {
    token: String,
    /// The segment at whose beginning there is a fence of ours.
    claimed: Option<String>,
}

impl Owner {
    /// Becomes the owner, and drops an index that others have left behind.
    pub(super) fn take(
        remote: &Remote,
        index: &DiskBackend,
        takeover: Takeover,
        token: [u8; 16],
    ) -> Result<Self, OpenError> {
        let former = match remote.load(OWNER) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            other => Some(String::from_utf8_lossy(&other?).into_owned()),
        };
        let (former, state) = former.as_deref().map_or(("", CLOSED), |text| {
            text.split_once(' ').unwrap_or((text, OPEN))
        });
        let is_ours = !former.is_empty() && read_local(index)?.as_deref() == Some(former);
        let is_fencing = state != CLOSED && !is_ours;
        if is_fencing && takeover == Takeover::Refuse {
            return Err(OpenError::InUse);
        }
        let mut owner = Self {
            token: HEXLOWER.encode(&token),
            claimed: None,
        };
        owner.put(remote, OPEN).map_err(in_use)?;
        if is_fencing {
            owner.claimed = Some(fence_off(remote)?);
        }
        if !is_ours {
            let names = index.names()?.into_iter();
            for name in names.filter(|name| super::is_local(name)) {
                index.remove(&name)?;
            }
        }
        index.replace(LOCAL, owner.token.as_bytes())?;
        Ok(owner)
    }

    /// Gives the store free.
    pub(super) fn leave(&self, remote: &Remote) -> io::Result<()> {
        self.check(remote)?;
        self.put(remote, CLOSED)
    }

    /// An error if somebody else took the store.
    pub(super) fn check(&self, remote: &Remote) -> io::Result<()> {
        let found = remote.load(OWNER)?;
        if found.starts_with(self.token.as_bytes()) {
            return Ok(());
        }
        Err(io::Error::other("another process took the store"))
    }

    /// Whether a fence of ours keeps the place of this segment.
    pub(super) fn own_fence(&self, segment: &str) -> bool {
        self.claimed.as_deref() == Some(segment)
    }

    fn put(&self, remote: &Remote, state: &str) -> io::Result<()> {
        remote.replace(OWNER, format!("{} {state}", self.token).as_bytes())
    }
}

fn in_use(error: io::Error) -> OpenError {
    match error.kind() {
        io::ErrorKind::AlreadyExists => OpenError::InUse,
        _ => Failure::from(error).into(),
    }
}

fn read_local(index: &DiskBackend) -> io::Result<Option<String>> {
    let file = match index.open(LOCAL) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        other => other?,
    };
    let mut bytes = vec![0; file.size()?.min(64) as usize];
    file.read_at(0, &mut bytes)?;
    Ok(String::from_utf8(bytes).ok())
}

/// Sees to it that whoever appended until now cannot any more; returns the segment that comes next.
fn fence_off(remote: &Remote) -> Result<String, OpenError> {
    for _ in 0..ATTEMPTS {
        let (mut last, mut end) = (0, 0);
        for (path, len) in remote.list("")? {
            let Some((segment, start)) = path.split_once('/') else {
                continue;
            };
            let number = number_of(segment).unwrap_or_default();
            let start = u64::from_str_radix(start, 16).unwrap_or_default();
            if len > 0 && (number, start + len) > (last, end) {
                (last, end) = (number, start + len);
            }
        }
        let next = segment_name(last + 1);
        let places = [part_name(&segment_name(last), end), part_name(&next, 0)];
        let places = if last == 0 { &places[1..] } else { &places[..] };
        let mut is_done = true;
        for place in places {
            match remote.fence(place) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => is_done = false,
                other => other?,
            }
        }
        if is_done {
            return Ok(next);
        }
    }
    // Somebody goes on and on: he lives.
    Err(OpenError::InUse)
}

const OWNER: &str = "OWNER";
/// The file beside the index that says whose it is.
const LOCAL: &str = "owner";
const OPEN: &str = "open";
const CLOSED: &str = "closed";
/// How often an owner may append while he is fenced off.
const ATTEMPTS: usize = 8;
