//! The address of an object: SHA3-256 of its plaintext. spec: STORE-1.

use std::fmt;
use std::str::FromStr;

use data_encoding::{HEXLOWER, HEXLOWER_PERMISSIVE};

/// 32 bytes that name an object, the same everywhere.
///
/// Shown and read as 64 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Address([u8; 32]);

impl Address {
    /// The address of `bytes`. Runs at about half a gigabyte a second.
    pub fn of(bytes: &[u8]) -> Self {
        Self(stc::content_address(bytes))
    }

    /// An address from its bytes.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The bytes.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&HEXLOWER.encode(&self.0))
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Address({self})")
    }
}

impl FromStr for Address {
    type Err = ParseAddressError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        parse_hex(text).map(Self)
    }
}

/// 32 bytes of 64 digits; the root of a reference has the same form.
pub(crate) fn parse_hex(text: &str) -> Result<[u8; 32], ParseAddressError> {
    let found = text.chars().count();
    if found != 64 {
        return Err(ParseAddressError::Length { found });
    }
    let bytes = HEXLOWER_PERMISSIVE
        .decode(text.as_bytes())
        .map_err(|_| ParseAddressError::Digit)?;
    bytes.try_into().map_err(|_| ParseAddressError::Digit)
}

/// Why a text is no address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ParseAddressError {
    /// It has another length.
    #[error("an address has 64 hexadecimal digits, not {found}")]
    Length {
        /// Characters in the text.
        found: usize,
    },
    /// It has a character that is no hexadecimal digit.
    #[error("an address has only hexadecimal digits")]
    Digit,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn address_reads_as_it_is_shown_in_either_case() {
        let address = Address::of(b"hello world");
        let text = address.to_string();
        assert_eq!(text.parse(), Ok(address));
        assert_eq!(text.to_uppercase().parse(), Ok(address));
    }

    #[test]
    fn address_of_another_length_is_refused_with_the_length() {
        let short: Result<Address, _> = "abcd".parse();
        assert_eq!(short, Err(ParseAddressError::Length { found: 4 }));
        let long: Result<Address, _> = "0".repeat(65).parse();
        assert_eq!(long, Err(ParseAddressError::Length { found: 65 }));
    }

    #[test]
    fn address_with_another_character_is_refused() {
        for digit in ["g", " ", "\u{e4}"] {
            let text = format!("{}{digit}", "0".repeat(63));
            assert_eq!(text.parse::<Address>(), Err(ParseAddressError::Digit));
        }
    }
}
