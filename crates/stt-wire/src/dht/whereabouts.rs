//! Where a member says that it is, inside the sealed part of its records.
//!
//! | size  | field     | meaning                                      |
//! |-------|-----------|----------------------------------------------|
//! | 1     | version   | 0x01                                         |
//! | 1     | count     | addresses that follow, 0 to 8                |
//! | 7, 19 | addresses | as those of a contact; best first, none twice |
//!
//! *Invariant.* It fits the sealed part of a record, whatever the addresses.
//!
//! *spec:* DHT-25, DHT-26.

use std::net::SocketAddr;

use bytes::{BufMut, Bytes, BytesMut};

use super::contact::{is_dialable, put_address, take_address};
use crate::DecodeError;
use crate::fields::Fields;
use crate::limits::MAX_WHEREABOUTS;

/// The addresses of a member, as itself knows them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Whereabouts(Vec<SocketAddr>);

const VERSION: u8 = 0x01;

impl Whereabouts {
    /// Those of `addresses` that can be dialled, each once and at most [`MAX_WHEREABOUTS`], in their
    /// order.
    pub fn new(addresses: impl IntoIterator<Item = SocketAddr>) -> Self {
        let mut kept = Vec::new();
        for address in addresses {
            let address = SocketAddr::new(address.ip().to_canonical(), address.port());
            if kept.len() < MAX_WHEREABOUTS && is_dialable(address) && !kept.contains(&address) {
                kept.push(address);
            }
        }
        Self(kept)
    }

    /// The addresses, best first.
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.0
    }

    /// The bytes to be sealed.
    pub fn encode(&self) -> Bytes {
        let mut out = BytesMut::new();
        out.put_u8(VERSION);
        out.put_u8(self.0.len() as u8);
        for address in &self.0 {
            put_address(*address, &mut out);
        }
        out.freeze()
    }

    /// Reads what was sealed.
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
        let count = fields.count(MAX_WHEREABOUTS)?;
        let mut addresses = Vec::with_capacity(count);
        for _ in 0..count {
            let address = take_address(&mut fields)?;
            if addresses.contains(&address) {
                return Err(DecodeError::BadAddress);
            }
            addresses.push(address);
        }
        fields.end()?;
        Ok(Self(addresses))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> SocketAddr {
        text.parse().unwrap()
    }

    #[test]
    fn what_cannot_be_dialled_and_what_is_too_much_is_left_out() {
        let many = (1..20).map(|port| SocketAddr::from(([192, 0, 2, 1], port)));
        let odd = [
            at("0.0.0.0:7"),
            at("192.0.2.1:0"),
            at("[::ffff:192.0.2.1]:1"),
        ];
        let kept = Whereabouts::new(odd.into_iter().chain(many));
        assert_eq!(kept.addresses().len(), MAX_WHEREABOUTS);
        assert_eq!(kept.addresses()[0], at("192.0.2.1:1"));
        assert_eq!(Whereabouts::decode(kept.encode()), Ok(kept));
    }

    #[test]
    fn longest_whereabouts_fit_a_record() {
        let long = (1..=8).map(|port| at(&format!("[2001:db8::1]:{port}")));
        // What sealing adds: a version, a salt and a tag.
        let sealed = Whereabouts::new(long).encode().len() + 49;
        assert!(sealed <= crate::limits::MAX_SEALED_LEN);
    }

    #[test]
    fn other_versions_and_addresses_given_twice_are_refused() {
        let refused = |bytes: &[u8]| Whereabouts::decode(Bytes::copy_from_slice(bytes));
        assert_eq!(
            refused(&[2, 0]),
            Err(DecodeError::UnknownValue { value: 2 })
        );
        let one = [4, 192, 0, 2, 1, 0, 7];
        let twice = [&[1, 2], &one[..], &one[..]].concat();
        assert_eq!(refused(&twice), Err(DecodeError::BadAddress));
        assert_eq!(refused(&[1, 1, 4]), Err(DecodeError::Truncated));
        assert_eq!(
            refused(&[1, 0, 0]),
            Err(DecodeError::TrailingBytes { extra: 1 })
        );
    }
}
