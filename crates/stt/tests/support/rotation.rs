//! Later states of a simulated world's group.

#![allow(
    unreachable_pub,
    clippy::unwrap_used,
    reason = "a failed step is a failed test"
)]

use stt::{Entropy, Group};
use stt_sim::{Sim, SimEntropy};

/// `group` with one more epoch.
pub fn next_epoch(sim: &Sim, group: &Group) -> Group {
    let mut next = group.clone();
    let name = format!("epoch after {:?}", group.newest());
    next.next_epoch(&mut Bytes(sim.entropy(&name))).unwrap();
    next
}

struct Bytes(SimEntropy);

impl Entropy for Bytes {
    fn fill(&mut self, out: &mut [u8]) {
        self.0.fill(out);
    }
}
