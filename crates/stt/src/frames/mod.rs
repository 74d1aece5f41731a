//! Frames of the application's own types, each type given to a handler.
//!
//! | | where |
//! |---|---|
//! | what an application holds | here |
//! | the frames of one session, to the lines of their types | [`attach`] |
//! | frames of one type and session, one after the other | [`line`] |
//! | what is counted | [`stats`] |
//!
//! Not here: how frames travel, and [`Session::receive_frame`], which takes them without a
//! dispatcher; see `session/frames.rs`.

mod attach;
mod line;
mod stats;

use std::{
    collections::BTreeMap,
    fmt,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};

use parking_lot::RwLock;
use stt_wire::{ReservedFrameType, UserFrameType};

use crate::{
    handler::{self, HandlerError, HandlerOutput, Running},
    node::Node,
    session::{Frame, Session},
};

pub use stats::DispatchStats;

/// Gives the frames of sessions to handlers, by type.
///
/// A handle: clone it freely. One dispatcher serves any number of sessions.
///
/// ```
/// use stt::{Frame, FrameDispatcher, Group, Node, Session, SystemEntropy};
///
/// # #[tokio::main]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let group = Group::generate(&mut SystemEntropy);
/// # let alice = Node::builder(group.clone()).bind("127.0.0.1:0".parse()?).start().await?;
/// # let bob = Node::builder(group).bind("127.0.0.1:0".parse()?).start().await?;
/// let dispatcher = FrameDispatcher::new();
/// dispatcher.register_handler(0x80, |session: Session, question: Frame| async move {
///     session.send_frame(question.frame_type, question.payload.to_ascii_uppercase()).await
/// })?;
/// dispatcher.serve(&alice)?;
///
/// let session = bob.connect(alice.local_addresses()[0]).await?;
/// session.send_frame(0x80_u8.try_into()?, "hello").await?;
/// assert_eq!(session.receive_frame().await?.payload, "HELLO");
/// # Ok(())
/// # }
/// ```
///
/// # Contract
///
/// Tests are in `tests/frame_dispatcher.rs`.
///
/// | | | proved by |
/// |---|---|---|
/// | ordering | frames of one type and session are handled one after the other, reliable ones as they were sent; types, and sessions, do not wait for each other | `frames_of_one_type_are_handled_one_after_the_other`, `a_type_that_is_stalled_delays_no_other` |
/// | delivery | a reliable frame is handled once, if it has a handler when it comes; those that came before the dispatcher was attached are handled too; a datagram at most once | `frames_that_came_before_the_dispatcher_are_handled`, `datagrams_and_reliable_frames_reach_the_same_handler` |
/// | without a handler | counted, shown to [`on_unhandled`](Self::on_unhandled), dropped; the session goes on | `frames_without_a_handler_are_counted_shown_and_harmless` |
/// | failures | counted, shown to [`on_failure`](Self::on_failure); the next frame is handled | `a_handler_that_fails_or_panics_stops_nobody` |
/// | memory | a session's reliable frames that wait or are being handled: twice [`Limits::frame`](crate::Limits::frame); beyond, the peer's frames are not read and its sends wait. Datagrams that wait: 1,024 for each type and session; beyond, the newest is dropped and counted | `frames_that_nobody_handles_hold_their_sender_back`, `frames_that_are_being_handled_count_as_held`, `datagrams_beyond_the_queue_are_dropped_and_counted`, `a_small_frame_does_not_hold_on_to_the_packet_it_came_in` |
/// | durability | none: what was not handled is gone with the process | - |
/// | latency | a frame is given to its handler when it is read, or when the one before it is done | `a_type_that_is_stalled_delays_no_other` |
/// | an orderly end | waits until every reliable frame was given to its handler, not until the handler is done. A handler may close its session; one that may have frames of its type behind it does so in a task of its own, for they wait for it and the end for them | `an_orderly_end_waits_for_the_frames_before_it`, `a_handler_may_close_its_session`, `a_handler_that_closes_its_session_by_a_task_is_not_in_the_way_of_frames_behind_it` |
/// | cancel safety | nothing here waits | - |
#[derive(Clone, Default)]
pub struct FrameDispatcher {
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    handlers: RwLock<BTreeMap<UserFrameType, Arc<Handler>>>,
    unhandled: RwLock<Option<Arc<Unhandled>>>,
    failure: RwLock<Option<Arc<Failure>>>,
    counters: stats::Counters,
}

type Handler = dyn Fn(Session, Frame) -> Running + Send + Sync;
type Unhandled = dyn Fn(&Session, &Frame) + Send + Sync;
type Failure = dyn Fn(&Session, UserFrameType, &HandlerError) + Send + Sync;

/// Why a handler was not registered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RegisterError {
    /// The type is not the application's: those are 0x80 to 0xFF.
    #[error(transparent)]
    Reserved(#[from] ReservedFrameType),
    /// The type has a handler. [`FrameDispatcher::remove_handler`] makes room for another.
    #[error("frame type {:#04x} has a handler", u8::from(*frame_type))]
    Taken {
        /// The type.
        frame_type: UserFrameType,
    },
}

