//! Masking of packet headers: RFC 9001 section 5.4. spec: STC-17.
//!
//! *Invariant*: no packet, however short, makes this panic; what is too short is left unchanged.

use super::secret::TrafficSecret;
use crate::kdf::expand;
use crate::secret::Secret;
use crate::suite::Suite;
use aes::Aes256Enc;
use aes::cipher::{BlockCipherEncrypt, KeyInit};
use aws_lc_rs::aead::quic;
use std::fmt;

/// Masks the headers of one direction. Made once for each encryption level: key updates keep it.
pub struct HeaderKey(Cipher);

enum Cipher {
    // The `aes` crate makes a single block in a third of the time of a call into aws-lc.
    Aes(Box<Aes256Enc>),
    ChaCha(Box<quic::HeaderProtectionKey>),
}

impl HeaderKey {
    /// Bytes of ciphertext that a mask is made of.
    pub const SAMPLE_LEN: usize = 16;

    /// The key of `secret` for `suite`.
    #[expect(clippy::expect_used, reason = "the length of the key is in its type")]
    pub fn new(suite: Suite, secret: &TrafficSecret) -> Self {
        let key: Secret<32> = expand(secret.as_bytes(), "hp", &[suite.code()]);
        Self(match suite {
            Suite::Aes256Gcm => Cipher::Aes(Box::new(Aes256Enc::new(key.as_bytes().into()))),
            Suite::ChaCha20Poly1305 => Cipher::ChaCha(Box::new(
                quic::HeaderProtectionKey::new(&quic::CHACHA20, key.as_bytes()).expect("32 bytes"),
            )),
        })
    }

    /// The mask for a packet with this sample.
    #[inline]
    #[expect(
        clippy::expect_used,
        reason = "the length of the sample is in its type"
    )]
    pub fn mask(&self, sample: &[u8; Self::SAMPLE_LEN]) -> [u8; 5] {
        match &self.0 {
            Cipher::Aes(key) => {
                let mut block = (*sample).into();
                key.encrypt_block(&mut block);
                std::array::from_fn(|i| block[i])
            }
            Cipher::ChaCha(key) => key.new_mask(sample).expect("16 bytes"),
        }
    }

    /// Masks the header of a sealed packet whose packet number begins at `number_offset`.
    ///
    /// # Errors
    ///
    /// [`ShortPacket`] when the packet has no room for the longest number and a sample.
    #[inline]
    pub fn protect(&self, number_offset: usize, packet: &mut [u8]) -> Result<(), ShortPacket> {
        let (first, number, mask) = self.parts(number_offset, packet)?;
        let number_len = number_len(*first);
        *first ^= mask[0] & first_byte_mask(*first);
        xor(&mut number[..number_len], &mask[1..]);
        Ok(())
    }

    /// Undoes [`protect`](Self::protect).
    ///
    /// # Errors
    ///
    /// [`ShortPacket`] as there.
    #[inline]
    pub fn unprotect(&self, number_offset: usize, packet: &mut [u8]) -> Result<(), ShortPacket> {
        let (first, number, mask) = self.parts(number_offset, packet)?;
        *first ^= mask[0] & first_byte_mask(*first);
        xor(&mut number[..number_len(*first)], &mask[1..]);
        Ok(())
    }

    /// The first byte, the four bytes a number may take, and the mask.
    #[inline]
    fn parts<'a>(
        &self,
        number_offset: usize,
        packet: &'a mut [u8],
    ) -> Result<(&'a mut u8, &'a mut [u8; MAX_NUMBER_LEN], [u8; 5]), ShortPacket> {
        let (header, rest) = packet
            .split_at_mut_checked(number_offset)
            .ok_or(ShortPacket)?;
        let first = header.first_mut().ok_or(ShortPacket)?;
        let (number, body) = rest.split_first_chunk_mut().ok_or(ShortPacket)?;
        let sample = body.first_chunk().ok_or(ShortPacket)?;
        Ok((first, number, self.mask(sample)))
    }
}

impl fmt::Debug for HeaderKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HeaderKey").finish_non_exhaustive()
    }
}

/// The packet is too short to take a sample from. It was not changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("packet too short for header protection")]
pub struct ShortPacket;

/// Bytes of the packet number, from the unmasked first byte.
#[inline]
fn number_len(first: u8) -> usize {
    usize::from(first & 0x03) + 1
}

/// Which bits of the first byte are masked: those of a long or of a short header.
#[inline]
fn first_byte_mask(first: u8) -> u8 {
    if first & 0x80 == 0 { 0x1f } else { 0x0f }
}

#[inline]
fn xor(bytes: &mut [u8], mask: &[u8]) {
    for (byte, mask) in bytes.iter_mut().zip(mask) {
        *byte ^= mask;
    }
}

const MAX_NUMBER_LEN: usize = 4;

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn key(suite: Suite) -> HeaderKey {
        HeaderKey::new(
            suite,
            &TrafficSecret::derive(&Secret::new([7; 64]), "test", b""),
        )
    }

    #[test]
    fn both_ciphers_give_the_masks_of_rfc_9001() {
        // Appendix A.5 has a mask of ChaCha20; FIPS 197 appendix C.3 a block of AES-256.
        let hex = |s: &str| data_encoding::HEXLOWER.decode(s.as_bytes()).unwrap();
        let chacha = hex("25a282b9e82f06f21f488917a4fc8f1b73573685608597d0efcb076b0ab7a7a4");
        let chacha = HeaderKey(Cipher::ChaCha(Box::new(
            quic::HeaderProtectionKey::new(&quic::CHACHA20, &chacha).unwrap(),
        )));
        let sample: [u8; 16] = hex("5e5cd55c41f69080575d7999c25a5bfb").try_into().unwrap();
        assert_eq!(chacha.mask(&sample).to_vec(), hex("aefefe7d03"));

        let aes: [u8; 32] = std::array::from_fn(|i| i as u8);
        let aes = HeaderKey(Cipher::Aes(Box::new(Aes256Enc::new(&aes.into()))));
        let sample: [u8; 16] = std::array::from_fn(|i| 0x11 * i as u8);
        assert_eq!(aes.mask(&sample).to_vec(), hex("8ea2b7ca51"));
    }

    #[test]
    fn short_packets_are_refused_unchanged() {
        for len in 0..21 {
            let mut packet = vec![0x40; len];
            assert_eq!(
                key(Suite::Aes256Gcm).unprotect(1, &mut packet),
                Err(ShortPacket)
            );
            assert_eq!(packet, vec![0x40; len]);
        }
        assert_eq!(
            key(Suite::Aes256Gcm).protect(0, &mut [0; 64]),
            Err(ShortPacket)
        );
        assert_eq!(
            key(Suite::Aes256Gcm).protect(usize::MAX, &mut [0; 64]),
            Err(ShortPacket)
        );
    }

    proptest! {
        #[test]
        fn unprotecting_undoes_protecting(
            original in prop::collection::vec(any::<u8>(), 0..80),
            offset in 0_usize..40,
            chacha: bool,
        ) {
            let key = key(if chacha { Suite::ChaCha20Poly1305 } else { Suite::Aes256Gcm });
            let mut packet = original.clone();
            let result = key.protect(offset, &mut packet);
            if result.is_ok() {
                prop_assert_eq!(packet[0] & 0x80, original[0] & 0x80);
            }
            prop_assert_eq!(key.unprotect(offset, &mut packet), result);
            prop_assert_eq!(packet, original);
        }
    }
}
