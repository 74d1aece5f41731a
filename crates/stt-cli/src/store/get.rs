//! `stt store get`: an address in, bytes out.

use std::{io::Read, ops::Range};

use stt_store::{BinaryStorage, ObjectReader, ReadError, SealedReference};

use super::{
    Place, Stop,
    output::{Output, refuse_inside},
    progress::Progress,
};
use crate::{
    args::{ByteRange, Get, ObjectName},
    exit::Failure,
    status::Status,
};

pub(super) fn get(asked: &Get, place: &Place, status: Status, stop: &Stop) -> Result<(), Failure> {
    if let Some(path) = &asked.output {
        refuse_inside(place.directory(), path)?;
    }
    let store = place.open()?;
    let mut reader = store.open_reader(asked.object.address())?;
    check_reference(&asked.object, &reader)?;
    if let ObjectName::Sealed(sealed) = &asked.object {
        return open(&store, sealed, asked, stop);
    }
    let range = within(asked.range, reader.reference().length)?;
    if range.is_empty() {
        // Nothing to read can be damaged, too.
        reader.read_range(range.clone())?;
    }
    let mut output = Output::open(asked.output.as_deref())?;
    let progress = if output.is_shown() {
        Progress::none()
    } else {
        Progress::of_bytes(status, Some(range.end - range.start))
    };
    let mut at = range.start;
    while at < range.end {
        stop.check()?;
        let next = range.end.min((at / PIECE + 1) * PIECE);
        let piece = reader.read_range(at..next)?;
        if output.write(&piece)?.is_closed() {
            return Ok(());
        }
        progress.add(piece.len() as u64);
        at = next;
    }
    progress.clear();
    output.finish()
}

/// What a sealed object holds; it is opened from its beginning on.
fn open(
    store: &BinaryStorage,
    sealed: &SealedReference,
    asked: &Get,
    stop: &Stop,
) -> Result<(), Failure> {
    if asked.range.is_some() {
        return Err(Failure::usage(
            "a sealed object is read as a whole: leave out --range",
        ));
    }
    let mut reader = store.open_sealed(sealed)?;
    let mut output = Output::open(asked.output.as_deref())?;
    let mut piece = vec![0; PIECE as usize];
    loop {
        stop.check()?;
        let count = reader.read(&mut piece).map_err(Failure::unsealed)?;
        if count == 0 {
            return output.finish();
        }
        if output.write(&piece[..count])?.is_closed() {
            return Ok(());
        }
    }
}

/// The part of an object of this length that is asked for.
fn within(asked: Option<ByteRange>, length: u64) -> Result<Range<u64>, ReadError> {
    let start = asked.map_or(0, |range| range.start);
    let end = asked.and_then(|range| range.end).unwrap_or(length);
    let outer = start.max(end);
    if outer > length {
        return Err(ReadError::OutOfRange { end: outer, length });
    }
    Ok(start..end)
}

/// A reference says more than its address, and all of it must be so.
fn check_reference(asked: &ObjectName, reader: &ObjectReader) -> Result<(), Failure> {
    let claimed = match asked {
        ObjectName::Address(_) => return Ok(()),
        ObjectName::Reference(claimed) => claimed,
        ObjectName::Sealed(sealed) => &sealed.object,
    };
    if reader.reference() == *claimed {
        return Ok(());
    }
    Err(Failure::usage(format!(
        "the reference is wrong; the object's is {}",
        reader.reference()
    )))
}

/// Bytes of a block of the store, so that each is read once.
const PIECE: u64 = 1 << 20;
