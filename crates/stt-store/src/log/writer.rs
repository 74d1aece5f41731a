//! The end of the log: appends records, and makes them durable.
//!
//! *Invariants.*
//! - A segment is synced whole before the next one is created. spec: STORE-5.
//! - What is not synced yet is unknown to the index, so it can be taken back.

use std::io;
use std::sync::Arc;

use super::header::{HEADER_LEN, SegmentHeader};
use super::note::{Kind, Note};
use super::record::{HEAD_LEN, Place, seal_head};
use super::segments::{Segment, Segments, segment_name};
use crate::backend::Backend;
use crate::entropy::SharedEntropy;
use crate::keys::Generation;

/// Appends to the active segment, and begins the next one when it is full.
#[derive(Debug)]
pub(crate) struct Writer {
    backend: Arc<dyn Backend>,
    segments: Arc<Segments>,
    entropy: SharedEntropy,
    keys: Arc<Generation>,
    limit: u32,
    /// The number of the next segment.
    next: u64,
    active: Option<Active>,
    /// Whether a change, and not only blocks, was appended since the last sync.
    has_changes: bool,
    state: State,
    /// Whether such a change lies in a segment that was ended since, so that it cannot be taken back.
    is_given_away: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Well,
    /// A write failed, and nothing worse.
    Unwritten,
    /// A sync failed: nobody knows what is durable.
    Unknown,
}

#[derive(Debug)]
struct Active {
    segment: Arc<Segment>,
    synced: u32,
    /// Up to where the medium was told to begin.
    begun: u32,
    written: u32,
    buffer: Vec<u8>,
}

impl Active {
    fn new(segment: Arc<Segment>, synced: u32) -> Self {
        Self {
            segment,
            synced,
            begun: synced,
            written: synced,
            buffer: Vec::new(),
        }
    }

    fn end(&self) -> u32 {
        self.written + self.buffer.len() as u32
    }

    /// Takes a record in: a long body is written from where it lies, short ones are gathered.
    fn push(&mut self, head: &[u8], body: &[u8]) -> io::Result<()> {
        self.buffer.extend_from_slice(head);
        if body.len() >= DIRECT_LEN {
            self.flush()?;
            self.segment.file.write_at(self.written.into(), body)?;
            self.written += body.len() as u32;
        } else {
            self.buffer.extend_from_slice(body);
            if self.buffer.len() >= BUFFER_LEN {
                self.flush()?;
            }
        }
        self.begin_sync();
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        let written = u64::from(self.written);
        self.segment.file.write_at(written, &self.buffer)?;
        self.written = self.end();
        self.buffer.clear();
        Ok(())
    }

    /// Lets the medium begin once there is enough for it to do.
    fn begin_sync(&mut self) {
        let len = self.written - self.begun;
        if len >= BEGIN_LEN {
            let begun = u64::from(self.begun);
            self.segment.file.begin_sync(begun, len.into());
            self.begun = self.written;
        }
    }

    fn sync(&mut self) -> Result<(), Broken> {
        if self.synced < self.end() {
            self.flush().map_err(Broken::Write)?;
            self.segment.file.sync().map_err(Broken::Sync)?;
            self.synced = self.written;
            self.begun = self.written;
        }
        Ok(())
    }
}

/// What failed.
enum Broken {
    /// What was synced before is as it was.
    Write(io::Error),
    /// Nobody knows what is durable.
    Sync(io::Error),
}

/// What became of the bytes after the last sync.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TakenBack {
    /// They are gone, and the log goes on.
    Whole,
    /// Nobody knows.
    Unknown,
}

impl Writer {
    /// A writer that goes on with segment `next` once it has something to write.
    pub(crate) fn new(
        backend: Arc<dyn Backend>,
        segments: Arc<Segments>,
        entropy: SharedEntropy,
        keys: Arc<Generation>,
        (limit, next): (u32, u64),
    ) -> Self {
        Self {
            backend,
            segments,
            entropy,
            keys,
            limit,
            next,
            active: None,
            has_changes: false,
            is_given_away: false,
            state: State::Well,
        }
    }

    /// Goes on in a segment that ends, synced, at `end`.
    pub(crate) fn resume(&mut self, segment: Arc<Segment>, end: u32) {
        self.active = Some(Active::new(segment, end));
    }

    /// Appends a record with an already sealed body; it is not durable before [`sync`](Self::sync).
    pub(crate) fn append(&mut self, note: Note, body: &[u8]) -> io::Result<Place> {
        let result = self.try_append(note, body);
        self.watched(result)
    }

    fn try_append(&mut self, mut note: Note, body: &[u8]) -> Result<Place, Broken> {
        let len = HEAD_LEN + body.len() as u32;
        let entropy = self.entropy.clone();
        let active = self.active_with_room(len)?;
        note.durable = active.synced;
        let offset = active.end();
        let header = &active.segment.header;
        let place = (offset, body.len() as u32);
        let head = seal_head(
            &active.segment.keys.record,
            &mut entropy.clone(),
            header,
            place,
            &note,
        );
        let segment = header.number;
        active.push(&head, body).map_err(Broken::Write)?;
        self.has_changes |= note.kind != Kind::Block;
        Ok(Place { segment, offset })
    }

