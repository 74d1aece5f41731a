//! Two independent implementations of ML-KEM-768 understand each other.

use crate::support::{DeterministicKem, Fixed};
use stc::handshake::{HandshakeContext, Initiator, Responder};
use stc::kem::{Kem, MlKem768};
use stc::{Group, NodeSeed};
use std::sync::Arc;

fn entropy() -> Fixed {
    Fixed::new((0..=255).cycle().take(1_000).collect())
}

fn kems() -> [(Arc<dyn Kem>, Arc<dyn Kem>); 4] {
    let (ours, theirs): (Arc<dyn Kem>, Arc<dyn Kem>) =
        (Arc::new(MlKem768), Arc::new(DeterministicKem));
    [
        (ours.clone(), ours.clone()),
        (ours.clone(), theirs.clone()),
        (theirs.clone(), ours),
        (theirs.clone(), theirs),
    ]
}

#[test]
fn secrets_are_equal_across_implementations() {
    for (receiver, sender) in kems() {
        let pair = receiver.generate(&mut entropy()).unwrap();
        let sent = sender
            .encapsulate(&pair.encapsulation_key, &mut entropy())
            .unwrap();
        assert_eq!(
            pair.decapsulator.decapsulate(&sent.ciphertext).unwrap(),
            sent.secret
        );
    }
}

/// Implicit rejection: both give some secret, which is not the one that was sent.
#[test]
fn changed_ciphertext_gives_another_secret_and_no_error() {
    for (receiver, sender) in kems() {
        let pair = receiver.generate(&mut entropy()).unwrap();
        let mut sent = sender
            .encapsulate(&pair.encapsulation_key, &mut entropy())
            .unwrap();
        sent.ciphertext[500] ^= 1;
        assert_ne!(
            pair.decapsulator.decapsulate(&sent.ciphertext).unwrap(),
            sent.secret
        );
    }
}

#[test]
fn key_with_a_coefficient_out_of_range_is_refused_by_both() {
    for kem in [&MlKem768 as &dyn Kem, &DeterministicKem] {
        let mut key = kem.generate(&mut entropy()).unwrap().encapsulation_key;
        key[..3].fill(0xff);
        assert!(kem.encapsulate(&key, &mut entropy()).is_err());
    }
}

#[test]
fn handshake_completes_across_implementations() {
    let seed = Group::generate(&mut entropy()).newest_seed();
    for (ours, theirs) in kems() {
        let context = |node, kem| HandshakeContext {
            kem,
            ..HandshakeContext::new(Arc::new(NodeSeed::from_bytes([node; 32]).identity()))
        };
        let (initiator, responder) = (context(1, ours), context(2, theirs));
        let (waiting, hello) =
            Initiator::start(&initiator, seed.clone(), None, b"", &mut entropy()).unwrap();
        let (_, flight) =
            Responder::on_hello(&responder, seed.clone(), b"", &hello, &mut entropy()).unwrap();
        let (_, keys) = waiting.on_response(&flight.response).unwrap();
        assert_eq!(keys, flight.keys);
    }
}
