//! What `BinaryStorage` promises, seen from outside.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test stops by panicking"
)]

mod begin;
mod copied;
mod crash;
mod crash_backend;
mod damage;
mod every_byte;
mod faults;
mod files;
mod full;
mod keys;
mod kill;
mod look;
mod model;
mod objects;
mod partial;
mod quota;
mod sealed;
mod support;
