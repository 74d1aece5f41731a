//! Why a stream was not taken: it alone is refused, or the session ends.
//!
//! *spec:* WIRE-11, WIRE-12.

use crate::{DecodeError, RegisteredStreamCode};

/// The peer opened a stream that cannot be served.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The frame breaks the wire format: the session ends.
    #[error(transparent)]
    Malformed(#[from] DecodeError),
    /// A kind this version does not know: the stream is refused, the session lives.
    #[error("stream kind {kind:#x} is not known")]
    UnknownKind {
        /// The kind the peer named.
        kind: u64,
    },
    /// A stripe other than 0: the stream is refused, the session lives.
    #[error("stripe {stripe} is not known")]
    UnknownStripe {
        /// The stripe the peer named.
        stripe: u64,
    },
}

impl OpenError {
    /// The code to refuse the stream with, or `None` if the session must end.
    pub const fn stream_code(self) -> Option<RegisteredStreamCode> {
        match self {
            Self::Malformed(_) => None,
            Self::UnknownKind { .. } | Self::UnknownStripe { .. } => {
                Some(RegisteredStreamCode::RefusedKind)
            }
        }
    }
}
