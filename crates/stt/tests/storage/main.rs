//! `BinaryStorage` for tasks: the seed's verbs, shared syncs, and what cancelling does.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a failed step is a failed test"
)]

mod cancelling;
mod counting;
mod support;
mod verbs;
