//! How many connections each peer has, over all its sessions, and whether it may have one more.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use stt::NodeId;

/// Counts the connections of peers. *Memory*: an entry for each peer that has some.
#[derive(Debug, Clone)]
pub(super) struct Admission {
    most: u32,
    counts: Arc<Mutex<HashMap<NodeId, u32>>>,
}

/// A connection that counts until this is dropped.
#[derive(Debug)]
pub(super) struct Admitted {
    peer: NodeId,
    admission: Admission,
}

impl Admission {
    pub(super) fn new(most: u32) -> Self {
        let counts = Arc::default();
        Self { most, counts }
    }

    /// `None` if the peer has as many as it may.
    pub(super) fn admit(&self, peer: NodeId) -> Option<Admitted> {
        let mut counts = self.counts();
        let count = counts.entry(peer).or_default();
        if *count >= self.most {
            return None;
        }
        *count += 1;
        let admission = self.clone();
        Some(Admitted { peer, admission })
    }

    fn counts(&self) -> MutexGuard<'_, HashMap<NodeId, u32>> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Admitted {
    fn drop(&mut self) {
        let mut counts = self.admission.counts();
        if let Some(count) = counts.get_mut(&self.peer) {
            *count -= 1;
            if *count == 0 {
                counts.remove(&self.peer);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use stt::{NodeSeed, SystemEntropy};

    use super::*;

    #[test]
    fn each_peer_has_its_own_number_and_none_is_remembered_for_nothing() {
        let peer = || NodeSeed::generate(&mut SystemEntropy).identity().node_id();
        let (one, other) = (peer(), peer());
        let admission = Admission::new(2);
        let first = admission.admit(one).unwrap();
        let second = admission.admit(one).unwrap();
        assert!(admission.admit(one).is_none());
        let theirs = admission.admit(other).unwrap();
        drop(first);
        let third = admission.admit(one).unwrap();
        assert!(admission.admit(one).is_none());
        drop((second, third, theirs));
        assert!(admission.counts().is_empty());
    }
}
