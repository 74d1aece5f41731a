//! The crate from outside: vectors, decoders, and the seam for the KEM.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests may")]

mod decoders;
mod kem;
mod support;
mod vectors;
