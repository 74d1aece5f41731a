//! Thousands of members of a DHT under one virtual clock.
//!
//! ```text
//!   Scenario: who is there, who is hostile, what is asked, what must come of it
//!        |
//!     [World]  events in order of time, on two cores side by side; latencies from places on a map
//!        |
//!   Engine, Engine, Engine ...  the real thing      Villain, Villain ...  answers as it likes
//! ```
//!
//! Messages are passed as values; their bytes are counted, not made. A contact without a session
//! costs a handshake: a round trip, 2.4 KB and 0.4 ms, as measured of real sessions.
//!
//! *Invariant.* One seed, one run: nothing here reads a clock, iterates over an unordered map, or depends
//! on which thread is faster.
//!
//! Not here: packets, congestion, NAT. Those are simulated under whole nodes, in `dev/sim`.

mod keyring;
mod net;
mod population;
mod queue;
mod rng;
pub mod scenario;
mod stats;
mod villain;
mod world;

pub use keyring::SimKeyring;
pub use rng::Rng;
pub use stats::{Quantiles, Traffic};
pub use villain::Villain;
pub use world::{MemberId, World};
