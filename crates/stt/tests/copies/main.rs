//! Copies that members keep for each other, in simulation: placed, proved, renewed, replaced, and let go.

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

mod ends;
mod keepers;
mod keeping;
mod lasting;
