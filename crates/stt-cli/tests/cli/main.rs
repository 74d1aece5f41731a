//! The real command, as a shell sees it: bytes, lines, exit codes.

#![cfg(unix)]
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "what a test's own tools can't do fails the test"
)]

mod command;
mod content;
mod copies;
mod doctor;
mod ends;
mod forward;
mod identity;
mod keep;
mod member;
mod network;
mod node;
mod pipe;
mod reach;
mod refusal;
mod relay;
mod seed;
mod shown;
mod store;
