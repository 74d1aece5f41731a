//! Events: something happened, and whoever asked to be told is.
//!
//! | | where |
//! |---|---|
//! | what an application holds | here |
//! | who is told of what | [`registry`] |
//! | what a handler gets | [`event`] |
//! | what came of an event | [`report`] |
//!
//! Not here: what a node tells of itself; see `node/happenings.rs`.

mod event;
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

use self::{event::Occurrence, registry::Registry};
use crate::{endpoints::Origin, handler::HandlerOutput};

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
#[derive(Clone, Default)]
pub struct EventEmitter {
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    registry: Mutex<Registry>,
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
    async fn emit(&self, occurrence: Occurrence) -> EmitReport {
        let (called, mismatches) = self.registry.lock().call(&occurrence);
        let mut running: FuturesUnordered<_> = called
            .into_iter()
            .map(async |(handler, running)| (handler, running.await))
            .collect();
        let mut report = EmitReport::new(mismatches);
        while let Some((handler, ended)) = running.next().await {
            report.ended(handler, ended);
        }
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
