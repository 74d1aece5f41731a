//! Events: something happened, and whoever asked to be told is.
//!
//! | | where |
//! |---|---|
//! | what an application holds | here |
//! | who is told of what | [`registry`] |
//! | what a handler gets | [`event`] |
//! | what came of an event | [`report`] |
//! | peers that are told too | [`bridge`] |
//! | what peers tell | [`incoming`] |
//!
//! Not here: what a node tells of itself; see `node/happenings.rs`.

mod bridge;
mod event;
mod incoming;
mod registry;
mod report;

use std::{
    any::{Any, type_name},
    fmt,
    sync::Arc,
};

use futures_util::stream::{FuturesUnordered, StreamExt};
use parking_lot::Mutex;
use stt_wire::{Name, NameTooLong};

use self::{bridge::Outgoing, event::Occurrence, registry::Registry};
use crate::{endpoints::Origin, handler::HandlerOutput, node::Node, session::Session};

pub use bridge::{
    AlreadyBridged, BridgeOptions, BridgeStats, BridgeWays, BridgedDelivery, Forwarding,
};
pub use event::Event;
pub use registry::HandlerId;
pub use report::{EmitReport, HandlerFailure, TypeMismatch};

/// Tells handlers of events, by name.
///
/// A handle: clone it freely. What the names mean, and of which type the payload of each is, is the
/// application's; any type will do within the process.
///
/// ```
/// use stt::{Event, EventEmitter};
///
/// # #[tokio::main]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let emitter = EventEmitter::new();
/// emitter.on("temperature", |celsius: Event<f32>| async move {
///     if *celsius > 60.0 {
///         return Err(format!("{} degrees", *celsius));
///     }
///     Ok(())
/// })?;
/// assert!(emitter.emit("temperature", 21.5_f32).await?.all_well());
/// let report = emitter.emit("temperature", 80.0_f32).await?;
/// assert_eq!(report.failures[0].error.to_string(), "handler failed: 80 degrees");
/// # Ok(())
/// # }
/// ```
///
/// # Contract
///
/// Tests are in `tests/events.rs`.
///
/// | | | proved by |
/// |---|---|---|
/// | ordering | the handlers of an event begin in the order of their registration and run side by side; `emit` resolves when all have ended, so what one caller emits one after the other is handled so | `handlers_begin_in_order_and_run_side_by_side` |
/// | delivery | each handler that is registered when `emit` is first polled is called once; one made with [`once`](Self::once) at most once in all | `every_handler_of_the_name_is_called_once`, `a_handler_that_runs_once_does_so_however_many_emit_at_once` |
/// | failures | a handler that fails or panics stops nobody; its failure is in the report | `a_handler_that_fails_or_panics_stops_nobody_and_the_emitter_is_told` |
/// | types | a handler for another type than the payload's is not called, and the report says so | `a_handler_of_another_type_is_not_called_and_that_is_reported` |
/// | durability | none: an event is over when its handlers are | - |
/// | memory | handlers are kept until they are taken [`off`](Self::off), and their number is the application's; an event is held until its handlers have ended; nothing is queued | `nothing_is_kept_of_an_event_that_is_over` |
/// | latency | handlers begin at the first poll, within the task that emits; one that computes for long holds up that task, and should spawn | `handlers_begin_in_order_and_run_side_by_side` |
/// | cancel safety | handlers run inside `emit`: dropped before its first poll, none was called; dropped later, those that have not ended are cancelled where they wait | `an_emit_that_is_dropped_cancels_its_handlers` |
///
/// Over a [bridge](Self::bridge); tests are in `tests/events_across_peers.rs`.
///
/// | | | proved by |
/// |---|---|---|
/// | ordering | events leave in the order in which `emit` was first polled, and their handlers at the peer begin in that order | `events_of_bytes_are_told_on_the_other_side_in_their_order` |
/// | delivery | once, while the session lives, those included that were emitted before the peer had bridged; never back to where they came from | `events_before_the_peer_has_bridged_are_not_lost`, `an_event_does_not_come_back` |
/// | failures | what was not sent is in the report of `emit`; what handlers at the peer do is counted there | `an_event_longer_than_a_frame_may_be_is_not_sent_and_that_is_reported`, `handlers_of_events_of_peers_that_fail_are_counted_and_stop_nobody` |
/// | memory | for each session 1 MiB queued to be sent; of a peer's events a stream window unread, and up to 64 or twice [`Limits::frame`](crate::Limits::frame) bytes under way | `a_peer_that_handles_slowly_has_64_events_under_way_and_its_emitter_waits` |
/// | a full queue | `emit` waits, or sends not and says so, as [`BridgeOptions::backlog`] has it; other traffic goes on | `a_peer_that_takes_no_events_holds_back_events_and_nothing_else` |
/// | latency | an event leaves at once; `emit` resolves when it is queued here, not when it is handled there | `a_peer_that_handles_slowly_has_64_events_under_way_and_its_emitter_waits` |
/// | an orderly end | waits until every event was given to its handlers at the peer, for ever if the peer never bridges, or if handlers that wait for that end are all that may be under way: close in a task of its own | `an_orderly_end_flushes_the_events_before_it` |
/// | cancel safety | an event is sent whole or not at all; one that waits for room is not sent if its `emit` is dropped, and holds up those behind it if its `emit` is kept and not polled | `an_emit_that_is_dropped_while_it_waits_sends_nothing` |
#[derive(Clone, Default)]
pub struct EventEmitter {
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    registry: Mutex<Registry>,
    outgoing: Mutex<Vec<Arc<Outgoing>>>,
    crossed: bridge::Counters,
}

