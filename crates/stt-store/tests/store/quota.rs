//! The quota: what was used longest ago goes first, what is pinned never.

use stt_store::{Address, MemoryBackend, StorageOptions, StoreError};

use crate::support::{bytes, open_with, small};

fn quota(bytes: u64) -> StorageOptions {
    small().quota(bytes)
}

#[test]
fn object_that_was_used_longest_ago_is_evicted_first() {
    let backend = MemoryBackend::new();
    let store = open_with(&quota(50_000), &backend).unwrap();
    let addresses: Vec<Address> = (0..4)
        .map(|number| store.store(&bytes(number, 10_000)).unwrap().address)
        .collect();
    store.retrieve(addresses[0]).unwrap();
    store.store(&bytes(5, 10_000)).unwrap();
    store.store(&bytes(6, 10_000)).unwrap();
    let here = addresses
        .iter()
        .map(|address| store.contains(*address).unwrap());
    assert_eq!(here.collect::<Vec<_>>(), [true, false, false, true]);
    assert!(store.stats().unwrap().live_bytes <= 50_000);
}

#[test]
fn pinned_objects_are_never_evicted() {
    let store = open_with(&quota(50_000), &MemoryBackend::new()).unwrap();
    let pinned: Vec<Address> = (0..3)
        .map(|number| store.store(&bytes(number, 10_000)).unwrap().address)
        .collect();
    for address in &pinned {
        store.pin(*address).unwrap();
    }
    for number in 10..30 {
        store.store(&bytes(number, 10_000)).unwrap();
    }
    for address in &pinned {
        assert!(store.contains(*address).unwrap());
    }
    let refused = store.store(&bytes(99, 30_000));
    assert!(
        matches!(refused, Err(StoreError::QuotaHeld { .. })),
        "{refused:?}"
    );
}

#[test]
fn object_for_which_pins_leave_no_room_evicts_nobody() {
    let store = open_with(&quota(50_000), &MemoryBackend::new()).unwrap();
    let pinned = store.store(&bytes(1, 30_000)).unwrap().address;
    store.pin(pinned).unwrap();
    let others = [2, 3].map(|number| store.store(&bytes(number, 7_000)).unwrap().address);
    let live = store.stats().unwrap().live_bytes;
    for _ in 0..3 {
        let refused = store.store(&bytes(9, 25_000));
        assert!(
            matches!(refused, Err(StoreError::QuotaHeld { .. })),
            "{refused:?}"
        );
    }
    assert_eq!(store.stats().unwrap().live_bytes, live);
    for address in others {
        assert!(store.contains(address).unwrap());
    }
    // What fits once the others have gone is stored, and they go.
    store.store(&bytes(9, 15_000)).unwrap();
    assert!(store.contains(pinned).unwrap());
    assert_eq!(store.stats().unwrap().objects, 2);
}

#[test]
fn block_that_two_objects_share_is_free_when_both_have_gone() {
    let mib = 1 << 20;
    let store = open_with(&quota(5 * mib as u64), &MemoryBackend::new()).unwrap();
    let shared = bytes(1, mib);
    let one = [&shared[..], &bytes(2, 1000)].concat();
    let other = [&shared[..], &bytes(3, 1000)].concat();
    let shared = [one, other].map(|object| store.store(&object).unwrap().address);
    store.store(&bytes(4, 3 * mib)).unwrap();
    // There is room for half of it; the other half is that of the shared block.
    store.store(&bytes(5, 3 * mib / 2)).unwrap();
    for address in shared {
        assert!(!store.contains(address).unwrap());
    }
    assert_eq!(store.stats().unwrap().objects, 2);
    assert!(store.stats().unwrap().live_bytes <= 5 * mib as u64);
}

#[test]
fn object_larger_than_the_quota_is_refused_whether_it_streams_or_not() {
    let store = open_with(&quota(1 << 20), &MemoryBackend::new()).unwrap();
    let refused = store.store(&bytes(1, 1 << 20));
    assert!(matches!(refused, Err(StoreError::QuotaTooSmall { .. })));
    let refused = store.store_reader(&bytes(1, 5 << 20)[..]);
    assert!(matches!(refused, Err(StoreError::QuotaTooSmall { .. })));
    store.store(&bytes(2, 1000)).unwrap();
    assert_eq!(store.stats().unwrap().objects, 1);
}

#[test]
fn endless_stream_is_refused_before_it_fills_the_medium() {
    let store = open_with(&quota(80 << 20), &MemoryBackend::new()).unwrap();
    let refused = store.store_reader(std::io::repeat(3).take_counted());
    assert!(
        matches!(refused, Err(StoreError::QuotaTooSmall { .. })),
        "{refused:?}"
    );
}

/// Numbers each block of an endless reader, so that no two are the same.
trait TakeCounted: std::io::Read + Sized {
    fn take_counted(self) -> Counted<Self> {
        Counted(self, 0)
    }
}

impl<R: std::io::Read> TakeCounted for R {}

struct Counted<R>(R, u64);

impl<R: std::io::Read> std::io::Read for Counted<R> {
    fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
        let count = self.0.read(out)?;
        self.1 += 1;
        for (byte, number) in out.iter_mut().zip(self.1.to_be_bytes()) {
            *byte = number;
        }
        Ok(count)
    }
}

#[test]
fn store_under_constant_eviction_stays_near_its_quota() {
    let backend = MemoryBackend::new();
    let store = open_with(&quota(300_000), &backend).unwrap();
    for number in 0..400 {
        store.store(&bytes(number, 9_000)).unwrap();
    }
    let stats = store.stats().unwrap();
    assert!(stats.live_bytes <= 300_000, "{stats:?}");
    assert!(
        stats.segment_bytes <= 300_000 / 3 * 4 + 3 * (64 << 10),
        "{stats:?}"
    );
    assert!(store.verify().unwrap().is_well());
}
