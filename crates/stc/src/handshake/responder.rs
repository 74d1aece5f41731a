//! The side that listens.
//!
//! ```text
//! on_hello ─> AwaitAuth ─on_auth_proof─> Established
//! ```
//!
//! A responder cannot tell that an initiator holds another seed: such a handshake just ends after
//! its response. Each one is a guess that the caller counts and limits.

use super::error::{HandshakeError, Refusal};
use super::message::{AuthProof, FinalMessage, Frame, Hello, MessageType, Response};
use super::proof::ProofContext;
use super::schedule::{FinishSecrets, HandshakeSecrets, SessionSecrets};
use super::transcript::Transcript;
use super::{Established, HandshakeContext, Keys, check_parameters, cpace_channel};
use crate::cpace::{Exchange, Exponent, Share};
use crate::entropy::{Entropy, random_bytes};
use crate::group::{Epoch, SeedKeys};
use crate::identity::{Domain, Identity};
use crate::secret::Secret;
use crate::suite::Suite;
use std::sync::Arc;

/// The beginning of an incoming handshake.
#[derive(Debug)]
#[non_exhaustive]
pub struct Responder;

impl Responder {
    /// Takes HELLO, and returns both messages of the answer with the keys of the handshake level.
    ///
    /// `seed` is the one whose gate tag the connection came with, or the only one of an open door.
    /// `parameters` are opaque, at most [`super::MAX_PARAMETERS_LEN`] bytes, and are seen by
    /// members only.
    ///
    /// # Errors
    ///
    /// [`HandshakeError`]: malformed, of another version, without a common suite, or with an
    /// invalid share or encapsulation key.
    pub fn on_hello(
        context: &HandshakeContext,
        seed: Arc<SeedKeys>,
        parameters: &[u8],
        message: &[u8],
        entropy: &mut dyn Entropy,
    ) -> Result<(AwaitAuth, ResponseFlight), HandshakeError> {
        check_parameters(parameters)?;
        let hello = Hello::decode(message)?;
        let suite = hello.choose_suite(&context.suites)?;
        let mut transcript = Transcript::new();
        transcript.add(message);

        let random = random_bytes(entropy);
        let (share, cpace) = agree(&seed, &hello, entropy)?;
        let kem = context
            .kem
            .encapsulate(hello.encapsulation_key, entropy)
            .map_err(|_| HandshakeError::Refused(Refusal::EncapsulationKey))?;
        let mut response = Response {
            suite,
            random: &random,
            share: &share,
            ciphertext: &kem.ciphertext,
        }
        .encode_unconfirmed();
        transcript.add(response.as_bytes());
        let secrets = HandshakeSecrets::derive(seed.psk(), &cpace, &kem.secret, &transcript.hash());
        response.push(secrets.confirm.as_bytes());
        transcript.add(secrets.confirm.as_bytes());

        let response_proof = prove(&context.identity, parameters, &transcript, &secrets.finish);
        transcript.add(&response_proof);
        let state = AwaitAuth {
            identity: context.identity.clone(),
            suite,
            seed,
            peer_parameters: hello.parameters.to_vec(),
            transcript,
            finish: secrets.finish,
        };
        let keys = Keys {
            suite,
            secrets: secrets.traffic,
        };
        Ok((
            state,
            ResponseFlight {
                response: response.finish(),
                response_proof,
                keys,
            },
        ))
    }
}

/// The responder's half of `CPace`: its share and the key.
fn agree(
    seed: &SeedKeys,
    hello: &Hello<'_>,
    entropy: &mut dyn Entropy,
) -> Result<(Share, Secret<64>), HandshakeError> {
    let exponent = Exponent::generate(entropy);
    let share = exponent.share(seed.cpace_password(), &cpace_channel(seed), hello.random);
    let exchange = Exchange {
        session: hello.random,
        initiator_share: hello.share,
        initiator_data: b"",
        responder_share: &share,
        responder_data: b"",
    };
    let key = exponent
        .agree(hello.share, &exchange)
        .map_err(|_| HandshakeError::Refused(Refusal::Share))?;
    Ok((share, key))
}

fn prove(
    identity: &Identity,
    parameters: &[u8],
    transcript: &Transcript,
    finish: &FinishSecrets,
) -> Vec<u8> {
    let ours = ProofContext {
        domain: Domain::ResponderProof,
        transcript: transcript.hash(),
        mac_key: &finish.mac_keys.responder,
    };
    let mut frame = Frame::new(MessageType::ResponseProof, parameters.len() + 130);
    frame.push_prefixed(parameters);
    ours.seal(identity, frame)
}

/// The answer to a HELLO.
#[derive(Debug)]
pub struct ResponseFlight {
    /// RESPONSE, to be sent in Initial packets.
    pub response: Vec<u8>,
    /// `RESPONSE_PROOF`, to be sent with [`keys`](Self::keys).
    pub response_proof: Vec<u8>,
    /// The keys of the handshake level.
    pub keys: Keys,
}

/// The answer is sent; the peer still has to show that it holds the seed and who it is.
#[derive(Debug)]
pub struct AwaitAuth {
    pub(super) identity: Arc<Identity>,
    suite: Suite,
    seed: Arc<SeedKeys>,
    peer_parameters: Vec<u8>,
    pub(super) transcript: Transcript,
    pub(super) finish: FinishSecrets,
}

impl AwaitAuth {
    /// The parameters of HELLO: opaque here, and not yet authenticated.
    pub fn peer_parameters(&self) -> &[u8] {
        &self.peer_parameters
    }

    /// The cipher that was chosen.
    pub fn suite(&self) -> Suite {
        self.suite
    }

    /// The epoch of the seed in use.
    pub fn epoch(&self) -> Epoch {
        self.seed.epoch()
    }

    /// Takes `AUTH_PROOF`, and returns FINAL with the keys of the session.
    ///
    /// # Errors
    ///
    /// [`HandshakeError::Refused`] when the proof is false, [`HandshakeError::SelfDial`] when the
    /// peer is this node, and [`HandshakeError::Malformed`] or [`HandshakeError::Unexpected`] for
    /// other bytes.
    pub fn on_auth_proof(
        mut self,
        message: &[u8],
    ) -> Result<(Established, Accepted), HandshakeError> {
        let decoded = AuthProof::decode(message)?;
        let theirs = ProofContext {
            domain: Domain::InitiatorProof,
            transcript: self.transcript.hash(),
            mac_key: &self.finish.mac_keys.initiator,
        };
        let peer = theirs.open(&decoded.proof)?;
        if peer == self.identity.node_id() {
            return Err(HandshakeError::SelfDial);
        }
        self.transcript.add(message);
        let SessionSecrets {
            traffic,
            exporter,
            confirm,
        } = self.finish.session(&self.transcript.hash());
        let established = Established {
            peer,
            peer_parameters: self.peer_parameters,
            suite: self.suite,
            epoch: self.seed.epoch(),
            exporter,
        };
        let final_message = FinalMessage { confirm: &confirm }.encode();
        let keys = Keys {
            suite: self.suite,
            secrets: traffic,
        };
        Ok((
            established,
            Accepted {
                final_message,
                keys,
            },
        ))
    }
}

/// What follows from a true `AUTH_PROOF`.
#[derive(Debug)]
pub struct Accepted {
    /// FINAL, to be sent with [`keys`](Self::keys).
    pub final_message: Vec<u8>,
    /// The keys of the session.
    pub keys: Keys,
}
