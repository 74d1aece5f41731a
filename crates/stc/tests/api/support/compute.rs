//! From the inputs of a vector to its outputs, one function a kind.

use super::{DeterministicKem, Fixed};
use data_encoding::HEXLOWER;
use serde_json::{Value, json};
use stc::handshake::{Exporter, HandshakeContext, Initiator, Keys, Responder};
use stc::packet::{HeaderKey, PacketKey, TAG_LEN, TrafficSecret, initial_secrets, retry_tag};
use stc::segment::{Body, Extent, Mark, Opener, Sealer};
use stc::{ContentHasher, Group, Identity, NodeSeed, StcContext, Suite};
use std::sync::Arc;

/// The outputs of the vector of this kind with these inputs.
pub(crate) fn outputs(kind: &str, input: &Value) -> Value {
    match kind {
        "content" => content(input),
        "context" => context(input),
        "group" => group(input),
        "handshake" => handshake(input),
        "identity" => identity(input),
        "packet" => packet(input),
        "segment" => segments(input),
        other => panic!("no vectors of kind {other}"),
    }
}

fn content(input: &Value) -> Value {
    let mut hasher = ContentHasher::new();
    hasher.update(&bytes(input, "data"));
    json!({ "address": hex(&hasher.finish()) })
}

fn identity(input: &Value) -> Value {
    let identity = node(input, "node_seed");
    let signature = identity.sign(text(input, "label"), &bytes(input, "message"));
    json!({
        "node_id": hex(identity.node_id().as_bytes()),
        "node_id_text": identity.node_id().to_string(),
        "signature": hex(&signature),
    })
}

fn group(input: &Value) -> Value {
    let group = Group::parse(text(input, "text")).unwrap();
    let nonce = array(input, "gate_nonce");
    let epochs: Vec<_> = group
        .epochs()
        .map(|epoch| {
            let seed = group.seed(epoch).unwrap();
            let id = seed.gate_tag(&nonce).unwrap();
            let initial = initial_secrets(Some(&seed), &id);
            let context = group.context_at(epoch, text(input, "context")).unwrap();
            json!({
                "epoch": epoch.0,
                "connection_id": hex(&id),
                "initial_initiator_secret": hex(initial.initiator.as_bytes()),
                "initial_responder_secret": hex(initial.responder.as_bytes()),
                "keyed_hash_of_empty": hex(&context.keyed_hash(b"")),
            })
        })
        .collect();
    json!({
        "canonical_text": group.to_text().unwrap().as_str(),
        "group_id": hex(group.id().unwrap().as_bytes()),
        "epochs": epochs,
    })
}

fn packet(input: &Value) -> Value {
    let suite = suite(&input["suite"]);
    let secret = initial_secrets(None, &bytes(input, "connection_id")).initiator;
    let key = PacketKey::new(suite, &secret);
    let mut body = bytes(input, "plaintext");
    body.resize(body.len() + TAG_LEN, 0);
    let (path, number) = (
        input["path"].as_u64().unwrap(),
        input["packet"].as_u64().unwrap(),
    );
    key.seal(
        u32::try_from(path).unwrap(),
        number,
        &bytes(input, "header"),
        &mut body,
    );
    let headers = HeaderKey::new(suite, &secret);
    let sample = array(input, "sample");
    // A header of one byte, four bytes where the packet number is, and the sample.
    let protected = |first: u8| {
        let mut packet = [&[first, 1, 2, 3, 4][..], &sample].concat();
        headers.protect(1, &mut packet).unwrap();
        hex(&packet[..5])
    };
    json!({
        "secret": hex(secret.as_bytes()),
        "next_secret": hex(secret.next().as_bytes()),
        "sealed": hex(&body),
        "header_mask": hex(&headers.mask(&sample)),
        "c301020304_protected": protected(0xc3),
        "4001020304_protected": protected(0x40),
        "retry_tag": hex(&retry_tag(&bytes(input, "connection_id"), &bytes(input, "plaintext"))),
    })
}

fn context(input: &Value) -> Value {
    let mut context = StcContext::from_seed(&array(input, "seed"), text(input, "label"));
    for child in input["children"].as_array().unwrap() {
        context = context.derive(child.as_str().unwrap());
    }
    let (data, place) = (bytes(input, "data"), bytes(input, "associated_data"));
    let mut entropy = Fixed::new([bytes(input, "seal_salt"), bytes(input, "hash_salt")].concat());
    let sealed = context.seal(&mut entropy, &place, &data);
    assert_eq!(context.open(&place, &sealed).unwrap(), data);
    json!({
        "sealed": hex(&sealed),
        "hash": hex(&context.hash(&mut entropy, &data).to_bytes()),
        "keyed_hash": hex(&context.keyed_hash(&data)),
    })
}

