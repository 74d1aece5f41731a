//! Why a stream ended early: the code of QUIC's `RESET_STREAM` and `STOP_SENDING`.
//!
//! *spec:* WIRE-83, WIRE-84, `spec/registry/close-codes.toml`.

use super::{APPLICATION, application_code};
use crate::VarInt;

/// Why a stream ended early.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_enums,
    reason = "the three ranges cover every number"
)]
pub enum StreamCode {
    /// A reason of STT's.
    Registered(RegisteredStreamCode),
    /// The application's own code.
    Application(u32),
    /// A number this version does not know.
    Unknown(u64),
}

/// STT's reasons to end a stream early.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
#[repr(u8)]
pub enum RegisteredStreamCode {
    /// No reason given.
    None = 0x00,
    /// The stream's kind is not known or not served.
    RefusedKind = 0x01,
    /// The stream did not say in time what it is.
    OpenTimeout = 0x02,
    /// The application dropped its handle.
    Dropped = 0x03,
}

impl RegisteredStreamCode {
    /// The name in the registry.
    pub const fn name(self) -> &'static str {
        match self {
            Self::None => "NONE",
            Self::RefusedKind => "REFUSED_KIND",
            Self::OpenTimeout => "OPEN_TIMEOUT",
            Self::Dropped => "DROPPED",
        }
    }

    /// The reason a number stands for, if it is registered.
    pub const fn from_number(number: u64) -> Option<Self> {
        Some(match number {
            0x00 => Self::None,
            0x01 => Self::RefusedKind,
            0x02 => Self::OpenTimeout,
            0x03 => Self::Dropped,
            _ => return None,
        })
    }
}

impl From<RegisteredStreamCode> for u64 {
    fn from(reason: RegisteredStreamCode) -> Self {
        Self::from(reason as u8)
    }
}

impl From<RegisteredStreamCode> for StreamCode {
    fn from(reason: RegisteredStreamCode) -> Self {
        Self::Registered(reason)
    }
}

impl From<u64> for StreamCode {
    fn from(number: u64) -> Self {
        if let Some(reason) = RegisteredStreamCode::from_number(number) {
            Self::Registered(reason)
        } else if let Some(code) = application_code(number) {
            Self::Application(code)
        } else {
            Self::Unknown(number)
        }
    }
}

impl From<StreamCode> for u64 {
    fn from(code: StreamCode) -> Self {
        match code {
            StreamCode::Registered(reason) => reason.into(),
            StreamCode::Application(code) => APPLICATION + Self::from(code),
            StreamCode::Unknown(number) => number,
        }
    }
}

impl From<VarInt> for StreamCode {
    fn from(number: VarInt) -> Self {
        Self::from(number.get())
    }
}

impl From<StreamCode> for VarInt {
    fn from(code: StreamCode) -> Self {
        // Only an unknown number that never came from a wire could be cut.
        Self::saturating(code.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_stream_code_keeps_its_number() {
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
            assert_eq!(u64::from(StreamCode::from(number)), number);
        }
    }

    #[test]
    fn application_stream_codes_lie_beyond_all_of_stts() {
        assert_eq!(u64::from(StreamCode::Application(0)), 0x1_0000_0000);
        assert_eq!(
            StreamCode::from(0x1_ffff_ffff),
            StreamCode::Application(u32::MAX)
        );
        assert_eq!(
            StreamCode::from(0x2_0000_0000),
            StreamCode::Unknown(0x2_0000_0000)
        );
        assert_eq!(StreamCode::from(0xff), StreamCode::Unknown(0xff));
    }
}
