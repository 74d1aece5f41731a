//! One handshake as the engine sees it: bytes of CRYPTO frames in, bytes and keys out.
//!
//! ```text
//! initiator                                      responder            engine level
//! HELLO                       ------------->                          Initial
//!                             <-------------   RESPONSE               Initial
//!                             <-------------   RESPONSE_PROOF         Handshake
//! AUTH_PROOF                  ------------->                          Handshake
//!                             <-------------   FINAL                  1-RTT
//! ```
//!
//! Facts about the engine that this file serves:
//! * bytes handed out together with keys still leave at the old level;
//! * `read_handshake` gets bytes without their level and in any slices, so messages are cut here,
//!   and bytes behind a message that changes the level are refused until its keys were taken;
//! * the responder's 1-RTT keys exist only once `AUTH_PROOF` is verified, so no byte of an
//!   application is ever sent to an unauthenticated peer.

use std::{
    any::Any,
    collections::VecDeque,
    io::Cursor,
    sync::{Arc, atomic::Ordering::Relaxed},
};

use noq_proto::{
    ConnectionId, Side, TransportError, TransportErrorCode,
    crypto::{self, ExportKeyingMaterialError, KeyPair},
    transport_parameters::TransportParameters,
};
use stc::{
    Door, NodeId, SeedKeys, Suite,
    handshake::{Exporter, HandshakeError, Keys, MAX_MESSAGE_LEN, message_len},
    packet::{Directional, TrafficSecret, initial_secrets, retry_tag},
};

use super::keys::{Meters, engine_keys, packet_keys};

/// What a finished handshake has proved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Authenticated {
    pub(crate) peer: NodeId,
    pub(crate) session_id: [u8; 8],
    pub(crate) epoch: stc::Epoch,
    pub(crate) suite: Suite,
}

/// One side's sequence of handshake states, driven by whole messages.
pub(super) trait Handshake: Send + Sync + 'static {
    /// Takes one message and says what follows from it.
    fn on_message(&mut self, message: &[u8]) -> Result<Step, HandshakeError>;

    /// The seed this handshake runs under, told the first connection id; `None` if there is none.
    fn seed_for(&self, connection_id: &[u8]) -> Option<&SeedKeys>;

    /// The kind of door it goes through.
    fn door(&self) -> Door;
}

/// What one message led to. Empty fields mean nothing new.
#[derive(Default)]
pub(super) struct Step {
    /// Bytes to send, each with the keys that take effect after it.
    pub(super) flights: Vec<(Vec<u8>, Option<crypto::Keys>)>,
    /// The peer's transport parameters, once they are known.
    pub(super) peer_parameters: Option<Vec<u8>>,
    /// 1-RTT secrets and what was proved, once the peer is authenticated.
    pub(super) authenticated: Option<(Authenticated, Keys, Exporter)>,
}

/// The engine's session over either side's handshake.
pub(super) struct EngineSession {
    side: Side,
    handshake: Box<dyn Handshake>,
    inbound: Vec<u8>,
    outbound: VecDeque<(Vec<u8>, Option<crypto::Keys>)>,
    /// Set while keys of a new level wait to be taken.
    level_changing: bool,
    peer_parameters: Option<Vec<u8>>,
    established: Option<Established>,
    announced: bool,
    meters: Arc<Meters>,
}

struct Established {
    proved: Authenticated,
    suite: Suite,
    /// Secrets of the generation in use; the next is derived on request.
    secrets: Directional<TrafficSecret>,
    exporter: Exporter,
}

impl EngineSession {
    pub(super) fn new(
        side: Side,
        handshake: Box<dyn Handshake>,
        meters: Arc<Meters>,
        first: Option<Vec<u8>>,
    ) -> Self {
        Self {
            side,
            handshake,
            inbound: Vec::new(),
            outbound: first.map(|message| (message, None)).into_iter().collect(),
            level_changing: false,
            peer_parameters: None,
            established: None,
            announced: false,
            meters,
        }
    }

    fn take_message(&mut self) -> Result<Option<Vec<u8>>, HandshakeError> {
        let Some(length) = message_len(&self.inbound)? else {
            return Ok(None);
        };
        if self.inbound.len() < length {
            return Ok(None);
        }
        if self.level_changing {
            return Err(unexpected(&self.inbound));
        }
        let rest = self.inbound.split_off(length);
        Ok(Some(std::mem::replace(&mut self.inbound, rest)))
    }

    fn follow(&mut self, step: Step) {
        self.level_changing |= step.flights.iter().any(|(_, keys)| keys.is_some());
        self.outbound.extend(step.flights);
        if step.peer_parameters.is_some() {
            self.peer_parameters = step.peer_parameters;
        }
        if let Some((proved, keys, exporter)) = step.authenticated {
            let Keys { suite, secrets } = keys;
            self.established = Some(Established {
                proved,
                suite,
                secrets,
                exporter,
            });
        }
    }

