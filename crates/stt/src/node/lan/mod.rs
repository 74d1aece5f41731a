//! Members on the same local network find each other, with no other node and no internet.
//!
//! A member says now and then, to whoever is on the network, who it is and where: a beacon, sealed for
//! the group. Strangers see that a node is there, and nothing else: neither which group it belongs to
//! nor who it is. Who is new asks, and all answer.
//!
//! | | where |
//! |---|---|
//! | seal and open what is said | [`speech`] |
//! | who is there, and for how long that is believed | [`neighbours`] |
//! | how much is listened to and answered | [`allowance`] |
//! | what they are told of where this node is | [`places`] |
//! | the sockets | [`air`] |
//! | when what is said | [`service`] |
//!
//! spec: REACH-70 to REACH-81.

mod air;
mod allowance;
mod neighbours;
mod places;
mod service;
mod speech;

use std::net::SocketAddr;

use stc::{Door, Group, NodeId};

pub use self::neighbours::Neighbour;
pub(super) use self::{air::Air, neighbours::Neighbours, service::run};
use super::{Node, Target};

/// How members of the local network are found.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct LanOptions {
    /// The UDP port that all members of the group listen at. Default: [`LanOptions::PORT`].
    pub port: u16,
}

impl LanOptions {
    /// The port, unless another is chosen.
    pub const PORT: u16 = 21_773;
}

impl Default for LanOptions {
    fn default() -> Self {
        Self { port: Self::PORT }
    }
}

/// Why members of the local network cannot be found.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LanError {
    /// The group has a passphrase: what is sealed with one can be used to guess it.
    #[error(
        "a group with a passphrase stays silent on local networks: its passphrase could be guessed from what is heard"
    )]
    Passphrase,
    /// The port could not be listened at.
    #[error("cannot listen for members at port {port}: {source}")]
    Bind {
        /// The port.
        port: u16,
        /// What the operating system said.
        source: std::io::Error,
    },
}

impl LanOptions {
    /// Begins to listen for members of `group`.
    pub(super) fn open(&self, group: &Group) -> Result<Air, LanError> {
        if group.door() == Door::Open {
            return Err(LanError::Passphrase);
        }
        let port = self.port;
        Air::open(port).map_err(|source| LanError::Bind { port, source })
    }
}

impl Node {
    /// Members on the local network that take sessions and have been heard of lately, by their ids. None
    /// without [`NodeBuilder::lan`](super::NodeBuilder::lan). Event [`Neighbour::NAME`] tells of new ones.
    pub fn neighbours(&self) -> Vec<Neighbour> {
        self.shared.neighbours.all(self.shared.platform.now())
    }

    /// The neighbour `peer`, or any if it is `None`, as soon as it is heard of; `None` when the node is
    /// shut down meanwhile.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe.
    pub async fn neighbour(&self, peer: Option<NodeId>) -> Option<Neighbour> {
        // From here on neither the end of the node nor what is found is missed.
        let stopped = self.shared.stopped.notified();
        tokio::pin!(stopped);
        loop {
            let changed = self.shared.neighbours.changed.notified();
            let is_wanted = |found: &Neighbour| peer.is_none_or(|peer| found.peer == peer);
            if let Some(found) = self.neighbours().into_iter().find(is_wanted) {
                return Some(found);
            }
            if self.shared.is_stopping() {
                return None;
            }
            tokio::select! {
                biased;
                () = &mut stopped => return None,
                () = changed => {}
            }
        }
    }
}

/// The place that it was heard from.
impl From<&Neighbour> for Target {
    fn from(neighbour: &Neighbour) -> Self {
        let place = neighbour.addresses.first().copied();
        let unspecified = SocketAddr::from(([0, 0, 0, 0], 0));
        Self::from(place.unwrap_or(unspecified)).peer(neighbour.peer)
    }
}
