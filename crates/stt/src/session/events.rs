//! Events of bridged emitters: one stream each way.
//!
//! The peer's stream stays unread until an emitter takes it, so nothing is lost if the peer begins
//! first, and nothing is held beyond the stream's window.
//!
//! *spec:* WIRE-120 to WIRE-123.

use std::{
    fmt,
    sync::{
        OnceLock,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
};

use bytes::Bytes;
use parking_lot::Mutex;
use stt_wire::{EventFrame, Name, StreamKind};

use super::{
    By, CloseReason, SendError, Session, core::Core, stream::RecvStream, write_queue::WriteQueue,
};

/// A session's events, both ways. Most sessions have none.
#[derive(Debug, Default)]
pub(crate) struct Events {
    outbound: OnceLock<Box<WriteQueue>>,
    /// An emitter sends here.
    has_source: AtomicBool,
    inbound: Mutex<Inbound>,
}

/// The peer's stream, and who reads it.
#[derive(Default)]
struct Inbound {
    has_come: bool,
    is_taken: bool,
    is_over: bool,
    stream: Option<Box<RecvStream>>,
    reader: Option<Box<Reader>>,
}

type Reader = dyn FnOnce(RecvStream) + Send;

/// Why an event was not sent to a peer. Nothing of it was.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BridgeSendError {
    /// The session is over, or closing, or the event is longer than the limit for frames.
    #[error(transparent)]
    Send(#[from] SendError),
    /// Events for this peer wait, and the bridge was told to refuse then.
    #[error("too many events wait for this peer")]
    Full,
    /// The peer takes no events at all.
    #[error("peer takes no events")]
    Refused,
}

impl Events {
    pub(super) fn outbound(&self) -> &WriteQueue {
        self.outbound
            .get_or_init(|| Box::new(WriteQueue::new(StreamKind::Events)))
    }

    /// Lets one emitter send; false if one does.
    pub(crate) fn claim_source(&self) -> bool {
        !self.has_source.swap(true, Relaxed)
    }

    pub(crate) fn release_source(&self) {
        self.has_source.store(false, Relaxed);
    }

    /// Lets one emitter read; false if one does. `reader` is called once the stream has come.
    pub(crate) fn take(&self, reader: Box<Reader>) -> bool {
        let mut inbound = self.inbound.lock();
        if std::mem::replace(&mut inbound.is_taken, true) {
            return false;
        }
        let waiting = inbound.stream.take();
        if waiting.is_none() && !inbound.is_over {
            inbound.reader = Some(reader);
            return true;
        }
        drop(inbound);
        if let Some(stream) = waiting {
            reader(*stream);
        }
        true
    }

    /// The peer's stream has come; there is one.
    pub(super) fn arrived(&self, core: &Core, stream: RecvStream) {
        let mut inbound = self.inbound.lock();
        if std::mem::replace(&mut inbound.has_come, true) {
            drop(inbound);
            return core.end(CloseReason::Violation { by: By::Us });
        }
        match inbound.reader.take() {
            Some(reader) => {
                drop(inbound);
                reader(stream);
            }
            None if inbound.is_over => {}
            None => inbound.stream = Some(Box::new(stream)),
        }
    }

    /// Resolves when all events that were taken are with the engine.
    pub(super) async fn finish(&self) {
        if let Some(outbound) = self.outbound.get() {
            outbound.finish().await;
        }
    }

    /// The session is over.
    pub(super) fn close(&self) {
        if let Some(outbound) = self.outbound.get() {
            outbound.close();
        }
        let mut inbound = self.inbound.lock();
        inbound.is_over = true;
        // Both hold the session, which holds them; they are dropped after the lock.
        let held = (inbound.stream.take(), inbound.reader.take());
        drop(inbound);
        drop(held);
    }
}

/// What to do with an event for a peer that takes no more at present.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_enums, reason = "one waits or one does not")]
pub enum BridgeBacklog {
    /// `emit` waits until there is room: no event is lost while the session lives.
    Wait,
    /// `emit` does not wait: the event is not sent, and the report says so.
    Refuse,
}

/// Sends an event by a session. Cancel safe: queued wholly or not at all.
pub(crate) async fn send(
    session: &Session,
    name: Name,
    payload: Bytes,
    backlog: BridgeBacklog,
) -> Result<(), BridgeSendError> {
    let _entry = session.begin_sending()?;
    let core = session.core();
    let (len, max) = (payload.len(), core.limits.frame);
    if len > max {
        return Err(SendError::TooLong { len, max }.into());
    }
    let event = EventFrame { name, payload };
    let bytes = event.name.encoded_len() + len;
    let (queue, payload) = (core.events.outbound(), event.payload.clone());
    let encode = |out: &mut _| event.encode_header(out);
    let pushed = match backlog {
        BridgeBacklog::Wait => {
            let pushed = queue.push_sized(core, bytes, encode, &payload).await;
            pushed.map(|()| true)
        }
        BridgeBacklog::Refuse => queue.try_push_sized(core, bytes, encode, &payload),
    };
    match pushed {
        Ok(true) => Ok(()),
        Ok(false) => Err(BridgeSendError::Full),
        Err(_) if core.connection.close_reason().is_some() => Err(core.send_error().into()),
        Err(_) => Err(BridgeSendError::Refused),
    }
}

impl fmt::Debug for Inbound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Inbound")
            .field("has_come", &self.has_come)
            .field("is_taken", &self.is_taken)
            .finish_non_exhaustive()
    }
}
