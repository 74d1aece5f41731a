//! STC in the shape the engine asks for: its crypto traits, answered by [`stc`].
//!
//! * [`keys`]: packet and header protection, the reset and token keys;
//! * [`session`]: the handshake, fed by the engine's CRYPTO frames;
//! * [`dialler`] and [`acceptor`]: what starts a session on either side.
//!
//! The contract that the engine expects (which message leaves at which level, when keys must be
//! there) is kept in `session.rs` and nowhere else.

mod acceptor;
mod dialler;
mod keys;
mod session;

pub(crate) use acceptor::{AcceptorConfig, DoorKeys};
pub(crate) use dialler::{DialOutcome, DiallerConfig};
pub(crate) use keys::{EngineResetKey, EngineTokenKey, FirstSealed, Meters, path_number};
pub(crate) use session::Authenticated;
