//! The handshake as a whole: what it promises to both sides.

mod attacks;

use super::*;
use crate::entropy::testing::Counter;
use crate::group::Group;
use crate::identity::NodeSeed;
use crate::packet::PacketKey;

/// Two nodes of one group, and everything they said to each other.
struct Pair {
    initiator: HandshakeContext,
    responder: HandshakeContext,
    seed: Arc<SeedKeys>,
    entropy: Counter,
}

/// The messages of a completed handshake, in order.
struct Messages {
    hello: Vec<u8>,
    response: Vec<u8>,
    response_proof: Vec<u8>,
    auth_proof: Vec<u8>,
    final_message: Vec<u8>,
}

impl Pair {
    fn new() -> Self {
        let mut entropy = Counter(1000);
        Self {
            initiator: node(1),
            responder: node(2),
            seed: Group::generate(&mut entropy).newest_seed(),
            entropy,
        }
    }

    fn start(&mut self, expected: Option<NodeId>) -> (AwaitResponse, Vec<u8>) {
        let (seed, parameters) = (self.seed.clone(), b"of initiator");
        Initiator::start(
            &self.initiator,
            seed,
            expected,
            parameters,
            &mut self.entropy,
        )
        .unwrap()
    }

    fn respond(&mut self, hello: &[u8]) -> Result<(AwaitAuth, ResponseFlight), HandshakeError> {
        let (seed, parameters) = (self.seed.clone(), b"of responder");
        Responder::on_hello(&self.responder, seed, parameters, hello, &mut self.entropy)
    }

    /// Runs a handshake in which `tamper` may change each message on its way.
    fn run(
        &mut self,
        mut tamper: impl FnMut(u8, &mut Vec<u8>),
    ) -> Result<(Established, Established, Messages), HandshakeError> {
        let (initiator, hello) = self.start(None);
        let (responder, flight) = self.respond(&changed(&mut tamper, &hello))?;
        let (initiator, keys) = initiator.on_response(&changed(&mut tamper, &flight.response))?;
        assert_eq!(keys, flight.keys);
        let proof = changed(&mut tamper, &flight.response_proof);
        let (initiator, sent) = initiator.on_response_proof(&proof)?;
        let (responder, accepted) =
            responder.on_auth_proof(&changed(&mut tamper, &sent.auth_proof))?;
        assert_eq!(sent.keys, accepted.keys);
        let initiator = initiator.on_final(&changed(&mut tamper, &accepted.final_message))?;
        let messages = Messages {
            hello,
            response: flight.response,
            response_proof: flight.response_proof,
            auth_proof: sent.auth_proof,
            final_message: accepted.final_message,
        };
        Ok((initiator, responder, messages))
    }

    fn error(&mut self, tamper: impl FnMut(u8, &mut Vec<u8>)) -> HandshakeError {
        self.run(tamper).err().expect("a handshake that fails")
    }
}

fn node(seed: u8) -> HandshakeContext {
    HandshakeContext {
        identity: Arc::new(NodeSeed::from_bytes([seed; 32]).identity()),
        suites: [Suite::Aes256Gcm, Suite::ChaCha20Poly1305].into(),
        kem: Arc::new(MlKem768),
    }
}

fn changed(tamper: &mut impl FnMut(u8, &mut Vec<u8>), message: &[u8]) -> Vec<u8> {
    let mut message = message.to_vec();
    tamper(message[0], &mut message);
    message
}

fn untouched(_: u8, _: &mut Vec<u8>) {}

const REFUSED: u8 = 115;

#[test]
fn both_sides_agree_on_everything() {
    let mut pair = Pair::new();
    let (initiator, responder, _) = pair.run(untouched).unwrap();
    assert_eq!(initiator.peer(), pair.responder.identity.node_id());
    assert_eq!(responder.peer(), pair.initiator.identity.node_id());
    assert_eq!(initiator.peer_parameters(), b"of responder");
    assert_eq!(responder.peer_parameters(), b"of initiator");
    assert_eq!(initiator.suite(), responder.suite());
    assert_eq!(initiator.epoch(), responder.epoch());
    assert_eq!(
        initiator.exporter().session_id(),
        responder.exporter().session_id()
    );
    let (mut one, mut other) = ([0; 64], [0; 64]);
    initiator
        .exporter()
        .export(b"label", b"context", &mut one)
        .unwrap();
    responder
        .exporter()
        .export(b"label", b"context", &mut other)
        .unwrap();
    assert_eq!(one, other);
    assert_eq!(
        initiator.exporter().context("x"),
        responder.exporter().context("x")
    );
}

