//! Several ways to one peer, started one after the other: the first session that comes about is kept.
//!
//! In the manner of RFC 8305: the next way starts 250 ms after the one before, or as soon as that has
//! failed. A session finds a better path on its own later, so which way wins matters for a moment.

use std::{fmt, sync::Arc, time::Duration};

use futures_util::{
    future::BoxFuture,
    stream::{FuturesUnordered, StreamExt},
};

use super::{
    dial::{self, ConnectError},
    shared::Shared,
    target::Target,
};
use crate::session::Session;

/// What one of several ways said.
#[derive(Debug)]
#[non_exhaustive]
pub struct WayFailed {
    /// The way, as it was asked for.
    pub way: Target,
    /// Why no session came of it.
    pub error: ConnectError,
}

impl fmt::Display for WayFailed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.error {
            // These name the place themselves.
            ConnectError::Resolve { .. }
            | ConnectError::Url { .. }
            | ConnectError::WebSocket { .. }
            | ConnectError::Relay { .. }
            | ConnectError::Unreachable { .. }
            | ConnectError::NoAnswer { .. } => self.error.fmt(f),
            _ => write!(f, "{}: {}", self.way, self.error),
        }
    }
}

/// What all of them said, in one line.
pub(super) fn all(failed: &[WayFailed]) -> String {
    let texts: Vec<_> = failed.iter().map(ToString::to_string).collect();
    texts.join("; ")
}

/// Reaches a peer by the first of `ways` that leads to it; dropped, it gives up all of them.
pub(super) async fn reach(shared: &Arc<Shared>, ways: &[Target]) -> Result<Session, ConnectError> {
    let mut waiting = ways.iter();
    let mut running = FuturesUnordered::new();
    let mut failed = Vec::new();
    loop {
        match waiting.next() {
            Some(way) => running.push(try_one(shared, way)),
            None if running.is_empty() => return Err(ConnectError::EveryWay { failed }),
            None => {}
        }
        let is_more = waiting.len() > 0;
        tokio::select! {
            biased;
            Some(ended) = running.next() => match ended {
                Ok(session) => {
                    for way in ways {
                        way.name_detour(&session);
                    }
                    return Ok(session);
                }
                Err(error) => failed.push(error),
            },
            () = shared.platform.sleep(STAGGER), if is_more => {}
        }
    }
}

fn try_one<'a>(
    shared: &'a Arc<Shared>,
    way: &'a Target,
) -> BoxFuture<'a, Result<Session, WayFailed>> {
    Box::pin(async move {
        dial::reach(shared, way).await.map_err(|error| WayFailed {
            way: way.clone(),
            error,
        })
    })
}

/// Between the starts of two ways (RFC 8305 section 5).
const STAGGER: Duration = Duration::from_millis(250);
