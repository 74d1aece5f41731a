//! One packet, and as much of IP, UDP and TCP as a test that looks at it needs.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::SystemTime;

const TCP: u8 = 6;
const UDP: u8 = 17;

/// A packet that went in or out.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Packet {
    /// When it was seen.
    pub at: SystemTime,
    /// All of it, from the IP header on. ARP and the like are bytes too.
    pub bytes: Vec<u8>,
}

/// What carries a payload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Transport {
    /// A datagram, or several that the kernel handed over as one.
    Udp,
    /// A segment, or several.
    Tcp,
}

impl Packet {
    pub(super) fn new(at: SystemTime, bytes: &[u8]) -> Self {
        let bytes = bytes.to_vec();
        Self { at, bytes }
    }

    /// What carries its payload; nothing if neither UDP nor TCP does.
    pub fn transport(&self) -> Option<Transport> {
        match self.header()?.protocol {
            TCP => Some(Transport::Tcp),
            UDP => Some(Transport::Udp),
            _ => None,
        }
    }

    /// Who sent it, of UDP and TCP.
    pub fn source(&self) -> Option<SocketAddr> {
        self.endpoint(0)
    }

    /// To whom, of UDP and TCP.
    pub fn destination(&self) -> Option<SocketAddr> {
        self.endpoint(1)
    }

    /// What UDP or TCP carries.
    pub fn payload(&self) -> Option<&[u8]> {
        let from = match self.transport()? {
            Transport::Udp => 8,
            Transport::Tcp => usize::from(self.segment()?.get(12)? >> 4) * 4,
        };
        self.segment()?.get(from..)
    }

    fn endpoint(&self, which: usize) -> Option<SocketAddr> {
        self.transport()?;
        let port = self.segment()?.get(which * 2..which * 2 + 2)?;
        let port = u16::from_be_bytes(port.try_into().ok()?);
        Some(SocketAddr::new(self.header()?.addresses[which], port))
    }

    /// From the header of UDP or TCP on.
    fn segment(&self) -> Option<&[u8]> {
        self.bytes.get(self.header()?.len..)
    }

    fn header(&self) -> Option<Header> {
        match self.bytes.first()? >> 4 {
            4 => Header::v4(&self.bytes),
            6 => Header::v6(&self.bytes),
            _ => None,
        }
    }
}

struct Header {
    len: usize,
    protocol: u8,
    addresses: [IpAddr; 2],
}

impl Header {
    fn v4(bytes: &[u8]) -> Option<Self> {
        let address = |at: usize| {
            let octets: [u8; 4] = bytes.get(at..at + 4)?.try_into().ok()?;
            Some(IpAddr::V4(Ipv4Addr::from(octets)))
        };
        Some(Self {
            len: usize::from(bytes.first()? & 0xF) * 4,
            protocol: *bytes.get(9)?,
            addresses: [address(12)?, address(16)?],
        })
    }

    /// Extension headers are not followed: nothing here sends any.
    fn v6(bytes: &[u8]) -> Option<Self> {
        let address = |at: usize| {
            let octets: [u8; 16] = bytes.get(at..at + 16)?.try_into().ok()?;
            Some(IpAddr::V6(Ipv6Addr::from(octets)))
        };
        Some(Self {
            len: 40,
            protocol: *bytes.get(6)?,
            addresses: [address(8)?, address(24)?],
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packet(bytes: &[u8]) -> Packet {
        Packet::new(SystemTime::UNIX_EPOCH, bytes)
    }

    #[test]
    fn datagram_is_taken_apart() {
        let mut bytes = vec![0x45, 0, 0, 30, 0, 0, 0, 0, 64, UDP, 0, 0];
        bytes.extend([50, 0, 1, 2, 50, 0, 2, 2]);
        bytes.extend([0x10, 0, 0x20, 1, 0, 10, 0, 0, b'h', b'i']);
        let packet = packet(&bytes);
        assert_eq!(packet.transport(), Some(Transport::Udp));
        assert_eq!(packet.source(), "50.0.1.2:4096".parse().ok());
        assert_eq!(packet.destination(), "50.0.2.2:8193".parse().ok());
        assert_eq!(packet.payload(), Some(&b"hi"[..]));
    }

    #[test]
    fn segment_is_taken_apart_with_its_options() {
        let mut bytes = vec![0x60, 0, 0, 0, 0, 26, TCP, 64];
        bytes.extend([0; 31]);
        bytes.push(1);
        bytes.extend([
            0, 80, 0, 81, 0, 0, 0, 0, 0, 0, 0, 0, 0x60, 0, 0, 0, 0, 0, 0, 0,
        ]);
        bytes.extend([9, 9, 9, 9, b'h', b'i']);
        let packet = packet(&bytes);
        assert_eq!(packet.transport(), Some(Transport::Tcp));
        assert_eq!(packet.destination(), "[::1]:81".parse().ok());
        assert_eq!(packet.payload(), Some(&b"hi"[..]));
    }

    #[test]
    fn anything_else_has_no_payload() {
        for len in 0..60 {
            let packet = packet(&vec![0x45; len]);
            assert_eq!(packet.payload(), None, "{len}");
        }
    }
}
