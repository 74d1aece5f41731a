//! A name that applications choose: of an endpoint, of an event.
//!
//! | offset | size   | field  | meaning                     |
//! |--------|--------|--------|-----------------------------|
//! | 0      | 1      | length | bytes of the text, 0 to 255 |
//! | 1      | length | text   | UTF-8                       |
//!
//! *Invariant.* At most 255 bytes of UTF-8. Nothing else is asked of a name and nothing is changed
//! in it: two names are the same if their bytes are.
//!
//! *spec:* WIRE-6.

use std::{borrow::Borrow, convert::Infallible, fmt, ops::Deref, str::FromStr, sync::Arc};

use bytes::{Buf, BufMut, Bytes, BytesMut};

use crate::DecodeError;

/// What an application calls an endpoint or an event: any Unicode up to 255 bytes. Cheap to clone.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Name(Arc<str>);

/// A name has more than 255 bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a name of {len} bytes exceeds the limit of {max}", max = Name::MAX_LEN)]
pub struct NameTooLong {
    /// Its length, in bytes of UTF-8.
    pub len: usize,
}

impl Name {
    /// Most bytes of a name, in UTF-8.
    pub const MAX_LEN: usize = 255;

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Bytes of the name on the wire, its length included.
    pub fn encoded_len(&self) -> usize {
        1 + self.0.len()
    }

    /// Appends the name, its length first.
    pub fn encode(&self, out: &mut BytesMut) {
        out.reserve(self.encoded_len());
        // Within the invariant the length fits.
        out.put_u8(self.0.len() as u8);
        out.extend_from_slice(self.0.as_bytes());
    }

    /// Takes a name from the front of `input`, with a copy, so that it holds no more memory than
    /// its own.
    ///
    /// # Errors
    ///
    /// [`DecodeError::Truncated`] if it is not all there, [`DecodeError::NameNotUtf8`].
    pub fn take(input: &mut Bytes) -> Result<Self, DecodeError> {
        let len = usize::from(*input.first().ok_or(DecodeError::Truncated)?);
        let text = input.get(1..=len).ok_or(DecodeError::Truncated)?;
        let text = str::from_utf8(text).map_err(|_| DecodeError::NameNotUtf8)?;
        let name = Self(text.into());
        input.advance(1 + len);
        Ok(name)
    }
}

const fn check(text: &str) -> Result<(), NameTooLong> {
    match text.len() {
        0..=Name::MAX_LEN => Ok(()),
        len => Err(NameTooLong { len }),
    }
}

impl TryFrom<&str> for Name {
    type Error = NameTooLong;

    fn try_from(text: &str) -> Result<Self, NameTooLong> {
        check(text).map(|()| Self(text.into()))
    }
}

impl TryFrom<String> for Name {
    type Error = NameTooLong;

    fn try_from(text: String) -> Result<Self, NameTooLong> {
        check(&text).map(|()| Self(text.into()))
    }
}

impl TryFrom<&String> for Name {
    type Error = NameTooLong;

    fn try_from(text: &String) -> Result<Self, NameTooLong> {
        Self::try_from(text.as_str())
    }
}

impl FromStr for Name {
    type Err = NameTooLong;

    fn from_str(text: &str) -> Result<Self, NameTooLong> {
        Self::try_from(text)
    }
}

impl From<&Self> for Name {
    fn from(name: &Self) -> Self {
        name.clone()
    }
}

/// Lets functions take a name or what may become one.
impl From<Infallible> for NameTooLong {
    fn from(never: Infallible) -> Self {
        match never {}
    }
}

impl Deref for Name {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl AsRef<str> for Name {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

/// A map by name is searched by text.
impl Borrow<str> for Name {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl PartialEq<str> for Name {
    fn eq(&self, text: &str) -> bool {
        *self.0 == *text
    }
}

impl PartialEq<&str> for Name {
    fn eq(&self, text: &&str) -> bool {
        *self.0 == **text
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&*self.0, f)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    fn name(text: &str) -> Name {
        Name::try_from(text).unwrap()
    }

    proptest! {
        #[test]
        fn name_survives_the_wire_and_leaves_what_follows(text in ".{0,63}", rest: Vec<u8>) {
            let name = name(&text);
            let mut out = BytesMut::new();
            name.encode(&mut out);
            prop_assert_eq!(out.len(), name.encoded_len());
            out.extend_from_slice(&rest);
            let mut input = out.freeze();
            prop_assert_eq!(Name::take(&mut input), Ok(name));
            prop_assert_eq!(input, rest);
        }

        #[test]
        fn name_cut_at_any_byte_is_truncated(text in ".{1,63}") {
            let mut out = BytesMut::new();
            name(&text).encode(&mut out);
            for end in 0..out.len() {
                let mut cut = Bytes::copy_from_slice(&out[..end]);
                prop_assert_eq!(Name::take(&mut cut), Err(DecodeError::Truncated));
            }
        }
    }

    #[test]
    fn name_is_any_unicode_up_to_255_bytes() {
        for text in ["", "\0", "temperature", "ὄνομα", "🎈\u{202e}"] {
            assert_eq!(name(text), text);
        }
        let longest = "n".repeat(Name::MAX_LEN);
        assert_eq!(name(&longest).len(), 255);
        // Bytes count, not characters.
        for (unit, len) in [("n", 256), ("é", 256), ("🎈", 256)] {
            let text = unit.repeat(len / unit.len());
            assert_eq!(Name::try_from(text), Err(NameTooLong { len }));
        }
    }

    #[test]
    fn name_that_is_no_text_is_refused() {
        let mut input = Bytes::from_static(&[2, 0xc3, 0x28]);
        assert_eq!(Name::take(&mut input), Err(DecodeError::NameNotUtf8));
    }

    #[test]
    fn names_that_only_look_alike_differ() {
        assert_ne!(name("\u{e9}"), name("e\u{301}"));
    }

    #[test]
    fn map_by_name_is_searched_by_text() {
        let map = BTreeMap::from([(name("here"), 1)]);
        assert_eq!((map.get("here"), map.get("there")), (Some(&1), None));
    }
}
