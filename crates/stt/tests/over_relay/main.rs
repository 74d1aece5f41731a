//! The scenarios of the foundation, unchanged, with sessions that go through a relay: `support::WAY`
//! knows this program by its name.

#![allow(
    clippy::duplicate_mod,
    reason = "each scenario brings the world it lives in"
)]

#[path = "../closing.rs"]
mod closing;
#[path = "../cuts.rs"]
mod cuts;
#[path = "../key_updates.rs"]
mod key_updates;
#[path = "../operations.rs"]
mod operations;
#[path = "../stalled_readers.rs"]
mod stalled_readers;
#[path = "../transfer_over_hard_links.rs"]
mod transfer_over_hard_links;
