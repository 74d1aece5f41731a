//! Why bytes of a peer were refused.
//!
//! Every reason here is the peer's fault: an own mistake cannot be encoded. What it means for the
//! session is [`DecodeError::close_code`].
//!
//! *spec:* WIRE-4 and the sections of each frame.

use crate::{FrameType, RegisteredClose};

/// The peer sent bytes that break the wire format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DecodeError {
    /// A frame has no payload where its type demands at least one byte of it.
    #[error("a part of a message carries no bytes")]
    EmptyPart,
    /// The type 0x00, which no frame may have.
    #[error("frame type 0x00 is illegal")]
    IllegalType,
    /// A lane number above [`limits::MAX_LANE`](crate::limits::MAX_LANE).
    #[error("lane {lane} exceeds the highest, {max}")]
    LaneOutOfRange {
        /// The lane the peer named.
        lane: u64,
        /// The highest lane there is.
        max: u64,
    },
    /// An address that is neither of IPv4 nor of IPv6.
    #[error("{len} bytes are no address and port")]
    MalformedAddress {
        /// Bytes of the address and the port.
        len: usize,
    },
    /// A name whose bytes are no text.
    #[error("a name is not UTF-8")]
    NameNotUtf8,
    /// An integer in a longer form than it needs.
    #[error("an integer is not in its shortest form")]
    NonMinimalVarint,
    /// A first part that already fills its message: it should have been a whole message.
    #[error("a first part of {len} bytes leaves nothing of a message of {total}")]
    PartFillsMessage {
        /// Bytes in the first part.
        len: u64,
        /// Bytes the whole message was announced with.
        total: u64,
    },
    /// A type of STT's range where only users' frames may be.
    #[error("frame type {0} is reserved and may not be sent as a user's frame")]
    ReservedType(FrameType),
    /// An address that nothing can be reached at, or that is written in another family's form.
    #[error("an address that is none, or not in its only form")]
    BadAddress,
    /// More things in a list than the rule allows.
    #[error("a list of {count} exceeds the limit of {max}")]
    TooMany {
        /// How many the peer announced.
        count: usize,
        /// The limit.
        max: usize,
    },
    /// A field of one byte with a value that has no meaning.
    #[error("a field holds {value:#04x}, which means nothing")]
    UnknownValue {
        /// The value.
        value: u8,
    },
    /// More bytes than the rule allows.
    #[error("{len} bytes exceed the limit of {max}")]
    TooLong {
        /// The length the peer announced or sent, in bytes.
        len: u64,
        /// The limit, in bytes.
        max: u64,
    },
    /// Bytes after the last field of a frame.
    #[error("{extra} bytes follow the last field of the frame")]
    TrailingBytes {
        /// How many bytes are too many.
        extra: usize,
    },
    /// A frame or a field ends before all its bytes came.
    #[error("the bytes end inside a frame")]
    Truncated,
    /// A type nobody registered, in the range that must be understood.
    #[error("frame type {0} is not known and must be understood")]
    UnknownType(FrameType),
    /// A registered type on a stream it does not belong to.
    #[error("frame type {0} does not belong on this stream")]
    WrongStream(FrameType),
}

impl DecodeError {
    /// The code to close the session with.
    pub const fn close_code(self) -> RegisteredClose {
        match self {
            Self::TooLong { .. } | Self::TooMany { .. } => RegisteredClose::LimitExceeded,
            _ => RegisteredClose::ProtocolViolation,
        }
    }
}
