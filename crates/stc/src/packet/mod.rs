//! Protection of packets, as RFC 9001 sections 5 and 6 do it, with keys of STC.
//!
//! ```text
//! TrafficSecret ──> PacketKey   seals bodies        (one file each)
//!        │     └──> HeaderKey   masks headers
//!        └────────> next TrafficSecret, at a key update; the header key stays
//! ```
//!
//! Probes ([`ProbeKey`]) are packets outside the engine, with keys of their own, and so are those of
//! relayed channels ([`RelayKey`]).
//!
//! *Not here*: packet numbers, key phases and when to update. The engine knows those.
//! spec: STC-15 to STC-19, STC-34, STC-35.

mod header;
mod initial;
mod key;
mod probe;
mod relay;
mod reset;
mod secret;
mod token;

pub use header::{HeaderKey, ShortPacket};
pub use initial::{initial_secrets, retry_tag};
pub use key::{PacketKey, TAG_LEN};
pub use probe::{PROBE_BODY_LEN, PROBE_LEN, PROBE_TAG_LEN, ProbeKey, probe_tag};
pub use relay::{
    RELAY_HEADER_LEN, RELAY_MAC_LEN, RELAY_OVERHEAD, RELAY_TAG_LEN, RelayKey, RelayPacket,
    relay_tag,
};
pub use reset::ResetKey;
pub use secret::{Directional, TrafficSecret};
pub use token::TokenKey;
