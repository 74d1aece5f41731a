//! Data that wait for the signature that covers them. spec: SEG-13.

use std::collections::VecDeque;

use bytes::Bytes;
use stc::{
    NodeId,
    segment::{Digest, MAX_UNSIGNED, StreamSignature},
};

use super::window::Released;

/// Segments of data in order, not proved yet to be of the signer.
#[derive(Debug)]
pub(super) struct Proof {
    signer: NodeId,
    /// The first number that was neither proved nor reported.
    from: u64,
    waiting: VecDeque<Waiting>,
}

#[derive(Debug)]
struct Waiting {
    sequence: u64,
    digest: Digest,
    data: Bytes,
}

impl Proof {
    pub(super) fn new(signer: NodeId) -> Self {
        Self {
            signer,
            from: 0,
            waiting: VecDeque::new(),
        }
    }

    pub(super) fn signer(&self) -> &NodeId {
        &self.signer
    }

    pub(super) fn segments(&self) -> usize {
        self.waiting.len()
    }

    /// Adds the next segment of data. Returns what no signature can cover any more.
    pub(super) fn add(&mut self, sequence: u64, digest: Digest, data: Bytes) -> Option<Bytes> {
        self.waiting.push_back(Waiting {
            sequence,
            digest,
            data,
        });
        let is_too_old = |oldest: &Waiting| oldest.sequence + MAX_UNSIGNED as u64 <= sequence;
        let oldest = self.waiting.front().is_some_and(is_too_old);
        oldest
            .then(|| self.waiting.pop_front())
            .flatten()
            .map(|waiting| waiting.data)
    }

    /// Takes the verified signature at `sequence`: what it covers is proved, and what is neither
    /// covered nor there is lost.
    pub(super) fn settle(&mut self, sequence: u64, signature: &StreamSignature) -> Vec<Released> {
        let digests = signature.digests();
        let covered_from = sequence - digests.len() as u64;
        let mut released = Vec::with_capacity(self.waiting.len());
        for waiting in self.waiting.drain(..) {
            let place = waiting.sequence.checked_sub(covered_from);
            let covered = place.and_then(|place| digests.get(place as usize));
            if covered == Some(&waiting.digest) {
                if waiting.sequence > self.from {
                    released.push(Released::Gap(self.from..waiting.sequence));
                }
                self.from = waiting.sequence + 1;
                released.push(Released::Data(waiting.data));
            } else {
                released.push(Released::Dropped(waiting.data.len()));
            }
        }
        if sequence > self.from {
            released.push(Released::Gap(self.from..sequence));
        }
        self.from = sequence + 1;
        released
    }
}
