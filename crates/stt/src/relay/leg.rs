//! One end of a leg: seals what leaves, and says what comes is worth.
//!
//! spec: RELAY-21, RELAY-24, RELAY-25, STC-35

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use bytes::{Bytes, BytesMut};
use parking_lot::Mutex;
use stc::{
    Secret,
    packet::{
        RELAY_HEADER_LEN, RELAY_MAC_LEN, RELAY_OVERHEAD, RELAY_TAG_LEN, RelayKey, RelayPacket,
    },
};
use zeroize::Zeroizing;

use super::window::{Verdict, Window};
use crate::session::core::Core;

/// See the module.
#[derive(Debug)]
pub(super) struct Leg {
    tag: [u8; RELAY_TAG_LEN],
    ours: RelayKey,
    theirs: RelayKey,
    next: AtomicU64,
    window: Mutex<Window>,
}

/// Which end of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    Member,
    Relay,
}

/// A leg has sent as many packets as it may.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct UsedUp;

impl Leg {
    /// The leg of this number of a session.
    pub(super) fn new(core: &Core, role: Role, number: u64, tag: [u8; RELAY_TAG_LEN]) -> Self {
        let (ours, theirs) = match role {
            Role::Member => (MEMBER, RELAY),
            Role::Relay => (RELAY, MEMBER),
        };
        Self {
            tag,
            ours: key(core, ours, number),
            theirs: key(core, theirs, number),
            next: AtomicU64::new(1),
            window: Mutex::new(Window::new()),
        }
    }

    /// A packet with this content.
    pub(super) fn seal(&self, content: &[u8]) -> Result<Bytes, UsedUp> {
        let mut packet = BytesMut::with_capacity(content.len() + RELAY_OVERHEAD);
        self.seal_into(content, &mut packet)?;
        Ok(packet.freeze())
    }

    /// Appends a packet with this content.
    pub(super) fn seal_into(&self, content: &[u8], out: &mut BytesMut) -> Result<(), UsedUp> {
        let number = self.next.fetch_add(1, Relaxed);
        let number = u32::try_from(number).map_err(|_| UsedUp)?;
        let start = out.len();
        out.extend_from_slice(&[0; RELAY_HEADER_LEN]);
        out.extend_from_slice(content);
        out.extend_from_slice(&[0; RELAY_MAC_LEN]);
        self.ours.seal(self.tag, number, &mut out[start..]);
        Ok(())
    }

    /// How many packets it has sealed, and one.
    pub(super) fn sealed(&self) -> u64 {
        self.next.load(Relaxed)
    }

    /// Whether the other end made it.
    pub(super) fn verifies(&self, packet: &RelayPacket<'_>) -> bool {
        self.theirs.verifies(packet)
    }

    /// Whether its number has come before. Only for what [`verifies`](Self::verifies).
    pub(super) fn judge(&self, packet: &RelayPacket<'_>) -> Verdict {
        self.window.lock().take(packet.number)
    }
}

/// Whether a content may travel on a leg.
pub(super) const fn fits(content: &[u8]) -> bool {
    content.len() <= MAX_PACKET_LEN - RELAY_OVERHEAD
}

fn key(core: &Core, role: &[u8], number: u64) -> RelayKey {
    let mut exported = Zeroizing::new([0; 64]);
    let context = [role, &number.to_be_bytes()].concat();
    let done = core
        .connection
        .export_keying_material(&mut exported[..], b"relay", &context);
    debug_assert!(done.is_ok(), "64 bytes of a finished handshake");
    RelayKey::new(core.proved.suite, &Secret::new(*exported))
}

const MEMBER: &[u8] = b"member";
const RELAY: &[u8] = b"relay";

/// What the engine sends at most over UDP. spec: RELAY-25
const MAX_PACKET_LEN: usize = 1_452;

/// A content of no bytes says where its sender is; one of these is a question, or its answer.
/// spec: RELAY-23
pub(super) const QUESTION_LEN: usize = 8;
