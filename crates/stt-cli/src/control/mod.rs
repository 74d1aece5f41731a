//! The socket by which commands talk to the node that runs with the same data dir.
//!
//! ```text
//! DIR/control.sock    a Unix socket that only its owner can open; whoever connects is checked again
//! DIR/node.lock       held by the node that runs; a second one ends with exit code 12
//!
//! command -- request, bytes ... --> node
//! command <-- answer, bytes ... --- node     the last answer is `done` or `failed`
//! ```
//!
//! Both ways go frames ([`frame`]): documents ([`message`]), and bytes for requests that carry some.
//! A further request is a variant of [`Request`] and an arm in [`server::answer`].
//!
//! *Bounds.* 16 conversations at a time, 64 KiB a frame, 10 s until the request is there. Whoever can
//! open the socket could read the seed as well, so that it may ask for anything.

#[cfg(not(unix))]
mod absent;
#[cfg(unix)]
mod client;
#[cfg(unix)]
mod frame;
mod message;
#[cfg(unix)]
mod server;

#[cfg(unix)]
use std::path::{Path, PathBuf};

#[cfg(not(unix))]
pub(crate) use absent::{Control, Conversation, Heard, ask, hear_out, is_there, reach};
#[cfg(unix)]
pub(crate) use {
    client::{ask, hear_out, is_there, reach},
    frame::{Conversation, Heard},
    server::Control,
};

pub(crate) use message::{Answer, Mapping, Peer, RelaySeen, Request, Router, Surroundings};

#[cfg(unix)]
fn socket_in(data_dir: &Path) -> PathBuf {
    data_dir.join("control.sock")
}
