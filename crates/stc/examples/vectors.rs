//! Writes the vectors of `spec/vectors/stc` anew from their inputs, into a given directory.
//!
//! `cargo run -p stc --example vectors -- spec/vectors/stc`. Not needed for tests: they compute
//! the outputs of the files as they are. A change here is a change of the protocol.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a generator of fixed files"
)]

#[path = "../tests/api/support/mod.rs"]
mod support;

use data_encoding::HEXLOWER;
use serde_json::{Value, json};
use stc::Group;
use std::path::Path;
use std::{env, fs, io};
use support::Fixed;

fn main() -> io::Result<()> {
    let directory = env::args().nth(1).ok_or(io::ErrorKind::InvalidInput)?;
    for (kind, description, inputs) in [
        ("content", "Names of content: SHA3-256", content()),
        (
            "context",
            "Contexts: sealing, probabilistic and keyed hashes",
            contexts(),
        ),
        (
            "group",
            "Random seeds: text, gate tags, Initial secrets, contexts",
            groups(),
        ),
        (
            "handshake",
            "Whole handshakes, with the randomness of both sides",
            handshakes(),
        ),
        ("identity", "Node seeds, names and signatures", identities()),
        (
            "packet",
            "Packet protection with the public Initial secret",
            packets(),
        ),
        (
            "segment",
            "Streams of segments: live, bounded, signed",
            streams(),
        ),
    ] {
        write(Path::new(&directory), kind, description, inputs)?;
    }
    Ok(())
}

fn write(directory: &Path, kind: &str, about: &str, inputs: Vec<(&str, Value)>) -> io::Result<()> {
    let vectors: Vec<_> = inputs
        .into_iter()
        .map(|(description, input)| {
            let output = support::compute::outputs(kind, &input);
            json!({ "description": description, "input": input, "output": output })
        })
        .collect();
    let file = json!({ "description": about, "vectors": vectors });
    let text = serde_json::to_string_pretty(&file)?;
    fs::write(directory.join(kind).with_extension("json"), text + "\n")
}

fn content() -> Vec<(&'static str, Value)> {
    vec![
        ("nothing", json!({ "data": "" })),
        ("a few bytes", json!({ "data": hex(b"hello world") })),
        (
            "more than one block",
            json!({ "data": hex(&counting(0, 300)) }),
        ),
    ]
}

fn contexts() -> Vec<(&'static str, Value)> {
    let input = |children: &[&str], data: &[u8]| {
        json!({
            "seed": hex(&counting(1, 32)),
            "label": "example",
            "children": children,
            "associated_data": hex(b"place"),
            "data": hex(data),
            "seal_salt": hex(&counting(2, 32)),
            "hash_salt": hex(&counting(3, 32)),
        })
    };
    vec![
        ("a context of a seed", input(&[], b"message")),
        ("nothing sealed", input(&[], b"")),
        ("a child of a child", input(&["one", "two"], b"message")),
    ]
}

fn groups() -> Vec<(&'static str, Value)> {
    let input = |text: &str| json!({ "text": text, "gate_nonce": hex(&counting(4, 8)), "context": "example" });
    let mut group = Group::generate(&mut Fixed::new(counting(5, 48)));
    let one = group.to_text().unwrap().to_string();
    group.next_epoch(&mut Fixed::new(counting(6, 32))).unwrap();
    let both = group.to_text().unwrap().to_string();
    let loose = format!(
        "# newest first\n{}\n\n  {}\n",
        &both[93..],
        one.to_uppercase()
    );
    vec![
        ("one epoch", input(&one)),
        ("two epochs", input(&both)),
        (
            "the same two in another order and case, with a comment",
            input(&loose),
        ),
    ]
}

fn identities() -> Vec<(&'static str, Value)> {
    let input = |seed: u8, message: &[u8]| json!({ "node_seed": hex(&counting(seed, 32)), "label": "example", "message": hex(message) });
    vec![("a node", input(7, b"message")), ("another", input(8, b""))]
}

fn packets() -> Vec<(&'static str, Value)> {
    let input = |suite: u8, path: u32, packet: u64| {
        json!({
            "suite": suite,
            "connection_id": hex(&counting(9, 20)),
            "path": path,
            "packet": packet,
            "header": hex(b"header"),
            "plaintext": hex(b"a packet body"),
            "sample": hex(&counting(10, 16)),
        })
    };
    vec![
        ("AES-256-GCM", input(1, 0, 0)),
        (
            "AES-256-GCM on another path",
            input(1, 0xfffe_fdfc, 0x3ffe_fdfc_fbfa_f9f8),
        ),
        ("ChaCha20-Poly1305", input(2, 0, 1)),
    ]
}

fn streams() -> Vec<(&'static str, Value)> {
    let input = |suite: u8, length: Option<u64>, data: &[&[u8]]| {
        json!({
            "seed": hex(&counting(1, 32)),
            "label": "example",
            "stream_id": hex(&counting(15, 16)),
            "suite": suite,
            "length": length,
            "data": data.iter().map(|data| hex(data)).collect::<Vec<_>>(),
        })
    };
    let signed = |mut input: Value| {
        input["signer_node_seed"] = json!(hex(&counting(7, 32)));
        input
    };
    let data: [&[u8]; 3] = [b"one", b"", b"three"];
    vec![
        ("a live stream, AES-256-GCM", input(1, None, &data)),
        ("a live stream, ChaCha20-Poly1305", input(2, None, &data)),
        ("a bounded stream", input(1, Some(8), &data)),
        ("a bounded stream of nothing", input(1, Some(0), &[b""])),
        ("a signed live stream", signed(input(1, None, &data))),
        ("a signed bounded stream", signed(input(1, Some(8), &data))),
    ]
}

fn handshakes() -> Vec<(&'static str, Value)> {
    let input = |group: &str, suites: [&[u8]; 2]| {
        json!({
            "group": group,
            "initiator_node_seed": hex(&counting(11, 32)),
            "responder_node_seed": hex(&counting(12, 32)),
            "initiator_suites": suites[0],
            "responder_suites": suites[1],
            "initiator_parameters": hex(b"parameters of the initiator"),
            "responder_parameters": hex(b"parameters of the responder"),
            "initiator_entropy": hex(&counting(13, 32 + 64 + 64)),
            "responder_entropy": hex(&counting(14, 32 + 64 + 32)),
        })
    };
    let mut group = Group::generate(&mut Fixed::new(counting(5, 48)));
    let one = group.to_text().unwrap().to_string();
    group.next_epoch(&mut Fixed::new(counting(6, 32))).unwrap();
    let both = group.to_text().unwrap().to_string();
    vec![
        (
            "a random seed, AES on both sides",
            input(&one, [&[1, 2], &[1, 2]]),
        ),
        (
            "the newest of two epochs, a responder without AES",
            input(&both, [&[1, 2], &[2]]),
        ),
        (
            "a passphrase",
            input(
                "passphrase:example:correct horse battery",
                [&[1, 2], &[1, 2]],
            ),
        ),
    ]
}

/// `len` bytes that differ from start to start.
fn counting(start: u8, len: usize) -> Vec<u8> {
    (0..len)
        .map(|i| start.wrapping_mul(17).wrapping_add(i as u8))
        .collect()
}

fn hex(bytes: &[u8]) -> String {
    HEXLOWER.encode(bytes)
}
