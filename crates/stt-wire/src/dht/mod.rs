//! Requests of the DHT and their answers: one of each on a stream.
//!
//! ```text
//! opener -- OPEN(DHT_REQUEST) | DhtRequest, end --> other
//! opener <------------------- DhtAnswer, end ------ other
//! ```
//!
//! *Invariant.* Every list is bounded by its count before anything is stored, and every value has
//! one encoding.
//!
//! *Not here.* What a member answers, whom it believes, what it holds: `stt-dht`.
//!
//! *spec:* `spec/dht.md`, DHT-1 to DHT-26, DHT-50 to DHT-52.

mod answer;
mod contact;
mod members;
mod record;
mod request;
mod whereabouts;

pub use answer::{DhtAnswer, DialOutcome, PutOutcome};
pub use contact::{Addresses, Contact};
pub(crate) use contact::{put_address, take_address};
pub use members::KeptMembers;
pub use record::{Record, RecordKind};
pub use request::{Ask, DhtRequest, Mode, Purpose};
pub use whereabouts::Whereabouts;

#[cfg(test)]
mod tests;
