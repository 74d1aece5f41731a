//! The public name of a node, and its text. spec: STC-4.

use data_encoding::{BASE32_NOPAD, BASE32_NOPAD_NOCASE};
use std::fmt;
use std::str::FromStr;

/// The public name of a node: its Ed25519 public key.
///
/// Shown as 52 characters of lower-case base32 without padding; parsing takes either case. Any 32
/// bytes can be a name; whether they are a usable key is found when a proof is verified.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeId([u8; 32]);

impl NodeId {
    /// A name from its bytes.
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The public key.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Display for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&BASE32_NOPAD.encode(&self.0).to_ascii_lowercase())
    }
}

impl fmt::Debug for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "NodeId({self})")
    }
}

impl FromStr for NodeId {
    type Err = ParseNodeIdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.len() != TEXT_LEN {
            return Err(ParseNodeIdError::BadLength { actual: text.len() });
        }
        let mut bytes = [0; 32];
        BASE32_NOPAD_NOCASE
            .decode_mut(text.as_bytes(), &mut bytes)
            .map_err(|_| ParseNodeIdError::BadCharacter)?;
        Ok(Self(bytes))
    }
}

/// Why a text is not a [`NodeId`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ParseNodeIdError {
    /// Not 52 bytes long.
    #[error("node id of {actual} bytes, not {TEXT_LEN}")]
    BadLength {
        /// Bytes of the text.
        actual: usize,
    },
    /// Not base32, or spare bits at the end that are not zero.
    #[error("node id with a character outside base32")]
    BadCharacter,
}

/// 256 bits, 5 a character.
const TEXT_LEN: usize = 52;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::NodeSeed;
    use proptest::prelude::*;

    #[test]
    fn text_that_is_no_node_id_is_refused() {
        let good = NodeSeed::from_bytes([1; 32])
            .identity()
            .node_id()
            .to_string();
        let parse = |text: &str| text.parse::<NodeId>();
        assert_eq!(parse(""), Err(ParseNodeIdError::BadLength { actual: 0 }));
        assert_eq!(
            parse(&good[1..]),
            Err(ParseNodeIdError::BadLength { actual: 51 })
        );
        assert_eq!(
            parse(&format!("{}1", &good[..51])),
            Err(ParseNodeIdError::BadCharacter)
        );
        // The last character carries one bit; the other four must be zero.
        assert_eq!(
            parse(&format!("{}b", &good[..51])),
            Err(ParseNodeIdError::BadCharacter)
        );
    }

    proptest! {
        #[test]
        fn any_node_id_survives_its_text(bytes: [u8; 32]) {
            let id = NodeId::from_bytes(bytes);
            let text = id.to_string();
            prop_assert_eq!(text.len(), TEXT_LEN);
            prop_assert_eq!(text.parse::<NodeId>().unwrap(), id);
            prop_assert_eq!(text.to_uppercase().parse::<NodeId>().unwrap(), id);
        }

        #[test]
        fn any_text_is_a_node_id_or_a_typed_error(text in "\\PC{0,60}") {
            let _ = text.parse::<NodeId>();
        }
    }
}
