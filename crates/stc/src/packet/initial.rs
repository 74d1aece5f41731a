//! What exists before any key is agreed: secrets of Initial packets, and the tag of a Retry.
//!
//! At an open door both are public, as in QUIC: they stop accidents, not attackers. At a gated
//! door Initial packets are keyed with the gate key, so outsiders can neither read a HELLO nor
//! make one. spec: STC-18, STC-19.

use super::secret::{Directional, TrafficSecret};
use crate::group::SeedKeys;
use crate::kdf::{extract, short_mac};

/// The secrets of Initial packets of a connection whose first destination id is `connection_id`.
///
/// Keyed with the gate key if `seed` has one. Initial packets always use AES-256-GCM.
pub fn initial_secrets(
    seed: Option<&SeedKeys>,
    connection_id: &[u8],
) -> Directional<TrafficSecret> {
    let gate: &[u8] = seed
        .and_then(SeedKeys::gate)
        .map_or(&[], |gate| gate.as_bytes());
    let secret = extract(b"stc1 initial salt", &[gate, connection_id]);
    Directional {
        initiator: TrafficSecret::derive(&secret, "client in", b""),
        responder: TrafficSecret::derive(&secret, "server in", b""),
    }
}

/// The integrity tag of a Retry `packet` (without its tag) that answers `original_connection_id`.
///
/// Compare it in constant time only where that matters: its key is public.
pub fn retry_tag(original_connection_id: &[u8], packet: &[u8]) -> [u8; 16] {
    // QUIC connection ids have at most 20 bytes.
    let len = [original_connection_id.len() as u8];
    short_mac(
        b"stc1 retry integrity",
        &[&len, original_connection_id, packet],
    )
}