#[test]
fn both_sides_agree_over_a_passphrase() {
    let mut pair = Pair::new();
    pair.seed = Group::from_passphrase("test", "correct horse battery")
        .unwrap()
        .newest_seed();
    pair.run(untouched).unwrap();
}

#[test]
fn two_handshakes_share_no_key() {
    let mut pair = Pair::new();
    let (one, ..) = pair.run(untouched).unwrap();
    let (other, ..) = pair.run(untouched).unwrap();
    assert_ne!(one.exporter().session_id(), other.exporter().session_id());
}

#[test]
fn keys_of_the_two_directions_differ() {
    let mut pair = Pair::new();
    let (_, hello) = pair.start(None);
    let (_, flight) = pair.respond(&hello).unwrap();
    assert_ne!(flight.keys.secrets.initiator, flight.keys.secrets.responder);
    let key = PacketKey::new(flight.keys.suite, &flight.keys.secrets.initiator);
    let other = PacketKey::new(flight.keys.suite, &flight.keys.secrets.responder);
    let mut body = [0; 40];
    key.seal(0, 0, b"", &mut body);
    assert!(other.open(0, 0, b"", &mut body).is_err());
}

#[test]
fn confirm_of_a_different_seed_is_refused() {
    let mut pair = Pair::new();
    let (initiator, hello) = pair.start(None);
    pair.seed = Group::generate(&mut pair.entropy).newest_seed();
    let (_, flight) = pair.respond(&hello).unwrap();
    let error = initiator.on_response(&flight.response).unwrap_err();
    assert_eq!(error, HandshakeError::Refused(Refusal::Confirmation));
    assert_eq!(error.code(), REFUSED);
}

#[test]
fn confirm_of_a_different_epoch_is_refused() {
    let mut pair = Pair::new();
    let mut group = Group::generate(&mut pair.entropy);
    pair.seed = group.newest_seed();
    let (initiator, hello) = pair.start(None);
    group.next_epoch(&mut pair.entropy).unwrap();
    pair.seed = group.newest_seed();
    let (_, flight) = pair.respond(&hello).unwrap();
    let error = initiator.on_response(&flight.response).unwrap_err();
    assert_eq!(error, HandshakeError::Refused(Refusal::Confirmation));
}

#[test]
fn expected_peer_is_accepted_and_another_is_not() {
    let mut pair = Pair::new();
    let actual = pair.responder.identity.node_id();
    let expected = NodeSeed::from_bytes([3; 32]).identity().node_id();
    for (pin, wanted) in [
        (actual, None),
        (
            expected,
            Some(HandshakeError::WrongPeer { expected, actual }),
        ),
    ] {
        let (initiator, hello) = pair.start(Some(pin));
        let (_, flight) = pair.respond(&hello).unwrap();
        let (initiator, _) = initiator.on_response(&flight.response).unwrap();
        let result = initiator.on_response_proof(&flight.response_proof);
        assert_eq!(result.err(), wanted);
    }
    assert_eq!(HandshakeError::WrongPeer { expected, actual }.code(), 42);
}

#[test]
fn initiator_that_reaches_itself_says_so() {
    let mut pair = Pair::new();
    pair.responder.identity = pair.initiator.identity.clone();
    let (initiator, hello) = pair.start(None);
    let (_, flight) = pair.respond(&hello).unwrap();
    let (initiator, _) = initiator.on_response(&flight.response).unwrap();
    let result = initiator.on_response_proof(&flight.response_proof);
    assert_eq!(result.err(), Some(HandshakeError::SelfDial));

    let own = pair.initiator.identity.node_id();
    let result = Initiator::start(
        &pair.initiator,
        pair.seed,
        Some(own),
        b"",
        &mut pair.entropy,
    );
    assert_eq!(result.err(), Some(HandshakeError::SelfDial));
}