/// All segments of a stream; a signed one begins and ends with a signature.
fn segments(input: &Value) -> Value {
    let context = StcContext::from_seed(&array(input, "seed"), text(input, "label"));
    let extent = input["length"]
        .as_u64()
        .map_or(Extent::Live, Extent::Bounded);
    let mut entropy = Fixed::new(bytes(input, "stream_id"));
    let suite = suite(&input["suite"]);
    let signer = input.get("signer_node_seed").is_some();
    let mut sealer = if signer {
        let identity = Arc::new(node(input, "signer_node_seed"));
        Sealer::signed(&context, suite, extent, identity, &mut entropy)
    } else {
        Sealer::new(&context, suite, extent, &mut entropy)
    };
    let data: Vec<_> = input["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(hex_bytes)
        .collect();
    let mut segments = Vec::new();
    if signer {
        segments.push(sign(&mut sealer, Mark::More));
    }
    for (number, data) in data.iter().enumerate() {
        let is_last = !signer && number + 1 == input["data"].as_array().unwrap().len();
        let mark = if is_last { Mark::Last } else { Mark::More };
        let offset = sealer.data_offset();
        let mut segment = [&vec![0; offset][..], data, &[0; 16]].concat();
        sealer.seal_in_place(mark, &mut segment).unwrap();
        segments.push(segment);
    }
    if signer {
        segments.push(sign(&mut sealer, Mark::Last));
    }
    assert_eq!(opened(&context, &segments), data.concat());
    json!({ "segments": segments.iter().map(|segment| hex(segment)).collect::<Vec<_>>() })
}

fn sign(sealer: &mut Sealer, mark: Mark) -> Vec<u8> {
    let mut segment = vec![0; sealer.signature_len()];
    sealer.seal_signature(mark, &mut segment).unwrap();
    segment
}

fn opened(context: &StcContext, segments: &[Vec<u8>]) -> Vec<u8> {
    let mut opener = Opener::new(context);
    let mut data = Vec::new();
    for (sequence, segment) in (0..).zip(segments) {
        let mut body = vec![0; Opener::body_len(segment.len()).unwrap()];
        let opened = opener.open(segment, sequence, &mut body).unwrap();
        if let Body::Data { offset } = opened.body {
            data.extend_from_slice(&body[offset..]);
        }
    }
    data
}

fn handshake(input: &Value) -> Value {
    let seed = Group::parse(text(input, "group")).unwrap().newest_seed();
    let (ours, theirs) = (side(input, "initiator"), side(input, "responder"));
    let parameters = bytes(input, "initiator_parameters");
    let mut entropy = Fixed::new(bytes(input, "initiator_entropy"));
    let (initiator, hello) =
        Initiator::start(&ours, seed.clone(), None, &parameters, &mut entropy).unwrap();
    let parameters = bytes(input, "responder_parameters");
    let mut entropy = Fixed::new(bytes(input, "responder_entropy"));
    let (responder, flight) =
        Responder::on_hello(&theirs, seed, &parameters, &hello, &mut entropy).unwrap();
    let (initiator, handshake) = initiator.on_response(&flight.response).unwrap();
    assert_eq!(handshake, flight.keys);
    let (initiator, sent) = initiator.on_response_proof(&flight.response_proof).unwrap();
    let (_, accepted) = responder.on_auth_proof(&sent.auth_proof).unwrap();
    assert_eq!(sent.keys, accepted.keys);
    let established = initiator.on_final(&accepted.final_message).unwrap();
    json!({
        "hello": hex(&hello),
        "response": hex(&flight.response),
        "response_proof": hex(&flight.response_proof),
        "auth_proof": hex(&sent.auth_proof),
        "final": hex(&accepted.final_message),
        "suite": established.suite().code(),
        "epoch": established.epoch().0,
        "handshake_secrets": secrets(&handshake),
        "session_secrets": secrets(&sent.keys),
        "exporter": exports(established.exporter()),
    })
}

fn exports(exporter: &Exporter) -> Value {
    let mut secret = [0; 32];
    exporter.export(b"label", b"context", &mut secret).unwrap();
    json!({
        "session_id": hex(&exporter.session_id()),
        "label_context_32": hex(&secret),
        "keyed_hash_of_empty_in_context_x": hex(&exporter.context("x").keyed_hash(b"")),
    })
}

fn secrets(keys: &Keys) -> Value {
    let show = |secret: &TrafficSecret| hex(secret.as_bytes());
    json!({
        "initiator": show(&keys.secrets.initiator),
        "responder": show(&keys.secrets.responder),
    })
}

fn side(input: &Value, name: &str) -> HandshakeContext {
    let suites = input[format!("{name}_suites")].as_array().unwrap();
    HandshakeContext {
        identity: Arc::new(node(input, &format!("{name}_node_seed"))),
        suites: suites.iter().map(suite).collect(),
        kem: Arc::new(DeterministicKem),
    }
}

fn node(input: &Value, name: &str) -> Identity {
    NodeSeed::from_bytes(array(input, name)).identity()
}

fn suite(code: &Value) -> Suite {
    Suite::from_code(u8::try_from(code.as_u64().unwrap()).unwrap()).unwrap()
}

fn text<'a>(input: &'a Value, name: &str) -> &'a str {
    input[name].as_str().unwrap()
}

fn array<const N: usize>(input: &Value, name: &str) -> [u8; N] {
    bytes(input, name).try_into().unwrap()
}

fn bytes(input: &Value, name: &str) -> Vec<u8> {
    HEXLOWER.decode(text(input, name).as_bytes()).unwrap()
}

fn hex_bytes(text: &Value) -> Vec<u8> {
    HEXLOWER.decode(text.as_str().unwrap().as_bytes()).unwrap()
}

fn hex(bytes: &[u8]) -> String {
    HEXLOWER.encode(bytes)
}
