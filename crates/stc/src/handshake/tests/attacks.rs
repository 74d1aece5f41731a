//! What happens to whoever bends the handshake.

use super::*;
use crate::kem::{CIPHERTEXT_LEN, ENCAPSULATION_KEY_LEN};

#[test]
fn every_changed_byte_ends_the_handshake() {
    let mut pair = Pair::new();
    let (_, _, messages) = pair.run(untouched).unwrap();
    for message in [
        &messages.hello,
        &messages.response,
        &messages.response_proof,
        &messages.auth_proof,
        &messages.final_message,
    ] {
        let edges = (0..80).chain(message.len().saturating_sub(140)..message.len());
        let sampled = (80..message.len()).step_by(61);
        for place in edges.chain(sampled).filter(|place| *place < message.len()) {
            let kind = message[0];
            let error = pair.error(|each, bytes| {
                if each == kind {
                    bytes[place] ^= 0x40;
                }
            });
            assert!(
                matches!(error.code(), REFUSED | 10 | 40 | 50 | 70),
                "{kind} {place} {error}"
            );
        }
    }
}

#[test]
fn removing_a_suite_from_the_offer_is_noticed() {
    let mut pair = Pair::new();
    // Offering ChaCha20 twice hides AES from the responder.
    let error = pair.error(|kind, bytes| {
        if kind == 1 {
            bytes[SUITES_AT] = Suite::ChaCha20Poly1305.code();
        }
    });
    assert_eq!(error, HandshakeError::Refused(Refusal::Confirmation));
}

#[test]
fn changing_the_chosen_suite_is_noticed() {
    let mut pair = Pair::new();
    let error = pair.error(|kind, bytes| {
        if kind == 2 {
            bytes[4] = Suite::ChaCha20Poly1305.code();
        }
    });
    assert_eq!(error, HandshakeError::Refused(Refusal::Confirmation));
}

#[test]
fn suite_that_was_not_offered_is_refused() {
    let mut pair = Pair::new();
    pair.initiator.suites = [Suite::ChaCha20Poly1305].into();
    let error = pair.error(|kind, bytes| {
        if kind == 2 {
            bytes[4] = Suite::Aes256Gcm.code();
        }
    });
    assert_eq!(
        error,
        HandshakeError::Malformed(Malformation::SuiteNotOffered)
    );
}

#[test]
fn offer_without_suites_is_malformed() {
    let mut pair = Pair::new();
    let (_, mut hello) = pair.start(None);
    hello.drain(SUITES_AT..SUITES_AT + 2);
    hello[SUITES_AT - 1] = 0;
    let body = u16::try_from(hello.len() - 4).unwrap();
    hello[2..4].copy_from_slice(&body.to_be_bytes());
    let error = pair.respond(&hello).unwrap_err();
    assert_eq!(error, HandshakeError::Malformed(Malformation::NoSuites));
}

#[test]
fn parameters_of_a_peer_are_bounded() {
    for (extra, allowed) in [(0, true), (1, false)] {
        let mut pair = Pair::new();
        let (_, mut hello) = pair.start(None);
        let parameters_at = HELLO_SHARE_AT + 32 + ENCAPSULATION_KEY_LEN;
        hello.truncate(parameters_at);
        let parameters = vec![0; MAX_PARAMETERS_LEN + extra];
        hello.extend_from_slice(&u16::try_from(parameters.len()).unwrap().to_be_bytes());
        hello.extend_from_slice(&parameters);
        hello.extend_from_slice(&[0, 0]);
        let body = u16::try_from(hello.len() - 4).unwrap();
        hello[2..4].copy_from_slice(&body.to_be_bytes());
        let too_long = HandshakeError::Malformed(Malformation::ParametersTooLong);
        let expected = if allowed { None } else { Some(too_long) };
        assert_eq!(pair.respond(&hello).err(), expected);
    }
}

#[test]
fn neutral_share_is_refused_by_both_sides() {
    let mut pair = Pair::new();
    for kind in [1, 2] {
        let share_at = if kind == 1 {
            HELLO_SHARE_AT
        } else {
            RESPONSE_SHARE_AT
        };
        let error = pair.error(|each, bytes| {
            if each == kind {
                bytes[share_at..share_at + 32].fill(0);
            }
        });
        assert_eq!(error, HandshakeError::Refused(Refusal::Share));
    }
}

#[test]
fn share_that_is_no_point_is_refused() {
    let mut pair = Pair::new();
    let error = pair.error(|kind, bytes| {
        if kind == 1 {
            bytes[HELLO_SHARE_AT..HELLO_SHARE_AT + 32].fill(0xff);
        }
    });
    assert_eq!(error, HandshakeError::Refused(Refusal::Share));
}

