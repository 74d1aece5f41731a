//! A store in memory, seeds and bytes.

use std::sync::Arc;

use stt::storage::{Backend, MemoryBackend, OpenError, StorageOptions, StoreKey};
use stt::{BinaryStorage, NodeSeed};

pub(crate) fn seed(number: u8) -> NodeSeed {
    NodeSeed::from_bytes([number; 32])
}

/// `len` bytes that no two numbers share.
pub(crate) fn bytes(number: u64, len: usize) -> Vec<u8> {
    let mut state = number.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut bytes = Vec::with_capacity(len + 8);
    while bytes.len() < len {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend_from_slice(&state.to_be_bytes());
    }
    bytes.truncate(len);
    bytes
}

pub(crate) async fn open(backend: &(impl Backend + Clone)) -> Result<BinaryStorage, OpenError> {
    let options = StorageOptions::default();
    let backend = Arc::new(backend.clone());
    options
        .open_backend(backend, StoreKey::Node(&seed(1)))
        .await
}

pub(crate) async fn in_memory() -> BinaryStorage {
    open(&MemoryBackend::new()).await.unwrap()
}