/// The frames of the session, or of the node's sessions, go to another dispatcher, or to this one
/// already.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the frames go to a dispatcher already")]
pub struct AlreadyDispatched;

impl FrameDispatcher {
    /// A dispatcher without handlers, attached to nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// Gives frames of a type to `handler`, from all sessions, from now on.
    ///
    /// The handler gets the session the frame came by and the [`Frame`]: its payload, decrypted,
    /// and how it came. It is a plain function or an async one and may fail; see
    /// [`HandlerOutput`].
    ///
    /// # Errors
    ///
    /// [`RegisterError::Reserved`] for a type below 0x80, [`RegisterError::Taken`] if the type has
    /// a handler: parts of a program can't take each other's frames unawares.
    pub fn register_handler<O, Way>(
        &self,
        frame_type: impl TryInto<UserFrameType, Error: Into<ReservedFrameType>>,
        handler: impl Fn(Session, Frame) -> O + Send + Sync + 'static,
    ) -> Result<(), RegisterError>
    where
        O: HandlerOutput<Way>,
        Way: 'static,
    {
        let frame_type = frame_type.try_into().map_err(Into::into)?;
        let mut handlers = self.shared.handlers.write();
        if handlers.contains_key(&frame_type) {
            return Err(RegisterError::Taken { frame_type });
        }
        let handler = Arc::new(handler);
        let erased = move |session, frame| {
            let handler = Arc::clone(&handler);
            handler::run(move || handler(session, frame))
        };
        handlers.insert(frame_type, Arc::new(erased));
        Ok(())
    }

    /// Takes the handler of a type away; whether there was one. Frames that came before still go
    /// to it.
    ///
    /// # Errors
    ///
    /// [`ReservedFrameType`] for a type that can't have one.
    pub fn remove_handler(
        &self,
        frame_type: impl TryInto<UserFrameType, Error: Into<ReservedFrameType>>,
    ) -> Result<bool, ReservedFrameType> {
        let frame_type = frame_type.try_into().map_err(Into::into)?;
        let removed = self.shared.handlers.write().remove(&frame_type);
        Ok(removed.is_some())
    }

    /// Shows each frame that has no handler to `observer`, instead of an observer before it. The
    /// session reads no frames meanwhile, so it should be quick. A panic of it is caught.
    pub fn on_unhandled(&self, observer: impl Fn(&Session, &Frame) + Send + Sync + 'static) {
        *self.shared.unhandled.write() = Some(Arc::new(observer));
    }

    /// Shows each failure of a handler to `observer`, instead of an observer before it. The next
    /// frame of that type and session waits meanwhile. A panic of it is caught.
    pub fn on_failure(
        &self,
        observer: impl Fn(&Session, UserFrameType, &HandlerError) + Send + Sync + 'static,
    ) {
        *self.shared.failure.write() = Some(Arc::new(observer));
    }

    /// Takes the frames of a session until it ends, those included that wait already.
    /// [`Session::receive_frame`] gives out none from then on and says so.
    ///
    /// # Errors
    ///
    /// [`AlreadyDispatched`].
    pub fn attach(&self, session: &Session) -> Result<(), AlreadyDispatched> {
        attach::attach(&self.shared, session)
    }

    /// [Attaches](Self::attach) to every session the node has and will have, but for those that
    /// another dispatcher was attached to before.
    ///
    /// # Errors
    ///
    /// [`AlreadyDispatched`] if a dispatcher serves the node already.
    pub fn serve(&self, node: &Node) -> Result<(), AlreadyDispatched> {
        let shared = Arc::clone(&self.shared);
        let is_first = node.dispatch_frames(move |session| {
            // A session given to another dispatcher by hand stays there.
            let _ = attach::attach(&shared, session);
        });
        is_first.then_some(()).ok_or(AlreadyDispatched)
    }

    /// Counters, as they are now.
    pub fn stats(&self) -> DispatchStats {
        self.shared.counters.now()
    }
}

impl Shared {
    fn handler(&self, frame_type: UserFrameType) -> Option<Arc<Handler>> {
        self.handlers.read().get(&frame_type).cloned()
    }

    fn unhandled(&self, session: &Session, frame: &Frame) {
        self.counters.unhandled();
        let observer = self.unhandled.read().clone();
        if let Some(observer) = observer {
            // Its panic is its own; there is nobody to tell.
            let _ = catch_unwind(AssertUnwindSafe(|| observer(session, frame)));
        }
    }

    fn ended(&self, session: &Session, frame_type: UserFrameType, ended: Result<(), HandlerError>) {
        self.counters.ended(&ended);
        let Err(error) = ended else { return };
        tracing::warn!(%error, session = %session.id(), frame_type = u8::from(frame_type), "frame");
        let observer = self.failure.read().clone();
        if let Some(observer) = observer {
            let _ = catch_unwind(AssertUnwindSafe(|| observer(session, frame_type, &error)));
        }
    }
}

impl fmt::Debug for FrameDispatcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FrameDispatcher")
            .field("types", &self.shared.handlers.read().keys())
            .field("stats", &self.stats())
            .finish_non_exhaustive()
    }
}
