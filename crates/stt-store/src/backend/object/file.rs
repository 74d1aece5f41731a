//! Files of an object store: segments in parts, and small ones that are read whole.

use std::collections::BTreeMap;
use std::io;

use bytes::Bytes;
use parking_lot::Mutex;

use super::bridge::Remote;
use crate::backend::BackendFile;

/// A segment. What was appended since the last sync is in memory.
#[derive(Debug)]
pub(super) struct SegmentFile {
    remote: Remote,
    name: String,
    state: Mutex<State>,
    /// Serialises changes, which need the network while `state` is free for readers.
    changing: Mutex<()>,
}

#[derive(Debug, Default)]
struct State {
    /// Offset and length of each part.
    parts: BTreeMap<u64, u64>,
    /// Where the parts end.
    end: u64,
    /// What comes behind it.
    tail: Vec<u8>,
    is_fenced: bool,
    /// Whether a fence of our own stands where the first part goes.
    is_claimed: bool,
}

impl SegmentFile {
    /// A segment that is begun; `is_claimed` when a fence of ours keeps its place.
    pub(super) fn begin(remote: Remote, name: &str, is_claimed: bool) -> Self {
        let state = State {
            is_claimed,
            ..State::default()
        };
        Self::new(remote, name, state)
    }

    pub(super) fn open(remote: Remote, name: &str) -> io::Result<Self> {
        let mut state = State::default();
        for (path, len) in remote.list(name)? {
            let Some(start) = start_of(&path) else {
                continue;
            };
            if len == 0 {
                state.is_fenced = true;
                continue;
            }
            state.parts.insert(start, len);
            state.end = state.end.max(start.saturating_add(len));
        }
        Ok(Self::new(remote, name, state))
    }

    fn new(remote: Remote, name: &str, state: State) -> Self {
        Self {
            remote,
            name: name.to_owned(),
            state: Mutex::new(state),
            changing: Mutex::default(),
        }
    }

    /// Puts the tail; whoever calls is the only one who changes.
    fn put_tail(&self) -> io::Result<()> {
        let (start, tail, is_claimed) = {
            let state = self.state.lock();
            (state.end, state.tail.clone(), state.is_claimed)
        };
        if tail.is_empty() {
            return Ok(());
        }
        let path = part_name(&self.name, start);
        if is_claimed {
            self.remote.replace(&path, &tail)?;
        } else {
            self.remote.create(&path, &tail)?;
        }
        let mut state = self.state.lock();
        state.parts.insert(start, tail.len() as u64);
        state.end += tail.len() as u64;
        state.tail.clear();
        state.is_claimed = false;
        Ok(())
    }

    /// Bytes from `at`, at least one and at most `len`.
    fn piece(&self, at: u64, len: usize) -> io::Result<Bytes> {
        let (start, part_end) = {
            let state = self.state.lock();
            if at >= state.end {
                let from = (at - state.end) as usize;
                let tail = state.tail.get(from..).unwrap_or_default();
                let found = &tail[..tail.len().min(len)];
                if found.is_empty() {
                    return Err(io::ErrorKind::UnexpectedEof.into());
                }
                return Ok(Bytes::copy_from_slice(found));
            }
            match state.parts.range(..=at).next_back() {
                Some((start, len)) if at < start + len => (*start, start + len),
                // A part that is gone: zeros are no record, so what was in it is damaged.
                _ => {
                    let next = state.parts.range(at..).next();
                    let hole = next.map_or(len as u64, |(next, _)| next - at);
                    return Ok(Bytes::from(vec![0; hole.min(len as u64) as usize]));
                }
            }
        };
        let path = part_name(&self.name, start);
        let (from, part_end) = (at - start, part_end - start);
        if len >= READ_AHEAD_BELOW {
            return self
                .remote
                .load_range(&path, from..part_end.min(from + len as u64));
        }
        // A scan reads on in small steps; a reader of a block knows what it wants.
        let bytes = self
            .remote
            .read_ahead(&path, from..part_end.min(from + READ_AHEAD))?;
        Ok(bytes.slice(..bytes.len().min(len)))
    }

