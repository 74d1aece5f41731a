//! Members with storage, and objects in it.

use std::sync::Arc;

use stt::storage::{Address, MemoryBackend, Reference, StorageOptions, StoreKey};
use stt::{BinaryStorage, Fetch, FetchError, Node, NodeSeed};
use stt_sim::Link;

use crate::support::{World, address, payload};

/// A member with storage of its own.
pub(crate) struct Holder {
    pub(crate) node: Node,
    pub(crate) storage: BinaryStorage,
}

pub(crate) async fn storage(backend: &MemoryBackend) -> BinaryStorage {
    let seed = NodeSeed::from_bytes([1; 32]);
    let options = StorageOptions::default();
    let backend = Arc::new(backend.clone());
    let opened = options.open_backend(backend, StoreKey::Node(&seed)).await;
    opened.unwrap()
}

pub(crate) async fn holder(world: &World, host: u8) -> Holder {
    let storage = storage(&MemoryBackend::new()).await;
    let builder = world.builder(host).storage(storage.clone());
    let node = world.start(builder).await;
    Holder { node, storage }
}

impl Holder {
    /// Stores an object and lets others have it.
    pub(crate) async fn publish(&self, content: &[u8]) -> Reference {
        let stored = self.storage.store(content.to_vec()).await.unwrap();
        assert_eq!(self.node.publish(stored).await.unwrap(), stored);
        stored
    }

    pub(crate) async fn has(&self, content: &[u8]) -> bool {
        let found = self.storage.retrieve(Address::of(content)).await;
        found.is_ok_and(|found| found == content)
    }

    /// Fetches from the members on these hosts, as far as there are any.
    pub(crate) fn fetch(
        &self,
        wanted: impl Into<stt::Wanted>,
        hosts: impl IntoIterator<Item = u8>,
    ) -> Fetch {
        let targets = hosts
            .into_iter()
            .map(|host| stt::Target::from(address(host)));
        self.node.fetch_from(wanted, targets).unwrap()
    }

    pub(crate) async fn get(
        &self,
        wanted: impl Into<stt::Wanted>,
        hosts: impl IntoIterator<Item = u8>,
    ) -> Result<Reference, FetchError> {
        self.fetch(wanted, hosts).finished().await
    }
}

/// Bytes from one host to another so far, headers and all.
pub(crate) fn carried(world: &World, from: u8, to: u8) -> u64 {
    let stats = world.net.stats(address(from).ip(), address(to).ip());
    stats.delivered_bytes
}

/// Sets what a host sends the fetcher a second, in kbit.
pub(crate) fn rate(world: &World, host: u8, kbit: u64) {
    world
        .net
        .link(address(host).ip(), address(FETCHER).ip(), |link| {
            let bits = kbit * 1_000;
            *link = Link {
                rate: bits,
                // A tenth of a second, and never less than a burst of some packets.
                queue: (bits / 80).max(50_000),
                ..Link::wan()
            };
        });
}

pub(crate) const FETCHER: u8 = 100;

pub(crate) const MIB: usize = 1 << 20;

pub(crate) fn object(number: u64, len: usize) -> Vec<u8> {
    payload(number, len)
}
