//! The initiator's side of a handshake.

use std::sync::Arc;

use noq_proto::{
    ConnectError, Side, crypto::ClientConfig, transport_parameters::TransportParameters,
};
use parking_lot::Mutex;
use stc::{
    Door, Entropy, NodeId, SeedKeys,
    handshake::{
        AwaitFinal, AwaitProof, AwaitResponse, HandshakeContext, HandshakeError, Initiator,
    },
};
use tokio::sync::watch;

use super::{
    keys::{Meters, engine_keys},
    session::{Authenticated, EngineSession, Handshake, Step, unexpected},
};
use crate::transport::{platform::PlatformEntropy, socket::VERSION};

/// Starts one handshake under one seed.
pub(crate) struct DiallerConfig {
    pub(crate) context: Arc<HandshakeContext>,
    pub(crate) seed: Arc<SeedKeys>,
    /// The only peer that will do, if any will not.
    pub(crate) expected: Option<NodeId>,
    pub(crate) entropy: PlatformEntropy,
    pub(crate) outcome: DialOutcome,
}

/// How a dial went, told outside of the engine: why it was refused, or that FINAL arrived.
#[derive(Clone)]
pub(crate) struct DialOutcome {
    error: Arc<Mutex<Option<HandshakeError>>>,
    confirmed: watch::Sender<bool>,
}

impl DialOutcome {
    pub(crate) fn new() -> Self {
        Self {
            error: Arc::default(),
            confirmed: watch::Sender::new(false),
        }
    }

    /// Resolves when the responder's FINAL was verified.
    pub(crate) async fn confirmed(&self) {
        // The sender lives in `self`, so the channel can't close while we wait.
        let _ = self
            .confirmed
            .subscribe()
            .wait_for(|confirmed| *confirmed)
            .await;
    }

    pub(crate) fn take_error(&self) -> Option<HandshakeError> {
        self.error.lock().take()
    }

    fn fail(&self, error: &HandshakeError) {
        *self.error.lock() = Some(*error);
    }
}

impl ClientConfig for DiallerConfig {
    fn start_session(
        &self,
        version: u32,
        _name: &str,
        parameters: &TransportParameters,
    ) -> Result<Box<dyn noq_proto::crypto::Session>, ConnectError> {
        if version != VERSION {
            return Err(ConnectError::UnsupportedVersion);
        }
        let mut encoded = Vec::new();
        parameters.write(&mut encoded);
        let mut entropy = self.entropy.clone();
        let entropy: &mut dyn Entropy = &mut entropy;
        let seed = Arc::clone(&self.seed);
        let started = Initiator::start(&self.context, seed, self.expected, &encoded, entropy);
        let (state, hello) = started.map_err(|error| {
            self.outcome.fail(&error);
            ConnectError::EndpointStopping
        })?;
        let meters = Arc::<Meters>::default();
        let handshake = InitiatorHandshake {
            meters: Arc::clone(&meters),
            state: Some(State::Response(state)),
            seed: Arc::clone(&self.seed),
            outcome: self.outcome.clone(),
        };
        Ok(Box::new(EngineSession::new(
            Side::Client,
            Box::new(handshake),
            meters,
            Some(hello),
        )))
    }
}

struct InitiatorHandshake {
    /// `None` after a failure or the end.
    state: Option<State>,
    seed: Arc<SeedKeys>,
    meters: Arc<Meters>,
    outcome: DialOutcome,
}

/// What the initiator waits for.
enum State {
    Response(AwaitResponse),
    Proof(AwaitProof),
    Final(AwaitFinal),
}

impl InitiatorHandshake {
    fn advance(&mut self, message: &[u8]) -> Result<Step, HandshakeError> {
        match self.state.take() {
            Some(State::Response(state)) => {
                let (next, keys) = state.on_response(message)?;
                self.state = Some(State::Proof(next));
                let keys = engine_keys(&keys, Side::Client, &self.meters);
                Ok(Step {
                    flights: vec![(Vec::new(), Some(keys))],
                    ..Step::default()
                })
            }
            Some(State::Proof(state)) => {
                let (next, sent) = state.on_response_proof(message)?;
                let exporter = next.exporter().clone();
                let proved = Authenticated {
                    peer: next.peer(),
                    session_id: exporter.session_id(),
                    epoch: next.epoch(),
                    suite: next.suite(),
                };
                let keys = engine_keys(&sent.keys, Side::Client, &self.meters);
                let step = Step {
                    flights: vec![(sent.auth_proof, Some(keys))],
                    peer_parameters: Some(next.peer_parameters().to_vec()),
                    authenticated: Some((proved, sent.keys, exporter)),
                };
                self.state = Some(State::Final(next));
                Ok(step)
            }
            Some(State::Final(state)) => {
                state.on_final(message)?;
                self.outcome.confirmed.send_replace(true);
                Ok(Step::default())
            }
            None => Err(unexpected(message)),
        }
    }
}

impl Handshake for InitiatorHandshake {
    fn on_message(&mut self, message: &[u8]) -> Result<Step, HandshakeError> {
        self.advance(message)
            .inspect_err(|error| self.outcome.fail(error))
    }

    fn seed_for(&self, _: &[u8]) -> Option<&SeedKeys> {
        Some(&self.seed)
    }

    fn door(&self) -> Door {
        self.seed.door()
    }
}