#[test]
fn encapsulation_key_out_of_range_is_refused() {
    let mut pair = Pair::new();
    let key_at = HELLO_SHARE_AT + 32;
    let error = pair.error(|kind, bytes| {
        if kind == 1 {
            bytes[key_at..key_at + ENCAPSULATION_KEY_LEN].fill(0xff);
        }
    });
    assert_eq!(error, HandshakeError::Refused(Refusal::EncapsulationKey));
}

#[test]
fn changed_kem_ciphertext_is_refused_at_the_confirmation() {
    let mut pair = Pair::new();
    let error = pair.error(|kind, bytes| {
        if kind == 2 {
            let ciphertext_at = RESPONSE_SHARE_AT + 32;
            bytes[ciphertext_at + CIPHERTEXT_LEN / 2] ^= 1;
        }
    });
    assert_eq!(error, HandshakeError::Refused(Refusal::Confirmation));
}

#[test]
fn messages_out_of_order_are_unexpected() {
    let mut pair = Pair::new();
    let (_, _, messages) = pair.run(untouched).unwrap();
    let unexpected = |actual| Some(HandshakeError::Unexpected { actual });
    assert_eq!(pair.respond(&messages.response).err(), unexpected(2));
    let (initiator, _) = pair.start(None);
    assert_eq!(
        initiator.on_response(&messages.response_proof).err(),
        unexpected(3)
    );
    let (initiator, hello) = pair.start(None);
    let (responder, flight) = pair.respond(&hello).unwrap();
    let (initiator, _) = initiator.on_response(&flight.response).unwrap();
    assert_eq!(
        initiator.on_response_proof(&messages.final_message).err(),
        unexpected(5)
    );
    assert_eq!(responder.on_auth_proof(&hello).err(), unexpected(1));
    assert_eq!(HandshakeError::Unexpected { actual: 1 }.code(), 10);
}

#[test]
fn message_reflected_to_its_sender_is_refused() {
    let mut pair = Pair::new();
    let (initiator, hello) = pair.start(None);
    assert!(initiator.on_response(&hello).is_err());

    // The responder's own proof, cut to the layout of the initiator's.
    let (initiator, hello) = pair.start(None);
    let (responder, flight) = pair.respond(&hello).unwrap();
    let parameters = 2 + b"of responder".len();
    let mut reflected = flight.response_proof.clone();
    reflected.drain(4..4 + parameters);
    reflected[..4].copy_from_slice(&[4, 0, 0, 128]);
    let error = responder.on_auth_proof(&reflected).unwrap_err();
    assert_eq!(error, HandshakeError::Refused(Refusal::ProofMac));
    drop(initiator);
}

#[test]
fn messages_of_another_handshake_are_refused() {
    let mut pair = Pair::new();
    let (_, _, old) = pair.run(untouched).unwrap();
    for (kind, message) in [
        (2, &old.response),
        (3, &old.response_proof),
        (4, &old.auth_proof),
        (5, &old.final_message),
    ] {
        let error = pair.error(|each, bytes| {
            if each == kind {
                bytes.clone_from(message);
            }
        });
        assert_eq!(error.code(), REFUSED, "{kind}");
    }
}

#[test]
fn signature_by_another_key_is_refused() {
    let mut pair = Pair::new();
    let victim = NodeSeed::from_bytes([9; 32]).identity().node_id();
    let (initiator, hello) = pair.start(None);
    let (responder, flight) = pair.respond(&hello).unwrap();
    let (initiator, _) = initiator.on_response(&flight.response).unwrap();
    let (_, sent) = initiator.on_response_proof(&flight.response_proof).unwrap();
    let mut forged = sent.auth_proof;
    forged[4..36].copy_from_slice(victim.as_bytes());
    let mac = crate::kdf::short_mac::<32>(
        responder.finish.mac_keys.initiator.as_bytes(),
        &[&responder.transcript.hash(), &forged[4..100]],
    );
    forged[100..].copy_from_slice(&mac);
    let error = responder.on_auth_proof(&forged).unwrap_err();
    assert_eq!(error, HandshakeError::Refused(Refusal::ProofSignature));
}

#[test]
fn extensions_are_ignored_but_authenticated() {
    let mut pair = Pair::new();
    let (initiator, mut hello) = pair.start(None);
    let extensions_at = hello.len() - 2;
    hello.truncate(extensions_at);
    hello.extend_from_slice(&[0, 3, 1, 2, 3]);
    let body = (hello.len() - 4) as u32;
    hello[..4].copy_from_slice(&body.to_be_bytes());
    hello[0] = 1;
    let (_, flight) = pair.respond(&hello).unwrap();
    let error = initiator.on_response(&flight.response).unwrap_err();
    assert_eq!(error, HandshakeError::Refused(Refusal::Confirmation));
}
