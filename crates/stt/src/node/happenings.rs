//! What a node tells of itself, by events.
//!
//! The node never waits for a handler: what it has to tell goes into a queue that one task empties,
//! and is dropped and counted where the queue is full. Nothing is queued that nobody listens to.

use std::{
    net::SocketAddr,
    pin::Pin,
    sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed},
};

use futures_util::stream::{FuturesUnordered, StreamExt};
use stc::NodeId;

use super::{Accepting, lan::Neighbour};
use crate::{
    events::{EmitReport, EventEmitter},
    session::{By, CloseReason, Session, SessionId, queue::Queue},
};

/// A session began, either way: event [`SessionOpened::NAME`].
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct SessionOpened {
    /// The session.
    pub session: Session,
    /// Who began it.
    pub by: By,
}

/// A session is over: event [`SessionClosed::NAME`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct SessionClosed {
    /// The session.
    pub session: SessionId,
    /// Who the peer was.
    pub peer: NodeId,
    /// Why it is over.
    pub reason: CloseReason,
}

/// A session's peer is reached at another address than before: event [`PathChanged::NAME`].
///
/// Looked for every 5 s: what changes and changes back in between is not told.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct PathChanged {
    /// The session.
    pub session: Session,
    /// The peer's address before.
    pub from: SocketAddr,
    /// The peer's address now.
    pub to: SocketAddr,
}

/// An attempt of another node came to nothing: event [`PeerRefused::NAME`].
///
/// Strangers at a gated door are not among them: anybody can knock there as often as they like, so
/// they are only counted, as [`NodeStats::turned_away`](crate::NodeStats::turned_away).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct PeerRefused {
    /// Where the attempt came from. Before the handshake is over anybody can claim any address.
    pub address: SocketAddr,
    /// Who the peer had proved to be by then.
    pub peer: Option<NodeId>,
    /// Why it was refused.
    pub why: PeerRefusal,
}

/// Why an attempt of another node came to nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum PeerRefusal {
    /// One side could not prove to the other that it is a member: it holds another seed, or lies.
    Authentication,
    /// The attempt was given up, broke off, or took too long.
    BrokenOff,
    /// It was not answered, because too many attempts were in progress.
    Crowded,
    /// A session of the same id exists.
    Duplicate,
    /// The node has as many sessions as it may.
    TooManySessions,
    /// The seed it was authenticated by was dropped meanwhile.
    EpochDropped,
    /// The node is being shut down.
    ShutDown,
}

/// The door was opened or closed: event [`AcceptingChanged::NAME`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct AcceptingChanged {
    /// How it is now.
    pub accepting: Accepting,
}

/// The router lets others in at this address, or at none any more: event [`AddressMapped::NAME`].
#[cfg(feature = "portmap")]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct AddressMapped {
    /// Where this node is reached from beyond the router.
    pub address: Option<SocketAddr>,
}

#[cfg(feature = "portmap")]
impl AddressMapped {
    /// Its name.
    pub const NAME: &'static str = "node.address_mapped";
}

impl SessionOpened {
    /// Its name.
    pub const NAME: &'static str = "node.session_opened";
}

impl SessionClosed {
    /// Its name.
    pub const NAME: &'static str = "node.session_closed";
}

impl PathChanged {
    /// Its name.
    pub const NAME: &'static str = "node.path_changed";
}

impl PeerRefused {
    /// Its name.
    pub const NAME: &'static str = "node.peer_refused";
}

impl AcceptingChanged {
    /// Its name.
    pub const NAME: &'static str = "node.accepting_changed";
}

/// What is to be told, and to whom.
pub(super) struct Happenings {
    emitter: EventEmitter,
    waiting: Queue<Telling>,
    /// Of those that wait, the ones that strangers can cause.
    refused_waiting: AtomicUsize,
    dropped: AtomicU64,
    failed: AtomicU64,
}

struct Telling {
    what: What,
    emit: Pin<Box<dyn Future<Output = EmitReport> + Send>>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum What {
    Refused,
    Other,
}

impl Happenings {
    pub(super) fn new() -> Self {
        Self {
            emitter: EventEmitter::new(),
            waiting: Queue::new(),
            refused_waiting: AtomicUsize::new(0),
            dropped: AtomicU64::new(0),
            failed: AtomicU64::new(0),
        }
    }

    pub(super) fn emitter(&self) -> &EventEmitter {
        &self.emitter
    }

    /// Happenings dropped because the queue was full.
    pub(super) fn dropped(&self) -> u64 {
        self.dropped.load(Relaxed)
    }

    /// Handlers that failed or were for another type.
    pub(super) fn failed(&self) -> u64 {
        self.failed.load(Relaxed)
    }

    pub(super) fn opened(&self, session: &Session, by: By) {
        self.tell(What::Other, SessionOpened::NAME, || SessionOpened {
            session: session.clone(),
            by,
        });
    }

