//! A store in an object store: a server that speaks S3 over real sockets, started by each test.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test stops by panicking"
)]

mod failing;
mod owners;
mod proxy;
mod server;
mod verbs;
