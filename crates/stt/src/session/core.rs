//! What all handles and tasks of one session share.

use std::{
    net::SocketAddr,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use noq::Connection;
use noq_proto::PathId;
use parking_lot::Mutex;
use stc::NodeId;
use stt_wire::{StreamKind, limits::MAX_LIVE_ENDPOINT_STREAMS};

use super::{
    CloseReason, SendError, SessionId,
    accept::Accepting,
    checkpoints::Checkpoints,
    closing::Closing,
    events::Events,
    flag::Flag,
    frames::Frames,
    ledger::Ledger,
    messages::{inbox::Inbox, outbox::Outbox},
    outbound_control::OutboundControl,
    paths::Paths,
};
use crate::{
    dht,
    endpoints::{Backlog, SessionEndpoints},
    limits::Limits,
    relay::service::Relaying,
    swarm::{Desk, Giving, Offer},
    transport::{
        crypto::{Authenticated, Meters},
        endpoint::meters,
        engine_code,
        link::Link,
        platform::Platform,
    },
};

/// The inside of a session.
#[derive(Debug)]
pub(crate) struct Core {
    pub(crate) connection: Connection,
    pub(crate) link: Arc<Link>,
    pub(crate) platform: Platform,
    pub(crate) limits: Arc<Limits>,
    pub(crate) proved: Authenticated,
    pub(crate) control: Arc<OutboundControl>,
    pub(crate) checkpoints: Checkpoints,
    pub(crate) ledger: Arc<Ledger>,
    pub(crate) outbox: Outbox,
    pub(crate) frames: Frames,
    pub(crate) events: Events,
    pub(crate) accepting: Accepting,
    pub(crate) closing: Closing,
    pub(crate) paths: Paths,
    pub(crate) inbox: Arc<Inbox>,
    pub(crate) endpoints: SessionEndpoints,
    pub(crate) backlog: Arc<Backlog>,
    pub(crate) relaying: Option<Arc<Relaying>>,
    /// The node's part in the DHT, if it has one.
    pub(crate) dht: Option<Arc<dht::Service>>,
    /// What the node gives and keeps, if it does.
    pub(crate) giving: Option<Arc<Giving>>,
    /// What the peer asked for; most peers ask for nothing.
    desk: OnceLock<Box<Desk>>,
    pub(crate) meters: Arc<Meters>,
    key: u64,
    opened_at: Instant,
    /// Set once, by whoever ends the session first.
    reason: OnceLock<CloseReason>,
    over: Flag,
    established: Flag,
    key_updates: Mutex<KeyUpdates>,
    /// Microseconds; refreshed now and then, so that nobody asks the engine for each message.
    round_trip: AtomicU64,
    /// The peer's address at the last look.
    remote: Mutex<Option<SocketAddr>>,
}

/// What a session has from its node.
#[derive(Debug, Clone)]
pub(crate) struct Surroundings {
    pub(crate) link: Arc<Link>,
    pub(crate) platform: Platform,
    pub(crate) limits: Arc<Limits>,
    pub(crate) inbox: Arc<Inbox>,
    pub(crate) backlog: Arc<Backlog>,
    /// What the node does as a relay, if it is one.
    pub(crate) relaying: Option<Arc<Relaying>>,
    pub(crate) dht: Option<Arc<dht::Service>>,
    pub(crate) giving: Option<Arc<Giving>>,
}

/// Since when, and at which counts, the keys in use have been in use.
#[derive(Debug, Clone, Copy)]
pub(super) struct KeyUpdates {
    pub(super) at: Instant,
    pub(super) packets: u64,
    pub(super) bytes: u64,
    pub(super) count: u64,
    /// Generations at the last look.
    pub(super) generations: u64,
}

impl Core {
    pub(crate) fn new(
        connection: Connection,
        proved: Authenticated,
        surroundings: Surroundings,
    ) -> Arc<Self> {
        let Surroundings {
            link,
            platform,
            limits,
            inbox,
            backlog,
            relaying,
            dht,
            giving,
        } = surroundings;
        let control = Arc::new(OutboundControl::default());
        let now = platform.now();
        let round_trip = connection.rtt(PathId::ZERO).unwrap_or_default();
        let remote = connection.path(PathId::ZERO);
        let remote = remote.and_then(|path| link.origin(path.remote_address().ok()?));
        let meters = meters(&connection).unwrap_or_default();
        let generations = meters.generations.load(Relaxed);
        // Both kinds of streams of the application, those of endpoints, and the few of ours.
        let max_streams = 2 * limits.streams as usize + MAX_LIVE_ENDPOINT_STREAMS + 32;
        Arc::new(Self {
            checkpoints: Checkpoints::new(Arc::clone(&control), max_streams),
            key: connection.stable_id() as u64,
            meters,
            frames: Frames::new(limits.frame),
            events: Events::default(),
            accepting: Accepting::new(),
            round_trip: AtomicU64::new(round_trip.as_micros() as u64),
            remote: Mutex::new(remote),
            key_updates: Mutex::new(KeyUpdates {
                at: now,
                packets: 0,
                bytes: 0,
                count: 0,
                generations,
            }),
            opened_at: now,
            ledger: Arc::default(),
            outbox: Outbox::new(),
            closing: Closing::default(),
            paths: Paths::default(),
            reason: OnceLock::new(),
            over: Flag::default(),
            established: Flag::default(),
            connection,
            link,
            platform,
            limits,
            proved,
            control,
            inbox,
            backlog,
            relaying,
            dht,
            giving,
            desk: OnceLock::new(),
            endpoints: SessionEndpoints::default(),
        })
    }

    /// The room that the node offers to others, if it does.
    pub(crate) fn offer(&self) -> Option<&Arc<Offer>> {
        self.giving.as_ref()?.offer.as_ref()
    }

    pub(crate) fn id(&self) -> SessionId {
        SessionId(self.proved.session_id)
    }

    pub(crate) fn peer(&self) -> NodeId {
        self.proved.peer
    }

    /// Tells this session from all others of the process that are alive.
    pub(crate) fn key(&self) -> u64 {
        self.key
    }

    pub(crate) fn opened_at(&self) -> Instant {
        self.opened_at
    }

    pub(crate) fn desk(&self) -> &Desk {
        self.desk.get_or_init(Box::default)
    }

    pub(super) fn key_updates(&self) -> &Mutex<KeyUpdates> {
        &self.key_updates
    }

    /// The node counts the session among its own: what it received may be given out.
    pub(crate) fn establish(&self) {
        self.established.raise();
    }

    /// Resolves when the session is the node's, or over.
    pub(crate) async fn established(&self) {
        tokio::select! {
            biased;
            () = self.established.raised() => {}
            _ = self.connection.closed() => {}
        }
    }

    /// Ends the session now. The first reason counts.
    pub(crate) fn end(&self, reason: CloseReason) {
        let text = match &reason {
            CloseReason::Aborted { reason, .. } => reason.clone(),
            _ => bytes::Bytes::new(),
        };
        let code = engine_code(reason.code());
        if self.reason.set(reason).is_ok() {
            self.connection.close(code, &text);
            self.over.raise();
        }
    }

    /// Why the session is over; meaningful once it is.
    pub(crate) fn close_reason(&self) -> CloseReason {
        if let Some(reason) = self.reason.get() {
            return reason.clone();
        }
        let seen = self.connection.close_reason();
        seen.map_or(CloseReason::Failed { by: super::By::Us }, |error| {
            self.interpret(&error)
        })
    }

    /// What the end of the connection means. A peer that says DONE has heard our FINISHED.
    fn interpret(&self, error: &noq::ConnectionError) -> CloseReason {
        match CloseReason::of(error) {
            CloseReason::Done if !self.closing.has_finished() => {
                CloseReason::Violation { by: super::By::Us }
            }
            reason => reason,
        }
    }

    /// Resolves when the session is over, with the reason.
    pub(crate) async fn closed(&self) -> CloseReason {
        self.over.raised().await;
        self.close_reason()
    }

    /// Waits for the connection's end and wakes everybody who waits for something of it.
    pub(super) async fn watch_for_the_end(&self) {
        let error = self.connection.closed().await;
        let _ = self.reason.set(self.interpret(&error));
        self.checkpoints.close();
        self.outbox.close();
        self.frames.close();
        self.events.close();
        self.accepting.close();
        self.inbox.close(self.key);
        self.endpoints.close();
        self.over.raise();
    }

    pub(crate) fn is_over(&self) -> bool {
        self.over.is_raised()
    }

    /// The error of an operation that found the session gone.
    pub(crate) fn send_error(&self) -> SendError {
        SendError::Closed(self.close_reason())
    }

    /// What the engine calls the far end of the path that carries the data.
    pub(crate) fn remote_address(&self) -> Option<SocketAddr> {
        super::paths::address(self)
    }

    pub(crate) fn packets_received(&self) -> u64 {
        self.connection.stats().udp_rx.datagrams
    }

    /// Smoothed round trip, as of the last look.
    pub(crate) fn round_trip(&self) -> Duration {
        Duration::from_micros(self.round_trip.load(Relaxed))
    }

    pub(crate) fn refresh_round_trip(&self) -> Duration {
        let round_trip = self
            .connection
            .rtt(self.paths.current())
            .unwrap_or_else(|| self.round_trip());
        self.round_trip
            .store(round_trip.as_micros() as u64, Relaxed);
        round_trip
    }

    /// From and to which address the peer has moved since the last look, if it has.
    pub(crate) fn change_of_path(&self) -> Option<(SocketAddr, SocketAddr)> {
        let now = super::paths::remote(self)?;
        let before = self.remote.lock().replace(now)?;
        (before != now).then_some((before, now))
    }

    /// Starts the task that writes a stream of ours.
    pub(crate) fn spawn_writer(self: &Arc<Self>, kind: StreamKind) {
        let core = Arc::clone(self);
        self.platform.spawn(async move {
            match kind {
                StreamKind::Messages { lane } => {
                    if let Some(queue) = core.outbox.lane(lane) {
                        queue.run(&core).await;
                    }
                }
                StreamKind::Events => core.events.outbound().run(&core).await,
                _ => core.frames.outbound().run(&core).await,
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::Core;

    #[test]
    fn what_a_session_may_never_use_takes_no_room_in_it() {
        // A node has thousands that do nothing.
        assert!(size_of::<Core>() <= 1_632, "{}", size_of::<Core>());
    }
}
