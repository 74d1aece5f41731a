//! The vectors in `spec/vectors/stc` hold: every output follows from its inputs.
//!
//! `cpace.json` is checked beside the code, since nothing of it is public.

use serde_json::Value;

fn check(kind: &str, file: &str) {
    let file: Value = serde_json::from_str(file).unwrap();
    let vectors = file["vectors"].as_array().unwrap();
    assert!(!vectors.is_empty());
    for vector in vectors {
        let outputs = crate::support::compute::outputs(kind, &vector["input"]);
        assert_eq!(outputs, vector["output"], "{}", vector["description"]);
    }
}

#[test]
fn content_vectors_hold() {
    check(
        "content",
        include_str!("../../../../spec/vectors/stc/content.json"),
    );
}

#[test]
fn context_vectors_hold() {
    check(
        "context",
        include_str!("../../../../spec/vectors/stc/context.json"),
    );
}

#[test]
fn group_vectors_hold() {
    check(
        "group",
        include_str!("../../../../spec/vectors/stc/group.json"),
    );
}

#[test]
fn handshake_vectors_hold() {
    check(
        "handshake",
        include_str!("../../../../spec/vectors/stc/handshake.json"),
    );
}

#[test]
fn identity_vectors_hold() {
    check(
        "identity",
        include_str!("../../../../spec/vectors/stc/identity.json"),
    );
}

#[test]
fn packet_vectors_hold() {
    check(
        "packet",
        include_str!("../../../../spec/vectors/stc/packet.json"),
    );
}

#[test]
fn segment_vectors_hold() {
    check(
        "segment",
        include_str!("../../../../spec/vectors/stc/segment.json"),
    );
}
