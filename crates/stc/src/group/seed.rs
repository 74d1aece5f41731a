//! What the handshake needs of one epoch. spec: STC-9 to STC-12.
//!
//! *Invariants.*
//! - A passphrase has no gate key: a tag keyed by it could be tested offline.
//! - Every key is bound to door, group and epoch, so no two epochs share one even if a file
//!   repeats a key.

use super::id::{Door, Epoch, GroupId};
use crate::kdf::{HASH_LEN, expand, extract, short_mac};
use crate::secret::{Secret, constant_time_eq};
use std::fmt;

/// Keys for the handshake, derived from one epoch of a group.
pub struct SeedKeys {
    door: Door,
    epoch: Epoch,
    binding: [u8; BINDING_LEN],
    cpace_password: Secret<32>,
    psk: Secret<32>,
    gate: Option<Secret<32>>,
}

impl SeedKeys {
    /// Bytes of a connection id that carries a gate tag: a nonce of 8 and a tag of 12.
    pub const GATE_LEN: usize = 20;

    /// The epoch these keys belong to.
    pub fn epoch(&self) -> Epoch {
        self.epoch
    }

    /// Whether first packets carry a gate tag.
    pub fn door(&self) -> Door {
        self.door
    }

    /// The first connection id of a new connection: `nonce`, then the tag over it.
    ///
    /// `nonce` is random. Returns `None` for an open door.
    pub fn gate_tag(&self, nonce: &[u8; 8]) -> Option<[u8; Self::GATE_LEN]> {
        let tag = gate_tag(self.gate.as_ref()?, *nonce);
        let mut id = [0; Self::GATE_LEN];
        id[..nonce.len()].copy_from_slice(nonce);
        id[nonce.len()..].copy_from_slice(&tag);
        Some(id)
    }

    /// Whether the first connection id of a packet carries the gate tag of this epoch.
    ///
    /// Compares in constant time. Says nothing of replays: the caller keeps the ids it has seen.
    /// Always false for an open door, which has no tag to check.
    pub fn opens(&self, connection_id: &[u8]) -> bool {
        let (Some(gate), Some((nonce, tag))) = (
            &self.gate,
            connection_id.split_first_chunk::<GATE_NONCE_LEN>(),
        ) else {
            return false;
        };
        constant_time_eq(&gate_tag(gate, *nonce), tag)
    }

    /// The keys of a random seed.
    pub(super) fn random(group: GroupId, epoch: Epoch, key: &Secret<32>) -> Self {
        let root = random_root(key);
        let binding = binding(Door::Gated, Some(group), epoch);
        let gate = Some(expand(root.as_bytes(), "gate", &binding));
        Self::derive(&root, Door::Gated, epoch, binding, gate)
    }

    /// The keys of a passphrase that was stretched by Argon2id.
    pub(super) fn passphrase(stretched: &Secret<32>) -> Self {
        let root = extract(b"stc1 passphrase seed", &[stretched.as_bytes()]);
        let epoch = Epoch(0);
        Self::derive(
            &root,
            Door::Open,
            epoch,
            binding(Door::Open, None, epoch),
            None,
        )
    }

    fn derive(
        root: &Secret<HASH_LEN>,
        door: Door,
        epoch: Epoch,
        binding: [u8; BINDING_LEN],
        gate: Option<Secret<32>>,
    ) -> Self {
        Self {
            door,
            epoch,
            binding,
            cpace_password: expand(root.as_bytes(), "cpace prs", &binding),
            psk: expand(root.as_bytes(), "psk", &binding),
            gate,
        }
    }

    /// The password-related string of `CPace`.
    pub(crate) fn cpace_password(&self) -> &Secret<32> {
        &self.cpace_password
    }

    /// What is mixed into the key schedule beside the exchanges.
    pub(crate) fn psk(&self) -> &Secret<32> {
        &self.psk
    }

    /// What Initial packets are keyed with; none for an open door.
    pub(crate) fn gate(&self) -> Option<&Secret<32>> {
        self.gate.as_ref()
    }

    /// Door, group and epoch, which both sides of a handshake must agree on.
    pub(crate) fn binding(&self) -> &[u8; BINDING_LEN] {
        &self.binding
    }
}

impl fmt::Debug for SeedKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SeedKeys")
            .field("door", &self.door)
            .field("epoch", &self.epoch)
            .finish_non_exhaustive()
    }
}

/// The root of contexts of a random seed. There is none for a passphrase.
pub(super) fn context_root(group: GroupId, epoch: Epoch, key: &Secret<32>) -> Secret<HASH_LEN> {
    let binding = binding(Door::Gated, Some(group), epoch);
    expand(random_root(key).as_bytes(), "context root", &binding)
}

fn random_root(key: &Secret<32>) -> Secret<HASH_LEN> {
    extract(b"stc1 random seed", &[key.as_bytes()])
}

fn gate_tag(gate: &Secret<32>, nonce: [u8; GATE_NONCE_LEN]) -> [u8; GATE_TAG_LEN] {
    short_mac(gate.as_bytes(), &[b"stc1 gate", &nonce])
}

/// `door u8 | group id 16 | epoch u16`; the id of a passphrase is all zeros.
fn binding(door: Door, group: Option<GroupId>, epoch: Epoch) -> [u8; BINDING_LEN] {
    let mut binding = [0; BINDING_LEN];
    binding[0] = match door {
        Door::Gated => 1,
        Door::Open => 2,
    };
    if let Some(group) = group {
        binding[1..17].copy_from_slice(group.as_bytes());
    }
    binding[17..].copy_from_slice(&epoch.0.to_be_bytes());
    binding
}

const BINDING_LEN: usize = 19;
const GATE_NONCE_LEN: usize = 8;
const GATE_TAG_LEN: usize = 12;
