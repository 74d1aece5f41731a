//! Why a session ended: the application error code of QUIC's `CONNECTION_CLOSE`.
//!
//! *spec:* WIRE-80 to WIRE-82, `spec/registry/close-codes.toml`.

use super::{APPLICATION, application_code};
use crate::VarInt;

/// Why a session ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_enums,
    reason = "the three ranges cover every number"
)]
pub enum CloseCode {
    /// A reason of STT's.
    Registered(RegisteredClose),
    /// The application's own code.
    Application(u32),
    /// A number this version does not know.
    Unknown(u64),
}

/// STT's reasons to end a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
#[repr(u8)]
pub enum RegisteredClose {
    /// Both sides had finished: nothing was lost.
    Done = 0x00,
    /// The node shuts down.
    GoingAway = 0x01,
    /// The seed that authenticated the session is no longer accepted.
    EpochDropped = 0x02,
    /// The peer broke the wire format.
    ProtocolViolation = 0x03,
    /// The peer went beyond a limit.
    LimitExceeded = 0x04,
    /// The same session, by its id, exists already.
    DuplicateSession = 0x05,
    /// The peer did not do in time what it had to.
    TimedOut = 0x06,
    /// The closing side failed by itself.
    Internal = 0x07,
}

impl RegisteredClose {
    /// The name in the registry.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Done => "DONE",
            Self::GoingAway => "GOING_AWAY",
            Self::EpochDropped => "EPOCH_DROPPED",
            Self::ProtocolViolation => "PROTOCOL_VIOLATION",
            Self::LimitExceeded => "LIMIT_EXCEEDED",
            Self::DuplicateSession => "DUPLICATE_SESSION",
            Self::TimedOut => "TIMED_OUT",
            Self::Internal => "INTERNAL",
        }
    }

    /// The reason a number stands for, if it is registered.
    pub const fn from_number(number: u64) -> Option<Self> {
        Some(match number {
            0x00 => Self::Done,
            0x01 => Self::GoingAway,
            0x02 => Self::EpochDropped,
            0x03 => Self::ProtocolViolation,
            0x04 => Self::LimitExceeded,
            0x05 => Self::DuplicateSession,
            0x06 => Self::TimedOut,
            0x07 => Self::Internal,
            _ => return None,
        })
    }
}

impl From<RegisteredClose> for u64 {
    fn from(reason: RegisteredClose) -> Self {
        Self::from(reason as u8)
    }
}

impl From<RegisteredClose> for CloseCode {
    fn from(reason: RegisteredClose) -> Self {
        Self::Registered(reason)
    }
}

impl From<u64> for CloseCode {
    fn from(number: u64) -> Self {
        if let Some(reason) = RegisteredClose::from_number(number) {
            Self::Registered(reason)
        } else if let Some(code) = application_code(number) {
            Self::Application(code)
        } else {
            Self::Unknown(number)
        }
    }
}

impl From<CloseCode> for u64 {
    fn from(code: CloseCode) -> Self {
        match code {
            CloseCode::Registered(reason) => reason.into(),
            CloseCode::Application(code) => APPLICATION + Self::from(code),
            CloseCode::Unknown(number) => number,
        }
    }
}

impl From<VarInt> for CloseCode {
    fn from(number: VarInt) -> Self {
        Self::from(number.get())
    }
}

impl From<CloseCode> for VarInt {
    fn from(code: CloseCode) -> Self {
        // Only an unknown number that never came from a wire could be cut.
        Self::saturating(code.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_close_code_keeps_its_number() {
        let edges = [
            0x00,
            0x03,
            0x07,
            0x08,
            0xff,
            0x100,
            APPLICATION - 1,
            APPLICATION,
        ];
        let far = [
            APPLICATION + u64::from(u32::MAX),
            2 * APPLICATION,
            (1 << 62) - 1,
        ];
        for number in edges.into_iter().chain(far) {
            assert_eq!(u64::from(CloseCode::from(number)), number);
        }
    }

    #[test]
    fn application_close_codes_lie_beyond_all_of_stts() {
        assert_eq!(u64::from(CloseCode::Application(0)), 0x1_0000_0000);
        assert_eq!(
            CloseCode::from(0x1_ffff_ffff),
            CloseCode::Application(u32::MAX)
        );
        assert_eq!(
            CloseCode::from(0x2_0000_0000),
            CloseCode::Unknown(0x2_0000_0000)
        );
        assert_eq!(CloseCode::from(0xff), CloseCode::Unknown(0xff));
    }
}
