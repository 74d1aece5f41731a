//! The side that dials.
//!
//! ```text
//! start ─> AwaitResponse ─on_response─> AwaitProof ─on_response_proof─> AwaitFinal ─on_final─>
//! ```

use super::error::{HandshakeError, Malformation, Refusal};
use super::message::{FinalMessage, Frame, Hello, MessageType, Response, ResponseProof};
use super::proof::ProofContext;
use super::schedule::{FinishSecrets, HandshakeSecrets, SessionSecrets};
use super::transcript::Transcript;
use super::{Established, Exporter, HandshakeContext, Keys, check_parameters, cpace_channel};
use crate::cpace::{Exchange, Exponent, Share};
use crate::entropy::{Entropy, random_bytes};
use crate::group::{Epoch, SeedKeys};
use crate::identity::{Domain, Identity, NodeId};
use crate::kem::Decapsulator;
use crate::secret::constant_time_eq;
use crate::suite::Suite;
use std::fmt;
use std::sync::Arc;

/// The beginning of an outgoing handshake.
#[derive(Debug)]
#[non_exhaustive]
pub struct Initiator;

impl Initiator {
    /// Begins a handshake over `seed`, and returns the HELLO to send.
    ///
    /// With `expected_peer` any other node is refused once it has proved who it is. `parameters`
    /// are opaque, at most [`super::MAX_PARAMETERS_LEN`] bytes, and are visible to whoever can
    /// read Initial packets: to members behind a gated door, to everyone at an open one.
    ///
    /// # Errors
    ///
    /// [`HandshakeError`]: the peer expected is this node, the suites are empty, the parameters
    /// too long, or the library fails.
    pub fn start(
        context: &HandshakeContext,
        seed: Arc<SeedKeys>,
        expected_peer: Option<NodeId>,
        parameters: &[u8],
        entropy: &mut dyn Entropy,
    ) -> Result<(AwaitResponse, Vec<u8>), HandshakeError> {
        check_parameters(parameters)?;
        if expected_peer == Some(context.identity.node_id()) {
            return Err(HandshakeError::SelfDial);
        }
        if context.suites.is_empty() {
            return Err(HandshakeError::NoCommonSuite);
        }
        let random = random_bytes(entropy);
        let exponent = Exponent::generate(entropy);
        let share = exponent.share(seed.cpace_password(), &cpace_channel(&seed), &random);
        let kem = context
            .kem
            .generate(entropy)
            .map_err(|_| HandshakeError::Internal)?;
        let codes: Vec<u8> = context
            .suites
            .iter()
            .take(MAX_SUITES)
            .map(|suite| suite.code())
            .collect();
        let hello = Hello {
            random: &random,
            suites: &codes,
            share: &share,
            encapsulation_key: &kem.encapsulation_key,
            parameters,
        }
        .encode();
        let mut transcript = Transcript::new();
        transcript.add(&hello);
        let party = Party {
            identity: context.identity.clone(),
            seed,
            expected_peer,
        };
        let offer = Offer {
            random,
            share,
            exponent,
            decapsulator: kem.decapsulator,
        };
        let suites = context.suites.clone();
        Ok((
            AwaitResponse {
                party,
                suites,
                offer,
                transcript,
            },
            hello,
        ))
    }
}

/// What stays the same through all states.
#[derive(Debug)]
struct Party {
    identity: Arc<Identity>,
    seed: Arc<SeedKeys>,
    expected_peer: Option<NodeId>,
}

impl Party {
    fn check_peer(&self, actual: NodeId) -> Result<(), HandshakeError> {
        if actual == self.identity.node_id() {
            return Err(HandshakeError::SelfDial);
        }
        match self.expected_peer {
            Some(expected) if expected != actual => {
                Err(HandshakeError::WrongPeer { expected, actual })
            }
            _ => Ok(()),
        }
    }
}

/// This side's half of both exchanges: what HELLO showed, and the secrets behind it.
struct Offer {
    random: [u8; 32],
    share: Share,
    exponent: Exponent,
    decapsulator: Box<dyn Decapsulator>,
}

impl Offer {
    /// Runs both exchanges to their end and derives the keys of the handshake level.
    fn agree(
        self,
        seed: &SeedKeys,
        response: &Response<'_>,
        th2: &[u8; 64],
    ) -> Result<HandshakeSecrets, HandshakeError> {
        let exchange = Exchange {
            session: &self.random,
            initiator_share: &self.share,
            initiator_data: b"",
            responder_share: response.share,
            responder_data: b"",
        };
        let cpace = self
            .exponent
            .agree(response.share, &exchange)
            .map_err(|_| HandshakeError::Refused(Refusal::Share))?;
        let kem = self
            .decapsulator
            .decapsulate(response.ciphertext)
            .map_err(|_| HandshakeError::Internal)?;
        Ok(HandshakeSecrets::derive(seed.psk(), &cpace, &kem, th2))
    }
}

impl fmt::Debug for Offer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Offer").finish_non_exhaustive()
    }
}

/// HELLO is sent.
#[derive(Debug)]
pub struct AwaitResponse {
    party: Party,
    suites: Arc<[Suite]>,
    offer: Offer,
    transcript: Transcript,
}

