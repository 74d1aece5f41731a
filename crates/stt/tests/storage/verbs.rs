//! Every verb does for tasks what it does for threads.

use std::collections::BTreeMap;

use futures_util::StreamExt as _;
use futures_util::future::join_all;
use stt::BinaryStorage;
use stt::storage::{
    Address, Failure, KeyError, OpenError, PinError, ReadError, RemoveError, StorageOptions,
    StoreError, StoreKey,
};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::counting::Counting;
use crate::support::{bytes, in_memory, open, seed};

const MIB: usize = 1 << 20;

#[tokio::test]
async fn objects_of_every_size_come_back_after_a_restart() {
    let directory = tempfile::tempdir().unwrap();
    let sizes = [
        0,
        1,
        65_535,
        65_536,
        65_537,
        MIB - 1,
        MIB,
        MIB + 1,
        5 * MIB + 3,
    ];
    let key = seed(1);
    let storage = BinaryStorage::open(&directory, StoreKey::Node(&key))
        .await
        .unwrap();
    for (number, size) in (0..).zip(sizes) {
        let object = bytes(number, size);
        let stored = storage.store(object.clone()).await.unwrap();
        assert_eq!(stored.address, Address::of(&object), "{size}");
        let streamed = storage.store_reader(&object[..]).await.unwrap();
        assert_eq!(streamed, stored, "{size}");
        assert_eq!(storage.reference(stored.address).await.unwrap(), stored);
    }
    storage.close().await.unwrap();
    let storage = BinaryStorage::open(&directory, StoreKey::Node(&key))
        .await
        .unwrap();
    for (number, size) in (0..).zip(sizes) {
        let object = bytes(number, size);
        let address = Address::of(&object);
        assert!(storage.retrieve(address).await.unwrap() == object, "{size}");
        let mut reader = storage.open_reader(address).await.unwrap();
        let mut found = Vec::new();
        reader.read_to_end(&mut found).await.unwrap();
        assert!(found == object, "{size}");
        assert!(reader.next_piece().await.unwrap().is_none());
    }
    assert!(storage.verify().await.unwrap().is_well());
}

#[tokio::test]
async fn stream_that_was_stored_comes_back_by_its_address_alone() {
    let storage = in_memory().await;
    let object = bytes(4, 7 * MIB + 11);
    let (mut near, far) = tokio::io::duplex(10_000);
    let sending = async {
        near.write_all(&object).await.unwrap();
        near.shutdown().await.unwrap();
    };
    let (stored, ()) = tokio::join!(storage.store_reader(far), sending);
    assert_eq!(stored.unwrap().address, Address::of(&object));
    assert!(storage.retrieve(Address::of(&object)).await.unwrap() == object);
}

#[tokio::test]
async fn range_is_what_lies_there_in_the_object() {
    let storage = in_memory().await;
    let object = bytes(1, 2 * MIB + 77);
    let reference = storage.store(object.clone()).await.unwrap();
    let len = object.len();
    for (from, to) in [
        (0, 0),
        (0, 1),
        (MIB - 1, MIB + 1),
        (5, len - 5),
        (len - 1, len),
        (len, len),
    ] {
        let range = from as u64..to as u64;
        let read = storage
            .retrieve_range(reference, range.clone())
            .await
            .unwrap();
        assert!(read == object[from..to], "{from}..{to}");
        let mut reader = storage.open_range(reference, range).await.unwrap();
        let mut streamed = Vec::new();
        while let Some(piece) = reader.next_piece().await.unwrap() {
            streamed.extend_from_slice(&piece);
        }
        assert!(streamed == object[from..to], "{from}..{to}");
    }
    let outside = 1..len as u64 + 1;
    let refused = storage.retrieve_range(reference, outside.clone()).await;
    assert!(matches!(refused, Err(ReadError::OutOfRange { .. })));
    let refused = storage.open_range(reference, outside).await;
    assert!(matches!(refused, Err(ReadError::OutOfRange { .. })));
}

#[tokio::test]
async fn what_is_unknown_pinned_or_wrong_is_a_typed_error() {
    let storage = in_memory().await;
    let address = Address::of(b"never stored");
    assert!(!storage.contains(address).await.unwrap());
    let unknown = storage.retrieve(address).await;
    assert!(matches!(unknown, Err(ReadError::Unknown { .. })));
    assert!(matches!(
        storage.open_reader(address).await,
        Err(ReadError::Unknown { .. })
    ));
    assert!(matches!(
        storage.remove(address).await,
        Err(RemoveError::Unknown { .. })
    ));
    assert!(matches!(
        storage.pin(address).await,
        Err(PinError::Unknown { .. })
    ));
    let stored = storage.store("precious").await.unwrap();
    storage.pin(stored).await.unwrap();
    assert!(matches!(
        storage.remove(stored).await,
        Err(RemoveError::Pinned { .. })
    ));
    storage.unpin(stored).await.unwrap();
    storage.remove(stored).await.unwrap();
    assert!(!storage.contains(stored).await.unwrap());
    let present = storage.add_seed(StoreKey::Node(&seed(1))).await;
    assert!(matches!(present, Err(KeyError::Present)));
}

