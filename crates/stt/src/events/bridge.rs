//! Emitters on two sides of a session, joined: what one tells, the other tells too.

use std::{
    collections::BTreeSet,
    sync::{
        Arc, Weak,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
};

use bytes::Bytes;
use stc::NodeId;
use stt_wire::{Name, NameTooLong};

use super::{Shared, event::Occurrence, incoming};
use crate::{
    endpoints::Origin,
    session::{
        Session, SessionId,
        core::Core,
        events::{BridgeBacklog, BridgeSendError, send},
    },
};

/// What crosses a bridge, and how. By default all names, both ways, own events only, and
/// [`BridgeBacklog::Wait`].
#[derive(Debug, Clone)]
#[must_use = "a bridge is made with `EventEmitter::bridge`"]
pub struct BridgeOptions {
    names: Option<BTreeSet<Name>>,
    ways: BridgeWays,
    backlog: BridgeBacklog,
    forwarding: Forwarding,
}

/// In which direction events cross a bridge.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_enums, reason = "there are no other directions")]
pub enum BridgeWays {
    /// To the peer and from it.
    Both,
    /// To the peer.
    Out,
    /// From the peer.
    In,
}

/// Which events a bridge takes to its peer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Forwarding {
    /// Those emitted in this process.
    OwnEvents,
    /// Those of other peers too, though never one to the session it came by. Make trees of such
    /// bridges: in a ring an event goes round for ever.
    AllEvents,
}

impl Default for BridgeOptions {
    fn default() -> Self {
        Self {
            names: None,
            ways: BridgeWays::Both,
            backlog: BridgeBacklog::Wait,
            forwarding: Forwarding::OwnEvents,
        }
    }
}

impl BridgeOptions {
    /// The defaults.
    pub fn new() -> Self {
        Self::default()
    }

    /// Lets these names cross and no others, either way. Default: all names.
    ///
    /// # Errors
    ///
    /// [`NameTooLong`].
    pub fn names<N: TryInto<Name, Error: Into<NameTooLong>>>(
        mut self,
        names: impl IntoIterator<Item = N>,
    ) -> Result<Self, NameTooLong> {
        let names = names.into_iter().map(TryInto::try_into);
        let names = names.collect::<Result<_, _>>();
        self.names = Some(names.map_err(Into::into)?);
        Ok(self)
    }

    /// In which direction events cross. Default: both.
    pub fn ways(mut self, ways: BridgeWays) -> Self {
        self.ways = ways;
        self
    }

    /// What to do with an event for a peer that takes no more at present. Default: wait.
    pub fn backlog(mut self, backlog: BridgeBacklog) -> Self {
        self.backlog = backlog;
        self
    }

    /// Which events are taken to the peer. Default: own ones.
    pub fn forwarding(mut self, forwarding: Forwarding) -> Self {
        self.forwarding = forwarding;
        self
    }

    pub(super) fn lets(&self, name: &Name) -> bool {
        self.names.as_ref().is_none_or(|names| names.contains(name))
    }
}

/// An emitter is bridged to this session, or node, in this direction already.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an emitter is bridged there already")]
pub struct AlreadyBridged;

/// An event was to be sent to a peer.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct BridgedDelivery {
    /// By which session.
    pub session: SessionId,
    /// To whom.
    pub peer: NodeId,
    /// Whether it was queued for the peer. It arrives unless the session breaks; an orderly
    /// [`Session::close`] flushes it.
    pub outcome: Result<(), BridgeSendError>,
}

/// What crossed the bridges of an emitter, since it was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct BridgeStats {
    /// Events queued for peers, each peer counted.
    pub sent: u64,
    /// Events of peers that were emitted here.
    pub received: u64,
    /// Events of peers of names that the bridge does not let cross.
    pub ignored: u64,
    /// Handlers of events of peers that failed, panicked, or take another type than [`Bytes`].
    pub failed: u64,
}

#[derive(Debug, Default)]
pub(super) struct Counters {
    sent: AtomicU64,
    pub(super) received: AtomicU64,
    pub(super) ignored: AtomicU64,
    pub(super) failed: AtomicU64,
}

impl Counters {
    pub(super) fn now(&self) -> BridgeStats {
        BridgeStats {
            sent: self.sent.load(Relaxed),
            received: self.received.load(Relaxed),
            ignored: self.ignored.load(Relaxed),
            failed: self.failed.load(Relaxed),
        }
    }
}

/// The way out to one peer. It does not keep the session.
pub(super) struct Outgoing {
    core: Weak<Core>,
    session: SessionId,
    options: Arc<BridgeOptions>,
}

/// Joins the emitter and the session's peer.
pub(super) fn bridge(
    shared: &Arc<Shared>,
    session: &Session,
    options: &Arc<BridgeOptions>,
) -> Result<(), AlreadyBridged> {
    let core = session.core();
    let is_out = options.ways != BridgeWays::In;
    if is_out && !core.events.claim_source() {
        return Err(AlreadyBridged);
    }
    if options.ways != BridgeWays::Out && !incoming::take(shared, session, options) {
        if is_out {
            core.events.release_source();
        }
        return Err(AlreadyBridged);
    }
    if is_out {
        let mut outgoing = shared.outgoing.lock();
        outgoing.retain(|other| other.session().is_some());
        outgoing.push(Arc::new(Outgoing {
            core: Arc::downgrade(core),
            session: session.id(),
            options: Arc::clone(options),
        }));
    }
    Ok(())
}

impl Outgoing {
    /// The session, while it lives.
    fn session(&self) -> Option<Session> {
        let core = self.core.upgrade()?;
        (!core.is_over()).then(|| Session::of(core))
    }

    fn takes(&self, occurrence: &Occurrence) -> bool {
        let is_to_go = match occurrence.origin {
            Origin::Local => true,
            Origin::Peer { session, .. } => {
                self.options.forwarding == Forwarding::AllEvents && session != self.session
            }
        };
        is_to_go && self.options.lets(&occurrence.name)
    }
}

impl Shared {
    /// The peers an event goes to, and the sending to each. It begins when it is polled.
    pub(super) fn sendings(
        self: &Arc<Self>,
        occurrence: &Occurrence,
    ) -> Vec<impl Future<Output = BridgedDelivery> + Send + use<>> {
        let Some(payload) = occurrence.payload.downcast_ref::<Bytes>() else {
            return Vec::new();
        };
        let outgoing: Vec<_> = self.outgoing.lock().clone();
        let sending = |out: &Arc<Outgoing>| {
            let session = out.session().filter(|_| out.takes(occurrence))?;
            let (name, payload) = (occurrence.name.clone(), payload.clone());
            let (shared, backlog) = (Arc::clone(self), out.options.backlog);
            Some(async move {
                let outcome = send(&session, name, payload, backlog).await;
                shared
                    .crossed
                    .sent
                    .fetch_add(u64::from(outcome.is_ok()), Relaxed);
                BridgedDelivery {
                    session: session.id(),
                    peer: session.peer(),
                    outcome,
                }
            })
        };
        outgoing.iter().filter_map(sending).collect()
    }
}
