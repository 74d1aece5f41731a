//! Decoders of bytes from outside: whatever comes, they return.

use crate::support::{DeterministicKem, Fixed};
use proptest::prelude::*;
use stc::handshake::{HandshakeContext, HandshakeError, Initiator, Responder, message_len};
use stc::{Group, NodeSeed, fuzzing};
use std::sync::{Arc, LazyLock};

type Decoder = fn(&[u8]) -> Result<(), HandshakeError>;

const DECODERS: [Decoder; 5] = [
    fuzzing::hello,
    fuzzing::response,
    fuzzing::response_proof,
    fuzzing::auth_proof,
    fuzzing::final_message,
];

/// The messages of one handshake, in the order of their decoders.
static MESSAGES: LazyLock<[Vec<u8>; 5]> = LazyLock::new(|| {
    let mut entropy = Fixed::new((0..=255).cycle().take(2_000).collect());
    let seed = Group::generate(&mut entropy).newest_seed();
    let context = |node| HandshakeContext {
        kem: Arc::new(DeterministicKem),
        ..HandshakeContext::new(Arc::new(NodeSeed::from_bytes([node; 32]).identity()))
    };
    let (ours, theirs) = (context(1), context(2));
    let (initiator, hello) =
        Initiator::start(&ours, seed.clone(), None, b"one", &mut entropy).unwrap();
    let (responder, flight) =
        Responder::on_hello(&theirs, seed, b"other", &hello, &mut entropy).unwrap();
    let (initiator, _) = initiator.on_response(&flight.response).unwrap();
    let (_, sent) = initiator.on_response_proof(&flight.response_proof).unwrap();
    let (_, accepted) = responder.on_auth_proof(&sent.auth_proof).unwrap();
    [
        hello,
        flight.response,
        flight.response_proof,
        sent.auth_proof,
        accepted.final_message,
    ]
});

/// `body` with the header of a message of this type.
fn framed(kind: usize, body: &[u8]) -> Vec<u8> {
    let mut message = u32::try_from(body.len()).unwrap().to_be_bytes().to_vec();
    message[0] = u8::try_from(kind + 1).unwrap();
    message.extend_from_slice(body);
    message
}

#[test]
fn every_message_decodes_with_its_own_decoder_only() {
    for (i, message) in MESSAGES.iter().enumerate() {
        for (j, decode) in DECODERS.iter().enumerate() {
            assert_eq!(decode(message).is_ok(), i == j);
        }
        assert_eq!(message_len(message), Ok(Some(message.len())));
    }
}

#[test]
fn every_truncation_is_refused() {
    for (i, (message, decode)) in MESSAGES.iter().zip(DECODERS).enumerate() {
        for len in 0..message.len() {
            assert!(decode(&message[..len]).is_err());
            // The same with a header that tells the truth.
            assert!(decode(&framed(i, &message[4..len.max(4)])).is_err());
        }
    }
}

#[test]
fn every_byte_too_many_is_refused() {
    for (i, (message, decode)) in MESSAGES.iter().zip(DECODERS).enumerate() {
        let longer = [&message[..], &[0]].concat();
        assert!(decode(&longer).is_err());
        assert!(decode(&framed(i, &longer[4..])).is_err());
    }
}

proptest! {
    #[test]
    fn random_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..2_000)) {
        for decode in DECODERS {
            let _ = decode(&bytes);
        }
        let _ = message_len(&bytes);
    }

    #[test]
    fn random_bodies_never_panic(body in prop::collection::vec(any::<u8>(), 0..3_000)) {
        for (i, decode) in DECODERS.iter().enumerate() {
            let _ = decode(&framed(i, &body));
        }
    }

    #[test]
    fn flipped_bits_never_panic(
        which in 0..MESSAGES.len(),
        flips in prop::collection::vec((any::<prop::sample::Index>(), 0..8), 1..6),
    ) {
        let mut message = MESSAGES[which].clone();
        for (place, bit) in flips {
            let place = place.index(message.len());
            message[place] ^= 1_u8 << bit;
        }
        for decode in DECODERS {
            let _ = decode(&message);
        }
    }
}
