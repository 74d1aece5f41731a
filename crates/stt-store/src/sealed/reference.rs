//! A sealed reference: where a sealed object is, and what opens it. spec: COPY-21.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use data_encoding::HEXLOWER;
use stc::{Entropy, Secret};

use crate::object::{Address, ParseAddressError, ParseReferenceError, Reference, parse_hex};

/// What opens one sealed object. Never shown; wiped when the last clone is dropped.
#[derive(Clone)]
pub struct ContentKey(Arc<Secret<32>>);

impl ContentKey {
    pub(super) fn generate(entropy: &mut dyn Entropy) -> Self {
        Self(Arc::new(Secret::generate(entropy)))
    }

    /// A key from its bytes.
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(Arc::new(Secret::new(bytes)))
    }

    /// The bytes. Whatever is copied out of here is no longer protected.
    pub fn as_bytes(&self) -> &[u8; 32] {
        self.0.as_bytes()
    }
}

impl fmt::Debug for ContentKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ContentKey(..)")
    }
}

/// `ADDRESS:ROOT:LENGTH:KEY`: whoever has it can read the object, so [`to_text`](Self::to_text) is for those who shall.
/// The [`object`](Self::object) alone says where it is, and is for everybody.
#[derive(Debug, Clone)]
#[expect(
    clippy::exhaustive_structs,
    reason = "the text form has exactly these parts"
)]
pub struct SealedReference {
    /// The sealed object, as it is stored.
    pub object: Reference,
    /// What opens it.
    pub key: ContentKey,
}

impl SealedReference {
    /// The text, with the key.
    pub fn to_text(&self) -> String {
        let key = HEXLOWER.encode(self.key.as_bytes());
        format!("{}:{key}", self.object)
    }
}

impl FromStr for SealedReference {
    type Err = ParseSealedReferenceError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (object, key) = text
            .rsplit_once(':')
            .filter(|(object, _)| object.matches(':').count() == 2)
            .ok_or(ParseSealedReferenceError::Parts)?;
        let key = parse_hex(key).map_err(ParseSealedReferenceError::Key)?;
        Ok(Self {
            object: object.parse()?,
            key: ContentKey::from_bytes(key),
        })
    }
}

/// Why a text is no sealed reference.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ParseSealedReferenceError {
    /// It does not have four parts with colons between them.
    #[error("a sealed reference is ADDRESS:ROOT:LENGTH:KEY")]
    Parts,
    /// The first three are no reference.
    #[error(transparent)]
    Reference(#[from] ParseReferenceError),
    /// The key is none.
    #[error("the key of the sealed reference: {0}")]
    Key(#[source] ParseAddressError),
}

impl SealedReference {
    /// The address of the sealed object.
    pub fn address(&self) -> Address {
        self.object.address
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text() -> String {
        let (address, root, key) = ("1".repeat(64), "2".repeat(64), "3".repeat(64));
        format!("{address}:{root}:77:{key}")
    }

    #[test]
    fn sealed_reference_reads_as_it_is_told() {
        let reference: SealedReference = text().parse().unwrap();
        assert_eq!(reference.to_text(), text());
        assert_eq!(reference.key.as_bytes(), &[0x33; 32]);
    }

    #[test]
    fn key_is_not_shown() {
        let reference: SealedReference = text().parse().unwrap();
        assert!(!format!("{reference:?}").contains("33333"));
    }

    #[test]
    fn sealed_reference_needs_its_four_parts() {
        use ParseSealedReferenceError::{Key, Parts, Reference};
        let text = text();
        let plain = text.rsplit_once(':').unwrap().0;
        let parse = |text: &str| SealedReference::from_str(text).err();
        assert_eq!(parse(plain), Some(Parts));
        assert_eq!(parse(&format!("{text}:")), Some(Parts));
        assert!(matches!(parse(&format!("{text}0")), Some(Key(_))));
        assert!(matches!(parse(&format!("x{text}")), Some(Reference(_))));
    }
}
