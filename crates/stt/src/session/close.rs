//! Why a session ended, who ended it, and the orderly way to do so.
//!
//! ```text
//! open --close()/peer's CLOSING--> closing --all said and heard--> FINISHED both ways --> closed
//!   \---------------- abort, timeout, violation, epoch dropped ------------------------> closed
//! ```
//!
//! [`CloseReason::Done`] means that each side has said that it consumed all the other sent. Any
//! other reason means that something may be missing, and both sides know it.
//!
//! *spec:* WIRE-80 to WIRE-82 (close codes).

use bytes::Bytes;
use noq::ConnectionError;
use stt_wire::{CloseCode, DecodeError, RegisteredClose};

/// Which of the two sides did it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_enums, reason = "a session has two sides")]
pub enum By {
    /// This node.
    Us,
    /// The peer.
    Peer,
}

/// Why a session is over.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CloseReason {
    /// Both sides finished and consumed everything of the other.
    #[error("done")]
    Done,
    /// An application aborted it.
    #[error("aborted by {} with code {code}", name(*by))]
    Aborted {
        /// Who aborted.
        by: By,
        /// The application's code.
        code: u32,
        /// The application's reason; bytes, because nobody but the application knows more.
        reason: Bytes,
    },
    /// A node was shut down before the session was done.
    #[error("shut down by {}", name(*by))]
    ShutDown {
        /// Whose node.
        by: By,
    },
    /// The seed epoch that had authenticated the session is no longer accepted.
    #[error("epoch dropped by {}", name(*by))]
    EpochDropped {
        /// Who dropped it.
        by: By,
    },
    /// Nothing was heard for the idle timeout.
    #[error("nothing heard for the idle timeout")]
    IdleTimeout,
    /// One side broke the wire format or a limit, as the other saw it.
    #[error("{} saw a violation of the protocol", name(*by))]
    Violation {
        /// Who saw it and ended the session.
        by: By,
    },
    /// A side had kept room for long messages or items, nothing of them came, and others needed the room.
    #[error("{} kept room for bytes that did not come", name(*by))]
    TimedOut {
        /// Whose room it was, who ended the session.
        by: By,
    },
    /// A session with the same id existed already.
    #[error("a session with the same id exists")]
    Duplicate,
    /// A side had no room for another session.
    #[error("{} is at a limit", name(*by))]
    AtLimit {
        /// Who was.
        by: By,
    },
    /// One side failed by itself.
    #[error("{} failed", name(*by))]
    Failed {
        /// Who failed.
        by: By,
    },
}

fn name(by: By) -> &'static str {
    match by {
        By::Us => "us",
        By::Peer => "the peer",
    }
}

impl CloseReason {
    /// What the engine's error means, where it was not our own doing.
    pub(crate) fn of(error: &ConnectionError) -> Self {
        match error {
            ConnectionError::ApplicationClosed(close) => Self::registered(
                close.error_code.into_inner(),
                By::Peer,
                close.reason.clone(),
            ),
            ConnectionError::TimedOut => Self::IdleTimeout,
            ConnectionError::TransportError(_) | ConnectionError::VersionMismatch => {
                Self::Violation { by: By::Us }
            }
            ConnectionError::ConnectionClosed(_) => Self::Violation { by: By::Peer },
            ConnectionError::Reset => Self::Failed { by: By::Peer },
            ConnectionError::LocallyClosed | ConnectionError::CidsExhausted => {
                Self::Failed { by: By::Us }
            }
        }
    }

    /// How a session ends whose peer sent bytes that don't decode.
    pub(crate) fn for_malformed(error: DecodeError) -> Self {
        match error.close_code() {
            RegisteredClose::LimitExceeded => Self::AtLimit { by: By::Us },
            _ => Self::Violation { by: By::Us },
        }
    }

    fn registered(code: u64, by: By, reason: Bytes) -> Self {
        match CloseCode::from(code) {
            CloseCode::Application(code) => Self::Aborted { by, code, reason },
            CloseCode::Registered(registered) => match registered {
                RegisteredClose::Done => Self::Done,
                RegisteredClose::GoingAway => Self::ShutDown { by },
                RegisteredClose::EpochDropped => Self::EpochDropped { by },
                RegisteredClose::ProtocolViolation => Self::Violation { by },
                RegisteredClose::LimitExceeded => Self::AtLimit { by },
                RegisteredClose::DuplicateSession => Self::Duplicate,
                RegisteredClose::TimedOut => Self::TimedOut { by },
                _ => Self::Failed { by },
            },
            CloseCode::Unknown(_) => Self::Failed { by },
        }
    }

    /// The code that tells the peer.
    pub(crate) fn code(&self) -> u64 {
        let registered = match self {
            Self::Aborted { code, .. } => return CloseCode::Application(*code).into(),
            Self::Done => RegisteredClose::Done,
            Self::ShutDown { .. } => RegisteredClose::GoingAway,
            Self::EpochDropped { .. } => RegisteredClose::EpochDropped,
            Self::Violation { .. } => RegisteredClose::ProtocolViolation,
            Self::Duplicate => RegisteredClose::DuplicateSession,
            Self::AtLimit { .. } => RegisteredClose::LimitExceeded,
            Self::IdleTimeout | Self::TimedOut { .. } => RegisteredClose::TimedOut,
            Self::Failed { .. } => RegisteredClose::Internal,
        };
        CloseCode::Registered(registered).into()
    }
}

/// A session could not be opened, used or ended because it is over, or soon will be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SessionError {
    /// It is over.
    #[error("session closed: {0}")]
    Closed(#[from] CloseReason),
    /// One side has begun to close: nothing new may begin.
    #[error("session is closing")]
    Closing,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_applications_code_comes_back_whole() {
        let aborted = CloseReason::Aborted {
            by: By::Peer,
            code: u32::MAX,
            reason: Bytes::from_static(b"x"),
        };
        let seen = CloseReason::registered(aborted.code(), By::Peer, Bytes::from_static(b"x"));
        assert_eq!(seen, aborted);
    }

    #[test]
    fn a_reason_of_ours_is_told_from_the_other_side() {
        let dropped = CloseReason::EpochDropped { by: By::Us };
        let seen = CloseReason::registered(dropped.code(), By::Peer, Bytes::new());
        assert_eq!(seen, CloseReason::EpochDropped { by: By::Peer });
    }
}
