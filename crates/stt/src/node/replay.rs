//! Gate tags that were used once and must not open the door again.
//!
//! A recorded HELLO opens a gated door for whoever sends it again, and the answer would show that
//! a node lives here. No clock is asked (devices without one are users too): a tag that led to an
//! attempt is remembered, the newest million of them. What a replay of an older one, or of one from
//! before a restart, gets is an answer it can't read; it never gets a session.

use std::collections::{HashSet, VecDeque};

/// The tags seen, oldest forgotten first.
#[derive(Debug, Default)]
pub(super) struct SeenTags {
    seen: HashSet<u64>,
    order: VecDeque<u64>,
}

impl SeenTags {
    pub(super) fn contains(&self, connection_id: &[u8]) -> bool {
        self.seen.contains(&nonce(connection_id))
    }

    pub(super) fn insert(&mut self, connection_id: &[u8]) {
        let nonce = nonce(connection_id);
        if self.seen.insert(nonce) {
            self.order.push_back(nonce);
        }
        if self.order.len() > CAPACITY
            && let Some(oldest) = self.order.pop_front()
        {
            self.seen.remove(&oldest);
        }
    }
}

/// The first 8 bytes tell tags apart: they are its nonce.
fn nonce(connection_id: &[u8]) -> u64 {
    connection_id
        .first_chunk()
        .map_or(0, |nonce| u64::from_be_bytes(*nonce))
}

/// At most about 24 MB.
const CAPACITY: usize = 1 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_is_remembered_until_a_million_newer_ones_came() {
        let mut tags = SeenTags::default();
        tags.insert(&0_u64.to_be_bytes());
        assert!(tags.contains(&0_u64.to_be_bytes()));
        for nonce in 1..=CAPACITY as u64 {
            tags.insert(&nonce.to_be_bytes());
        }
        assert!(!tags.contains(&0_u64.to_be_bytes()));
        assert!(tags.contains(&1_u64.to_be_bytes()));
    }
}
