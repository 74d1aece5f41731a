//! The paths of a session: which there are, and which one carries the data.
//!
//! A session has one path as a rule, and then nothing here does anything. With more of them, one is
//! chosen ([`choice`]), the others stand by, and one that has gone silent is closed ([`watch`]),
//! which is what makes the engine send what was under way on it again, on another. Both sides watch;
//! the dialler chooses, because only it can open paths, and the acceptor does as the dialler does.
//!
//! How a session comes by more paths is told in [`reach`].
//!
//! Invariant: the last path is never closed here. If it is silent there is nothing better to do
//! than to wait until it is heard again, or the session's idle timeout.

mod choice;
mod reach;
mod watch;

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use futures_util::StreamExt;
use noq::{Lagged, Path, PathEvent, PathEvents, Side};
use noq_proto::{PathId, PathStatus};

use self::{
    choice::{Candidate, Rank, choose},
    reach::{News, Reach},
    watch::{Verdict, Watch},
};
use super::core::Core;
use crate::transport::{
    crypto::path_number,
    link::{Hold, PathKind, Place, unmapped},
};

/// What others may know of the paths of a session.
#[derive(Debug, Default)]
pub(crate) struct Paths {
    current: AtomicU32,
    pub(crate) news: News,
}

impl Paths {
    /// The path that carries the data.
    pub(crate) fn current(&self) -> PathId {
        PathId::from(self.current.load(Relaxed))
    }

    fn set_current(&self, id: PathId) {
        self.current.store(path_number(id), Relaxed);
    }
}

/// Where the peer is, by the path that carries the data.
pub(super) fn remote(core: &Core) -> Option<SocketAddr> {
    core.link.origin(address(core)?)
}

/// What the path that carries the data consists of.
pub(super) fn kind(core: &Core) -> PathKind {
    address(core).map_or(PathKind::Udp, |address| Place::of(address).kind())
}

/// What the engine calls the far end of the path that carries the data.
pub(super) fn address(core: &Core) -> Option<SocketAddr> {
    let path = core.connection.path(core.paths.current())?;
    path.remote_address().ok()
}

/// Looks after the paths until the session ends.
pub(super) async fn look_after(core: &Arc<Core>) {
    follow(core).await;
    core.link.outside.forget(core.key());
}

async fn follow(core: &Core) {
    let mut events = core.connection.path_events();
    let mut known = Known::new(core);
    core.established().await;
    settle(core, &mut events, &mut known).await;
    let mut reach = Box::new(Reach::new(core));
    reach.tell();
    loop {
        let next_look = known.next_look();
        let look = async {
            match next_look {
                Some(pause) => core.platform.sleep(pause).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            _ = core.connection.closed() => return,
            event = events.next() => {
                let Some(event) = event else { return };
                if let Heard::Established(id) = known.heard(event)
                    && reach.take_moved()
                {
                    known.replace_by(id);
                }
            }
            todo = reach.next() => reach.act(todo),
            () = look => known.look(),
        }
    }
}

/// Waits until the session has use for other paths: a short one by UDP is over before.
async fn settle(core: &Core, events: &mut PathEvents, known: &mut Known<'_>) {
    if kind(core) != PathKind::Udp {
        return;
    }
    let settled = core.platform.sleep(SETTLED);
    tokio::pin!(settled);
    loop {
        tokio::select! {
            biased;
            _ = core.connection.closed() => return,
            () = core.paths.news.any() => return,
            event = events.next() => match event.map(|event| known.heard(event)) {
                Some(Heard::Other) => {}
                Some(Heard::Established(_)) | None => return,
            },
            () = &mut settled => return,
        }
    }
}

/// The paths as one of the two sides knows them.
struct Known<'a> {
    core: &'a Core,
    paths: Vec<KnownPath>,
}

struct KnownPath {
    path: Path,
    kind: PathKind,
    watch: Watch,
    /// Keeps open the tunnel that the path goes by.
    _hold: Option<Hold>,
}

/// What an event of the engine was about.
enum Heard {
    Established(PathId),
    Other,
}

impl KnownPath {
    fn candidate(&self) -> Candidate {
        Candidate {
            id: self.path.id(),
            rank: Rank::of(self.kind),
            round_trip: self.path.stats().rtt,
        }
    }
}

impl<'a> Known<'a> {
    fn new(core: &'a Core) -> Self {
        let mut known = Self {
            core,
            paths: Vec::new(),
        };
        known.find();
        known
    }

    /// Takes in whatever path there is.
    fn find(&mut self) {
        for id in 0..=MAX_PATH_ID {
            self.add(PathId::from(id));
        }
        self.choose();
    }

    fn add(&mut self, id: PathId) {
        if self.paths.iter().any(|known| known.path.id() == id) {
            return;
        }
        let Some(path) = self.core.connection.path(id) else {
            return;
        };
        let Ok(remote) = path.remote_address() else {
            return;
        };
        self.paths.push(KnownPath {
            kind: Place::of(remote).kind(),
            watch: Watch::new(self.core.platform.now()),
            _hold: self.core.link.hold(remote),
            path,
        });
    }

