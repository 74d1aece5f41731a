//! Fan-out: one item to every endpoint of a group, with an outcome for each.

use std::{future::Future, pin::Pin};

use futures_util::{StreamExt as _, stream::FuturesUnordered};
use stt_wire::Name;

use super::{Delivered, RouteError};

/// What became of an item for one member of a group.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct GroupOutcome {
    /// The member's name.
    pub endpoint: Name,
    /// What became of it there.
    pub outcome: Result<Delivered, RouteError>,
}

/// The name is not that of a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no such group")]
pub struct NoSuchGroup;

/// An item on its way to all members of a group.
///
/// It goes on only while this is awaited. Dropped, it is given up for those members that have not
/// accepted it yet.
#[must_use = "an item goes to a group only while its outcomes are awaited"]
pub struct GroupRoute {
    routes: FuturesUnordered<Route>,
}

type Route = Pin<Box<dyn Future<Output = GroupOutcome> + Send>>;

impl GroupRoute {
    pub(super) fn new(routes: impl Iterator<Item = Route>) -> Self {
        let routes = routes.collect();
        Self { routes }
    }

    /// The next outcome, of whichever member is next to have one; `None` after the last. A slow
    /// member delays no other.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe.
    pub async fn next(&mut self) -> Option<GroupOutcome> {
        self.routes.next().await
    }

    /// All outcomes, in the order they came.
    ///
    /// # Cancel safety
    ///
    /// Dropped, it is given up for those members that have not accepted it yet.
    pub async fn all(self) -> Vec<GroupOutcome> {
        self.routes.collect().await
    }
}

impl std::fmt::Debug for GroupRoute {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("GroupRoute")
            .field("outstanding", &self.routes.len())
            .finish()
    }
}
