//! Sealing and opening the body of packets: the hot path. spec: STC-16; source: RFC 9001 5.3.
//!
//! ```text
//! nonce = iv xor (path id u32 | packet number u64)      12 bytes, big-endian
//! ```
//!
//! *Invariant*: a (path, packet) pair is sealed at most once under a key. The engine numbers
//! packets anew on every path, hence the path id in the nonce.

use super::secret::TrafficSecret;
use crate::aead::OpenError;
use crate::kdf::expand;
use crate::secret::Secret;
use crate::suite::Suite;
use aws_lc_rs::aead::{AES_256_GCM, Aad, CHACHA20_POLY1305, LessSafeKey, Nonce, UnboundKey};
use std::fmt;

/// Bytes of the tag at the end of a sealed body.
pub const TAG_LEN: usize = 16;

/// Seals or opens packets of one direction.
pub struct PacketKey {
    suite: Suite,
    cipher: LessSafeKey,
    iv: Secret<12>,
}

impl PacketKey {
    /// The key of `secret` for `suite`.
    #[expect(clippy::expect_used, reason = "the length of the key is in its type")]
    pub fn new(suite: Suite, secret: &TrafficSecret) -> Self {
        let key: Secret<32> = expand(secret.as_bytes(), "key", &[suite.code()]);
        let algorithm = match suite {
            Suite::Aes256Gcm => &AES_256_GCM,
            Suite::ChaCha20Poly1305 => &CHACHA20_POLY1305,
        };
        let key = UnboundKey::new(algorithm, key.as_bytes()).expect("both take 32 bytes");
        let iv = expand(secret.as_bytes(), "iv", b"");
        Self {
            suite,
            cipher: LessSafeKey::new(key),
            iv,
        }
    }

    /// Encrypts `body` in place: the plaintext, followed by [`TAG_LEN`] bytes for the tag.
    ///
    /// `header` is authenticated. No (path, packet) may come twice.
    ///
    /// # Panics
    ///
    /// When `body` is shorter than the tag, which is a fault of the caller: going on would send
    /// plaintext.
    #[inline]
    #[expect(
        clippy::expect_used,
        reason = "documented: going on would send plaintext"
    )]
    pub fn seal(&self, path: u32, packet: u64, header: &[u8], body: &mut [u8]) {
        let (plaintext, tag) = body
            .split_last_chunk_mut::<TAG_LEN>()
            .expect("room for the tag in the body");
        let sealed = self
            .cipher
            .seal_in_place_separate_tag(self.nonce(path, packet), Aad::from(header), plaintext)
            .expect("a packet is far below the limit of the cipher");
        tag.copy_from_slice(sealed.as_ref());
    }

    /// Decrypts `body` in place and returns the length of the plaintext at its beginning.
    ///
    /// # Errors
    ///
    /// [`OpenError::TooShort`] without room for a tag, [`OpenError::NotAuthentic`] for anything
    /// else. The body is of no use then.
    #[inline]
    pub fn open(
        &self,
        path: u32,
        packet: u64,
        header: &[u8],
        body: &mut [u8],
    ) -> Result<usize, OpenError> {
        if body.len() < TAG_LEN {
            return Err(OpenError::TooShort);
        }
        self.cipher
            .open_in_place(self.nonce(path, packet), Aad::from(header), body)
            .map(|plaintext| plaintext.len())
            .map_err(|_| OpenError::NotAuthentic)
    }

    /// Packets that may be sealed with one key (RFC 9001 section 6.6).
    pub fn confidentiality_limit(&self) -> u64 {
        match self.suite {
            Suite::Aes256Gcm => 1 << 23,
            // Beyond the number of packets a connection can have.
            Suite::ChaCha20Poly1305 => u64::MAX,
        }
    }

    /// Packets that may fail to open before the connection must end (RFC 9001 section 6.6).
    pub fn integrity_limit(&self) -> u64 {
        match self.suite {
            Suite::Aes256Gcm => 1 << 52,
            Suite::ChaCha20Poly1305 => 1 << 36,
        }
    }

    #[inline]
    fn nonce(&self, path: u32, packet: u64) -> Nonce {
        let mut nonce = *self.iv.as_bytes();
        let (high, low) = nonce.split_at_mut(4);
        for (byte, path) in high.iter_mut().zip(path.to_be_bytes()) {
            *byte ^= path;
        }
        for (byte, packet) in low.iter_mut().zip(packet.to_be_bytes()) {
            *byte ^= packet;
        }
        Nonce::assume_unique_for_key(nonce)
    }
}

