//! Why a WebSocket ends, and what the other side is told.
//!
//! spec: REACH-14

use tokio_tungstenite::tungstenite::{
    Error, error::ProtocolError, protocol::frame::coding::CloseCode,
};

/// Why a WebSocket ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ending {
    /// No session needs it any more.
    Unused,
    /// None came to need it in time.
    NoSession,
    /// None has come so far, and others needed the place.
    Crowded,
    /// The node is shut down.
    GoingAway,
    /// The peer ended it.
    ByPeer,
    /// It sent nothing, or took nothing, for too long.
    Silent,
    /// The connection is gone.
    Lost,
    /// The peer sent what RFC 6455 forbids.
    Violation,
    /// The peer sent text.
    Text,
    /// The peer sent text that is none, or such a reason with its close.
    NotUtf8,
    /// The peer sent a message that is too long.
    TooLong,
}

impl Ending {
    pub(super) fn of(error: &Error) -> Self {
        match error {
            Error::ConnectionClosed | Error::AlreadyClosed => Self::ByPeer,
            Error::Protocol(ProtocolError::ResetWithoutClosingHandshake) => Self::Lost,
            Error::Protocol(_) => Self::Violation,
            Error::Capacity(_) => Self::TooLong,
            Error::Utf8(_) => Self::NotUtf8,
            _ => Self::Lost,
        }
    }

    /// The code of the close frame (RFC 6455 section 7.4.1); `None` where there is nobody to tell.
    pub(super) fn code(self) -> Option<CloseCode> {
        match self {
            Self::Unused => Some(CloseCode::Normal),
            Self::GoingAway => Some(CloseCode::Away),
            Self::NoSession | Self::Crowded => Some(CloseCode::Policy),
            Self::Violation => Some(CloseCode::Protocol),
            Self::Text => Some(CloseCode::Unsupported),
            Self::NotUtf8 => Some(CloseCode::Invalid),
            Self::TooLong => Some(CloseCode::Size),
            Self::ByPeer | Self::Silent | Self::Lost => None,
        }
    }
}
