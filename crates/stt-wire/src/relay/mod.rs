//! Frames of a registration with a relay: what a member asks, and what the relay says.
//!
//! ```text
//! member -- OPEN(RELAY) | RelayRequest ... --> relay
//! member <------------------ RelayAnswer ... -- relay
//! ```
//!
//! *Not here.* The packets of a channel, which are no frames: crate `stc`, which makes their macs.
//!
//! *spec:* `spec/relay.md`, RELAY-1 to RELAY-10.

mod answer;
mod reason;
mod request;

pub use answer::RelayAnswer;
pub use reason::Unreached;
pub use request::RelayRequest;

/// Bytes of a node id.
const ID_LEN: usize = 32;