impl fmt::Debug for PacketKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PacketKey")
            .field("suite", &self.suite)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SUITES: [Suite; 2] = [Suite::Aes256Gcm, Suite::ChaCha20Poly1305];

    fn key(suite: Suite) -> PacketKey {
        PacketKey::new(
            suite,
            &TrafficSecret::derive(&Secret::new([7; 64]), "test", b""),
        )
    }

    fn sealed(key: &PacketKey, path: u32, packet: u64) -> Vec<u8> {
        let mut body = b"a body".to_vec();
        body.resize(body.len() + TAG_LEN, 0);
        key.seal(path, packet, b"header", &mut body);
        body
    }

    #[test]
    fn what_is_sealed_opens() {
        for suite in SUITES {
            let mut body = sealed(&key(suite), 3, 1 << 40);
            let len = key(suite).open(3, 1 << 40, b"header", &mut body).unwrap();
            assert_eq!(&body[..len], b"a body");
        }
    }

    #[test]
    fn packet_of_another_path_number_or_header_is_refused() {
        for suite in SUITES {
            let key = key(suite);
            for (path, packet, header) in [
                (4, 9, &b"header"[..]),
                (3, 8, b"header"),
                (3, 9, b"headex"),
                (9, 3, b"header"),
            ] {
                let result = key.open(path, packet, header, &mut sealed(&key, 3, 9));
                assert_eq!(result, Err(OpenError::NotAuthentic));
            }
        }
    }

    #[test]
    fn every_changed_byte_is_noticed() {
        let key = key(Suite::Aes256Gcm);
        let good = sealed(&key, 0, 0);
        for i in 0..good.len() {
            let mut bad = good.clone();
            bad[i] ^= 0x80;
            assert_eq!(
                key.open(0, 0, b"header", &mut bad),
                Err(OpenError::NotAuthentic)
            );
        }
    }

    #[test]
    fn body_shorter_than_a_tag_is_refused() {
        for suite in SUITES {
            for len in 0..TAG_LEN {
                let result = key(suite).open(0, 0, b"", &mut vec![0; len]);
                assert_eq!(result, Err(OpenError::TooShort));
            }
        }
    }

    #[test]
    fn equal_packets_on_different_paths_look_different() {
        let key = key(Suite::Aes256Gcm);
        assert_ne!(sealed(&key, 0, 1), sealed(&key, 1, 1));
        // The path id must not be a mere continuation of the packet number.
        assert_ne!(sealed(&key, 1, 0), sealed(&key, 0, 1));
    }

    #[test]
    fn limits_are_those_of_rfc_9001() {
        let [aes, chacha] = SUITES.map(key);
        assert_eq!(aes.confidentiality_limit(), 8_388_608);
        assert_eq!(aes.integrity_limit(), 4_503_599_627_370_496);
        assert_eq!(chacha.confidentiality_limit(), u64::MAX);
        assert_eq!(chacha.integrity_limit(), 68_719_476_736);
    }

    #[test]
    fn key_update_changes_the_key() {
        let secret = TrafficSecret::derive(&Secret::new([7; 64]), "test", b"");
        let next = PacketKey::new(Suite::Aes256Gcm, &secret.next());
        let mut body = sealed(&PacketKey::new(Suite::Aes256Gcm, &secret), 0, 0);
        assert_eq!(
            next.open(0, 0, b"header", &mut body),
            Err(OpenError::NotAuthentic)
        );
    }
}
