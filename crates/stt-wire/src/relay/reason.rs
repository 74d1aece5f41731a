//! Why a relay grants no channel, or no registration.
//!
//! *spec:* `spec/relay.md`, `spec/registry/relay.toml`.

/// Why a relay said no.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Unreached {
    /// The relay has as much to do as it may.
    Busy,
    /// No member of this id is registered.
    NotRegistered,
    /// One of the two has as many channels as it may.
    TooMany,
    /// A member asked for itself.
    Yourself,
    /// A reason that a newer version may know. Never holds a number of another variant.
    Other(u8),
}

impl Unreached {
    /// The name in the registry, if it has one.
    pub const fn name(self) -> Option<&'static str> {
        match self {
            Self::Busy => Some("BUSY"),
            Self::NotRegistered => Some("NOT_REGISTERED"),
            Self::TooMany => Some("TOO_MANY"),
            Self::Yourself => Some("YOURSELF"),
            Self::Other(_) => None,
        }
    }
}

impl From<u8> for Unreached {
    fn from(number: u8) -> Self {
        match number {
            0x00 => Self::Busy,
            0x01 => Self::NotRegistered,
            0x02 => Self::TooMany,
            0x03 => Self::Yourself,
            other => Self::Other(other),
        }
    }
}

impl From<Unreached> for u8 {
    fn from(reason: Unreached) -> Self {
        match reason {
            Unreached::Busy => 0x00,
            Unreached::NotRegistered => 0x01,
            Unreached::TooMany => 0x02,
            Unreached::Yourself => 0x03,
            Unreached::Other(number) => number,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_is_one_reason_and_comes_back() {
        for number in 0..=u8::MAX {
            assert_eq!(u8::from(Unreached::from(number)), number);
        }
    }
}
