//! The leases that a keeper has granted, as it keeps them.
//!
//! | size  | field    | meaning                                                             |
//! |-------|----------|---------------------------------------------------------------------|
//! | 1     | version  | 0x01                                                                |
//! | 4     | count    | leases that follow, 0 to 16,384                                     |
//! | 112   | leases   | `owner` 32, `address` 32, `root` 32, `length` u64, `until` u64       |
//!
//! *Not here.* The file, and the seal that proves who wrote it: crate `stt`.
//!
//! *spec:* COPY-13, COPY-14.

use bytes::{BufMut, Bytes, BytesMut};

use crate::DecodeError;
use crate::fields::Fields;
use crate::limits::MAX_KEPT_LEASES;

/// One owner's lease of one object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "the form of the file")]
pub struct KeptLease {
    /// Whose lease it is.
    pub owner: [u8; 32],
    /// The object's address.
    pub address: [u8; 32],
    /// Its root.
    pub root: [u8; 32],
    /// Its bytes.
    pub length: u64,
    /// When the lease ends: seconds since 1970.
    pub until: u64,
}

/// Leases, at most [`MAX_KEPT_LEASES`].
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct KeptLeases(Vec<KeptLease>);

const VERSION: u8 = 0x01;
const HEAD_LEN: usize = 5;

impl KeptLeases {
    /// Bytes of one lease.
    pub const LEASE_LEN: usize = 112;

    /// The first [`MAX_KEPT_LEASES`] of `leases`.
    pub fn new(leases: impl IntoIterator<Item = KeptLease>) -> Self {
        Self(leases.into_iter().take(MAX_KEPT_LEASES).collect())
    }

    /// The leases.
    pub fn leases(&self) -> &[KeptLease] {
        &self.0
    }

    /// The bytes to be sealed and kept.
    pub fn encode(&self) -> Bytes {
        let mut out = BytesMut::with_capacity(HEAD_LEN + self.0.len() * Self::LEASE_LEN);
        out.put_u8(VERSION);
        out.put_u32(self.0.len() as u32);
        for lease in &self.0 {
            out.put_slice(&lease.owner);
            out.put_slice(&lease.address);
            out.put_slice(&lease.root);
            out.put_u64(lease.length);
            out.put_u64(lease.until);
        }
        out.freeze()
    }

    /// Reads what was kept.
    ///
    /// # Errors
    ///
    /// [`DecodeError::UnknownValue`] for another version, [`DecodeError::TooMany`],
    /// [`DecodeError::Truncated`] and [`DecodeError::TrailingBytes`] for malformed fields.
    pub fn decode(bytes: Bytes) -> Result<Self, DecodeError> {
        let mut fields = Fields::new(bytes);
        let version = fields.u8()?;
        if version != VERSION {
            return Err(DecodeError::UnknownValue { value: version });
        }
        let count = u32::from_be_bytes(fields.array()?) as usize;
        if count > MAX_KEPT_LEASES {
            let max = MAX_KEPT_LEASES;
            return Err(DecodeError::TooMany { count, max });
        }
        let leases = (0..count).map(|_| decode_lease(&mut fields));
        let leases = leases.collect::<Result<_, _>>()?;
        fields.end()?;
        Ok(Self(leases))
    }
}

fn decode_lease(fields: &mut Fields) -> Result<KeptLease, DecodeError> {
    Ok(KeptLease {
        owner: fields.array()?,
        address: fields.array()?,
        root: fields.array()?,
        length: u64::from_be_bytes(fields.array()?),
        until: u64::from_be_bytes(fields.array()?),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lease(number: u8) -> KeptLease {
        KeptLease {
            owner: [number; 32],
            address: [number + 1; 32],
            root: [number + 2; 32],
            length: u64::MAX - u64::from(number),
            until: 1_900_000_000,
        }
    }

    #[test]
    fn leases_come_back_and_no_more_than_the_law_allows_are_kept() {
        let kept = KeptLeases::new((0..20_000_u32).map(|number| lease(number as u8 % 200)));
        assert_eq!(kept.leases().len(), MAX_KEPT_LEASES);
        let encoded = kept.encode();
        assert_eq!(
            encoded.len(),
            HEAD_LEN + MAX_KEPT_LEASES * KeptLeases::LEASE_LEN
        );
        assert_eq!(KeptLeases::decode(encoded), Ok(kept));
    }

    #[test]
    fn malformed_leases_are_refused() {
        let good = KeptLeases::new([lease(1)]).encode();
        let decode = |bytes: &[u8]| KeptLeases::decode(Bytes::copy_from_slice(bytes)).unwrap_err();
        assert_eq!(decode(&good[..116]), DecodeError::Truncated);
        assert_eq!(decode(&[2]), DecodeError::UnknownValue { value: 2 });
        let (count, max) = (MAX_KEPT_LEASES + 1, MAX_KEPT_LEASES);
        assert_eq!(
            decode(&[1, 0, 0, 0x40, 1]),
            DecodeError::TooMany { count, max }
        );
        assert_eq!(
            decode(&[1, 0, 0, 0, 0, 0]),
            DecodeError::TrailingBytes { extra: 1 }
        );
    }
}
