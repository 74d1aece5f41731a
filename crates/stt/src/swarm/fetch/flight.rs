//! One part on its way from one provider.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use tokio::sync::{mpsc, oneshot};

use super::driver::Event;
use crate::session::Session;
use crate::storage::{Reference, blocking::ObjectPart};
use crate::swarm::exchange::ask::{AskError, take};
use crate::swarm::plan::ProviderId;
use crate::transport::platform::Platform;

/// What the driver has of a part on its way.
#[derive(Debug)]
pub(super) struct Flight {
    /// Dropped, the flight is given up.
    _cancel: oneshot::Sender<()>,
    received: Arc<AtomicU64>,
}

/// What came of a flight.
#[derive(Debug)]
pub(super) struct Landed {
    pub(super) provider: ProviderId,
    pub(super) part: ObjectPart,
    /// What was at hand when it began, and what came.
    pub(super) bytes: Vec<u8>,
    /// How many came.
    pub(super) received: u64,
    pub(super) outcome: Outcome,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    Whole,
    GivenUp,
    Failed(AskError),
}

impl Flight {
    /// Asks for a part; `bytes` of it are at hand.
    pub(super) fn begin(
        platform: &Platform,
        (provider, session): (ProviderId, Session),
        reference: Reference,
        part: ObjectPart,
        mut bytes: Vec<u8>,
        events: mpsc::Sender<Event>,
    ) -> Self {
        let (cancel, cancelled) = oneshot::channel::<()>();
        let received = Arc::new(AtomicU64::new(0));
        let counter = Arc::clone(&received);
        platform.spawn(async move {
            let outcome = tokio::select! {
                biased;
                _ = cancelled => Outcome::GivenUp,
                taken = take(&session, &reference, part, &mut bytes, &counter) => match taken {
                    Ok(()) => Outcome::Whole,
                    Err(error) => Outcome::Failed(error),
                },
            };
            let landed = Landed {
                provider,
                part,
                bytes,
                received: counter.load(Relaxed),
                outcome,
            };
            // Nobody wants it once the fetch is over.
            let _ = events.send(Event::Landed(landed)).await;
        });
        Self {
            _cancel: cancel,
            received,
        }
    }

    /// Bytes that came so far.
    pub(super) fn received(&self) -> u64 {
        self.received.load(Relaxed)
    }
}
