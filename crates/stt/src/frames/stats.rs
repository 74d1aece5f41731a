//! What a dispatcher counts.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use crate::handler::HandlerError;

/// Counters of a dispatcher over all its sessions, since it was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct DispatchStats {
    /// Frames whose handler ended well.
    pub handled: u64,
    /// Frames whose handler returned an error.
    pub failed: u64,
    /// Frames whose handler panicked.
    pub panicked: u64,
    /// Frames of types without a handler.
    pub unhandled: u64,
    /// Datagrams dropped because 1,024 of their type and session waited.
    pub dropped_datagrams: u64,
}

#[derive(Debug, Default)]
pub(super) struct Counters {
    handled: AtomicU64,
    failed: AtomicU64,
    panicked: AtomicU64,
    unhandled: AtomicU64,
    dropped_datagrams: AtomicU64,
}

impl Counters {
    pub(super) fn ended(&self, ended: &Result<(), HandlerError>) {
        let counter = match ended {
            Ok(()) => &self.handled,
            Err(HandlerError::Panicked { .. }) => &self.panicked,
            Err(HandlerError::Failed(_)) => &self.failed,
        };
        counter.fetch_add(1, Relaxed);
    }

    pub(super) fn unhandled(&self) {
        self.unhandled.fetch_add(1, Relaxed);
    }

    pub(super) fn dropped_datagram(&self) {
        self.dropped_datagrams.fetch_add(1, Relaxed);
    }

    pub(super) fn now(&self) -> DispatchStats {
        DispatchStats {
            handled: self.handled.load(Relaxed),
            failed: self.failed.load(Relaxed),
            panicked: self.panicked.load(Relaxed),
            unhandled: self.unhandled.load(Relaxed),
            dropped_datagrams: self.dropped_datagrams.load(Relaxed),
        }
    }
}
