//! The segments of a store that are open for reading.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;

use parking_lot::RwLock;

use super::header::{HEADER_LEN, SegmentHeader};
use super::record::HEAD_LEN;
use crate::backend::{Backend, BackendFile};
use crate::keys::{Generation, KeysError};

/// One segment and the keys of its generation.
#[derive(Debug)]
pub(crate) struct Segment {
    pub(crate) header: SegmentHeader,
    pub(crate) keys: Arc<Generation>,
    pub(crate) file: Arc<dyn BackendFile>,
}

impl Segment {
    /// Reads the sealed body of the record at `offset`.
    pub(crate) fn read_body(&self, offset: u32, len: u32) -> io::Result<Vec<u8>> {
        let mut body = vec![0; len as usize];
        let start = u64::from(offset) + u64::from(HEAD_LEN);
        self.file.read_at(start, &mut body)?;
        Ok(body)
    }

    /// Reads and opens the block `name` in the record at `offset`; `None` when it is damaged.
    pub(crate) fn read_block(
        &self,
        offset: u32,
        body: u32,
        name: &[u8; 32],
    ) -> io::Result<Option<Vec<u8>>> {
        let sealed = match self.read_body(offset, body) {
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
            other => other?,
        };
        let block = self.keys.block.open(name, &sealed).ok();
        Ok(block.filter(|block| crate::object::name_of(block) == *name))
    }
}

/// All of them, by number.
#[derive(Debug, Default)]
pub(crate) struct Segments(RwLock<BTreeMap<u64, Arc<Segment>>>);

impl Segments {
    pub(crate) fn find(&self, number: u64) -> Option<Arc<Segment>> {
        self.0.read().get(&number).cloned()
    }

    pub(crate) fn insert(&self, segment: Arc<Segment>) {
        self.0.write().insert(segment.header.number, segment);
    }

    pub(crate) fn remove(&self, number: u64) {
        self.0.write().remove(&number);
    }

    pub(crate) fn all(&self) -> Vec<Arc<Segment>> {
        self.0.read().values().cloned().collect()
    }

    /// Whether a segment from `first` to `last` is left.
    pub(crate) fn has_any(&self, first: u64, last: u64) -> bool {
        first <= last && self.0.read().range(first..=last).next().is_some()
    }
}

/// The name of the file of a segment.
pub(crate) fn segment_name(number: u64) -> String {
    format!("seg-{number:016x}")
}

/// The number of the segment in a file of this name, if it is one.
pub(crate) fn number_of(name: &str) -> Option<u64> {
    let number = u64::from_str_radix(name.strip_prefix("seg-")?, 16).ok()?;
    (number <= MAX_NUMBER && segment_name(number) == name).then_some(number)
}

/// No store gets there. A file with a larger number is none of ours, and leaves room for the next.
const MAX_NUMBER: u64 = u64::MAX >> 1;

/// Reads the header of a segment.
pub(crate) fn read_header(
    backend: &dyn Backend,
    name: &str,
) -> io::Result<(Arc<dyn BackendFile>, Result<SegmentHeader, KeysError>)> {
    let file = backend.open(name)?;
    let mut bytes = [0; HEADER_LEN as usize];
    let header = match file.read_at(0, &mut bytes) {
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Err(KeysError::Damaged),
        other => other.map(|()| SegmentHeader::decode(&bytes))?,
    };
    Ok((file, header))
}