#[tokio::test]
async fn objects_are_listed_in_order_page_after_page() {
    let storage = in_memory().await;
    let stores = (0..700).map(|number| storage.store(bytes(number, 20)));
    let stored = join_all(stores).await.into_iter();
    let mut expected: Vec<_> = stored.map(|stored| stored.unwrap().address).collect();
    expected.sort();
    let listed = storage.list().unwrap();
    let listed: Vec<_> = listed
        .map(|entry| entry.unwrap().reference.address)
        .collect()
        .await;
    assert_eq!(listed, expected);
    let mut entries = storage.list().unwrap();
    let mut count = 0;
    while let Some(entry) = entries.next().await {
        entry.unwrap();
        count += 1;
    }
    assert_eq!(count, 700);
}

#[tokio::test]
async fn seeds_come_and_go_and_a_rotation_locks_out_who_is_not_named() {
    let backend = stt::storage::MemoryBackend::new();
    let storage = open(&backend).await.unwrap();
    let stored = storage.store("secret").await.unwrap();
    storage.add_seed(StoreKey::Node(&seed(2))).await.unwrap();
    storage.remove_seed(StoreKey::Node(&seed(2))).await.unwrap();
    let rotated = storage
        .rotate_key(&[StoreKey::Node(&seed(3))])
        .await
        .unwrap();
    assert_eq!((rotated.key_generation, rotated.segments_left), (2, 0));
    storage.close().await.unwrap();
    assert!(matches!(open(&backend).await, Err(OpenError::WrongSeed)));
    let options = StorageOptions::default();
    let backend = std::sync::Arc::new(backend);
    let third = seed(3);
    let storage = options
        .open_backend(backend, StoreKey::Node(&third))
        .await
        .unwrap();
    assert_eq!(storage.retrieve(stored).await.unwrap(), "secret");
}

#[tokio::test]
async fn closed_store_says_so_and_gives_the_directory_free() {
    let directory = tempfile::tempdir().unwrap();
    let key = seed(1);
    for number in 0..20 {
        let storage = BinaryStorage::open(&directory, StoreKey::Node(&key))
            .await
            .unwrap();
        let second = BinaryStorage::open(&directory, StoreKey::Node(&key)).await;
        assert!(matches!(second, Err(OpenError::InUse)));
        let clone = storage.clone();
        storage.store(bytes(number, 3000)).await.unwrap();
        storage.close().await.unwrap();
        let refused = clone.store("too late").await;
        assert!(matches!(refused, Err(StoreError::Failure(Failure::Closed))));
        assert!(matches!(clone.stats().await, Err(Failure::Closed)));
        assert!(matches!(clone.list(), Err(Failure::Closed)));
        assert!(matches!(clone.close().await, Err(Failure::Closed)));
    }
}

#[tokio::test]
async fn thousand_small_objects_at_once_share_a_few_syncs() {
    let backend = Counting::default();
    let storage = open(&backend).await.unwrap();
    storage.store("so that there is a segment").await.unwrap();
    let before = backend.syncs();
    let stores = (0..1000).map(|number| storage.store(bytes(number, 4096)));
    let mut stored = BTreeMap::new();
    for (number, reference) in (0..).zip(join_all(stores).await) {
        stored.insert(reference.unwrap().address, number);
    }
    let syncs = backend.syncs() - before;
    // How many depends on how fast they come; alone, each would take one.
    assert!(syncs < 100, "{syncs} syncs");
    for (address, number) in stored {
        assert!(storage.retrieve(address).await.unwrap() == bytes(number, 4096));
    }
}

#[tokio::test]
async fn one_refused_object_does_not_harm_those_that_share_its_sync() {
    let backend = std::sync::Arc::new(stt::storage::MemoryBackend::new());
    let options = StorageOptions::default().quota(100_000);
    let key = seed(1);
    let storage = options
        .open_backend(backend, StoreKey::Node(&key))
        .await
        .unwrap();
    let stores = (0..20).map(|number| {
        let len = if number == 7 { 200_000 } else { 1000 };
        storage.store(bytes(number, len))
    });
    for (number, result) in join_all(stores).await.into_iter().enumerate() {
        if number == 7 {
            assert!(matches!(result, Err(StoreError::QuotaTooSmall { .. })));
        } else {
            assert!(storage.contains(result.unwrap()).await.unwrap());
        }
    }
}
