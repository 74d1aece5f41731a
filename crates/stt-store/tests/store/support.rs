//! Seeds, randomness and bytes for tests.

use std::sync::Arc;

use stc::{Entropy, NodeSeed};
use stt_store::{Backend, BinaryStorage, OpenError, StorageOptions, StoreKey};

/// The system's randomness.
pub(crate) struct System;

impl Entropy for System {
    fn fill(&mut self, out: &mut [u8]) {
        aws_lc_rs::rand::fill(out).unwrap();
    }
}

/// Xorshift: the same sequence in every run.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    pub(crate) fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound.max(1) as u64) as usize
    }
}

/// `len` bytes that no two numbers share.
pub(crate) fn bytes(number: u64, len: usize) -> Vec<u8> {
    let mut random = Random(number.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
    let mut bytes = Vec::with_capacity(len + 8);
    while bytes.len() < len {
        bytes.extend_from_slice(&random.next().to_be_bytes());
    }
    bytes.truncate(len);
    bytes
}

pub(crate) fn seed(number: u8) -> NodeSeed {
    NodeSeed::from_bytes([number; 32])
}

/// Small segments and checkpoints, so that little data meets every border.
pub(crate) fn small() -> StorageOptions {
    StorageOptions::default()
        .segment_len(64 << 10)
        .checkpoint_len(16 << 10)
}

pub(crate) fn open_with(
    options: &StorageOptions,
    backend: &(impl Backend + Clone),
) -> Result<BinaryStorage, OpenError> {
    let backend = Arc::new(backend.clone());
    let options = options.clone();
    options.open_backend(backend, StoreKey::Node(&seed(1)), Box::new(System))
}

pub(crate) fn open(backend: &(impl Backend + Clone)) -> BinaryStorage {
    open_with(&small(), backend).unwrap()
}
