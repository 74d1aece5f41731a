//! Why a member keeps no copy.
//!
//! *spec:* COPY-8, `spec/registry/keep.toml`.

/// Why a keeper said no.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Declined {
    /// There is not so much room left.
    Full,
    /// There is, but not for this owner.
    Share,
    /// The bytes that came are not those of the address.
    False,
    /// The bytes did not come: nobody gave them, or not in time.
    Uncome,
    /// The keeper could not store them.
    Failed,
    /// A reason that a newer version may know. Never holds a number of another variant.
    Other(u8),
}

impl Declined {
    /// The name in the registry, if it has one.
    pub const fn name(self) -> Option<&'static str> {
        match self {
            Self::Full => Some("FULL"),
            Self::Share => Some("SHARE"),
            Self::False => Some("FALSE"),
            Self::Uncome => Some("UNCOME"),
            Self::Failed => Some("FAILED"),
            Self::Other(_) => None,
        }
    }
}

impl From<u8> for Declined {
    fn from(number: u8) -> Self {
        match number {
            0x00 => Self::Full,
            0x01 => Self::Share,
            0x02 => Self::False,
            0x03 => Self::Uncome,
            0x04 => Self::Failed,
            other => Self::Other(other),
        }
    }
}

impl From<Declined> for u8 {
    fn from(reason: Declined) -> Self {
        match reason {
            Declined::Full => 0x00,
            Declined::Share => 0x01,
            Declined::False => 0x02,
            Declined::Uncome => 0x03,
            Declined::Failed => 0x04,
            Declined::Other(number) => number,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_is_one_reason_and_comes_back() {
        for number in 0..=u8::MAX {
            assert_eq!(u8::from(Declined::from(number)), number);
        }
    }
}