    /// The peer says where our packets come from.
    fn seen_at(&self, path: PathId, address: SocketAddr) {
        let known = self.paths.iter().find(|known| known.path.id() == path);
        if known.is_some_and(|known| known.kind == PathKind::Udp) {
            let outside = &self.core.link.outside;
            outside.reported(self.core.key(), unmapped(address));
        }
    }

    fn heard(&mut self, event: Result<PathEvent, Lagged>) -> Heard {
        let Ok(event) = event else {
            // Too many at once: what matters is what there is now.
            self.find();
            return Heard::Other;
        };
        match event {
            PathEvent::Established { id, .. } => {
                self.add(id);
                self.choose();
                self.ask_others(id);
                return Heard::Established(id);
            }
            PathEvent::Abandoned { id, .. } => {
                self.paths.retain(|known| known.path.id() != id);
                self.choose();
            }
            PathEvent::RemoteStatus {
                id,
                status: PathStatus::Available,
                ..
            } if self.core.connection.side() == Side::Server => self.prefer(id),
            PathEvent::ObservedAddr { id, addr, .. } => self.seen_at(id, addr),
            _ => {}
        }
        Heard::Other
    }

    /// Asks the other paths for a sign of life: what a new one came for may be that they are dead.
    fn ask_others(&mut self, id: PathId) {
        let now = self.core.platform.now();
        for known in self.paths.iter_mut().filter(|known| known.path.id() != id) {
            known.look(now);
            known.watch.ask(now);
            drop(known.path.ping());
        }
    }

    /// Chooses among them, if that is ours to do: an acceptor chooses only when the path that
    /// carried the data is gone.
    fn choose(&self) {
        let current = self.core.paths.current();
        let has_current = self.paths.iter().any(|known| known.path.id() == current);
        if has_current && self.core.connection.side() == Side::Server {
            return;
        }
        let candidates: Vec<Candidate> = self.paths.iter().map(KnownPath::candidate).collect();
        if let Some(best) = choose(&candidates, current) {
            self.prefer(best);
        }
    }

    /// Sends on this path from now on; the others stand by.
    fn prefer(&self, best: PathId) {
        let Some(preferred) = self.paths.iter().find(|known| known.path.id() == best) else {
            return;
        };
        // First the new one, or for a moment there would be none.
        let _ = preferred.path.set_status(PathStatus::Available);
        for known in self.paths.iter().filter(|known| known.path.id() != best) {
            let _ = known.path.set_status(PathStatus::Backup);
        }
        self.core.paths.set_current(best);
    }

    /// When to look again; never for a session that has one path and wants no other.
    fn next_look(&self) -> Option<Duration> {
        if self.paths.len() < 2 {
            return None;
        }
        let is_busy = self.paths.iter().any(|known| known.watch.is_busy());
        Some(if is_busy { LOOK } else { IDLE_LOOK })
    }

    /// Looks whether a path has gone silent, and whether another has become better.
    fn look(&mut self) {
        let now = self.core.platform.now();
        let mut silent = Vec::new();
        for known in &mut self.paths {
            match known.look(now) {
                Verdict::Fine => {}
                Verdict::Doubtful => drop(known.path.ping()),
                Verdict::Silent => silent.push(known.path.id()),
            }
        }
        for id in silent {
            self.give_up(id);
        }
        self.choose();
    }

    /// Closes all other paths by UDP, without waiting until they are found to be silent: the longer they
    /// are there, the longer the engine waits for what was under way on them.
    fn replace_by(&self, id: PathId) {
        if !self.paths.iter().any(|known| known.path.id() == id) {
            return;
        }
        self.prefer(id);
        for known in &self.paths {
            if known.path.id() != id && known.kind == PathKind::Udp {
                drop(known.path.close());
            }
        }
    }

    /// Closes a silent path if there is another.
    fn give_up(&mut self, id: PathId) {
        let Some(at) = self.paths.iter().position(|known| known.path.id() == id) else {
            return;
        };
        let heard_elsewhere = self
            .paths
            .iter()
            .any(|known| known.path.id() != id && !known.watch.is_silent());
        if !heard_elsewhere {
            return;
        }
        let given_up = self.paths.swap_remove(at);
        tracing::debug!(session = %self.core.id(), path = %id, "silent");
        self.choose();
        drop(given_up.path.close());
    }
}

impl KnownPath {
    fn look(&mut self, now: Instant) -> Verdict {
        let stats = self.path.stats();
        self.watch.look(
            now,
            stats.udp_tx.datagrams,
            stats.udp_rx.datagrams,
            stats.rtt,
        )
    }
}

/// After this a session looks for other paths.
const SETTLED: Duration = Duration::from_millis(500);

/// How often paths in use are looked at, and others.
const LOOK: Duration = Duration::from_millis(50);
const IDLE_LOOK: Duration = Duration::from_secs(1);

/// Ids beyond are found by their event, of which one was missed at most.
const MAX_PATH_ID: u32 = 63;
