//! Reads the records of a segment in order, over whatever is damaged. spec: STORE-17.

use std::io;

use super::header::SegmentHeader;
use super::note::Note;
use super::record::{HEAD_LEN, MAGIC, open_head, parse_frame};
use super::segments::Segment;
use crate::backend::BackendFile;

/// What a scan meets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Item {
    /// A record whose head is authentic; its body was not looked at.
    Record { offset: u32, body: u32, note: Note },
    /// Bytes that are no record.
    Gap { from: u32, to: u32 },
}

/// Where to scan.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Scan {
    pub(crate) from: u32,
    pub(crate) to: u32,
}

/// Shows every item of `segment` in the range to `visit`, in order.
pub(crate) fn scan<E: From<io::Error>>(
    segment: &Segment,
    range: Scan,
    mut visit: impl FnMut(Item) -> Result<(), E>,
) -> Result<(), E> {
    let mut window = Window::new(&*segment.file, range.to);
    let mut at = range.from;
    let mut gap = None;
    while at < range.to {
        if let Some((body, note)) = read_head(segment, &mut window, at)? {
            if let Some(from) = gap.take() {
                visit(Item::Gap { from, to: at })?;
            }
            visit(Item::Record {
                offset: at,
                body,
                note,
            })?;
            at += HEAD_LEN + body;
        } else {
            gap.get_or_insert(at);
            at = window.find_magic(at + 1)?;
        }
    }
    match gap {
        Some(from) => visit(Item::Gap { from, to: range.to }),
        None => Ok(()),
    }
}

fn read_head(
    segment: &Segment,
    window: &mut Window<'_>,
    at: u32,
) -> io::Result<Option<(u32, Note)>> {
    let header: &SegmentHeader = &segment.header;
    let end = window.end;
    let Some(head) = window.slice(at, HEAD_LEN)? else {
        return Ok(None);
    };
    let Some(body) = parse_frame(head, at) else {
        return Ok(None);
    };
    if u64::from(at) + u64::from(HEAD_LEN) + u64::from(body) > u64::from(end) {
        return Ok(None);
    }
    let note = open_head(&segment.keys.record, header, (at, body), head);
    Ok(note.map(|note| (body, note)))
}

/// A few bytes of a file at a time.
struct Window<'a> {
    file: &'a dyn BackendFile,
    end: u32,
    start: u32,
    bytes: Vec<u8>,
}

impl<'a> Window<'a> {
    fn new(file: &'a dyn BackendFile, end: u32) -> Self {
        Self {
            file,
            end,
            start: 0,
            bytes: Vec::new(),
        }
    }

    /// `len` bytes from `at`, or `None` beyond the end.
    fn slice(&mut self, at: u32, len: u32) -> io::Result<Option<&[u8]>> {
        if self.end.checked_sub(at).is_none_or(|left| left < len) {
            return Ok(None);
        }
        let held = self.start + self.bytes.len() as u32;
        if at < self.start || at + len > held {
            self.fill(at)?;
        }
        let from = (at - self.start) as usize;
        Ok(self.bytes.get(from..from + len as usize))
    }

    /// The next place from `at` on where a record could begin, or the end.
    fn find_magic(&mut self, mut at: u32) -> io::Result<u32> {
        let width = MAGIC.len() as u32;
        while self.end.saturating_sub(at) >= width {
            self.fill(at)?;
            let found = self
                .bytes
                .windows(MAGIC.len())
                .position(|four| four == MAGIC);
            if let Some(found) = found {
                return Ok(at + found as u32);
            }
            at += self.bytes.len() as u32 - (width - 1);
        }
        Ok(self.end)
    }

    fn fill(&mut self, at: u32) -> io::Result<()> {
        self.start = at;
        self.bytes
            .resize((self.end - at).min(WINDOW_LEN) as usize, 0);
        self.file.read_at(at.into(), &mut self.bytes)
    }
}

/// Small, because most of what lies between heads are bodies, which a scan does not need.
const WINDOW_LEN: u32 = 16 << 10;
