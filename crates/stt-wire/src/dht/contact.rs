//! Where a member of the DHT is said to be.
//!
//! | size    | field     | meaning                                        |
//! |---------|-----------|------------------------------------------------|
//! | 32      | node      | its public key                                 |
//! | 1       | count     | addresses that follow, 1 or 2                  |
//! | 7, 19   | addresses | family u8 (4, 6), IP 4 or 16, port u16; best first |
//!
//! *Invariant.* An address has one form: port 0 is none, and an IPv4 address is never written as IPv6.
//!
//! *spec:* DHT-8, DHT-9.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use bytes::{BufMut, BytesMut};

use crate::DecodeError;
use crate::fields::Fields;

/// A member and the addresses it can be dialled at, as the sender of a message knows them.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_structs, reason = "the form of the wire")]
pub struct Contact {
    /// The member's public key.
    pub node: [u8; 32],
    /// Where it can be dialled.
    pub addresses: Addresses,
}

impl Contact {
    /// Bytes of the contact on the wire.
    pub fn encoded_len(&self) -> usize {
        33 + self.addresses.iter().map(address_len).sum::<usize>()
    }

    pub(crate) fn encode(&self, out: &mut BytesMut) {
        out.put_slice(&self.node);
        out.put_u8(self.addresses.len);
        for address in self.addresses.iter() {
            put_address(address, out);
        }
    }

    pub(crate) fn decode(fields: &mut Fields) -> Result<Self, DecodeError> {
        let node = fields.array()?;
        let count = fields.count(Addresses::MOST)?;
        if count == 0 {
            return Err(DecodeError::BadAddress);
        }
        let first = take_address(fields)?;
        let mut addresses = Addresses::from(first);
        if count == 2 {
            let second = take_address(fields)?;
            if second == first {
                return Err(DecodeError::BadAddress);
            }
            addresses.push(second);
        }
        Ok(Self { node, addresses })
    }
}

impl fmt::Debug for Contact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let start: [u8; 4] = std::array::from_fn(|place| self.node[place]);
        write!(f, "Contact({:08x} at ", u32::from_be_bytes(start))?;
        f.debug_list().entries(self.addresses.iter()).finish()?;
        f.write_str(")")
    }
}

/// One or two socket addresses, best first, in 38 bytes.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Addresses {
    ips: [[u8; 16]; Self::MOST],
    ports: [u16; Self::MOST],
    len: u8,
}

impl Addresses {
    /// Most addresses of a contact.
    pub const MOST: usize = 2;

    /// The best address.
    pub fn first(&self) -> SocketAddr {
        self.at(0)
    }

    /// All of them, best first.
    pub fn iter(&self) -> impl Iterator<Item = SocketAddr> + '_ {
        (0..usize::from(self.len)).map(|place| self.at(place))
    }

    /// Adds one that is worse than the others, if there is room for it and it is not there yet.
    pub fn push(&mut self, address: SocketAddr) {
        let place = usize::from(self.len);
        if place < Self::MOST && self.iter().all(|known| known != address) {
            self.ips[place] = mapped(address.ip());
            self.ports[place] = address.port();
            self.len += 1;
        }
    }

    fn at(&self, place: usize) -> SocketAddr {
        let ip = Ipv6Addr::from(self.ips[place]);
        SocketAddr::new(ip.to_canonical(), self.ports[place])
    }
}

impl From<SocketAddr> for Addresses {
    fn from(address: SocketAddr) -> Self {
        Self {
            ips: [mapped(address.ip()), [0; 16]],
            ports: [address.port(), 0],
            len: 1,
        }
    }
}

impl fmt::Debug for Addresses {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

const fn mapped(ip: IpAddr) -> [u8; 16] {
    match ip {
        IpAddr::V4(ip) => ip.to_ipv6_mapped().octets(),
        IpAddr::V6(ip) => ip.octets(),
    }
}

pub(super) fn address_len(address: SocketAddr) -> usize {
    match address.ip().to_canonical() {
        IpAddr::V4(_) => 7,
        IpAddr::V6(_) => 19,
    }
}

pub(crate) fn put_address(address: SocketAddr, out: &mut BytesMut) {
    match address.ip().to_canonical() {
        IpAddr::V4(ip) => {
            out.put_u8(4);
            out.put_slice(&ip.octets());
        }
        IpAddr::V6(ip) => {
            out.put_u8(6);
            out.put_slice(&ip.octets());
        }
    }
    out.put_u16(address.port());
}

pub(crate) fn take_address(fields: &mut Fields) -> Result<SocketAddr, DecodeError> {
    let ip = match fields.u8()? {
        4 => IpAddr::V4(Ipv4Addr::from(fields.array::<4>()?)),
        6 => IpAddr::V6(Ipv6Addr::from(fields.array::<16>()?)),
        value => return Err(DecodeError::UnknownValue { value }),
    };
    let address = SocketAddr::new(ip, u16::from_be_bytes(fields.array()?));
    if ip != ip.to_canonical() || !is_dialable(address) {
        return Err(DecodeError::BadAddress);
    }
    Ok(address)
}

/// Whether something can be reached there at all.
pub(super) fn is_dialable(address: SocketAddr) -> bool {
    let ip = address.ip();
    address.port() != 0 && !ip.is_unspecified() && !ip.is_multicast()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_addresses_are_kept_best_first_and_none_twice() {
        let one: SocketAddr = "192.0.2.1:4000".parse().unwrap();
        let two: SocketAddr = "[2001:db8::1]:4001".parse().unwrap();
        let mut addresses = Addresses::from(one);
        addresses.push(one);
        addresses.push(two);
        addresses.push("192.0.2.2:4000".parse().unwrap());
        assert_eq!(addresses.iter().collect::<Vec<_>>(), [one, two]);
        assert_eq!(addresses.first(), one);
    }

    #[test]
    fn contact_is_small_enough_for_thousands() {
        assert!(size_of::<Contact>() <= 72);
    }
}
