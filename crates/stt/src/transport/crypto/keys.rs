//! Packet protection: the engine's key traits over [`stc`]'s keys.

use std::{
    hash::{Hash, Hasher},
    sync::{
        Arc,
        atomic::{
            AtomicU32, AtomicU64,
            Ordering::{Acquire, Relaxed, Release},
        },
    },
};

use bytes::BytesMut;
use noq_proto::{
    PathId, Side,
    crypto::{self, CryptoError, HandshakeTokenKey, HmacKey, KeyPair},
};
use stc::{
    Suite,
    handshake::Keys,
    packet::{Directional, HeaderKey, PacketKey, ResetKey, TAG_LEN, TokenKey, TrafficSecret},
};

/// Keys of one level for `side`.
pub(super) fn engine_keys(keys: &Keys, side: Side, meters: &Arc<Meters>) -> crypto::Keys {
    let header = |secret| Box::new(EngineHeaderKey::new(keys.suite, secret)) as Box<_>;
    let (local, remote) = local_and_remote(&keys.secrets, side);
    crypto::Keys {
        header: KeyPair {
            local: header(local),
            remote: header(remote),
        },
        packet: packet_keys(keys.suite, &keys.secrets, side, 0, meters),
    }
}

/// Packet keys alone: header keys outlive a key update (RFC 9001 section 6).
pub(super) fn packet_keys(
    suite: Suite,
    secrets: &Directional<TrafficSecret>,
    side: Side,
    generation: u64,
    meters: &Arc<Meters>,
) -> KeyPair<Box<dyn crypto::PacketKey>> {
    let packet = |secret| {
        Box::new(EnginePacketKey {
            key: PacketKey::new(suite, secret),
            generation,
            meters: Arc::clone(meters),
        }) as Box<_>
    };
    let (local, remote) = local_and_remote(secrets, side);
    KeyPair {
        local: packet(local),
        remote: packet(remote),
    }
}

fn local_and_remote(
    secrets: &Directional<TrafficSecret>,
    side: Side,
) -> (&TrafficSecret, &TrafficSecret) {
    match side {
        Side::Client => (&secrets.initiator, &secrets.responder),
        Side::Server => (&secrets.responder, &secrets.initiator),
    }
}

/// What is counted of a session below everything else.
#[derive(Debug, Default)]
pub(crate) struct Meters {
    /// Generations of traffic keys derived; the engine always has one in reserve.
    pub(crate) generations: AtomicU64,
    /// Packets that did not authenticate, and were dropped.
    pub(crate) unauthentic: AtomicU64,
    /// The generation that seals, and the first packet it sealed.
    sealing: AtomicU64,
    first_path: AtomicU32,
    first_packet: AtomicU64,
}

/// The first packet that was sealed under the traffic keys in use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FirstSealed {
    /// They never changed.
    UnderTheFirstKeys,
    /// None was.
    NotYet,
    /// This one, by its number on its path.
    On { path: PathId, packet: u64 },
}

impl Meters {
    /// What was the first to be sealed under the traffic keys in use.
    pub(crate) fn first_sealed(&self) -> FirstSealed {
        // The newest is the one in reserve.
        let in_use = self.generations.load(Relaxed).saturating_sub(1);
        if in_use == 0 {
            return FirstSealed::UnderTheFirstKeys;
        }
        if self.sealing.load(Acquire) != in_use {
            return FirstSealed::NotYet;
        }
        FirstSealed::On {
            path: PathId::from(self.first_path.load(Relaxed)),
            packet: self.first_packet.load(Relaxed),
        }
    }

    /// Takes the next one that is sealed for the first: its path is gone.
    pub(crate) fn forget_first_sealed(&self) {
        self.sealing.store(0, Release);
    }

    fn begin_to_seal(&self, generation: u64, path: u32, packet: u64) {
        self.first_path.store(path, Relaxed);
        self.first_packet.store(packet, Relaxed);
        self.sealing.store(generation, Release);
    }
}

struct EnginePacketKey {
    key: PacketKey,
    generation: u64,
    meters: Arc<Meters>,
}

