//! The vectors of `spec/vectors/store`: texts, names and a whole store hold for every version.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test stops by panicking"
)]

use std::collections::BTreeMap;
use std::sync::Arc;

use data_encoding::HEXLOWER;
use serde::Deserialize;
use stc::{Entropy, NodeSeed};
use stt_store::{Address, Backend, MemoryBackend, Reference, StorageOptions, StoreKey};

struct System;

impl Entropy for System {
    fn fill(&mut self, out: &mut [u8]) {
        aws_lc_rs::rand::fill(out).unwrap();
    }
}

/// Byte i of a test object is i mod 251.
fn pattern(len: u64) -> Vec<u8> {
    (0..len).map(|at| (at % 251) as u8).collect()
}

#[derive(Deserialize)]
struct Texts {
    valid: Vec<String>,
    invalid: Vec<String>,
}

#[test]
fn texts_of_references_are_read_or_refused_as_the_vectors_say() {
    let texts = include_str!("../../../spec/vectors/store/references.json");
    let texts: Texts = serde_json::from_str(texts).unwrap();
    for text in texts.valid {
        let reference: Reference = text.parse().unwrap();
        assert_eq!(reference.to_string(), text.to_lowercase());
    }
    for text in texts.invalid {
        assert!(text.parse::<Reference>().is_err(), "{text}");
    }
}

#[derive(Deserialize)]
struct Objects {
    objects: Vec<String>,
}

#[test]
fn objects_have_the_names_that_the_vectors_say() {
    let objects = include_str!("../../../spec/vectors/store/objects.json");
    let objects: Objects = serde_json::from_str(objects).unwrap();
    let backend = Arc::new(MemoryBackend::new());
    let key = NodeSeed::from_bytes([1; 32]);
    let options = StorageOptions::default();
    let store = options
        .open_backend(backend, StoreKey::Node(&key), Box::new(System))
        .unwrap();
    for text in objects.objects {
        let expected: Reference = text.parse().unwrap();
        let found = store.store(&pattern(expected.length)).unwrap();
        assert_eq!(found, expected);
    }
}

#[derive(Deserialize)]
struct Golden {
    node_seed: String,
    files: BTreeMap<String, String>,
    objects: Vec<GoldenObject>,
}

#[derive(Deserialize)]
struct GoldenObject {
    content: String,
    pinned: bool,
}

#[test]
fn store_of_the_first_version_opens_without_its_index() {
    let golden = include_str!("../../../spec/vectors/store/golden.json");
    let golden: Golden = serde_json::from_str(golden).unwrap();
    let decode = |text: &String| HEXLOWER.decode(text.as_bytes()).unwrap();
    let backend = MemoryBackend::new();
    for (name, content) in &golden.files {
        backend.replace(name, &decode(content)).unwrap();
    }
    let seed = decode(&golden.node_seed).try_into().unwrap();
    let key = NodeSeed::from_bytes(seed);
    let options = StorageOptions::default();
    let store = options
        .open_backend(Arc::new(backend), StoreKey::Node(&key), Box::new(System))
        .unwrap();
    let found = store.list().map(|entry| {
        let entry = entry.unwrap();
        let content = store.retrieve(entry.reference.address).unwrap();
        (entry.reference.address, (content, entry.is_pinned))
    });
    let expected = golden.objects.iter().map(|object| {
        let content = decode(&object.content);
        (Address::of(&content), (content, object.pinned))
    });
    assert_eq!(
        found.collect::<BTreeMap<_, _>>(),
        expected.collect::<BTreeMap<_, _>>()
    );
    assert!(store.verify().unwrap().is_well());
}