#[test]
fn initiator_with_the_responders_identity_is_refused_by_the_responder() {
    let mut pair = Pair::new();
    let (initiator, hello) = pair.start(None);
    let (mut responder, flight) = pair.respond(&hello).unwrap();
    let (initiator, _) = initiator.on_response(&flight.response).unwrap();
    let (_, sent) = initiator.on_response_proof(&flight.response_proof).unwrap();
    responder.identity = pair.initiator.identity.clone();
    assert_eq!(
        responder.on_auth_proof(&sent.auth_proof).err(),
        Some(HandshakeError::SelfDial)
    );
}

/// Whatever byte of whatever message is changed, the handshake fails with a code that does not say
/// more than it should.
#[test]
fn aes_is_used_only_where_both_offer_it() {
    const AES: Suite = Suite::Aes256Gcm;
    const CHACHA: Suite = Suite::ChaCha20Poly1305;
    let mut pair = Pair::new();
    for (initiator, responder, chosen) in [
        (vec![AES, CHACHA], vec![AES, CHACHA], AES),
        (vec![CHACHA, AES], vec![AES, CHACHA], AES),
        (vec![AES, CHACHA], vec![CHACHA], CHACHA),
        (vec![CHACHA], vec![AES, CHACHA], CHACHA),
    ] {
        pair.initiator.suites = initiator.into();
        pair.responder.suites = responder.into();
        assert_eq!(pair.run(untouched).unwrap().0.suite(), chosen);
    }
}

#[test]
fn no_common_suite_ends_the_handshake() {
    let mut pair = Pair::new();
    pair.responder.suites = [Suite::ChaCha20Poly1305].into();
    pair.initiator.suites = [Suite::Aes256Gcm].into();
    let error = pair.error(untouched);
    assert_eq!((error, error.code()), (HandshakeError::NoCommonSuite, 40));
    pair.initiator.suites = [].into();
    let result = Initiator::start(&pair.initiator, pair.seed, None, b"", &mut pair.entropy);
    assert_eq!(result.err(), Some(HandshakeError::NoCommonSuite));
}

#[test]
fn suites_from_the_future_are_passed_over() {
    let mut pair = Pair::new();
    let (_, mut hello) = pair.start(None);
    hello[SUITES_AT] = 0xee;
    let (responder, _) = pair.respond(&hello).unwrap();
    assert_eq!(responder.suite(), Suite::ChaCha20Poly1305);
}

/// A member of the group cannot use the name of another, even with all keys of the handshake.
#[test]
fn parameters_beyond_the_limit_are_refused() {
    let mut pair = Pair::new();
    let long = vec![0; MAX_PARAMETERS_LEN + 1];
    let expected = Some(HandshakeError::ParametersTooLong { actual: long.len() });
    let seed = pair.seed.clone();
    let result = Initiator::start(&pair.initiator, seed, None, &long, &mut pair.entropy);
    assert_eq!(result.err(), expected);
    let (_, hello) = pair.start(None);
    let seed = pair.seed.clone();
    let result = Responder::on_hello(&pair.responder, seed, &long, &hello, &mut pair.entropy);
    assert_eq!(result.err(), expected);
}

#[test]
fn other_version_is_named_in_the_error() {
    let mut pair = Pair::new();
    let (_, mut hello) = pair.start(None);
    hello[4] = 2;
    let error = pair.respond(&hello).unwrap_err();
    assert_eq!(
        (error, error.code()),
        (HandshakeError::UnknownVersion { version: 2 }, 70)
    );
}

#[test]
fn debug_of_states_shows_no_secret() {
    let mut pair = Pair::new();
    let (initiator, hello) = pair.start(None);
    let (responder, flight) = pair.respond(&hello).unwrap();
    let shown = format!("{initiator:?} {responder:?} {:?}", flight.keys);
    assert!(shown.contains("Secret(..)"));
    assert!(!shown.contains("decapsulator"));
}

#[test]
fn states_can_cross_threads() {
    fn assert_send_sync<T: Send + Sync>() {}
    assert_send_sync::<(
        AwaitResponse,
        AwaitProof,
        AwaitFinal,
        AwaitAuth,
        Established,
    )>();
    assert_send_sync::<(HandshakeContext, Group, PacketKey, crate::packet::HeaderKey)>();
}

/// Offsets within messages, header included, with two suites offered.
const SUITES_AT: usize = 4 + 34;
const HELLO_SHARE_AT: usize = SUITES_AT + 2;
const RESPONSE_SHARE_AT: usize = 4 + 33;
