//! The engine (QUIC, by the `noq` crate) with STC as its cryptography.
//!
//! The engine's types end here and in the private parts of `session`: none is in the public API,
//! so the engine could be replaced.
//!
//! * [`platform`]: clock, tasks, sockets, randomness;
//! * [`link`]: one socket over all that packets can travel by;
//! * [`stream`], [`websocket`]: byte streams, and engine packets as messages in them;
//! * [`socket`]: keeps the engine silent towards strangers;
//! * [`crypto`]: STC in the engine's shape;
//! * [`config`], [`cid`], [`congestion`]: its settings, connection ids, congestion control;
//! * [`endpoint`]: the engine on that socket.

pub(crate) mod cid;
mod config;
pub(crate) mod congestion;
pub(crate) mod crypto;
pub(crate) mod endpoint;
pub(crate) mod link;
#[cfg_attr(
    not(feature = "simulation"),
    expect(unreachable_pub, reason = "public for simulations alone")
)]
pub(crate) mod platform;
pub(crate) mod socket;
#[cfg_attr(
    not(feature = "simulation"),
    expect(unreachable_pub, reason = "public for simulations alone")
)]
pub(crate) mod stream;
pub(crate) mod websocket;

use noq::VarInt;

/// A code of ours as the engine's integer. All of ours are below 2^62; a larger one saturates.
pub(crate) fn engine_code(code: u64) -> VarInt {
    VarInt::from_u64(code).unwrap_or(VarInt::MAX)
}
