//! Content from many peers, in simulation: members with storage, links with rates, and members that lie.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a failed step is a failed test"
)]

#[path = "../support/mod.rs"]
mod support;

// The lowest layer as the library has it, to build a member on that keeps no rule above it.
#[allow(dead_code, unreachable_pub, reason = "a part of it is used")]
#[path = "../../src/limits.rs"]
mod limits;
#[allow(
    dead_code,
    unreachable_pub,
    unused_imports,
    reason = "a part of it is used"
)]
#[path = "../../src/transport/mod.rs"]
mod transport;

#[allow(dead_code, unreachable_pub, reason = "a part of it is used")]
#[path = "../support/raw.rs"]
mod raw;

mod fetching;
mod hostile;
mod library;
mod many;
mod villain;

// Where `raw` looks for them.
use support::{World, address};
