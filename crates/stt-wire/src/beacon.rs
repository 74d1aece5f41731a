//! A beacon: what a member says to whoever is on the same network, before it is sealed.
//!
//! | size  | field     | meaning                                                    |
//! |-------|-----------|------------------------------------------------------------|
//! | 1     | `asks`    | 1 if whoever hears it shall say where it is, else 0        |
//! | 8     | `time`    | seconds since 1970                                         |
//! | 32    | `node`    | the sender                                                 |
//! | 1     | `count`   | addresses that follow, at most 8; 0: it takes no sessions  |
//! | 7, 19 | addresses | family u8 (4, 6), IP 4 or 16, port u16                     |
//! | rest  | padding   | zeros, up to 256 bytes                                     |
//!
//! *Invariant.* All beacons are of one length, so that none tells how many addresses its sender has.
//!
//! *spec:* REACH-70 to REACH-78.

use std::net::SocketAddr;

use bytes::{BufMut, Bytes, BytesMut};

use crate::DecodeError;
use crate::dht::{put_address, take_address};
use crate::fields::Fields;
use crate::limits::MAX_BEACON_ADDRESSES;

/// Who is there, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "the form of the wire")]
pub struct Beacon {
    /// Whether the sender wants to know who else is there.
    pub asks: bool,
    /// Seconds since 1970, by the sender's clock.
    pub time: u64,
    /// The sender.
    pub node: [u8; 32],
    /// Where it takes sessions by UDP. At most [`MAX_BEACON_ADDRESSES`] are sent.
    pub addresses: Vec<SocketAddr>,
}

impl Beacon {
    /// Bytes of every beacon.
    pub const LEN: usize = 256;

    /// The beacon's bytes.
    pub fn encode(&self) -> [u8; Self::LEN] {
        let mut out = BytesMut::with_capacity(Self::LEN);
        let addresses = self.addresses.iter().take(MAX_BEACON_ADDRESSES);
        out.put_u8(u8::from(self.asks));
        out.put_u64(self.time);
        out.put_slice(&self.node);
        out.put_u8(addresses.len() as u8);
        for address in addresses {
            put_address(*address, &mut out);
        }
        let mut bytes = [0; Self::LEN];
        bytes[..out.len()].copy_from_slice(&out);
        bytes
    }

    /// The beacon of these bytes.
    ///
    /// # Errors
    ///
    /// [`DecodeError`], for what [`encode`](Self::encode) makes of nothing.
    pub fn decode(bytes: Bytes) -> Result<Self, DecodeError> {
        let extra = bytes.len().saturating_sub(Self::LEN);
        if extra > 0 {
            return Err(DecodeError::TrailingBytes { extra });
        }
        if bytes.len() < Self::LEN {
            return Err(DecodeError::Truncated);
        }
        let mut fields = Fields::new(bytes);
        let asks = match fields.u8()? {
            0 => false,
            1 => true,
            value => return Err(DecodeError::UnknownValue { value }),
        };
        let time = u64::from_be_bytes(fields.array()?);
        let node = fields.array()?;
        let count = fields.count(MAX_BEACON_ADDRESSES)?;
        let addresses = (0..count)
            .map(|_| take_address(&mut fields))
            .collect::<Result<_, _>>()?;
        match fields.rest().iter().find(|byte| **byte != 0) {
            Some(value) => Err(DecodeError::UnknownValue { value: *value }),
            None => Ok(Self {
                asks,
                time,
                node,
                addresses,
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_largest_beacon_fits_its_length_and_comes_back() {
        let address = SocketAddr::from(([0xfd; 16], 7));
        let beacon = Beacon {
            asks: true,
            time: 1,
            node: [2; 32],
            addresses: vec![address; MAX_BEACON_ADDRESSES],
        };
        let bytes = Bytes::copy_from_slice(&beacon.encode());
        assert_eq!(Beacon::decode(bytes), Ok(beacon));
    }

    #[test]
    fn padding_that_says_something_is_refused() {
        let beacon = Beacon {
            asks: false,
            time: 1,
            node: [2; 32],
            addresses: Vec::new(),
        };
        let mut bytes = beacon.encode();
        bytes[Beacon::LEN - 1] = 1;
        let refused = Beacon::decode(Bytes::copy_from_slice(&bytes));
        assert_eq!(refused, Err(DecodeError::UnknownValue { value: 1 }));
    }
}
