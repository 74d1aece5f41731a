//! The paths of a session: which there are, and which one carries the data.
//!
//! A session has one path as a rule, and then nothing here does anything. With more of them, one is
//! chosen ([`choice`]), the others stand by, and one that has gone silent ([`watch`]) is closed,
//! which is what makes the engine send what was under way on it again, on another. Both sides watch;
//! the dialler chooses and closes, because only it can open paths ([`known`]).
//!
//! How a session comes by more paths is told in [`reach`].
//!
//! Invariant: the last path is never closed here. If it is silent there is nothing better to do
//! than to wait until it is heard again, or the session's idle timeout.

mod choice;
mod detour;
mod known;
mod many;
mod news;
mod purse;
mod reach;
mod watch;

use std::{
    net::SocketAddr,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicU32, Ordering::Relaxed},
    },
    time::Duration,
};

use futures_util::StreamExt;
use noq::PathEvents;
use noq_proto::PathId;
use parking_lot::Mutex;
use stt_wire::Candidates;

pub(crate) use self::known::KEPT_MAPPED;
use self::{
    detour::Detours,
    known::{Heard, Known, Look},
    news::News,
    reach::Reach,
};
use super::core::Core;
use crate::transport::{
    crypto::path_number,
    link::{PathKind, Place},
};

/// What others may know of the paths of a session.
#[derive(Debug, Default)]
pub(crate) struct Paths {
    current: AtomicU32,
    /// Frames that the session had carried, when the node looked at it last.
    carried: AtomicU32,
    pub(crate) news: News,
    /// What the peer said last of where it is.
    told: Mutex<Option<Arc<Candidates>>>,
    /// Made where they are first needed: most sessions never do.
    detours: OnceLock<Box<Detours>>,
}

impl Paths {
    /// The path that carries the data.
    pub(crate) fn current(&self) -> PathId {
        PathId::from(self.current.load(Relaxed))
    }

    /// What the peer said last of where it is.
    pub(crate) fn told(&self) -> Option<Arc<Candidates>> {
        self.told.lock().clone()
    }

    /// Where a tunnel may lead.
    pub(crate) fn detours(&self) -> &Detours {
        self.detours.get_or_init(Box::default)
    }

    fn have_detours(&self) -> bool {
        self.detours
            .get()
            .is_some_and(|detours| detours.are_there())
    }

    fn set_current(&self, id: PathId) {
        self.current.store(path_number(id), Relaxed);
    }
}

/// Called every few seconds by the node: looks at the paths of a session begin again when that has
/// something to carry.
pub(crate) fn look_if_it_carries(core: &Core) {
    let stats = core.connection.stats();
    let carried = known::carried(&stats.frame_tx) + known::carried(&stats.frame_rx);
    #[expect(clippy::cast_possible_truncation, reason = "whether it has changed")]
    let carried = carried as u32;
    if core.paths.carried.swap(carried, Relaxed) != carried {
        core.paths.news.carries.store(true, Relaxed);
        core.paths.news.told.notify_one();
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
    if core.connection.close_reason().is_some() {
        return;
    }
    let mut reach = Box::new(Reach::new(core));
    reach.tell();
    loop {
        reach.follow_kind();
        let next_look = known.next_look();
        let look = core.platform.sleep_until(next_look);
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
            () = look => {
                let look = known.look();
                if look != Look::Fine {
                    reach.look_elsewhere(look, known.channels());
                }
            }
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

/// After this a session looks for other paths.
const SETTLED: Duration = Duration::from_millis(500);

/// How often paths in use are looked at, and others.
const LOOK: Duration = Duration::from_millis(50);
const IDLE_LOOK: Duration = Duration::from_secs(1);
