//! The half of the frame types that belongs to users.
//!
//! *spec:* WIRE-3.

use std::convert::Infallible;

use crate::{DecodeError, FrameType};

/// A frame type of 0x80 to 0xFF.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UserFrameType(FrameType);

/// A type below 0x80 was to be used for a user's frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("frame type {frame_type} is reserved; users' types are 0x80 to 0xff")]
pub struct ReservedFrameType {
    /// The type that was asked for.
    pub frame_type: FrameType,
}

impl UserFrameType {
    /// Takes a type a peer sent.
    #[inline]
    pub(super) fn of(frame_type: FrameType) -> Result<Self, DecodeError> {
        if frame_type == FrameType::ILLEGAL {
            return Err(DecodeError::IllegalType);
        }
        Self::try_from(frame_type).map_err(|e| DecodeError::ReservedType(e.frame_type))
    }
}

impl TryFrom<FrameType> for UserFrameType {
    type Error = ReservedFrameType;

    #[inline]
    fn try_from(frame_type: FrameType) -> Result<Self, ReservedFrameType> {
        if frame_type.is_user() {
            Ok(Self(frame_type))
        } else {
            Err(ReservedFrameType { frame_type })
        }
    }
}

impl TryFrom<u8> for UserFrameType {
    type Error = ReservedFrameType;

    #[inline]
    fn try_from(number: u8) -> Result<Self, ReservedFrameType> {
        Self::try_from(FrameType::from(number))
    }
}

/// Lets functions take a type or what may become one.
impl From<Infallible> for ReservedFrameType {
    fn from(never: Infallible) -> Self {
        match never {}
    }
}

impl From<UserFrameType> for FrameType {
    #[inline]
    fn from(frame_type: UserFrameType) -> Self {
        frame_type.0
    }
}

impl From<UserFrameType> for u8 {
    #[inline]
    fn from(frame_type: UserFrameType) -> Self {
        frame_type.0.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_own_the_upper_half_of_the_types() {
        for number in 0..=u8::MAX {
            let taken = UserFrameType::try_from(number);
            assert_eq!(taken.is_ok(), number >= 0x80);
            assert_eq!(taken.is_ok(), FrameType::from(number).is_user());
        }
    }
}
