//! The members that a node knew when it last ran, as it keeps them.
//!
//! | size  | field    | meaning                      |
//! |-------|----------|------------------------------|
//! | 1     | version  | 0x01                         |
//! | 2     | count    | contacts that follow, 0 to 1,024 |
//! | ..    | contacts | as in an answer              |
//!
//! *Not here.* The file, and the seal that proves who wrote it: crate `stt`.
//!
//! *spec:* DHT-50 to DHT-52.

use bytes::{BufMut, Bytes, BytesMut};

use super::Contact;
use crate::DecodeError;
use crate::fields::Fields;
use crate::limits::MAX_KEPT_MEMBERS;

/// Members and where they were.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct KeptMembers(Vec<Contact>);

const VERSION: u8 = 0x01;

impl KeptMembers {
    /// The first [`MAX_KEPT_MEMBERS`] of `contacts`.
    pub fn new(contacts: impl IntoIterator<Item = Contact>) -> Self {
        Self(contacts.into_iter().take(MAX_KEPT_MEMBERS).collect())
    }

    /// The members.
    pub fn contacts(&self) -> &[Contact] {
        &self.0
    }

    /// The bytes to be sealed and kept.
    pub fn encode(&self) -> Bytes {
        let contacts = self.0.iter().map(Contact::encoded_len).sum::<usize>();
        let mut out = BytesMut::with_capacity(3 + contacts);
        out.put_u8(VERSION);
        out.put_u16(self.0.len() as u16);
        for contact in &self.0 {
            contact.encode(&mut out);
        }
        out.freeze()
    }

    /// Reads what was kept.
    ///
    /// # Errors
    ///
    /// [`DecodeError::UnknownValue`] for another version, [`DecodeError::TooMany`],
    /// [`DecodeError::BadAddress`], [`DecodeError::Truncated`] and [`DecodeError::TrailingBytes`] for
    /// malformed fields.
    pub fn decode(bytes: Bytes) -> Result<Self, DecodeError> {
        let mut fields = Fields::new(bytes);
        let version = fields.u8()?;
        if version != VERSION {
            return Err(DecodeError::UnknownValue { value: version });
        }
        let count = usize::from(u16::from_be_bytes(fields.array()?));
        if count > MAX_KEPT_MEMBERS {
            let max = MAX_KEPT_MEMBERS;
            return Err(DecodeError::TooMany { count, max });
        }
        let contacts = (0..count).map(|_| Contact::decode(&mut fields));
        let contacts = contacts.collect::<Result<_, _>>()?;
        fields.end()?;
        Ok(Self(contacts))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Addresses;

    fn contact(number: u16) -> Contact {
        let mut node = [0; 32];
        node[..2].copy_from_slice(&number.to_be_bytes());
        let address = std::net::SocketAddr::from(([192, 0, 2, 1], number + 1));
        Contact {
            node,
            addresses: Addresses::from(address),
        }
    }

    #[test]
    fn members_come_back_and_no_more_than_the_law_allows_are_kept() {
        let kept = KeptMembers::new((0..2_000).map(contact));
        assert_eq!(kept.contacts().len(), MAX_KEPT_MEMBERS);
        assert_eq!(KeptMembers::decode(kept.encode()), Ok(kept));
    }

    #[test]
    fn list_that_announces_too_many_is_refused_before_it_is_read() {
        let (count, max) = (1_025, MAX_KEPT_MEMBERS);
        let bytes = Bytes::from_static(&[1, 4, 1]);
        assert_eq!(
            KeptMembers::decode(bytes),
            Err(DecodeError::TooMany { count, max })
        );
        let cut = KeptMembers::new([contact(1)]).encode();
        assert_eq!(
            KeptMembers::decode(cut.slice(..cut.len() - 1)),
            Err(DecodeError::Truncated)
        );
    }
}
