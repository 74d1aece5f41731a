//! How a peer may break the rules of endpoint streams.

use stt_wire::{DecodeError, limits::MAX_LIVE_ENDPOINT_STREAMS};

use crate::session::{By, CloseReason, core::Core, messages::inbox::LaneViolation};

/// The peer broke the rules of endpoint streams.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum Violation {
    #[error("{0}")]
    Malformed(#[from] DecodeError),
    #[error("{0}")]
    Item(#[from] LaneViolation),
    #[error("items before the name, or a second name")]
    Attach,
    #[error("two endpoint streams of one name")]
    SameName,
    #[error("more than {max} endpoint streams", max = MAX_LIVE_ENDPOINT_STREAMS)]
    TooManyStreams,
    #[error("a stream that ends inside an item")]
    CutOff,
    #[error("a receipt for items that were not sent, or were answered")]
    Receipt,
    #[error("credit beyond all measure")]
    Credit,
    #[error("an end before everything was answered")]
    Ended,
}

impl Violation {
    /// Ends the session that did it.
    pub(super) fn end(self, core: &Core) {
        tracing::warn!(violation = %self, session = %core.id(), "endpoint stream");
        core.end(match self {
            Self::Malformed(error) => CloseReason::for_malformed(error),
            Self::Item(violation) => violation.close_reason(),
            Self::TooManyStreams => CloseReason::AtLimit { by: By::Us },
            _ => CloseReason::Violation { by: By::Us },
        });
    }
}
