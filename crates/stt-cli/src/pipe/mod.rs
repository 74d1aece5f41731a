//! An encrypted pipe: `stt listen` on one side, `stt connect` on the other.
//!
//! ```text
//! stdin  -- stdio::Source --> copy --> SendStream ~~~ RecvStream --> copy -- stdio::Sink --> stdout
//! stdout <-- stdio::Sink -- copy <-- RecvStream ~~~ SendStream <-- copy <-- stdio::Source -- stdin
//! ```
//!
//! The connector opens one two-way stream and nothing else.
//! *Invariant, honest end:* a side sees the end of the other's bytes only after it has written all
//! of them to its standard output, and reports success only after both sides have seen both ends.

mod connect;
mod copy;
mod listen;
mod openers;
mod progress;
mod stdio;

use std::time::Duration;

use stt::{Group, Limits, Node, NodeBuilder, NodeSeed};

pub(crate) use connect::connect;
pub(crate) use listen::listen;

/// What both commands set up alike.
fn builder(group: Group, seed: NodeSeed, idle_timeout: Duration) -> (NodeBuilder, Limits) {
    let mut limits = Limits::default();
    limits.idle_timeout = idle_timeout;
    limits.keep_alive = limits.keep_alive.min(idle_timeout / 3);
    (Node::builder(group).node_seed(seed), limits)
}

/// Lets the last packets leave. What has not ended by now was given up.
async fn leave(node: &Node) {
    node.shutdown(LEAVE_WITHIN).await;
}

/// For sessions that are over already, or were aborted.
const LEAVE_WITHIN: Duration = Duration::from_millis(200);
