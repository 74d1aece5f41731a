//! Events of a peer, emitted here.
//!
//! One task a session reads them and runs their handlers: so handlers begin in the order in which
//! the peer emitted, and a peer whose events are handled slowly is not read on.

use std::{
    any::type_name,
    sync::{Arc, atomic::Ordering::Relaxed},
};

use bytes::Bytes;
use futures_util::{
    FutureExt,
    future::BoxFuture,
    stream::{FuturesUnordered, StreamExt},
};
use stt_wire::{DecodeError, EventFrame, FrameDecoder, limits::MAX_NAME_LEN};
use tokio::sync::Semaphore;

use super::{EmitReport, Shared, bridge::BridgeOptions, event::Occurrence};
use crate::{
    endpoints::Origin,
    session::{CloseReason, RecvStream, Session, detach::detach},
};

/// Reads the peer's events once there are some; false if another emitter does.
pub(super) fn take(shared: &Arc<Shared>, session: &Session, options: &Arc<BridgeOptions>) -> bool {
    let (shared, options) = (Arc::clone(shared), Arc::clone(options));
    let owner = session.clone();
    session.core().events.take(Box::new(move |stream| {
        let platform = owner.core().platform.clone();
        let incoming = Incoming::new(shared, owner, options);
        platform.spawn(incoming.run(stream));
    }))
}

/// The events of one peer.
struct Incoming {
    shared: Arc<Shared>,
    session: Session,
    options: Arc<BridgeOptions>,
    /// Bytes of events that may still be under way.
    room: Arc<Semaphore>,
    under_way: FuturesUnordered<BoxFuture<'static, EmitReport>>,
}

impl Incoming {
    fn new(shared: Arc<Shared>, session: Session, options: Arc<BridgeOptions>) -> Self {
        let room = Arc::new(Semaphore::new(room_bytes(session.core().limits.frame)));
        Self {
            shared,
            session,
            options,
            room,
            under_way: FuturesUnordered::new(),
        }
    }

    async fn run(mut self, mut stream: RecvStream) {
        if let Err(error) = self.read(&mut stream).await {
            tracing::warn!(%error, session = %self.session.id(), "stream of events");
            self.session.core().end(CloseReason::for_malformed(error));
        }
        while let Some(report) = self.under_way.next().await {
            told(&self.shared, &report);
        }
    }

    /// Reads until the stream or the session ends.
    async fn read(&mut self, stream: &mut RecvStream) -> Result<(), DecodeError> {
        let max = self.session.core().limits.frame;
        let mut decoder = FrameDecoder::new(max.saturating_add(MAX_NAME_LEN));
        loop {
            let piece = tokio::select! {
                biased;
                Some(report) = self.under_way.next() => {
                    told(&self.shared, &report);
                    continue;
                }
                piece = stream.read_bytes(READ_BYTES) => piece,
            };
            match piece {
                Ok(Some(mut chunk)) => {
                    while let Some(frame) = decoder.decode(&mut chunk)? {
                        self.begin(EventFrame::decode(frame, max)?).await;
                    }
                }
                Ok(None) => return decoder.finish(),
                // The session tells its end better.
                Err(_) => return Ok(()),
            }
        }
    }

    /// Waits for room and begins to emit an event.
    async fn begin(&mut self, event: EventFrame) {
        if !self.options.lets(&event.name) {
            self.shared.crossed.ignored.fetch_add(1, Relaxed);
            return;
        }
        let all = room_bytes(self.session.core().limits.frame);
        let bytes = event.payload.len().clamp(all / MAX_UNDER_WAY, all) as u32;
        let room = loop {
            let room = Arc::clone(&self.room).acquire_many_owned(bytes);
            tokio::select! {
                biased;
                Some(report) = self.under_way.next() => told(&self.shared, &report),
                // Never closed.
                room = room => break room.ok(),
            }
        };
        self.shared.crossed.received.fetch_add(1, Relaxed);
        let occurrence = Occurrence {
            name: event.name,
            payload: Arc::new(detach(&event.payload)),
            type_name: type_name::<Bytes>(),
            origin: Origin::Peer {
                peer: self.session.peer(),
                session: self.session.id(),
            },
        };
        let shared = Arc::clone(&self.shared);
        let emit = async move {
            let report = shared.emit(occurrence).await;
            drop(room);
            report
        };
        self.under_way.push(emit.boxed());
    }
}

/// Nobody here emitted it, so what failed is counted and logged.
fn told(shared: &Shared, report: &EmitReport) {
    for failure in &report.failures {
        tracing::warn!(error = %failure.error, "event of a peer");
    }
    let failed = report.failures.len() + report.mismatches.len();
    shared.crossed.failed.fetch_add(failed as u64, Relaxed);
}

/// What events of a peer may be under way: twice the longest.
fn room_bytes(max: usize) -> usize {
    (2 * max).clamp(MAX_UNDER_WAY, Semaphore::MAX_PERMITS.min(u32::MAX as usize))
}

/// Events of a peer that may be under way at a time.
const MAX_UNDER_WAY: usize = 64;

/// Read in pieces of this many bytes.
const READ_BYTES: usize = 64 * 1_024;