    /// Takes parts away from behind until what is left ends at `size` or before.
    fn cut(&self, size: u64) -> io::Result<()> {
        loop {
            let last = self
                .state
                .lock()
                .parts
                .last_key_value()
                .map(|(at, len)| (*at, *len));
            let Some((start, _)) = last.filter(|(start, len)| start + len > size) else {
                return Ok(());
            };
            let path = part_name(&self.name, start);
            let mut kept = Bytes::new();
            if start < size {
                kept = self.remote.load_range(&path, 0..size - start)?;
                self.remote.load_version(&path)?;
                self.remote.replace(&path, &kept)?;
            } else {
                self.remote.delete(&path)?;
            }
            let mut state = self.state.lock();
            state.parts.remove(&start);
            if !kept.is_empty() {
                state.parts.insert(start, kept.len() as u64);
            }
            let end = state
                .parts
                .last_key_value()
                .map_or(0, |(start, len)| start + len);
            state.end = end;
        }
    }
}

impl BackendFile for SegmentFile {
    fn size(&self) -> io::Result<u64> {
        let state = self.state.lock();
        Ok(state.end + state.tail.len() as u64)
    }

    fn read_at(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let mut done = 0;
        while done < out.len() {
            let piece = self.piece(offset + done as u64, out.len() - done)?;
            out[done..done + piece.len()].copy_from_slice(&piece);
            done += piece.len();
        }
        Ok(())
    }

    fn write_at(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        let _changing = self.changing.lock();
        let is_full = {
            let mut state = self.state.lock();
            if offset != state.end + state.tail.len() as u64 || state.is_fenced {
                return Err(io::ErrorKind::Unsupported.into());
            }
            state.tail.extend_from_slice(data);
            state.tail.len() >= MAX_TAIL
        };
        if is_full { self.put_tail() } else { Ok(()) }
    }

    fn set_size(&self, size: u64) -> io::Result<()> {
        let _changing = self.changing.lock();
        self.cut(size)?;
        let mut state = self.state.lock();
        let left = size.saturating_sub(state.end) as usize;
        if left > state.tail.len() {
            return Err(io::ErrorKind::Unsupported.into());
        }
        state.tail.truncate(left);
        Ok(())
    }

    fn is_sealed(&self) -> bool {
        self.state.lock().is_fenced
    }

    fn sync(&self) -> io::Result<()> {
        let _changing = self.changing.lock();
        self.put_tail()
    }
}

/// The name of the part of a segment that begins at `start`.
pub(super) fn part_name(segment: &str, start: u64) -> String {
    format!("{segment}/{start:08x}")
}

fn start_of(path: &str) -> Option<u64> {
    let (_, start) = path.rsplit_once('/')?;
    let is_part = start.len() == 8 && start.bytes().all(|byte| byte.is_ascii_hexdigit());
    u64::from_str_radix(start, 16).ok().filter(|_| is_part)
}

/// A small object, read whole.
#[derive(Debug)]
pub(super) struct PlainFile(Bytes);

impl PlainFile {
    pub(super) fn open(remote: &Remote, name: &str) -> io::Result<Self> {
        Ok(Self(remote.load(name)?))
    }
}

impl BackendFile for PlainFile {
    fn size(&self) -> io::Result<u64> {
        Ok(self.0.len() as u64)
    }

    fn read_at(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let from = usize::try_from(offset)
            .ok()
            .and_then(|offset| self.0.get(offset..));
        let bytes = from.and_then(|bytes| bytes.get(..out.len()));
        out.copy_from_slice(bytes.ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }

    fn write_at(&self, _: u64, _: &[u8]) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }

    fn set_size(&self, _: u64) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }

    fn sync(&self) -> io::Result<()> {
        Ok(())
    }
}

/// What gathers before it is put without waiting for a sync.
const MAX_TAIL: usize = 8 << 20;
/// Reads shorter than this may be those of a scan.
const READ_AHEAD_BELOW: usize = 32 << 10;
/// What a short read fetches.
const READ_AHEAD: u64 = 256 << 10;
