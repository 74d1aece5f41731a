//! Probes: small datagrams of a session that travel outside the engine, to find out which ways there
//! are. spec: STC-34.
//!
//! ```text
//! form 1 | tag 8 | nonce 12 | sealed body 27 | authentication tag 16      64 bytes
//! ```
//!
//! To an onlooker a probe is a short packet: the form bits are those of one, the tag stands where a
//! connection id does, and all the rest is random. The tag changes with each round of probing, so that
//! two rounds, before and after a move, cannot be told to belong together.
//!
//! *Invariant*: a nonce is random. A session sends thousands of probes, so 96 bits don't repeat.

use super::{
    key::{PacketKey, TAG_LEN},
    secret::TrafficSecret,
};
use crate::aead::OpenError;
use crate::entropy::Entropy;
use crate::kdf::{HASH_LEN, short_mac};
use crate::secret::Secret;
use crate::suite::Suite;
use std::fmt;

/// Keys of the probes that one side sends.
pub struct ProbeKey {
    packet: PacketKey,
    secret: Secret<HASH_LEN>,
}

/// Bytes of a probe: all are of one size.
pub const PROBE_LEN: usize = 1 + PROBE_TAG_LEN + NONCE_LEN + PROBE_BODY_LEN + TAG_LEN;

/// Bytes a probe carries.
pub const PROBE_BODY_LEN: usize = 27;

/// Bytes by which a receiver knows which session a probe belongs to.
pub const PROBE_TAG_LEN: usize = 8;

impl ProbeKey {
    /// The keys that belong to 64 exported bytes: an exporter gives each direction its own.
    pub fn new(suite: Suite, exported: &Secret<HASH_LEN>) -> Self {
        let secret = TrafficSecret::derive(exported, "probe", b"");
        Self {
            packet: PacketKey::new(suite, &secret),
            secret: Secret::new(*secret.as_bytes()),
        }
    }

    /// What stands in the place of a connection id in the probes of a round.
    pub fn tag(&self, round: u32) -> [u8; PROBE_TAG_LEN] {
        short_mac(self.secret.as_bytes(), &[b"tag", &round.to_be_bytes()])
    }

    /// A probe of `round`.
    pub fn seal(
        &self,
        round: u32,
        body: &[u8; PROBE_BODY_LEN],
        entropy: &mut dyn Entropy,
    ) -> [u8; PROBE_LEN] {
        let mut probe = [0; PROBE_LEN];
        entropy.fill(&mut probe);
        probe[0] = probe[0] & !FORM_MASK | FORM;
        probe[TAG].copy_from_slice(&self.tag(round));
        let (header, sealed) = probe.split_at_mut(HEADER_LEN);
        sealed[..PROBE_BODY_LEN].copy_from_slice(body);
        let (path, packet) = nonce_of(header);
        self.packet.seal(path, packet, header, sealed);
        probe
    }

    /// What a probe carries.
    ///
    /// # Errors
    ///
    /// [`OpenError::NotAuthentic`] for a probe of somebody else.
    pub fn open(&self, probe: &[u8; PROBE_LEN]) -> Result<[u8; PROBE_BODY_LEN], OpenError> {
        let (header, sealed) = probe.split_at(HEADER_LEN);
        let mut sealed =
            <[u8; PROBE_BODY_LEN + TAG_LEN]>::try_from(sealed).map_err(|_| OpenError::TooShort)?;
        let (path, packet) = nonce_of(header);
        self.packet.open(path, packet, header, &mut sealed)?;
        let body = sealed.first_chunk().ok_or(OpenError::TooShort)?;
        Ok(*body)
    }
}

/// The tag of what may be a probe.
pub fn probe_tag(datagram: &[u8]) -> Option<[u8; PROBE_TAG_LEN]> {
    if datagram.len() != PROBE_LEN || datagram[0] & FORM_MASK != FORM {
        return None;
    }
    datagram.get(TAG)?.try_into().ok()
}

/// The nonce, as a packet key takes it.
fn nonce_of(header: &[u8]) -> (u32, u64) {
    let nonce = header
        .last_chunk::<NONCE_LEN>()
        .copied()
        .unwrap_or_default();
    let [a, b, c, d, packet @ ..] = nonce;
    (u32::from_be_bytes([a, b, c, d]), u64::from_be_bytes(packet))
}

const TAG: std::ops::Range<usize> = 1..1 + PROBE_TAG_LEN;
const NONCE_LEN: usize = 12;
const HEADER_LEN: usize = 1 + PROBE_TAG_LEN + NONCE_LEN;

/// A short header, by the two bits nothing protects (RFC 9000 section 17.3.1).
const FORM: u8 = 0x40;
const FORM_MASK: u8 = 0xc0;

impl fmt::Debug for ProbeKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ProbeKey")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Counter(u8);

    impl Entropy for Counter {
        fn fill(&mut self, out: &mut [u8]) {
            for byte in out {
                self.0 = self.0.wrapping_mul(29).wrapping_add(17);
                *byte = self.0;
            }
        }
    }

    fn key(byte: u8) -> ProbeKey {
        ProbeKey::new(Suite::Aes256Gcm, &Secret::new([byte; HASH_LEN]))
    }

    #[test]
    fn a_probe_is_opened_by_its_key_alone_and_not_if_any_bit_is_changed() {
        let body = [7; PROBE_BODY_LEN];
        let probe = key(1).seal(5, &body, &mut Counter(3));
        assert_eq!(key(1).open(&probe), Ok(body));
        assert!(key(2).open(&probe).is_err());
        for bit in 0..PROBE_LEN * 8 {
            let mut changed = probe;
            changed[bit / 8] ^= 1 << (bit % 8);
            assert!(key(1).open(&changed).is_err(), "bit {bit}");
        }
    }

    #[test]
    fn a_probe_is_known_by_the_tag_of_its_round_and_looks_like_a_short_packet() {
        let probe = key(1).seal(5, &[0; PROBE_BODY_LEN], &mut Counter(3));
        assert_eq!(probe_tag(&probe), Some(key(1).tag(5)));
        assert_ne!(key(1).tag(5), key(1).tag(6));
        assert_eq!(probe[0] & 0xc0, 0x40);
        assert_eq!(probe_tag(&probe[1..]), None);
    }

    #[test]
    fn two_probes_with_the_same_body_share_nothing_but_tag_and_form() {
        let mut entropy = Counter(3);
        let [one, two] = [(); 2].map(|()| key(1).seal(5, &[0; PROBE_BODY_LEN], &mut entropy));
        assert_eq!(one[TAG], two[TAG]);
        assert_ne!(one[HEADER_LEN..], two[HEADER_LEN..]);
    }
}
