//! Probes on their way in and out, beside the engine.
//!
//! A session that probes says by which tags its probes are known. What arrives with such a tag never
//! reaches the engine. The engine's own packets pay one comparison of lengths for it, and nothing while
//! nobody probes.

use std::{
    collections::HashMap,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
};

use parking_lot::{Mutex, RwLock};
use stc::packet::{PROBE_LEN, PROBE_TAG_LEN, probe_tag};
use tokio::sync::Notify;

/// The tags that are waited for, and by whom.
#[derive(Debug, Default)]
pub(super) struct Probes {
    waited_for: RwLock<HashMap<Tag, Arc<ProbeQueue>>>,
    count: AtomicUsize,
}

type Tag = [u8; PROBE_TAG_LEN];

/// A place of the peer, and the UDP socket of ours that it is seen by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Spot {
    pub(crate) remote: SocketAddr,
    /// The socket's number among those of its family.
    pub(crate) socket: u16,
}

impl Spot {
    /// By the socket that is used when nothing else is said.
    pub(crate) fn first(remote: SocketAddr) -> Self {
        Self { remote, socket: 0 }
    }
}

/// A probe that arrived, not opened yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ArrivedProbe {
    pub(crate) from: Spot,
    pub(crate) bytes: [u8; PROBE_LEN],
}

/// What has arrived for one session. A full queue drops what comes: probes are sent more than once.
#[derive(Debug, Default)]
pub(crate) struct ProbeQueue {
    arrived: Mutex<Vec<ArrivedProbe>>,
    changed: Notify,
}

/// Some tags of one session; dropping it ends the waiting.
#[derive(Debug)]
pub(crate) struct ProbeTags {
    tags: Vec<Tag>,
    probes: Arc<Probes>,
}

impl ProbeQueue {
    /// Takes all that have arrived, at least one; waits for it. Cancel safe.
    pub(crate) async fn take(&self) -> Vec<ArrivedProbe> {
        loop {
            let taken = std::mem::take(&mut *self.arrived.lock());
            if !taken.is_empty() {
                return taken;
            }
            self.changed.notified().await;
        }
    }
}

impl Probes {
    pub(super) fn wait_for(self: &Arc<Self>, tags: Vec<Tag>, queue: &Arc<ProbeQueue>) -> ProbeTags {
        let mut waited_for = self.waited_for.write();
        for tag in &tags {
            waited_for.insert(*tag, Arc::clone(queue));
        }
        self.count.store(waited_for.len(), Relaxed);
        ProbeTags {
            tags,
            probes: Arc::clone(self),
        }
    }

    /// Whether any session waits for probes.
    pub(super) fn are_waited_for(&self) -> bool {
        self.count.load(Relaxed) > 0
    }

    /// Takes a datagram if it is a probe of a session that waits for it.
    pub(super) fn take(&self, from: Spot, datagram: &[u8]) -> bool {
        let Some(tag) = probe_tag(datagram) else {
            return false;
        };
        let waited_for = self.waited_for.read();
        let (Some(queue), Ok(bytes)) = (waited_for.get(&tag), datagram.try_into()) else {
            return false;
        };
        let mut arrived = queue.arrived.lock();
        if arrived.len() < MAX_WAITING {
            arrived.push(ArrivedProbe { from, bytes });
        }
        drop(arrived);
        queue.changed.notify_one();
        true
    }
}

impl Drop for ProbeTags {
    fn drop(&mut self) {
        let mut waited_for = self.probes.waited_for.write();
        for tag in &self.tags {
            waited_for.remove(tag);
        }
        self.probes.count.store(waited_for.len(), Relaxed);
    }
}

const MAX_WAITING: usize = 128;
