//! What came of routing an item: in a queue, in none, or nobody here knows.

use crate::session::CloseReason;

/// The item is in the endpoint's queue, on this node or on the peer's.
///
/// In the queue is not yet taken: the endpoint may be removed, or drop its oldest items.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Delivered;

/// Why an item was not, or may not have been, delivered.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[expect(
    clippy::exhaustive_enums,
    reason = "delivered, refused or unknown: there is no fourth"
)]
pub enum RouteError {
    /// It is in no queue and will come into none. It may be routed again.
    #[error("refused: {0}")]
    Refused(#[from] Refusal),
    /// The session ended before the peer had answered: it may be in the peer's queue, or not.
    #[error("unknown: session closed before an answer: {0}")]
    Unknown(CloseReason),
}

/// Why an item is in no queue.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// No endpoint of this name: not here, or not at the peer, or not for us, or it was removed
    /// meanwhile, or the peer serves no endpoints at all.
    #[error("no such endpoint")]
    NoSuchEndpoint,
    /// The queue is full, and the endpoint refuses then.
    #[error("queue is full")]
    Full,
    /// It is longer than the endpoint's queue, or a session, could ever hold.
    #[error("item of {len} bytes is too long")]
    TooLong {
        /// Its length, in bytes.
        len: usize,
    },
    /// The name is that of a group: see
    /// [`route_to_group`](super::EndpointManager::route_to_group).
    #[error("name of a group")]
    IsGroup,
    /// The session to the peer was over before anything of it was sent.
    #[error("session closed: {0}")]
    SessionClosed(CloseReason),
    /// The session to the peer is closing, and nothing new may begin.
    #[error("session is closing")]
    SessionClosing,
    /// The peer refused it for a reason that this version does not know.
    #[error("refused by the peer for reason {code}")]
    Other {
        /// The peer's reason, by the registry of a newer version.
        code: u64,
    },
}
