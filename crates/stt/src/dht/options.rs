//! How a node takes part in the DHT: what it knows at the start, what it keeps, how much it holds.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use stt_dht::Config;

pub use stt_dht::Serving;

use crate::node::Target;

/// How a node takes part in the DHT of its group. Start from [`DhtOptions::new`].
#[derive(Debug, Clone, Default)]
#[must_use = "options are for `NodeBuilder::dht`"]
pub struct DhtOptions {
    pub(super) bootstrap: Vec<Target>,
    pub(super) data_dir: Option<PathBuf>,
    pub(super) advertised: Vec<SocketAddr>,
    pub(super) config: Config,
    pub(super) pool: Pool,
}

/// Bounds of the sessions that are begun for the DHT alone.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pool {
    /// Sessions that may stay.
    pub(super) sessions: usize,
    /// Dials under way at a time.
    pub(super) dials: usize,
}

impl Default for Pool {
    fn default() -> Self {
        Self {
            sessions: 128,
            dials: 32,
        }
    }
}

impl DhtOptions {
    /// A member that serves once others can reach it, keeps nothing on disk and knows nobody yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a member to join by. Any member of the group will do; of several, those that answer are
    /// used. They are tried again, less and less often up to once a minute, for as long as nobody is
    /// known.
    pub fn bootstrap(mut self, target: impl Into<Target>) -> Self {
        self.bootstrap.push(target.into());
        self
    }

    /// Keeps the members that are known in this directory, in the file `members`, so that the next
    /// run joins without anybody's help. The directory must be there. Default: nothing is kept.
    ///
    /// The file is at most 128 KiB long, sealed under the group's seed, and replaced whole, at the
    /// latest ten minutes after a change. One that is not ours is not believed: see
    /// [`DhtStats::kept_refused`](super::DhtStats::kept_refused).
    pub fn data_dir(mut self, directory: impl AsRef<Path>) -> Self {
        self.data_dir = Some(directory.as_ref().to_owned());
        self
    }

    /// Whether others may list this node and ask it. Default: [`Serving::Adaptive`], a client until
    /// it is known that others can reach it, which takes a quarter of an hour and three dials of
    /// members that serve. So somebody has to serve from the start: the first nodes of a group, and
    /// all those whose operator knows that they can be reached, are [`Serving::Always`].
    pub fn serving(mut self, serving: Serving) -> Self {
        self.config.serving = serving;
        self
    }

    /// Adds an address at which others can reach this node, when it cannot know it by itself: behind
    /// a port that was forwarded, say. Default: its own addresses, and those that peers see it at.
    pub fn advertise(mut self, address: SocketAddr) -> Self {
        self.advertised.push(address);
        self
    }

    /// Records held for others, and their bytes. Default 100,000 and 64 MiB, the most the law allows.
    pub fn hold(mut self, records: usize, bytes: usize) -> Self {
        self.config.records = records.min(Config::default().records);
        self.config.record_bytes = bytes.min(Config::default().record_bytes);
        self
    }

    /// Sessions with members that stay although nobody but the DHT uses them. Default 128; each costs
    /// what [`Limits::sessions`](crate::Limits::sessions) says. With fewer, queries dial more often.
    pub fn sessions(mut self, sessions: usize) -> Self {
        self.pool.sessions = sessions;
        self
    }

    /// Dials for the DHT under way at a time. Default 32; as long as few are answered, down to 4.
    pub fn dials(mut self, dials: usize) -> Self {
        self.pool.dials = dials.max(1);
        self
    }
}
