//! Requests to keep copies of objects, and their answers: one request on a stream.
//!
//! ```text
//! owner -- OPEN(KEEP_REQUEST) | KEEP, end ----------------------> keeper
//! owner <------------------- KEEPING, KEEPING ..., KEPT, end ---- keeper
//!
//! owner -- OPEN(KEEP_REQUEST) | PROVE, end ---------------------> keeper
//! owner <----------------------------------------- PROOF, end --- keeper
//! ```
//!
//! *Invariant.* Every value has one encoding.
//!
//! *Not here.* Who keeps what, for whom and how long: `stt`.
//!
//! *spec:* `spec/copies.md`, COPY-1 to COPY-14.

mod answer;
mod declined;
mod leases;
mod request;

pub use answer::KeepAnswer;
pub use declined::Declined;
pub use leases::{KeptLease, KeptLeases};
pub use request::KeepRequest;
