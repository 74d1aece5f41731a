//! What came of an event.

use super::{BridgedDelivery, HandlerId};
use crate::handler::HandlerError;

/// What came of an event: how many handlers ran, and which of them failed.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct EmitReport {
    /// Handlers that ran to their end, well or not.
    pub ran: usize,
    /// Those of them that failed or panicked, in the order of registration.
    pub failures: Vec<HandlerFailure>,
    /// Handlers of this name that take another type, and were not called.
    pub mismatches: Vec<TypeMismatch>,
    /// Peers the event was to be sent to over bridges, and whether it was.
    pub bridged: Vec<BridgedDelivery>,
}

/// A handler failed or panicked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
#[error("{error}")]
pub struct HandlerFailure {
    /// Which.
    pub handler: HandlerId,
    /// How.
    #[source]
    pub error: HandlerError,
}

/// A handler was not called: it takes another type than the event carries.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
#[error("handler takes {takes}, the event carries {given}")]
pub struct TypeMismatch {
    /// Which.
    pub handler: HandlerId,
    /// The type it takes, as the compiler calls it.
    pub takes: &'static str,
    /// The type the event carries, as the compiler calls it.
    pub given: &'static str,
}

impl EmitReport {
    /// Whether every handler of the name was called and ended well, and every bridged peer is
    /// sent the event.
    pub fn all_well(&self) -> bool {
        let are_handled = self.failures.is_empty() && self.mismatches.is_empty();
        are_handled && self.bridged.iter().all(|delivery| delivery.outcome.is_ok())
    }

    pub(super) fn new(mismatches: Vec<TypeMismatch>) -> Self {
        Self {
            mismatches,
            ..Self::default()
        }
    }

    pub(super) fn ended(&mut self, handler: HandlerId, ended: Result<(), HandlerError>) {
        self.ran += 1;
        if let Err(error) = ended {
            self.failures.push(HandlerFailure { handler, error });
        }
    }

    /// They ended in any order.
    pub(super) fn finish(mut self) -> Self {
        self.failures.sort_by_key(|failure| failure.handler);
        self.bridged.sort_by_key(|delivery| delivery.session);
        self
    }
}
