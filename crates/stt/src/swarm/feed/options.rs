//! On which terms a feed is published and followed.

use std::time::Duration;

use stt_wire::limits::MAX_RUN_LEN;

use crate::swarm::{Provider, Sharing};

/// The terms of a feed that is published.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct LiveOptions {
    /// A run of segments is closed this long after its first one came. Default: 1 s. A viewer is so far behind, and
    /// two round trips more for each holder between; a shorter time costs more entries.
    pub every: Duration,
    /// A run is closed before it is longer than this, in bytes, unless it is one segment. Default: 1 MiB, one block; at most 2 MiB.
    pub longest_run: usize,
    /// How many members may follow this node itself. What is published leaves this node as often. Default: 16; at least 1.
    pub followers: usize,
    /// Entries that are kept, the newest. The objects of older ones are removed from the storage. Default: 65,536, 18 hours
    /// of one a second. Each takes some memory beside its object.
    pub keep: usize,
}

impl Default for LiveOptions {
    fn default() -> Self {
        Self {
            every: Duration::from_secs(1),
            longest_run: 1 << 20,
            followers: 16,
            keep: DEFAULT_KEPT,
        }
    }
}

impl LiveOptions {
    /// Brings what cannot be to what can.
    pub(super) fn bound(mut self) -> Self {
        self.longest_run = self.longest_run.min(MAX_RUN_LEN);
        self.followers = self.followers.max(1);
        self.keep = self.keep.max(1);
        self
    }
}

/// Where following begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[expect(clippy::exhaustive_enums, reason = "there are no other places")]
pub enum Start {
    /// With the oldest entry that holders have, as a rule the first.
    #[default]
    Beginning,
    /// With the newest entry.
    Live,
    /// With the entry of this number.
    Number(u64),
}

/// The terms on which a feed is followed.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct FollowOptions {
    /// Where to begin. Default: at the beginning.
    pub start: Start,
    /// Whether others may have the entries from here. Default: they may. Then entries come as they are made,
    /// whether they are read here or not.
    pub sharing: Sharing,
    /// How many members may follow this node, if it shares. Default: 8; at least 1.
    pub followers: usize,
    /// Entries that are kept for others, the newest; the objects of older ones are removed from the storage. Default: 65,536. Without
    /// sharing, an entry goes when it was read.
    pub keep: usize,
    /// Entries that are fetched at a time. Default: 8, so up to 8 MiB are on their way.
    pub ahead: usize,
    /// Holders that are followed at a time. Default: 2, so that the loss of one is not noticed.
    pub holders: usize,
    /// For how long nobody may have what comes next, before following ends. Default: 60 s.
    pub patience: Duration,
    /// Holders that are asked before any that the DHT finds. Default: none.
    pub providers: Vec<Provider>,
}

impl Default for FollowOptions {
    fn default() -> Self {
        Self {
            start: Start::Beginning,
            sharing: Sharing::Verified,
            followers: 8,
            keep: DEFAULT_KEPT,
            ahead: 8,
            holders: 2,
            patience: Duration::from_secs(60),
            providers: Vec::new(),
        }
    }
}

impl FollowOptions {
    /// Brings what cannot be to what can.
    pub(super) fn bound(mut self) -> Self {
        self.followers = self.followers.max(1);
        self.keep = self.keep.max(1);
        self.ahead = self.ahead.clamp(1, MAX_AHEAD);
        self.holders = self.holders.clamp(1, MAX_HOLDERS);
        self
    }
}

const DEFAULT_KEPT: usize = 65_536;
const MAX_AHEAD: usize = 64;
const MAX_HOLDERS: usize = 16;
