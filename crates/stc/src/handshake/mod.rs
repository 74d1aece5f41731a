//! The handshake STC/1: two nodes that share a seed agree on keys and prove who they are.
//!
//! ```text
//!  Initiator::start ─────────── HELLO ───────────────> Responder::on_hello
//!  AwaitResponse::on_response <──── RESPONSE ─────────── │      Initial packets
//!  AwaitProof::on_response_proof <─ RESPONSE_PROOF ───── │      Handshake packets
//!     │ ────────────────────── AUTH_PROOF ───────────> AwaitAuth::on_auth_proof
//!  AwaitFinal::on_final <────────── FINAL ────────────── │      1-RTT packets
//!  Established                                       Established
//! ```
//! Each step consumes the state and returns the next; an error ends the handshake.
//!
//! *Invariants.*
//! - The responder proves the seed and its identity before the initiator names itself.
//! - Without the seed neither identity is visible, and one handshake tests one guess.
//! - Both sides get equal keys only if all bytes of all messages were the same to both.
//!
//! *Not here*: levels, retransmission and time limits, which are the engine's; parameters are
//! opaque bytes. spec: STC-20 to STC-28.

mod error;
mod exporter;
mod initiator;
pub(crate) mod message;
mod proof;
mod responder;
mod schedule;
mod transcript;

pub use error::{HandshakeError, Malformation, Refusal};
pub use exporter::{ExportError, Exporter};
pub use initiator::{AwaitFinal, AwaitProof, AwaitResponse, Initiator, ProofSent};
pub use message::{MAX_MESSAGE_LEN, MAX_PARAMETERS_LEN, message_len};
pub use responder::{Accepted, AwaitAuth, Responder, ResponseFlight};

use crate::group::{Epoch, SeedKeys};
use crate::identity::{Identity, NodeId};
use crate::kem::{Kem, MlKem768};
use crate::packet::{Directional, TrafficSecret};
use crate::suite::Suite;
use std::sync::Arc;

/// What a node brings to every handshake.
#[derive(Debug, Clone)]
pub struct HandshakeContext {
    /// Who this node is.
    pub identity: Arc<Identity>,
    /// Suites to offer and accept, best first; not empty.
    pub suites: Arc<[Suite]>,
    /// The key encapsulation mechanism.
    pub kem: Arc<dyn Kem>,
}

impl HandshakeContext {
    /// The suites this machine prefers, and ML-KEM-768 of aws-lc.
    pub fn new(identity: Arc<Identity>) -> Self {
        Self {
            identity,
            suites: Suite::preferred().into(),
            kem: Arc::new(MlKem768),
        }
    }
}

/// The keys of one encryption level.
#[derive(Debug, PartialEq, Eq)]
pub struct Keys {
    /// The cipher they are for.
    pub suite: Suite,
    /// The secret of each direction.
    pub secrets: Directional<TrafficSecret>,
}

/// A handshake both sides have completed.
#[derive(Debug)]
pub struct Established {
    peer: NodeId,
    peer_parameters: Vec<u8>,
    suite: Suite,
    epoch: Epoch,
    exporter: Exporter,
}

impl Established {
    /// Who the peer proved to be.
    pub fn peer(&self) -> NodeId {
        self.peer
    }

    /// The parameters the peer sent: opaque here.
    pub fn peer_parameters(&self) -> &[u8] {
        &self.peer_parameters
    }

    /// The cipher of the session.
    pub fn suite(&self) -> Suite {
        self.suite
    }

    /// The epoch of the seed both sides used.
    pub fn epoch(&self) -> Epoch {
        self.epoch
    }

    /// Secrets of this session for other uses.
    pub fn exporter(&self) -> &Exporter {
        &self.exporter
    }
}

/// What both sides must agree on for `CPace` to agree: its channel identifier.
fn cpace_channel(seed: &SeedKeys) -> Vec<u8> {
    [b"STC1 cpace".as_slice(), seed.binding()].concat()
}

/// Refuses local parameters a peer would refuse.
fn check_parameters(parameters: &[u8]) -> Result<(), HandshakeError> {
    if parameters.len() > MAX_PARAMETERS_LEN {
        return Err(HandshakeError::ParametersTooLong {
            actual: parameters.len(),
        });
    }
    Ok(())
}

#[cfg(test)]
mod tests;
