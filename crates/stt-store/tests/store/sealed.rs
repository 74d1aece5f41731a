//! Sealed objects: they open for whoever has the key, whole, and for nobody else.

use std::io::{self, Read};

use stt_store::{
    Address, ContentKey, MemoryBackend, OpenSealedError, ReadError, SealError, SealedReader,
    SealedReference,
};

use crate::support::{bytes, open};

/// Lengths at which segments begin and end.
const LENGTHS: [usize; 9] = [
    0,
    1,
    65_485,
    65_486,
    2 * 65_493 - 8,
    2 * 65_493 - 7,
    (1 << 20) - 1,
    1 << 20,
    (2 << 20) + 12_345,
];

/// The bytes of a sealed object, and what opens it.
fn sealed(len: usize) -> (Vec<u8>, SealedReference) {
    let store = open(&MemoryBackend::new());
    let plain = store.store(&bytes(7, len)).unwrap();
    let reference = store.seal(plain.address).unwrap();
    let bytes = store.retrieve(reference.address()).unwrap();
    (bytes, reference)
}

fn opened(sealed: &[u8], reference: &SealedReference) -> io::Result<Vec<u8>> {
    let mut plain = Vec::new();
    SealedReader::new(sealed, reference).read_to_end(&mut plain)?;
    Ok(plain)
}

fn refusal(sealed: &[u8], reference: &SealedReference) -> OpenSealedError {
    let error = opened(sealed, reference).unwrap_err();
    *error.get_ref().unwrap().downcast_ref().unwrap()
}

#[test]
fn sealed_objects_of_every_length_open_to_what_was_sealed() {
    for len in LENGTHS {
        let (sealed, reference) = sealed(len);
        assert_eq!(Address::of(&sealed), reference.address());
        assert_eq!(reference.object.length, sealed.len() as u64);
        let overhead = sealed.len() - len;
        let segments = sealed.len().div_ceil(65_536);
        assert_eq!(overhead, 8 + 43 * segments, "{len}");
        assert_eq!(opened(&sealed, &reference).unwrap(), bytes(7, len), "{len}");
    }
}

#[test]
fn sealing_twice_gives_different_bytes_and_both_open() {
    let store = open(&MemoryBackend::new());
    let plain = store.store(&bytes(7, 100_000)).unwrap();
    let [one, other] = [(); 2].map(|()| store.seal(plain.address).unwrap());
    assert_ne!(one.address(), other.address());
    for reference in [one, other] {
        let mut read = Vec::new();
        let mut reader = store.open_sealed(&reference).unwrap();
        reader.read_to_end(&mut read).unwrap();
        assert_eq!(read, bytes(7, 100_000));
    }
}

#[test]
fn another_key_opens_nothing() {
    let (sealed, mut reference) = sealed(100);
    reference.key = ContentKey::from_bytes([9; 32]);
    let is_first = |error| matches!(error, OpenSealedError::Segment { sequence: 0, .. });
    assert!(is_first(refusal(&sealed, &reference)));
}

#[test]
fn any_cut_or_addition_is_told_from_the_whole() {
    let (sealed, reference) = sealed(200_000);
    for cut in (0..sealed.len()).step_by(65_536) {
        let opened = (cut / 65_536 * 65_493) as u64;
        let opened = opened.saturating_sub(8);
        let truncated = OpenSealedError::Truncated { opened };
        assert_eq!(refusal(&sealed[..cut], &reference), truncated);
        let in_segment = refusal(&sealed[..=cut], &reference);
        assert!(matches!(in_segment, OpenSealedError::Segment { .. }));
    }
    let more = [&sealed[..], &[0]].concat();
    let error = refusal(&more, &reference);
    assert!(matches!(error, OpenSealedError::Segment { .. }));
    // Where the last segment is a full one, what follows is seen to be behind the end.
    let full = super::sealed::sealed(65_485);
    let more = [&full.0[..], &full.0[..]].concat();
    assert_eq!(refusal(&more, &full.1), OpenSealedError::Trailing);
}

#[test]
fn segments_that_changed_places_do_not_open() {
    let (mut sealed, reference) = sealed(200_000);
    let (first, rest) = sealed.split_at_mut(65_536);
    first.swap_with_slice(&mut rest[..65_536]);
    let error = refusal(&sealed, &reference);
    assert!(matches!(
        error,
        OpenSealedError::Segment { sequence: 0, .. }
    ));
}

#[test]
fn what_is_not_here_is_not_sealed() {
    let store = open(&MemoryBackend::new());
    let address = Address::of(b"elsewhere");
    let refused = store.seal(address);
    assert!(matches!(
        refused,
        Err(SealError::Read(ReadError::Unknown { .. }))
    ));
}