    pub(super) fn closed(&self, session: &Session, reason: CloseReason) {
        self.tell(What::Other, SessionClosed::NAME, || SessionClosed {
            session: session.id(),
            peer: session.peer(),
            reason,
        });
    }

    pub(super) fn path_changed(&self, session: &Session, (from, to): (SocketAddr, SocketAddr)) {
        self.tell(What::Other, PathChanged::NAME, || PathChanged {
            session: session.clone(),
            from,
            to,
        });
    }

    pub(super) fn refused(&self, address: SocketAddr, peer: Option<NodeId>, why: PeerRefusal) {
        self.tell(What::Refused, PeerRefused::NAME, || PeerRefused {
            address,
            peer,
            why,
        });
    }

    pub(super) fn accepting(&self, accepting: Accepting) {
        self.tell(What::Other, AcceptingChanged::NAME, || AcceptingChanged {
            accepting,
        });
    }

    #[cfg(feature = "portmap")]
    pub(super) fn mapped(&self, address: Option<SocketAddr>) {
        self.tell(What::Other, AddressMapped::NAME, || AddressMapped {
            address,
        });
    }

    pub(super) fn neighbour(&self, neighbour: Neighbour) {
        self.tell(What::Other, Neighbour::NAME, || neighbour);
    }

    fn tell<T: Send + Sync + 'static>(
        &self,
        what: What,
        name: &'static str,
        happening: impl FnOnce() -> T,
    ) {
        if !self.emitter.has_handlers(name) {
            return;
        }
        let is_refused = what == What::Refused;
        let is_full = self.waiting.len() >= MAX_WAITING
            || is_refused && self.refused_waiting.load(Relaxed) >= MAX_REFUSED_WAITING;
        if is_full {
            self.dropped.fetch_add(1, Relaxed);
            return;
        }
        self.refused_waiting
            .fetch_add(usize::from(is_refused), Relaxed);
        let (emitter, happening) = (self.emitter.clone(), happening());
        // The names are short enough.
        let emit = async move { emitter.emit(name, happening).await.unwrap_or_default() };
        self.waiting.push(Telling {
            what,
            emit: Box::pin(emit),
        });
    }

    /// Nothing more will happen; what waits is told.
    pub(super) fn end(&self) {
        self.waiting.close();
    }

    /// Tells what happens until nothing more will. Happenings are begun in order, and up to
    /// [`MAX_UNDER_WAY`] at a time.
    pub(super) async fn run(&self) {
        let mut under_way = FuturesUnordered::new();
        loop {
            let has_room = under_way.len() < MAX_UNDER_WAY;
            tokio::select! {
                biased;
                Some(report) = under_way.next() => self.told(&report),
                telling = self.waiting.pop(), if has_room => match telling {
                    Some(telling) => {
                        let was_refused = usize::from(telling.what == What::Refused);
                        self.refused_waiting.fetch_sub(was_refused, Relaxed);
                        under_way.push(telling.emit);
                    }
                    None => break,
                },
            }
        }
        while let Some(report) = under_way.next().await {
            self.told(&report);
        }
    }

    fn told(&self, report: &EmitReport) {
        for failure in &report.failures {
            tracing::warn!(error = %failure.error, "event of the node");
        }
        let failed = report.failures.len() + report.mismatches.len();
        self.failed.fetch_add(failed as u64, Relaxed);
    }
}

impl std::fmt::Debug for Happenings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Happenings")
            .field("waiting", &self.waiting.len())
            .finish_non_exhaustive()
    }
}

/// Happenings that may wait to be told.
const MAX_WAITING: usize = 1_024;

/// Refusals among them, which a flood of attempts makes: they shall not crowd out the rest.
const MAX_REFUSED_WAITING: usize = 256;

/// Happenings whose handlers may run at a time.
const MAX_UNDER_WAY: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::events::Event;

    fn refuse(happenings: &Happenings) {
        happenings.refused(([10, 0, 0, 1], 1).into(), None, PeerRefusal::Crowded);
    }

    #[test]
    fn refusals_cannot_crowd_out_the_rest() {
        let happenings = Happenings::new();
        let emitter = happenings.emitter();
        emitter
            .on(PeerRefused::NAME, |_: Event<PeerRefused>| {})
            .unwrap();
        emitter
            .on(AcceptingChanged::NAME, |_: Event<AcceptingChanged>| {})
            .unwrap();
        (0..1_000).for_each(|_| refuse(&happenings));
        assert_eq!((happenings.waiting.len(), happenings.dropped()), (256, 744));
        (0..768).for_each(|_| happenings.accepting(Accepting::Nobody));
        assert_eq!(
            (happenings.waiting.len(), happenings.dropped()),
            (1_024, 744)
        );
        happenings.accepting(Accepting::Nobody);
        assert_eq!(
            (happenings.waiting.len(), happenings.dropped()),
            (1_024, 745)
        );
    }

    #[test]
    fn what_nobody_listens_to_is_not_queued() {
        let happenings = Happenings::new();
        refuse(&happenings);
        assert_eq!((happenings.waiting.len(), happenings.dropped()), (0, 0));
    }
}
