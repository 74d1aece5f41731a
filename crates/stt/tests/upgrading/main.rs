//! Sessions that begin in a tunnel and move to UDP where that works, and the scenarios of the
//! foundation with them: `support::WAY` knows this program by its name.

#![allow(
    clippy::duplicate_mod,
    reason = "each scenario brings the world it lives in"
)]

#[path = "../cuts.rs"]
mod cuts;
#[path = "../operations.rs"]
mod operations;
#[path = "../transfer_over_hard_links.rs"]
mod transfer_over_hard_links;

mod in_place;
mod stalled;
