//! Relaying: a member that two others reach carries their packets, when these two do not reach each
//! other.
//!
//! Who forwards and who is forwarded for have an ordinary session; in it runs a registration, and beside
//! it run the packets of channels, sealed by the session of the two at the ends.
//!
//! | | where |
//! |---|---|
//! | what a member may have done for it | [`limits`] |
//! | one end of a leg: numbers, macs, repetitions | [`leg`], [`window`] |
//! | packets that wait to leave | [`departures`] |
//! | the relay: registrations, channels, forwarding | [`service`] |
//! | the member: its registration, its channels as tunnels | [`client`] |
//!
//! Who dials the relay, and again when it is gone, is in `node/relays`.
//!
//! Invariants: a relay sends to nobody who has not proved to be there, but three times what came from
//! there; no more than came in; nothing that was not sealed by the member whose leg it came on. Every
//! queue has a bound and drops beyond.
//!
//! spec: RELAY-1 to RELAY-31

pub(crate) mod client;
mod departures;
mod leg;
pub(crate) mod limits;
pub(crate) mod service;
mod window;
