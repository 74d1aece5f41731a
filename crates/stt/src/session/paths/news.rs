//! What others tell the looking after of paths.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
};

use parking_lot::Mutex;
use stt_wire::Candidates;
use tokio::sync::Notify;

use crate::{nat::message::Sender, transport::link::Hold};

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct News {
    pub(super) candidates: Mutex<Option<Arc<Candidates>>>,
    pub(super) network_changed: AtomicBool,
    pub(super) moved: AtomicBool,
    /// The session has something to carry.
    pub(super) carries: AtomicBool,
    pub(super) tunnels: Mutex<Vec<(SocketAddr, Hold)>>,
    pub(super) told: Notify,
}

impl News {
    /// The peer says where it can be reached.
    pub(crate) fn candidates(&self, candidates: Candidates) {
        *self.candidates.lock() = Some(Arc::new(candidates));
        self.told.notify_one();
    }

    /// Waits until there is something to act upon, and leaves it there. Cancel safe.
    pub(super) async fn any(&self) {
        self.told.notified().await;
        self.told.notify_one();
    }

    /// A tunnel to the peer, and what keeps it open.
    pub(crate) fn tunnel(&self, remote: SocketAddr, hold: Hold) {
        self.tunnels.lock().push((remote, hold));
        self.told.notify_one();
    }

    /// The addresses of this node are others than before; of one that moved, some are gone.
    pub(crate) fn network_changed(&self, node: Sender) {
        self.network_changed.store(true, Relaxed);
        self.moved.fetch_or(node == Sender::Moved, Relaxed);
        self.told.notify_one();
    }
}
