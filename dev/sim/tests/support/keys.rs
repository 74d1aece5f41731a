//! The engine's keys without cryptography: packets are readable, and sealed with a checksum, so
//! that altered ones are refused as a real tag would refuse them.

use bytes::BytesMut;
use noq_proto::{
    PathId,
    crypto::{CryptoError, HandshakeTokenKey, HeaderKey, HmacKey, KeyPair, Keys, PacketKey},
};

/// All roles in one.
#[derive(Debug, Clone, Copy)]
pub(crate) struct NullCrypto;

impl HeaderKey for NullCrypto {
    fn decrypt(&self, _: usize, _: &mut [u8]) {}

    fn encrypt(&self, _: usize, _: &mut [u8]) {}

    fn sample_size(&self) -> usize {
        16
    }
}

impl PacketKey for NullCrypto {
    fn encrypt(&self, _: PathId, packet: u64, buf: &mut [u8], header_len: usize) {
        let (header, rest) = buf.split_at_mut(header_len);
        let (payload, seal) = rest.split_last_chunk_mut::<TAG_LEN>().unwrap();
        *seal = tag(packet, &[header, payload]);
    }

    fn decrypt(
        &self,
        _: PathId,
        packet: u64,
        header: &[u8],
        payload: &mut BytesMut,
    ) -> Result<(), CryptoError> {
        let (body, seal) = payload.split_last_chunk::<TAG_LEN>().ok_or(CryptoError)?;
        if tag(packet, &[header, body]) != *seal {
            return Err(CryptoError);
        }
        let len = body.len();
        payload.truncate(len);
        Ok(())
    }

    fn tag_len(&self) -> usize {
        TAG_LEN
    }

    fn confidentiality_limit(&self) -> u64 {
        u64::MAX
    }

    fn integrity_limit(&self) -> u64 {
        u64::MAX
    }
}

impl HmacKey for NullCrypto {
    fn sign(&self, data: &[u8], signature_out: &mut [u8]) {
        signature_out.copy_from_slice(&tag(1, &[data]));
    }

    fn signature_len(&self) -> usize {
        TAG_LEN
    }

    fn verify(&self, data: &[u8], signature: &[u8]) -> Result<(), CryptoError> {
        if tag(1, &[data]) == signature {
            Ok(())
        } else {
            Err(CryptoError)
        }
    }
}

impl HandshakeTokenKey for NullCrypto {
    fn seal(&self, _: u128, data: &mut Vec<u8>) -> Result<(), CryptoError> {
        let seal = tag(2, &[data]);
        data.extend(seal);
        Ok(())
    }

    fn open<'a>(&self, _: u128, data: &'a mut [u8]) -> Result<&'a [u8], CryptoError> {
        let (body, seal) = data.split_last_chunk::<TAG_LEN>().ok_or(CryptoError)?;
        if tag(2, &[body]) == *seal {
            Ok(body)
        } else {
            Err(CryptoError)
        }
    }
}

pub(crate) fn keys() -> Keys {
    Keys {
        header: KeyPair {
            local: Box::new(NullCrypto),
            remote: Box::new(NullCrypto),
        },
        packet: KeyPair {
            local: Box::new(NullCrypto),
            remote: Box::new(NullCrypto),
        },
    }
}

/// FNV-1a of 64 bits over everything, twice, with different starts.
pub(crate) fn tag(start: u64, parts: &[&[u8]]) -> [u8; TAG_LEN] {
    let digest = |mut state: u64| {
        for part in parts {
            for byte in *part {
                state = (state ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
            }
        }
        state
    };
    let mut tag = [0; TAG_LEN];
    tag[..8].copy_from_slice(&digest(start ^ 0xcbf2_9ce4_8422_2325).to_be_bytes());
    tag[8..].copy_from_slice(&digest(!start).to_be_bytes());
    tag
}

pub(crate) const TAG_LEN: usize = 16;