impl crypto::PacketKey for EnginePacketKey {
    #[inline]
    fn encrypt(&self, path: PathId, packet: u64, buf: &mut [u8], header_len: usize) {
        let (header, body) = buf.split_at_mut(header_len);
        self.key.seal(path_number(path), packet, header, body);
        // The engine seals one packet after the other.
        if self.meters.sealing.load(Relaxed) != self.generation {
            self.meters
                .begin_to_seal(self.generation, path_number(path), packet);
        }
    }

    #[inline]
    fn decrypt(
        &self,
        path: PathId,
        packet: u64,
        header: &[u8],
        payload: &mut BytesMut,
    ) -> Result<(), CryptoError> {
        let opened = self.key.open(path_number(path), packet, header, payload);
        let Ok(length) = opened else {
            self.meters.unauthentic.fetch_add(1, Relaxed);
            return Err(CryptoError);
        };
        payload.truncate(length);
        Ok(())
    }

    fn tag_len(&self) -> usize {
        TAG_LEN
    }

    fn confidentiality_limit(&self) -> u64 {
        self.key.confidentiality_limit()
    }

    fn integrity_limit(&self) -> u64 {
        self.key.integrity_limit()
    }
}

struct EngineHeaderKey(HeaderKey);

impl EngineHeaderKey {
    fn new(suite: Suite, secret: &TrafficSecret) -> Self {
        Self(HeaderKey::new(suite, secret))
    }
}

impl crypto::HeaderKey for EngineHeaderKey {
    #[inline]
    fn decrypt(&self, number_offset: usize, packet: &mut [u8]) {
        // The engine hands over whole packets; a short one stays as it is and fails to open.
        let _ = self.0.unprotect(number_offset, packet);
    }

    #[inline]
    fn encrypt(&self, number_offset: usize, packet: &mut [u8]) {
        // The engine pads what it sends to more than a sample.
        let _ = self.0.protect(number_offset, packet);
    }

    fn sample_size(&self) -> usize {
        HeaderKey::SAMPLE_LEN
    }
}

/// Signs reset tokens. They are announced to peers as QUIC requires, but never sent (`cid.rs`).
pub(crate) struct EngineResetKey(pub(crate) ResetKey);

impl HmacKey for EngineResetKey {
    fn sign(&self, data: &[u8], signature: &mut [u8]) {
        self.0.sign(data, signature);
    }

    fn signature_len(&self) -> usize {
        ResetKey::LEN
    }

    fn verify(&self, data: &[u8], signature: &[u8]) -> Result<(), CryptoError> {
        if self.0.verify(data, signature) {
            Ok(())
        } else {
            Err(CryptoError)
        }
    }
}

/// Seals the address-validation tokens of Retry packets.
pub(crate) struct EngineTokenKey(pub(crate) TokenKey);

impl HandshakeTokenKey for EngineTokenKey {
    fn seal(&self, nonce: u128, data: &mut Vec<u8>) -> Result<(), CryptoError> {
        self.0.seal(nonce, data);
        Ok(())
    }

    fn open<'a>(&self, nonce: u128, data: &'a mut [u8]) -> Result<&'a [u8], CryptoError> {
        self.0.open(nonce, data).map_err(|_| CryptoError)
    }
}

/// The engine keeps a path's number to itself, but hashes exactly it; the compiler sees through.
#[inline]
pub(crate) fn path_number(path: PathId) -> u32 {
    #[derive(Default)]
    struct Capture(u32);

    impl Hasher for Capture {
        fn finish(&self) -> u64 {
            u64::from(self.0)
        }

        fn write(&mut self, _: &[u8]) {}

        fn write_u32(&mut self, number: u32) {
            self.0 = number;
        }
    }

    let mut capture = Capture::default();
    path.hash(&mut capture);
    capture.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_number_is_what_the_engine_counts() {
        assert_eq!(path_number(PathId::ZERO), 0);
        assert_eq!(path_number(PathId::from(7u8)), 7);
        assert_eq!(path_number(PathId::MAX), u32::MAX);
    }
}
