//! The responder's side of a handshake, and the keys of the door it stands behind.

use std::sync::{
    Arc, OnceLock,
    atomic::{AtomicU64, Ordering::Relaxed},
};

use noq_proto::{
    ConnectionId, Side,
    crypto::{self, ServerConfig, UnsupportedVersion},
    transport_parameters::TransportParameters,
};
use parking_lot::RwLock;
use stc::{
    Door, SeedKeys,
    handshake::{AwaitAuth, HandshakeContext, HandshakeError, Responder},
    packet::retry_tag,
};

use super::{
    keys::{Meters, engine_keys},
    session::{Authenticated, EngineSession, Handshake, Step, initial_keys, unexpected},
};
use crate::transport::{platform::PlatformEntropy, socket::VERSION};

/// The seeds a node opens for, newest first. A closed door opens for nobody.
///
/// Shared by all of a node's sockets and changed while they run.
#[derive(Debug, Default)]
pub(crate) struct DoorKeys {
    seeds: RwLock<Vec<Arc<SeedKeys>>>,
    turned_away: AtomicU64,
}

impl DoorKeys {
    pub(crate) fn set(&self, seeds: Vec<Arc<SeedKeys>>) {
        *self.seeds.write() = seeds;
    }

    /// First packets whose sender holds no seed of ours.
    pub(crate) fn turned_away(&self) -> u64 {
        self.turned_away.load(Relaxed)
    }

    /// The seed whose holder made this first connection id. At an open door anyone may have.
    pub(crate) fn seed_for(&self, id: &[u8]) -> Option<Arc<SeedKeys>> {
        let seeds = self.seeds.read();
        seeds
            .iter()
            .find(|seed| match seed.door() {
                Door::Gated => seed.opens(id),
                Door::Open => true,
            })
            .cloned()
    }
}

/// Answers first packets for one socket. An error here makes the engine drop the packet without a
/// trace, which is what a stranger shall see.
pub(crate) struct AcceptorConfig {
    pub(crate) context: Arc<HandshakeContext>,
    pub(crate) door: Arc<DoorKeys>,
    pub(crate) entropy: PlatformEntropy,
}

impl ServerConfig for AcceptorConfig {
    fn initial_keys(
        &self,
        version: u32,
        id: ConnectionId,
    ) -> Result<crypto::Keys, UnsupportedVersion> {
        let seed = self.door.seed_for(&id).filter(|_| version == VERSION);
        let Some(seed) = seed else {
            self.door.turned_away.fetch_add(1, Relaxed);
            return Err(UnsupportedVersion);
        };
        Ok(initial_keys(Some(&seed), id, Side::Server))
    }

    fn retry_tag(&self, _: u32, original: ConnectionId, packet: &[u8]) -> [u8; 16] {
        retry_tag(&original, packet)
    }

    fn start_session(&self, _: u32, parameters: &TransportParameters) -> Box<dyn crypto::Session> {
        let mut encoded = Vec::new();
        parameters.write(&mut encoded);
        let meters = Arc::<Meters>::default();
        let handshake = ResponderHandshake {
            meters: Arc::clone(&meters),
            state: Some(State::Hello {
                parameters: encoded,
            }),
            context: Arc::clone(&self.context),
            door: Arc::clone(&self.door),
            seed: OnceLock::new(),
            entropy: self.entropy.clone(),
        };
        Box::new(EngineSession::new(
            Side::Server,
            Box::new(handshake),
            meters,
            None,
        ))
    }
}

struct ResponderHandshake {
    /// `None` after a failure or the end.
    state: Option<State>,
    context: Arc<HandshakeContext>,
    door: Arc<DoorKeys>,
    /// Chosen by the first connection id, which the engine tells before any message. Stays `None`
    /// if the door was closed in between; then nothing can be decrypted and the attempt dies.
    seed: OnceLock<Option<Arc<SeedKeys>>>,
    entropy: PlatformEntropy,
    meters: Arc<Meters>,
}

/// What the responder waits for.
enum State {
    Hello { parameters: Vec<u8> },
    Auth(AwaitAuth),
}

impl Handshake for ResponderHandshake {
    fn on_message(&mut self, message: &[u8]) -> Result<Step, HandshakeError> {
        match self.state.take() {
            Some(State::Hello { parameters }) => self.on_hello(&parameters, message),
            Some(State::Auth(state)) => on_auth_proof(state, message, &self.meters),
            None => Err(unexpected(message)),
        }
    }

    fn seed_for(&self, connection_id: &[u8]) -> Option<&SeedKeys> {
        self.seed
            .get_or_init(|| self.door.seed_for(connection_id))
            .as_deref()
    }

    fn door(&self) -> Door {
        let chosen = self.seed.get().and_then(Option::as_ref);
        chosen.map_or(Door::Gated, |seed| seed.door())
    }
}

impl ResponderHandshake {
    fn on_hello(&mut self, parameters: &[u8], message: &[u8]) -> Result<Step, HandshakeError> {
        let seed = self
            .seed
            .get()
            .cloned()
            .flatten()
            .ok_or(HandshakeError::Internal)?;
        let (next, flight) =
            Responder::on_hello(&self.context, seed, parameters, message, &mut self.entropy)?;
        let keys = engine_keys(&flight.keys, Side::Server, &self.meters);
        let step = Step {
            flights: vec![(flight.response, Some(keys)), (flight.response_proof, None)],
            peer_parameters: Some(next.peer_parameters().to_vec()),
            authenticated: None,
        };
        self.state = Some(State::Auth(next));
        Ok(step)
    }
}

fn on_auth_proof(
    state: AwaitAuth,
    message: &[u8],
    meters: &Arc<Meters>,
) -> Result<Step, HandshakeError> {
    let (established, accepted) = state.on_auth_proof(message)?;
    let exporter = established.exporter().clone();
    let proved = Authenticated {
        peer: established.peer(),
        session_id: exporter.session_id(),
        epoch: established.epoch(),
        suite: established.suite(),
    };
    let keys = engine_keys(&accepted.keys, Side::Server, meters);
    Ok(Step {
        flights: vec![(Vec::new(), Some(keys)), (accepted.final_message, None)],
        peer_parameters: None,
        authenticated: Some((proved, accepted.keys, exporter)),
    })
}