    fn read(&mut self, bytes: &[u8]) -> Result<(), HandshakeError> {
        if self.inbound.len() + bytes.len() > MAX_BUFFERED_BYTES {
            return Err(unexpected(&self.inbound));
        }
        self.inbound.extend_from_slice(bytes);
        while let Some(message) = self.take_message()? {
            let step = self.handshake.on_message(&message)?;
            self.follow(step);
        }
        Ok(())
    }
}

impl crypto::Session for EngineSession {
    fn initial_keys(&self, connection_id: ConnectionId, side: Side) -> crypto::Keys {
        initial_keys(self.handshake.seed_for(&connection_id), connection_id, side)
    }

    fn handshake_data(&self) -> Option<Box<dyn Any>> {
        self.established
            .as_ref()
            .map(|established| Box::new(established.proved) as _)
    }

    /// Not the peer, whom `handshake_data` names, but the meters: there is no other way out.
    fn peer_identity(&self) -> Option<Box<dyn Any>> {
        Some(Box::new(Arc::clone(&self.meters)))
    }

    fn early_crypto(&self) -> Option<(Box<dyn crypto::HeaderKey>, Box<dyn crypto::PacketKey>)> {
        None
    }

    fn early_data_accepted(&self) -> Option<bool> {
        self.side.is_client().then_some(false)
    }

    fn is_handshaking(&self) -> bool {
        self.established.is_none()
    }

    fn read_handshake(&mut self, bytes: &[u8]) -> Result<bool, TransportError> {
        self.read(bytes).map_err(|error| transport_error(&error))?;
        let newly_known = self.established.is_some() && !self.announced;
        self.announced |= newly_known;
        Ok(newly_known)
    }

    fn transport_parameters(&self) -> Result<Option<TransportParameters>, TransportError> {
        let Some(bytes) = &self.peer_parameters else {
            return Ok(None);
        };
        TransportParameters::read(self.side, &mut Cursor::new(bytes))
            .map(Some)
            .map_err(|_| {
                let code = TransportErrorCode::TRANSPORT_PARAMETER_ERROR;
                TransportError::new(code, String::new())
            })
    }

    fn write_handshake(&mut self, buf: &mut Vec<u8>) -> Option<crypto::Keys> {
        let (bytes, keys) = self.outbound.pop_front()?;
        buf.extend_from_slice(&bytes);
        if self.outbound.is_empty() {
            // The session lives long after this, and nothing more will be said.
            self.outbound = VecDeque::new();
        }
        let keys = keys?;
        self.level_changing = self.outbound.iter().any(|(_, keys)| keys.is_some());
        Some(keys)
    }

    fn next_1rtt_keys(&mut self) -> Option<KeyPair<Box<dyn crypto::PacketKey>>> {
        let established = self.established.as_mut()?;
        let generation = self.meters.generations.fetch_add(1, Relaxed) + 1;
        established.secrets = Directional {
            initiator: established.secrets.initiator.next(),
            responder: established.secrets.responder.next(),
        };
        Some(packet_keys(
            established.suite,
            &established.secrets,
            self.side,
            generation,
            &self.meters,
        ))
    }

    fn is_valid_retry(&self, original: ConnectionId, header: &[u8], payload: &[u8]) -> bool {
        // At a gated door Retry is never sent, so this one is forged.
        if self.handshake.door() == Door::Gated {
            return false;
        }
        let Some((body, tag)) = payload.split_last_chunk::<16>() else {
            return false;
        };
        retry_tag(&original, &[header, body].concat()) == *tag
    }

    fn export_keying_material(
        &self,
        out: &mut [u8],
        label: &[u8],
        context: &[u8],
    ) -> Result<(), ExportKeyingMaterialError> {
        let established = self.established.as_ref().ok_or(ExportKeyingMaterialError)?;
        established
            .exporter
            .export(label, context, out)
            .map_err(|_| ExportKeyingMaterialError)
    }
}

/// Keys of Initial packets; at a gated door they depend on the seed, so HELLO is hidden too.
pub(super) fn initial_keys(seed: Option<&SeedKeys>, id: ConnectionId, side: Side) -> crypto::Keys {
    let secrets = initial_secrets(seed, &id);
    engine_keys(
        &Keys {
            suite: Suite::Aes256Gcm,
            secrets,
        },
        side,
        &Arc::default(),
    )
}

/// A message that may not come now, by its first byte.
pub(super) fn unexpected(message: &[u8]) -> HandshakeError {
    HandshakeError::Unexpected {
        actual: message.first().copied().unwrap_or_default(),
    }
}

/// Every reason of cryptography has one code, and none travels as text.
fn transport_error(error: &HandshakeError) -> TransportError {
    TransportError::new(TransportErrorCode::crypto(error.code()), String::new())
}

/// Two whole messages: more can't be outstanding at one level.
const MAX_BUFFERED_BYTES: usize = 2 * (MAX_MESSAGE_LEN + 4);
