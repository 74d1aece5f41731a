//! The DHT over real nodes and sessions, on a simulated network and clock.

#![allow(clippy::unwrap_used, reason = "a failed step is a failed test")]

#[path = "../support/rotation.rs"]
mod rotation;
#[path = "../support/mod.rs"]
mod support;

mod clocks;
mod content;
mod finding;
mod lasting;
mod village;
