//! A future that is dropped leaves a whole object or none, and a store that goes on.

use std::pin::Pin;
use std::task::{Context, Poll};

use futures_util::FutureExt as _;
use stt::storage::{Address, Failure, MemoryBackend, ReadError, StoreError};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _, ReadBuf};

use crate::counting::Counting;
use crate::support::{bytes, in_memory, open};

const MIB: usize = 1 << 20;

#[tokio::test]
async fn store_is_not_acknowledged_before_the_sync() {
    let backend = Counting::default();
    let storage = open(&backend).await.unwrap();
    storage.store("so that there is a segment").await.unwrap();
    backend.shut();
    let mut storing = Box::pin(storage.store("not yet"));
    let before = backend.syncs();
    while backend.syncs() == before {
        assert!((&mut storing).now_or_never().is_none());
        tokio::task::yield_now().await;
    }
    assert!((&mut storing).now_or_never().is_none());
    backend.let_go();
    storing.await.unwrap();
}

#[tokio::test]
async fn store_that_is_dropped_leaves_the_object_whole_or_not_at_all() {
    let storage = in_memory().await;
    for number in 0..50 {
        for len in [3000, 2 * MIB] {
            let mut storing = Box::pin(storage.store(bytes(number, len)));
            for _ in 0..number {
                if (&mut storing).now_or_never().is_some() {
                    break;
                }
                tokio::task::yield_now().await;
            }
            drop(storing);
            let address = Address::of(&bytes(number, len));
            match storage.retrieve(address).await {
                Ok(object) => assert!(object == bytes(number, len)),
                Err(error) => assert!(matches!(error, ReadError::Unknown { .. }), "{error}"),
            }
            // It is not in anybody's way.
            storage.store(bytes(number, len)).await.unwrap();
            assert!(storage.retrieve(address).await.unwrap() == bytes(number, len));
        }
    }
    assert!(storage.verify().await.unwrap().is_well());
}

#[tokio::test]
async fn stream_that_is_dropped_before_its_end_leaves_nothing() {
    let backend = MemoryBackend::new();
    let storage = open(&backend).await.unwrap();
    let object = bytes(3, 5 * MIB);
    let (mut near, far) = tokio::io::duplex(MIB);
    let mut storing = Box::pin(storage.store_reader(far));
    tokio::select! {
        _ = &mut storing => panic!("it has not ended"),
        written = near.write_all(&object[..4 * MIB]) => written.unwrap(),
    }
    drop(storing);
    storage.store("goes on").await.unwrap();
    // Closing waits for the block that was being written.
    storage.close().await.unwrap();
    let storage = open(&backend).await.unwrap();
    storage.compact().await.unwrap();
    let stats = storage.stats().await.unwrap();
    assert_eq!(stats.objects, 1);
    assert!(stats.live_bytes < 1000, "{stats:?}");
}

#[tokio::test]
async fn reader_that_fails_is_the_source_of_the_error_and_leaves_nothing() {
    struct Failing(usize);
    impl AsyncRead for Failing {
        fn poll_read(
            mut self: Pin<&mut Self>,
            _: &mut Context<'_>,
            out: &mut ReadBuf<'_>,
        ) -> Poll<std::io::Result<()>> {
            if self.0 == 0 {
                return Poll::Ready(Err(std::io::ErrorKind::BrokenPipe.into()));
            }
            let count = self.0.min(out.remaining());
            out.put_slice(&vec![7; count]);
            self.0 -= count;
            Poll::Ready(Ok(()))
        }
    }
    let storage = in_memory().await;
    for len in [0, 5, 3 * MIB] {
        let result = storage.store_reader(Failing(len)).await;
        assert!(matches!(result, Err(StoreError::Source(_))), "{len}");
    }
    assert_eq!(storage.stats().await.unwrap().objects, 0);
}

#[tokio::test]
async fn piece_that_was_not_awaited_to_the_end_is_read_again() {
    let storage = in_memory().await;
    let object = bytes(5, 3 * MIB + 5);
    let reference = storage.store(object.clone()).await.unwrap();
    let mut reader = storage.open_reader(reference).await.unwrap();
    let mut found = Vec::new();
    loop {
        // Most of these are dropped before they resolve.
        match reader.next_piece().now_or_never() {
            None => tokio::task::yield_now().await,
            Some(piece) => match piece.unwrap() {
                Some(piece) => found.extend_from_slice(&piece),
                None => break,
            },
        }
    }
    assert!(found == object);
}

#[tokio::test]
async fn object_that_is_removed_while_it_is_read_ends_in_an_error_or_whole() {
    let storage = in_memory().await;
    let object = bytes(6, 8 * MIB);
    let reference = storage.store(object.clone()).await.unwrap();
    let mut reader = storage.open_reader(reference).await.unwrap();
    let mut first = vec![0; MIB / 2];
    reader.read_exact(&mut first).await.unwrap();
    storage.remove(reference).await.unwrap();
    storage.compact().await.unwrap();
    let mut rest = Vec::new();
    let error = reader.read_to_end(&mut rest).await.unwrap_err();
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref());
    assert!(matches!(inner, Some(ReadError::Unknown { .. })), "{error}");
    assert!(object[MIB / 2..].starts_with(&rest));
}

#[tokio::test]
async fn close_waits_for_what_was_begun_and_breaks_off_streams() {
    let backend = Counting::default();
    let storage = open(&backend).await.unwrap();
    storage.store("so that there is a segment").await.unwrap();
    let (mut near, far) = tokio::io::duplex(MIB);
    let streaming = tokio::spawn({
        let storage = storage.clone();
        async move { storage.store_reader(far).await }
    });
    near.write_all(&bytes(1, 2 * MIB + 5)).await.unwrap();
    backend.shut();
    let storing = tokio::spawn({
        let storage = storage.clone();
        async move { storage.store("begun before").await }
    });
    let before = backend.syncs();
    while backend.syncs() == before {
        tokio::task::yield_now().await;
    }
    let mut closing = Box::pin(storage.close());
    assert!((&mut closing).now_or_never().is_none());
    backend.let_go();
    closing.await.unwrap();
    storing.await.unwrap().unwrap();
    near.shutdown().await.unwrap();
    let broken_off = streaming.await.unwrap();
    assert!(
        matches!(broken_off, Err(StoreError::Failure(Failure::Closed))),
        "{broken_off:?}"
    );
    let storage = open(&backend).await.unwrap();
    assert!(
        storage
            .contains(Address::of(b"begun before"))
            .await
            .unwrap()
    );
    assert_eq!(storage.stats().await.unwrap().objects, 2);
}