impl EventEmitter {
    /// An emitter without handlers.
    pub fn new() -> Self {
        Self::default()
    }

    /// Calls `handler` for each event of this name whose payload is a `T`.
    ///
    /// The handler gets an [`Event`], which reads like the payload. It is a plain function or an
    /// async one and may fail; see [`HandlerOutput`]. It may use this emitter, and register and
    /// remove handlers, itself included; an event that is under way is not changed by that.
    ///
    /// # Errors
    ///
    /// [`NameTooLong`]: names are any Unicode up to 255 bytes.
    pub fn on<T, O, Way>(
        &self,
        name: impl TryInto<Name, Error: Into<NameTooLong>>,
        handler: impl Fn(Event<T>) -> O + Send + Sync + 'static,
    ) -> Result<HandlerId, NameTooLong>
    where
        T: Any + Send + Sync,
        O: HandlerOutput<Way>,
        Way: 'static,
    {
        let name = name.try_into().map_err(Into::into)?;
        Ok(self.shared.registry.lock().add(name, handler))
    }

    /// Calls `handler` for one event of this name whose payload is a `T`, otherwise as
    /// [`on`](Self::on). Of several events at once it gets the first; an event that is cancelled
    /// counts.
    ///
    /// # Errors
    ///
    /// [`NameTooLong`]: names are any Unicode up to 255 bytes.
    pub fn once<T, O, Way>(
        &self,
        name: impl TryInto<Name, Error: Into<NameTooLong>>,
        handler: impl FnOnce(Event<T>) -> O + Send + 'static,
    ) -> Result<HandlerId, NameTooLong>
    where
        T: Any + Send + Sync,
        O: HandlerOutput<Way>,
        Way: 'static,
    {
        let name = name.try_into().map_err(Into::into)?;
        Ok(self.shared.registry.lock().add_once(name, handler))
    }

    /// Takes a handler away; whether it was there. If it is running, it goes on.
    pub fn off(&self, handler: HandlerId) -> bool {
        // Dropped after the lock is: the handler may own something that uses this emitter.
        let removed = self.shared.registry.lock().remove(handler);
        removed.is_some()
    }

    /// Whether an event of this name would have a handler.
    pub fn has_handlers(&self, name: &str) -> bool {
        self.shared.registry.lock().has(name)
    }

    /// Joins this emitter and the one that the session's peer has bridged, or will: events whose
    /// payload is [`Bytes`](bytes::Bytes), exactly, are emitted on both. Until the session ends.
    ///
    /// An event that came from a peer has an [`Origin`] that says so, and is not sent back to it,
    /// nor on to others unless [`BridgeOptions::forwarding`] asks for it.
    ///
    /// # Errors
    ///
    /// [`AlreadyBridged`]: one emitter a session and direction.
    pub fn bridge(&self, session: &Session, options: BridgeOptions) -> Result<(), AlreadyBridged> {
        bridge::bridge(&self.shared, session, &Arc::new(options))
    }

    /// [Bridges](Self::bridge) every session the node has and will have, but for those that are
    /// bridged already.
    ///
    /// # Errors
    ///
    /// [`AlreadyBridged`] if an emitter is bridged to the node already.
    pub fn bridge_all(&self, node: &Node, options: BridgeOptions) -> Result<(), AlreadyBridged> {
        let (shared, options) = (Arc::clone(&self.shared), Arc::new(options));
        let is_first = node.bridge_events(move |session| {
            // A session bridged by hand stays as it is.
            let _ = bridge::bridge(&shared, session, &options);
        });
        is_first.then_some(()).ok_or(AlreadyBridged)
    }

    /// What crossed the bridges so far.
    pub fn bridge_stats(&self) -> BridgeStats {
        self.shared.crossed.now()
    }

    /// Tells all handlers of an event and waits until they have ended.
    ///
    /// # Errors
    ///
    /// [`NameTooLong`]. What fails in a handler is no error of this function but in the report.
    ///
    /// # Cancel safety
    ///
    /// Dropped before its first poll it did nothing; dropped later, it cancels the handlers that
    /// have not ended. Spawn it where they should go on.
    pub async fn emit<T: Any + Send + Sync>(
        &self,
        name: impl TryInto<Name, Error: Into<NameTooLong>>,
        payload: T,
    ) -> Result<EmitReport, NameTooLong> {
        let occurrence = Occurrence {
            name: name.try_into().map_err(Into::into)?,
            payload: Arc::new(payload),
            type_name: type_name::<T>(),
            origin: Origin::Local,
        };
        Ok(self.shared.emit(occurrence).await)
    }
}

impl Shared {
    async fn emit(self: &Arc<Self>, occurrence: Occurrence) -> EmitReport {
        let (called, mismatches) = self.registry.lock().call(&occurrence);
        let sendings: FuturesUnordered<_> = self.sendings(&occurrence).into_iter().collect();
        let mut running: FuturesUnordered<_> = called
            .into_iter()
            .map(async |(handler, running)| (handler, running.await))
            .collect();
        let mut report = EmitReport::new(mismatches);
        let handle = async {
            while let Some((handler, ended)) = running.next().await {
                report.ended(handler, ended);
            }
        };
        // Sending first: what one caller emits in turn leaves in turn, whatever handlers do.
        let (bridged, ()) = tokio::join!(sendings.collect(), handle);
        report.bridged = bridged;
        report.finish()
    }
}

impl fmt::Debug for EventEmitter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EventEmitter")
            .field("handlers", &self.shared.registry.lock())
            .finish_non_exhaustive()
    }
}
