//! Live streams that members have from each other, in simulation: late joiners, narrow lines, publishers that die, members that lie.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a failed step is a failed test"
)]

#[path = "../support/mod.rs"]
mod support;

#[allow(dead_code, reason = "a part of it is used")]
#[path = "../dht/village.rs"]
mod village;

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

mod following;
mod hostile;
mod lasting;
mod studio;
mod villain;

// Where `raw` looks for them.
use support::{World, address};