    /// Returns when everything appended is durable.
    pub(crate) fn sync(&mut self) -> io::Result<()> {
        let synced = self.active.as_mut().map_or(Ok(()), Active::sync);
        self.watched(synced)?;
        self.has_changes = false;
        self.is_given_away = false;
        Ok(())
    }

    /// Takes back what was appended after the last sync.
    pub(crate) fn take_back(&mut self) -> TakenBack {
        if self.is_given_away || self.state == State::Unknown {
            return TakenBack::Unknown;
        }
        self.state = State::Well;
        self.has_changes = false;
        let Some(active) = &mut self.active else {
            return TakenBack::Whole;
        };
        active.buffer.clear();
        active.written = active.synced;
        active.begun = active.synced;
        match active.segment.file.set_size(active.synced.into()) {
            Ok(()) => TakenBack::Whole,
            Err(_) => TakenBack::Unknown,
        }
    }

    /// Ends the active segment: what comes next goes into a new one, under `keys`.
    pub(crate) fn turn(&mut self, keys: &Arc<Generation>) -> io::Result<()> {
        self.sync()?;
        self.active = None;
        self.keys = Arc::clone(keys);
        Ok(())
    }

    /// Hands everything appended to the medium, so that it can be read.
    pub(crate) fn flush(&mut self) -> io::Result<()> {
        let flushed = self.active.as_mut().map_or(Ok(()), Active::flush);
        self.watched(flushed.map_err(Broken::Write))
    }

    /// Bytes that were appended to the active segment and are not durable.
    pub(crate) fn unsynced(&self) -> u32 {
        let unsynced = |active: &Active| active.end() - active.synced;
        self.active.as_ref().map_or(0, unsynced)
    }

    /// Lets the next segment have at least this number.
    pub(crate) fn skip_to(&mut self, number: u64) {
        self.next = self.next.max(number);
    }

    /// The generation under which the next body has to be sealed.
    pub(crate) fn generation(&self) -> u32 {
        self.keys.number
    }

    /// The number of the active segment.
    pub(crate) fn active(&self) -> Option<u64> {
        self.active
            .as_ref()
            .map(|active| active.segment.header.number)
    }

    /// The end of the log: the active segment, and where it ends.
    pub(crate) fn end(&self) -> Place {
        match &self.active {
            Some(active) => Place {
                segment: active.segment.header.number,
                offset: active.end(),
            },
            None => Place {
                segment: self.next,
                offset: HEADER_LEN,
            },
        }
    }

    /// Keeps in mind how bad a failure was.
    fn watched<T>(&mut self, result: Result<T, Broken>) -> io::Result<T> {
        result.map_err(|broken| match broken {
            Broken::Write(error) => {
                if self.state == State::Well {
                    self.state = State::Unwritten;
                }
                error
            }
            Broken::Sync(error) => {
                self.state = State::Unknown;
                error
            }
        })
    }

    fn active_with_room(&mut self, len: u32) -> Result<&mut Active, Broken> {
        let is_full = |active: &Active| active.end() + len > self.limit;
        let is_empty = |active: &Active| active.end() == HEADER_LEN;
        if self
            .active
            .as_ref()
            .is_some_and(|active| is_full(active) && !is_empty(active))
        {
            self.is_given_away |= self.has_changes;
            if let Some(mut full) = self.active.take() {
                full.sync()?;
            }
        }
        let active = match self.active.take() {
            Some(active) => active,
            None => self.begin()?,
        };
        Ok(self.active.insert(active))
    }

    fn begin(&mut self) -> Result<Active, Broken> {
        let header = SegmentHeader {
            number: self.next,
            generation: self.keys.number,
            id: self.entropy.bytes(),
        };
        // Whatever happens to it, the number is used up.
        self.next += 1;
        let name = segment_name(header.number);
        let begun = self.backend.create(&name).and_then(|file| {
            file.write_at(0, &header.encode())?;
            Ok(file)
        });
        let file = begun.map_err(|error| {
            // It may be there all the same. An empty segment says nothing, and would be taken for a
            // lost one when there is another behind it.
            let _ = self.backend.remove(&name);
            Broken::Write(error)
        })?;
        file.sync().map_err(Broken::Sync)?;
        let segment = Arc::new(Segment {
            header,
            keys: Arc::clone(&self.keys),
            file,
        });
        self.segments.insert(Arc::clone(&segment));
        Ok(Active::new(segment, HEADER_LEN))
    }
}

/// What is gathered before it is written.
const BUFFER_LEN: usize = 4 << 20;
/// A body so long is not copied to be gathered.
const DIRECT_LEN: usize = 64 << 10;
/// What is written before the medium is told to begin with it.
const BEGIN_LEN: u32 = 4 << 20;
