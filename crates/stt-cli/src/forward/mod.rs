//! `stt forward`: connections of local programs, carried by a session to targets that a peer serves.
//!
//! ```text
//! program --TCP--> entrance, local --+ link +-- one stream a connection ~~~ serving --TCP--> target
//! ```
//!
//! | | where |
//! |---|---|
//! | the side with the programs, its sockets, its way to the peer | [`local`], [`entrance`], [`link`] |
//! | the side with the targets, how much each peer may have | [`remote`], [`serving`], [`admission`] |
//! | what a stream says first, and how it ends | [`request`] |
//! | one connection over one stream | [`carry`], [`socket`] |
//! | the end of the command | [`phase`], [`ending`] |
//! | what is said | [`report`] |
//!
//! *Invariants.*
//! - *Only what is listed*: the serving side decides what can be reached; a peer asks by name.
//! - *Honest end*: an end is seen only after all bytes before it; whatever else happens is a reset.
//! - *Apart*: a connection that stands still stops no other, because the session's window has room
//!   for as many as there may be.

mod admission;
mod carry;
mod ending;
mod entrance;
mod link;
mod local;
mod phase;
mod remote;
mod report;
mod request;
mod serving;
mod socket;

use std::{future::Future, path::Path};

use stt::Limits;

pub(crate) use ending::{Ending, end};
pub(crate) use phase::Phase;
pub(crate) use report::Reporter;
pub(crate) use serving::Serving;

use crate::{args::Forward, exit::Failure, member::Member, status::Status};

/// `stt forward`.
pub(crate) fn forward(
    mut asked: Forward,
    data_dir: Option<&Path>,
    status: Status,
) -> impl Future<Output = Result<(), Failure>> {
    let member = Member::find(&asked.seed, data_dir, status);
    async move {
        let member = member?;
        let limits = limits(asked.patience.limits(), asked.bounds.connections.get());
        match (asked.local.take(), asked.remote.take()) {
            (Some(local), Some(remote)) => {
                local::forward(local, remote, asked, member, limits, status).await
            }
            _ => remote::serve(asked, member, limits, status).await,
        }
    }
}

/// As many streams as connections, and a window in which all of them may stand still at a time.
pub(crate) fn limits(mut limits: Limits, connections: u32) -> Limits {
    let for_all = limits.stream_window.saturating_mul(connections);
    limits.streams = connections;
    limits.session_window = limits.session_window.max(for_all);
    limits
}
