//! What is published is announced, and fetched by members that know nothing but its address.

use std::{sync::Arc, time::Duration};

use stt::{
    BinaryStorage, FetchError, NodeSeed,
    storage::{Address, MemoryBackend, StorageOptions, StoreKey},
};
use stt_sim::Link;

use crate::support::{in_world, payload};
use crate::village::{Village, builder, joining};

async fn storage() -> BinaryStorage {
    let seed = NodeSeed::from_bytes([1; 32]);
    let backend = Arc::new(MemoryBackend::new());
    let options = StorageOptions::default();
    let opened = options.open_backend(backend, StoreKey::Node(&seed)).await;
    opened.unwrap()
}

#[test]
fn what_is_published_is_fetched_by_a_stranger_to_its_holders_from_all_of_them() {
    in_world(21, Link::lan(), async |sim, world| {
        let _village = Village::new(&sim, &world, 12).await;
        let content = payload(3, 20 << 20);
        let mut holders = Vec::new();
        for host in [20, 21] {
            let storage = storage().await;
            let node = builder(&world, host, joining(1)).storage(storage.clone());
            let node = node.start().await.unwrap();
            sim.sleep(Duration::from_secs(10)).await;
            let stored = storage.store(content.clone()).await.unwrap();
            node.publish(stored).await.unwrap();
            holders.push(node);
        }
        sim.sleep(Duration::from_secs(20)).await;
        let kept = storage().await;
        let stranger = builder(&world, 30, joining(5)).storage(kept.clone());
        let stranger = stranger.start().await.unwrap();
        sim.sleep(Duration::from_secs(20)).await;
        let mut fetch = stranger.fetch(Address::of(&content)).unwrap();
        let fetched = fetch.finished().await.unwrap();
        assert!(kept.retrieve(fetched).await.unwrap() == content);
        let providers = fetch.progress().providers;
        assert_eq!(providers.len(), 2, "{providers:?}");
        assert!(
            providers.iter().all(|provider| provider.received > 1 << 20),
            "{providers:?}"
        );

        let nobody = stranger
            .fetch(Address::of(b"nobody has it"))
            .unwrap()
            .finished()
            .await;
        assert!(
            matches!(nobody, Err(FetchError::NoProviders { .. })),
            "{nobody:?}"
        );
    });
}
