//! Objects of every size go in and come back: whole, in ranges, as a stream, after a restart.

use std::io::{Read, Seek, SeekFrom};

use stt_store::{
    Address, BinaryStorage, MemoryBackend, ObjectWriter, ReadError, Reference, RemoveError,
    StoreError, StoreKey,
};

use crate::support::{System, bytes, open, seed};

const MIB: usize = 1 << 20;

fn disk(directory: &tempfile::TempDir) -> BinaryStorage {
    BinaryStorage::open(directory, StoreKey::Node(&seed(1)), Box::new(System)).unwrap()
}

#[test]
fn objects_of_every_size_come_back_after_a_restart() {
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
        3 * MIB,
        64 * MIB,
    ];
    let store = disk(&directory);
    for (number, size) in (0..).zip(sizes) {
        let object = bytes(number, size);
        let reference = store.store(&object).unwrap();
        assert_eq!(reference.address, Address::of(&object), "{size}");
        assert_eq!(reference.length, size as u64);
        assert!(store.contains(reference.address).unwrap());
    }
    store.close().unwrap();
    let store = disk(&directory);
    for (number, size) in (0..).zip(sizes) {
        let object = bytes(number, size);
        let address = Address::of(&object);
        assert!(store.retrieve(address).unwrap() == object, "{size}");
        let mut streamed = Vec::new();
        let mut reader = store.open_reader(address).unwrap();
        reader.read_to_end(&mut streamed).unwrap();
        assert!(streamed == object, "{size}");
    }
    assert!(store.verify().unwrap().is_well());
    assert_eq!(store.list().count(), sizes.len());
}

#[test]
fn object_is_the_same_whichever_way_it_comes() {
    let object = bytes(3, 40 * MIB + 5);
    let reference = open(&MemoryBackend::new()).store(&object).unwrap();
    for way in 0..4 {
        let store = open(&MemoryBackend::new());
        let stored = match way {
            0 => store.store_reader(&object[..]),
            1 => in_pieces(&store, &object, ObjectWriter::push),
            2 => in_pieces(&store, &object, |writer, piece| {
                writer.push_owned(piece.to_vec())
            }),
            _ => {
                let mut writer = store.open_writer();
                for piece in object.chunks(MIB) {
                    writer.push_owned(piece.to_vec()).unwrap();
                }
                writer.finish()
            }
        };
        assert_eq!(stored.unwrap(), reference, "{way}");
        assert!(
            store.retrieve(reference.address).unwrap() == object,
            "{way}"
        );
    }
}

/// Stores an object in pieces of sizes that fit no block.
fn in_pieces(
    store: &BinaryStorage,
    object: &[u8],
    push: impl Fn(&mut ObjectWriter, &[u8]) -> Result<(), StoreError>,
) -> Result<Reference, StoreError> {
    let mut writer = store.open_writer();
    let mut rest = object;
    for len in [0, 1, MIB - 1, MIB, 3, 2 * MIB + 1, 0, MIB + 1, 5 * MIB]
        .iter()
        .cycle()
    {
        let (piece, more) = rest.split_at((*len).min(rest.len()));
        push(&mut writer, piece)?;
        rest = more;
        if rest.is_empty() {
            break;
        }
    }
    writer.finish()
}

#[test]
fn range_is_what_lies_there_in_the_object() {
    let store = open(&MemoryBackend::new());
    let object = bytes(1, 2 * MIB + 77);
    let address = store.store(&object).unwrap().address;
    let len = object.len();
    for (from, to) in [
        (0, 0),
        (0, 1),
        (MIB - 1, MIB + 1),
        (MIB, 2 * MIB),
        (5, len - 5),
        (len - 1, len),
        (len, len),
    ] {
        let range = store
            .retrieve_range(address, from as u64..to as u64)
            .unwrap();
        assert!(range == object[from..to], "{from}..{to}");
    }
    let outside = store.retrieve_range(address, 1..len as u64 + 1);
    assert!(matches!(outside, Err(ReadError::OutOfRange { .. })));
    let mut reader = store.open_reader(address).unwrap();
    reader.seek(SeekFrom::End(-3)).unwrap();
    let mut end = Vec::new();
    reader.read_to_end(&mut end).unwrap();
    assert_eq!(end, object[len - 3..]);
}

#[test]
fn same_bytes_are_stored_once() {
    let store = open(&MemoryBackend::new());
    for size in [5000, 2 * MIB + 1] {
        let object = bytes(9, size);
        let first = store.store(&object).unwrap();
        let before = store.stats().unwrap();
        let again = store.store(&object).unwrap();
        let streamed = store.store_reader(&object[..]).unwrap();
        assert_eq!((first, first), (again, streamed));
        let after = store.stats().unwrap();
        assert_eq!(before.objects, after.objects);
        assert_eq!(before.live_bytes, after.live_bytes);
        assert!(after.segment_bytes - before.segment_bytes < 4096);
    }
}

