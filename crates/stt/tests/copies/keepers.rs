//! Members that offer room, and members that want copies.

use std::{path::Path, sync::Arc, time::Duration};

use stt::{
    BinaryStorage, Node, NodeId, NodeSeed, OfferOptions, ReplicateOptions, Replication,
    storage::{Address, MemoryBackend, StorageOptions, StoreKey},
};
use stt_sim::Sim;

use crate::support::World;
use crate::village::{builder, joining};

pub(crate) const MIB: u64 = 1 << 20;

pub(crate) async fn storage(backend: &MemoryBackend) -> BinaryStorage {
    let seed = NodeSeed::from_bytes([1; 32]);
    let backend = Arc::new(backend.clone());
    let options = StorageOptions::default();
    let opened = options.open_backend(backend, StoreKey::Node(&seed)).await;
    opened.unwrap()
}

/// A member that keeps copies, and what of it outlives a run.
pub(crate) struct Keeper {
    pub(crate) node: Node,
    pub(crate) storage: BinaryStorage,
}

impl Keeper {
    /// On a host, with so much room.
    pub(crate) async fn new(world: &World, host: u8, bytes: u64) -> Self {
        Self::with(
            world,
            host,
            &MemoryBackend::new(),
            None,
            |offer| offer,
            bytes,
        )
        .await
    }

    pub(crate) async fn with(
        world: &World,
        host: u8,
        backend: &MemoryBackend,
        data_dir: Option<&Path>,
        terms: impl FnOnce(OfferOptions) -> OfferOptions,
        bytes: u64,
    ) -> Self {
        let storage = storage(backend).await;
        let mut offer = OfferOptions::new(storage.clone(), bytes).share(bytes);
        if let Some(data_dir) = data_dir {
            offer = offer.data_dir(data_dir);
        }
        let builder = builder(world, host, joining(1)).offer(terms(offer));
        // Who has a data dir is the same one at each start.
        let seed = if data_dir.is_some() { 99 } else { host };
        let builder = builder.node_seed(NodeSeed::from_bytes([seed; 32]));
        let node = builder.start().await.unwrap();
        Self { node, storage }
    }

    pub(crate) fn kept(&self) -> (u64, usize) {
        self.node.kept_for_others().unwrap()
    }
}

/// So many of them, from a host on, and time for all to hear of them.
pub(crate) async fn keepers(
    sim: &Sim,
    world: &World,
    hosts: impl IntoIterator<Item = u8>,
    bytes: u64,
) -> Vec<Keeper> {
    let mut keepers = Vec::new();
    for host in hosts {
        keepers.push(Keeper::new(world, host, bytes).await);
    }
    sim.sleep(Duration::from_secs(60)).await;
    keepers
}

/// A member with storage of its own.
pub(crate) struct Owner {
    pub(crate) node: Node,
    pub(crate) storage: BinaryStorage,
}

impl Owner {
    pub(crate) async fn new(sim: &Sim, world: &World, host: u8) -> Self {
        let storage = storage(&MemoryBackend::new()).await;
        let builder = builder(world, host, joining(1)).storage(storage.clone());
        let node = builder.start().await.unwrap();
        sim.sleep(Duration::from_secs(20)).await;
        Self { node, storage }
    }

    pub(crate) async fn store(&self, content: &[u8]) -> Address {
        let stored = self.storage.store(content.to_vec()).await;
        stored.unwrap().address
    }

    pub(crate) async fn replicate(&self, address: Address, copies: usize) -> Replication {
        self.replicate_with(address, ReplicateOptions::copies(copies))
            .await
    }

    pub(crate) async fn replicate_with(
        &self,
        address: Address,
        options: ReplicateOptions,
    ) -> Replication {
        let begun = self.node.replicate_with(address, options).await;
        begun.unwrap()
    }
}

/// Who keeps a copy, as the owner has it.
pub(crate) fn kept_by(replication: &Replication) -> Vec<NodeId> {
    let copies = replication.status().copies;
    let mut keepers: Vec<_> = copies.iter().map(|copy| copy.keeper).collect();
    keepers.sort_unstable();
    keepers
}
