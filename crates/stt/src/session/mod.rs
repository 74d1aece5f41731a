//! A session: the authenticated association of two nodes, and all that travels in it.
//!
//! | | where |
//! |---|---|
//! | what an application holds | [`handle`] |
//! | byte streams | [`stream`] |
//! | messages on stream ids | [`messages`] |
//! | frames of the application | [`frames`] |
//! | events of bridged emitters | [`events`] |
//! | the orderly end, and the others | [`closing`], [`close`] |
//! | STT's own frames | [`control`], [`outbound_control`] |
//! | the paths it has, and which carries the data | [`paths`] |
//! | queues before streams of ours | [`write_queue`] |
//! | streams the peer opens | [`accept`] |
//! | what all of them share | [`core`] |

mod accept;
mod checkpoints;
mod close;
pub(crate) mod closing;
mod control;
pub(crate) mod core;
pub(crate) mod detach;
pub(crate) mod events;
pub(crate) mod flag;
pub(crate) mod frames;
mod handle;
pub(crate) mod keys;
pub(crate) mod ledger;
pub(crate) mod messages;
mod outbound_control;
pub(crate) mod paths;
pub(crate) mod queue;
pub(crate) mod stats;
pub(crate) mod stream;
pub(crate) mod write_queue;

use std::fmt;

pub use close::{By, CloseReason, SessionError};
pub use events::{BridgeBacklog, BridgeSendError};
pub use frames::{DatagramError, Delivery, Frame, ReceiveFrameError};
pub use handle::Session;
pub use keys::KeyUpdate;
pub use stats::{PathInfo, SessionStats};
pub use stream::{ReadError, ReadToEndError, RecvStream, SendStream, StreamId, WriteError};
pub use stt_wire::{ReservedFrameType, UserFrameType};

/// Names a session; 8 bytes, the same on both sides, known to nobody else.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SessionId(pub [u8; 8]);

impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SessionId({self})")
    }
}

/// Why a message or a frame was not taken. Nothing of it was sent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SendError {
    /// The session is over.
    #[error("session closed: {0}")]
    Closed(CloseReason),
    /// One side has begun to close.
    #[error("session is closing")]
    Closing,
    /// It is longer than the limit.
    #[error("{len} bytes exceed the limit of {max}")]
    TooLong {
        /// Its length, in bytes.
        len: usize,
        /// The limit, in bytes.
        max: usize,
    },
    /// Stream ids go up to 2^62 - 1.
    #[error("stream id exceeds 2^62 - 1")]
    BadStreamId,
}

/// At most 64 bytes can be exported at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("at most 64 bytes can be exported")]
pub struct ExportTooLong;
