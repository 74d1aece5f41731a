//! Packets of relayed channels on their way in, beside the engine.
//!
//! Whoever has an end of a leg says by which tag its packets are known. What arrives with such a tag is
//! shown to that end first, and what it does not take goes to the engine: a tag has four bytes, and one of
//! the engine's packets may begin with the same. A node that has to do with no relay pays one look at a
//! number for it.
//!
//! spec: RELAY-22

use std::{
    fmt,
    net::{IpAddr, SocketAddr},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
};

use parking_lot::RwLock;
use rustc_hash::FxHashMap;
use stc::packet::{RELAY_TAG_LEN, RelayPacket};

/// From where a datagram came, or where to one goes, as the engine knows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Way {
    pub(crate) remote: SocketAddr,
    /// The local side; `None` leaves the choice to the socket.
    pub(crate) local: Option<IpAddr>,
}

/// Takes the packets of a leg. Called where packets are received, so it must be quick.
pub(crate) trait LegEnd: Send + Sync {
    /// Whether it was one of this leg.
    fn take(&self, from: Way, packet: &RelayPacket<'_>, len: usize) -> bool;
}

type Tag = [u8; RELAY_TAG_LEN];

/// The legs that end here, by tag.
#[derive(Default)]
pub(super) struct Legs {
    by_tag: RwLock<FxHashMap<Tag, Arc<dyn LegEnd>>>,
    count: AtomicUsize,
}

/// A tag of a leg; dropping it ends the taking.
pub(crate) struct LegTag {
    tag: Tag,
    legs: Arc<Legs>,
}

impl Legs {
    /// Shows an end what arrives with this tag; `None` if another has the tag.
    pub(super) fn add(self: &Arc<Self>, tag: Tag, end: Arc<dyn LegEnd>) -> Option<LegTag> {
        let mut by_tag = self.by_tag.write();
        if by_tag.contains_key(&tag) {
            return None;
        }
        by_tag.insert(tag, end);
        self.count.store(by_tag.len(), Relaxed);
        Some(LegTag {
            tag,
            legs: Arc::clone(self),
        })
    }

    /// Whether any leg ends here.
    #[inline]
    pub(super) fn are_there(&self) -> bool {
        self.count.load(Relaxed) > 0
    }

    /// Takes a datagram if it is a packet of a leg.
    pub(super) fn take(&self, from: Way, datagram: &[u8]) -> bool {
        let Some(packet) = RelayPacket::parse(datagram) else {
            return false;
        };
        let end = self.by_tag.read().get(&packet.tag).cloned();
        end.is_some_and(|end| end.take(from, &packet, datagram.len()))
    }
}

impl Drop for LegTag {
    fn drop(&mut self) {
        let mut by_tag = self.legs.by_tag.write();
        let end = by_tag.remove(&self.tag);
        self.legs.count.store(by_tag.len(), Relaxed);
        drop(by_tag);
        // Only now: it may have tags of its own to give back.
        drop(end);
    }
}

impl fmt::Debug for Legs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Legs")
            .field("count", &self.count)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for LegTag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("LegTag").field(&self.tag).finish()
    }
}
