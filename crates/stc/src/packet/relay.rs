//! Packets on the leg of a relayed channel: an engine packet that stays closed, between a tag by which
//! the leg is known and a mac. spec: STC-35.
//!
//! ```text
//! tag 4 | number 4 | content | mac 16
//! ```
//!
//! To an onlooker it is a short packet. The mac is the tag of an AEAD that has nothing to encrypt and
//! authenticates all before it, so it is as strong and as quick as the protection of packets, and needs
//! a number that is used once.
//!
//! *Not here*: which numbers were seen, and where a packet goes.

use super::{
    key::{PacketKey, TAG_LEN},
    secret::TrafficSecret,
};
use crate::kdf::HASH_LEN;
use crate::secret::Secret;
use crate::suite::Suite;
use std::fmt;

/// The key of what one side sends on a leg.
pub struct RelayKey(PacketKey);

/// Bytes by which a leg is known.
pub const RELAY_TAG_LEN: usize = 4;

/// Bytes before the content.
pub const RELAY_HEADER_LEN: usize = RELAY_TAG_LEN + 4;

/// Bytes behind the content.
pub const RELAY_MAC_LEN: usize = TAG_LEN;

/// Bytes that relaying costs each packet.
pub const RELAY_OVERHEAD: usize = RELAY_HEADER_LEN + RELAY_MAC_LEN;

/// What may be a packet of a leg; nothing of it is proved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RelayPacket<'a> {
    /// Which leg.
    pub tag: [u8; RELAY_TAG_LEN],
    /// The how manieth of its sender's on this leg.
    pub number: u32,
    /// What is forwarded.
    pub content: &'a [u8],
    authenticated: &'a [u8],
    mac: &'a [u8; RELAY_MAC_LEN],
}

impl<'a> RelayPacket<'a> {
    /// Reads a datagram; `None` for what is too short, or looks otherwise.
    #[inline]
    pub fn parse(datagram: &'a [u8]) -> Option<Self> {
        let (authenticated, mac) = datagram.split_last_chunk()?;
        let (tag, rest) = authenticated.split_first_chunk()?;
        let (number, content) = rest.split_first_chunk()?;
        (tag[0] & FORM_MASK == FORM).then_some(Self {
            tag: *tag,
            number: u32::from_be_bytes(*number),
            content,
            authenticated,
            mac,
        })
    }
}

/// A tag out of random bytes: it looks like the beginning of a short packet.
pub fn relay_tag(random: [u8; RELAY_TAG_LEN]) -> [u8; RELAY_TAG_LEN] {
    let [first, rest @ ..] = random;
    let [b, c, d] = rest;
    [first & !FORM_MASK | FORM, b, c, d]
}

impl RelayKey {
    /// The key that belongs to 64 exported bytes: an exporter gives each leg and direction its own.
    pub fn new(suite: Suite, exported: &Secret<HASH_LEN>) -> Self {
        let secret = TrafficSecret::derive(exported, "relay", b"");
        Self(PacketKey::new(suite, &secret))
    }

    /// Makes a packet of `packet`, in which the content stands between room for what comes before and
    /// behind it. No number may come twice.
    ///
    /// # Panics
    ///
    /// When there is no such room, which is a fault of the caller.
    #[inline]
    #[expect(clippy::expect_used, reason = "documented")]
    pub fn seal(&self, tag: [u8; RELAY_TAG_LEN], number: u32, packet: &mut [u8]) {
        let room = "room for what relaying adds";
        let (authenticated, mac) = packet.split_last_chunk_mut::<RELAY_MAC_LEN>().expect(room);
        let (first, rest) = authenticated.split_first_chunk_mut().expect(room);
        *first = tag;
        *rest.first_chunk_mut().expect(room) = number.to_be_bytes();
        self.0.seal(0, u64::from(number), authenticated, mac);
    }

    /// Whether the holder of this key made the packet.
    #[inline]
    pub fn verifies(&self, packet: &RelayPacket<'_>) -> bool {
        let mut mac = *packet.mac;
        let number = u64::from(packet.number);
        let opened = self.0.open(0, number, packet.authenticated, &mut mac);
        opened.is_ok()
    }
}

impl fmt::Debug for RelayKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RelayKey")
    }
}

/// A short header, by the two bits nothing protects (RFC 9000 section 17.3.1).
const FORM: u8 = 0x40;
const FORM_MASK: u8 = 0xc0;

#[cfg(test)]
mod tests {
    use super::*;

    const SUITES: [Suite; 2] = [Suite::Aes256Gcm, Suite::ChaCha20Poly1305];

    fn key(suite: Suite, byte: u8) -> RelayKey {
        RelayKey::new(suite, &Secret::new([byte; HASH_LEN]))
    }

    fn sealed(key: &RelayKey, number: u32, content: &[u8]) -> Vec<u8> {
        let mut packet = vec![0; RELAY_OVERHEAD + content.len()];
        packet[RELAY_HEADER_LEN..][..content.len()].copy_from_slice(content);
        key.seal(relay_tag([0xff; 4]), number, &mut packet);
        packet
    }

    #[test]
    fn a_packet_verifies_under_its_key_alone_and_not_if_any_bit_is_changed() {
        for suite in SUITES {
            let packet = sealed(&key(suite, 1), 5, b"a packet");
            let parsed = RelayPacket::parse(&packet).unwrap();
            assert_eq!((parsed.number, parsed.content), (5, &b"a packet"[..]));
            assert!(key(suite, 1).verifies(&parsed));
            assert!(!key(suite, 2).verifies(&parsed));
            for bit in 0..packet.len() * 8 {
                let mut changed = packet.clone();
                changed[bit / 8] ^= 1 << (bit % 8);
                let verifies = RelayPacket::parse(&changed)
                    .is_some_and(|packet| key(suite, 1).verifies(&packet));
                assert!(!verifies, "bit {bit}");
            }
        }
    }

    #[test]
    fn what_is_shorter_than_an_empty_packet_or_has_a_long_header_is_none() {
        let packet = sealed(&key(Suite::Aes256Gcm, 1), 1, b"");
        assert_eq!(packet.len(), RELAY_OVERHEAD);
        assert_eq!(RelayPacket::parse(&packet).unwrap().content, b"");
        assert_eq!(RelayPacket::parse(&packet[..packet.len() - 1]), None);
        let long = [&[0xc0], &packet[1..]].concat();
        assert_eq!(RelayPacket::parse(&long), None);
    }

    #[test]
    fn equal_packets_of_two_numbers_have_nothing_in_common_but_the_content() {
        let key = key(Suite::Aes256Gcm, 1);
        let [one, two] = [1, 2].map(|number| sealed(&key, number, b"same"));
        assert_ne!(one[one.len() - 16..], two[two.len() - 16..]);
    }
}