impl AwaitResponse {
    /// Takes RESPONSE, and returns the keys of the handshake level.
    ///
    /// From here on the peer is known to hold the seed, not yet who it is.
    ///
    /// # Errors
    ///
    /// [`HandshakeError::Refused`] when the peer holds another seed or anything was changed on the
    /// way; [`HandshakeError::Malformed`] or [`HandshakeError::Unexpected`] for other bytes.
    pub fn on_response(self, message: &[u8]) -> Result<(AwaitProof, Keys), HandshakeError> {
        let (response, confirm) = Response::decode(message)?;
        if !self.suites.contains(&response.suite) {
            return Err(Malformation::SuiteNotOffered.into());
        }
        let Self {
            party,
            offer,
            mut transcript,
            ..
        } = self;
        transcript.add(Response::unconfirmed(message));
        let secrets = offer.agree(&party.seed, &response, &transcript.hash())?;
        if !constant_time_eq(secrets.confirm.as_bytes(), confirm) {
            return Err(HandshakeError::Refused(Refusal::Confirmation));
        }
        transcript.add(confirm);
        let suite = response.suite;
        let state = AwaitProof {
            party,
            suite,
            transcript,
            finish: secrets.finish,
        };
        Ok((
            state,
            Keys {
                suite,
                secrets: secrets.traffic,
            },
        ))
    }
}

/// RESPONSE was accepted; the peer still has to say who it is.
#[derive(Debug)]
pub struct AwaitProof {
    party: Party,
    suite: Suite,
    transcript: Transcript,
    finish: FinishSecrets,
}

impl AwaitProof {
    /// The cipher the responder chose.
    pub fn suite(&self) -> Suite {
        self.suite
    }

    /// Takes `RESPONSE_PROOF`, and returns this side's own proof with the keys of the session.
    ///
    /// From here on the peer's identity and parameters are known. Sending is allowed, but only
    /// [`AwaitFinal::on_final`] shows that the peer accepted.
    ///
    /// # Errors
    ///
    /// [`HandshakeError::Refused`] when the proof is false, [`HandshakeError::WrongPeer`] or
    /// [`HandshakeError::SelfDial`] when it is true but another's than wanted, and
    /// [`HandshakeError::Malformed`] or [`HandshakeError::Unexpected`] for other bytes.
    pub fn on_response_proof(
        mut self,
        message: &[u8],
    ) -> Result<(AwaitFinal, ProofSent), HandshakeError> {
        let decoded = ResponseProof::decode(message)?;
        let theirs = ProofContext {
            domain: Domain::ResponderProof,
            transcript: self.transcript.hash(),
            mac_key: &self.finish.mac_keys.responder,
        };
        let peer = theirs.open(&decoded.proof)?;
        self.party.check_peer(peer)?;
        self.transcript.add(message);

        let auth_proof = self.prove();
        self.transcript.add(&auth_proof);
        let SessionSecrets {
            traffic,
            exporter,
            confirm,
        } = self.finish.session(&self.transcript.hash());
        let established = Established {
            peer,
            peer_parameters: decoded.parameters.to_vec(),
            suite: self.suite,
            epoch: self.party.seed.epoch(),
            exporter,
        };
        let keys = Keys {
            suite: self.suite,
            secrets: traffic,
        };
        Ok((
            AwaitFinal {
                established,
                confirm,
            },
            ProofSent { auth_proof, keys },
        ))
    }

    fn prove(&self) -> Vec<u8> {
        let ours = ProofContext {
            domain: Domain::InitiatorProof,
            transcript: self.transcript.hash(),
            mac_key: &self.finish.mac_keys.initiator,
        };
        ours.seal(
            &self.party.identity,
            Frame::new(MessageType::AuthProof, 128),
        )
    }
}

/// What follows from a true `RESPONSE_PROOF`.
#[derive(Debug)]
pub struct ProofSent {
    /// The `AUTH_PROOF` to send, at the handshake level.
    pub auth_proof: Vec<u8>,
    /// The keys of the session.
    pub keys: Keys,
}

/// `AUTH_PROOF` is sent. Everything about the session is known but that the peer accepted.
#[derive(Debug)]
pub struct AwaitFinal {
    established: Established,
    confirm: [u8; 32],
}

impl AwaitFinal {
    /// Who the peer proved to be.
    pub fn peer(&self) -> NodeId {
        self.established.peer()
    }

    /// The parameters the peer sent: opaque here.
    pub fn peer_parameters(&self) -> &[u8] {
        self.established.peer_parameters()
    }

    /// The cipher of the session.
    pub fn suite(&self) -> Suite {
        self.established.suite()
    }

    /// The epoch of the seed both sides used.
    pub fn epoch(&self) -> Epoch {
        self.established.epoch()
    }

    /// Secrets of this session for other uses.
    pub fn exporter(&self) -> &Exporter {
        self.established.exporter()
    }

    /// Takes FINAL: the peer has accepted this side's identity.
    ///
    /// # Errors
    ///
    /// [`HandshakeError::Refused`] when the confirmation is false, and
    /// [`HandshakeError::Malformed`] or [`HandshakeError::Unexpected`] for other bytes.
    pub fn on_final(self, message: &[u8]) -> Result<Established, HandshakeError> {
        let decoded = FinalMessage::decode(message)?;
        if !constant_time_eq(&self.confirm, decoded.confirm) {
            return Err(HandshakeError::Refused(Refusal::Final));
        }
        Ok(self.established)
    }
}

/// What the one byte that counts suites can say.
const MAX_SUITES: usize = u8::MAX as usize;
