//! A reference: all it takes to verify each block of an object alone. spec: STORE-4.

use std::fmt;
use std::str::FromStr;

use data_encoding::HEXLOWER;

use super::address::{Address, ParseAddressError, parse_hex};

/// `ADDRESS:ROOT:LENGTH`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(
    clippy::exhaustive_structs,
    reason = "the text form has exactly these parts"
)]
pub struct Reference {
    /// What names the object.
    pub address: Address,
    /// The BLAKE3 name of its only block, or of its manifest.
    pub root: [u8; 32],
    /// Bytes of the object.
    pub length: u64,
}

impl From<Reference> for Address {
    fn from(reference: Reference) -> Self {
        reference.address
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let root = HEXLOWER.encode(&self.root);
        write!(f, "{}:{root}:{}", self.address, self.length)
    }
}

impl FromStr for Reference {
    type Err = ParseReferenceError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut parts = text.split(':');
        let (Some(address), Some(root), Some(length), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(ParseReferenceError::Parts);
        };
        Ok(Self {
            address: address.parse().map_err(ParseReferenceError::Address)?,
            root: parse_hex(root).map_err(ParseReferenceError::Root)?,
            length: parse_length(length).ok_or(ParseReferenceError::Length)?,
        })
    }
}

/// Digits only, and as few as it takes: a length has one text.
fn parse_length(text: &str) -> Option<u64> {
    let is_canonical =
        text.bytes().all(|byte| byte.is_ascii_digit()) && (text == "0" || !text.starts_with('0'));
    text.parse().ok().filter(|_| is_canonical)
}

/// Why a text is no reference.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ParseReferenceError {
    /// It does not have three parts with colons between them.
    #[error("a reference is ADDRESS:ROOT:LENGTH")]
    Parts,
    /// The address is none.
    #[error("the address of the reference: {0}")]
    Address(#[source] ParseAddressError),
    /// The root is none.
    #[error("the root of the reference: {0}")]
    Root(#[source] ParseAddressError),
    /// The length is no number without leading zeros.
    #[error("the length of the reference is no number of bytes")]
    Length,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reference() -> Reference {
        Reference {
            address: Address::from_bytes([1; 32]),
            root: [2; 32],
            length: 1_048_577,
        }
    }

    #[test]
    fn reference_reads_as_it_is_shown() {
        assert_eq!(reference().to_string().parse(), Ok(reference()));
    }

    #[test]
    fn length_of_a_reference_has_one_text() {
        let text = reference().to_string();
        let prefix = text.strip_suffix("1048577").unwrap();
        for length in ["", "01", "+1", "-1", "1 ", "18446744073709551616"] {
            let parsed: Result<Reference, _> = format!("{prefix}{length}").parse();
            assert_eq!(parsed, Err(ParseReferenceError::Length), "{length}");
        }
    }

    #[test]
    fn reference_needs_its_three_parts() {
        let text = reference().to_string();
        for bad in [&text[..64], &text[..129], &format!("{text}:"), ""] {
            let parsed: Result<Reference, _> = bad.parse();
            assert_eq!(parsed, Err(ParseReferenceError::Parts), "{bad}");
        }
    }
}