#[test]
fn same_bytes_stored_by_many_at_once_are_one_object() {
    let store = open(&MemoryBackend::new());
    let objects: Vec<_> = (0..20).map(|number| bytes(number, 3000)).collect();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for object in &objects {
                    store.store(object).unwrap();
                }
            });
        }
    });
    assert_eq!(store.stats().unwrap().objects, 20);
    for object in &objects {
        assert_eq!(store.retrieve(Address::of(object)).unwrap(), *object);
    }
}

#[test]
fn objects_that_share_blocks_do_not_lose_them_to_each_other() {
    let backend = MemoryBackend::new();
    let store = open(&backend);
    let block = bytes(1, MIB);
    let long = [&block[..], &block, b"end of one"].concat();
    let other = [&block[..], b"end of other"].concat();
    let addresses = [&block, &long, &other].map(|object| store.store(object).unwrap().address);
    assert!(store.stats().unwrap().live_bytes < 3 * MIB as u64);
    store.remove(addresses[0]).unwrap();
    store.remove(addresses[1]).unwrap();
    store.compact().unwrap();
    assert_eq!(store.retrieve(addresses[2]).unwrap(), other);
    store.remove(addresses[2]).unwrap();
    store.compact().unwrap();
    assert!(store.stats().unwrap().segment_bytes < 4096);
}

#[test]
fn removed_object_is_unknown_and_its_space_is_given_back() {
    let backend = MemoryBackend::new();
    let store = open(&backend);
    let addresses: Vec<_> = (0..50)
        .map(|number| store.store(&bytes(number, 8000)).unwrap().address)
        .collect();
    for address in &addresses[1..] {
        store.remove(*address).unwrap();
        let again = store.remove(*address);
        assert!(matches!(again, Err(RemoveError::Unknown { .. })));
        let gone = store.retrieve(*address);
        assert!(matches!(gone, Err(ReadError::Unknown { .. })));
    }
    store.compact().unwrap();
    let stats = store.stats().unwrap();
    assert_eq!(stats.objects, 1);
    assert!(stats.segment_bytes < 64 << 10, "{stats:?}");
    assert_eq!(store.retrieve(addresses[0]).unwrap(), bytes(0, 8000));
    drop(store);
    assert_eq!(open(&backend).list().count(), 1);
}

#[test]
fn pinned_object_is_not_removed_before_it_is_unpinned() {
    let backend = MemoryBackend::new();
    let store = open(&backend);
    let address = store.store(b"precious").unwrap().address;
    store.pin(address).unwrap();
    assert!(matches!(
        store.remove(address),
        Err(RemoveError::Pinned { .. })
    ));
    drop(store);
    let store = open(&backend);
    assert!(store.list().all(|entry| entry.unwrap().is_pinned));
    assert_eq!(store.stats().unwrap().pinned, 1);
    store.unpin(address).unwrap();
    store.remove(address).unwrap();
    assert!(store.pin(address).is_err());
}

#[test]
fn stored_stream_that_fails_leaves_nothing() {
    struct Failing(usize);
    impl Read for Failing {
        fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
            if self.0 == 0 {
                return Err(std::io::ErrorKind::BrokenPipe.into());
            }
            let count = out.len().min(self.0);
            out[..count].fill(7);
            self.0 -= count;
            Ok(count)
        }
    }
    let store = open(&MemoryBackend::new());
    let result = store.store_reader(Failing(3 * MIB));
    assert!(matches!(result, Err(stt_store::StoreError::Source(_))));
    store.store(b"goes on").unwrap();
    assert_eq!(store.stats().unwrap().objects, 1);
    assert!(store.stats().unwrap().live_bytes < 1000);
}

#[test]
fn overhead_is_at_most_two_percent_at_a_mebibyte_and_eight_at_four_kibibytes() {
    for (size, most) in [(MIB, 0.02), (4096, 0.08)] {
        let store = open(&MemoryBackend::new());
        let objects: Vec<_> = (0..16).map(|number| bytes(number, size)).collect();
        store.store_all(&objects).unwrap();
        let stats = store.stats().unwrap();
        let overhead = stats.segment_bytes as f64 / stats.object_bytes as f64 - 1.0;
        assert!(overhead <= most, "{size}: {overhead}");
    }
}

#[test]
fn directory_shows_no_address_and_no_content() {
    let directory = tempfile::tempdir().unwrap();
    let store = disk(&directory);
    let object = b"a text that must not be seen".repeat(10);
    let reference = store.store(&object).unwrap();
    store.close().unwrap();
    for entry in std::fs::read_dir(&directory).unwrap() {
        let content = std::fs::read(entry.unwrap().path()).unwrap();
        for secret in [
            &object[..16],
            &reference.address.as_bytes()[..8],
            &reference.root[..8],
        ] {
            let is_seen = content.windows(secret.len()).any(|bytes| bytes == secret);
            assert!(!is_seen);
        }
    }
}
