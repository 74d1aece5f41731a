//! The standard streams, each read or written by a thread of its own, because both block.
//!
//! *Memory*: [`Source`] holds at most six pieces of 256 KiB, [`Sink`] one of 1 MiB.

use std::{
    fs::File,
    io::{self, Read, Write},
    thread,
};

use bytes::{Bytes, BytesMut};
use tokio::sync::mpsc;

use crate::standard::{close_output, input, output};

/// Standard input, in pieces as they come.
pub(super) struct Source(mpsc::Receiver<io::Result<Bytes>>);

impl Source {
    /// Begins to read.
    pub(super) fn start() -> io::Result<Self> {
        let input = input()?;
        let (pieces, receiver) = mpsc::channel(PIECES_AHEAD);
        thread::Builder::new()
            .name("stdin".into())
            .spawn(move || read_all(input, &pieces))?;
        Ok(Self(receiver))
    }

    /// The next piece; `None` at the end. Cancel safe.
    pub(super) async fn next(&mut self) -> io::Result<Option<Bytes>> {
        self.0.recv().await.transpose()
    }
}

fn read_all(mut input: File, pieces: &mpsc::Sender<io::Result<Bytes>>) {
    let mut buffer = BytesMut::new();
    loop {
        if buffer.len() < SMALLEST_ROOM {
            buffer = BytesMut::zeroed(PIECE);
        }
        let piece = match input.read(&mut buffer) {
            Ok(0) => return,
            Ok(len) => Ok(buffer.split_to(len).freeze()),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => Err(error),
        };
        let failed = piece.is_err();
        if pieces.blocking_send(piece).is_err() || failed {
            return;
        }
    }
}

/// What becomes of standard output when the peer has sent all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum AtEnd {
    /// Whoever reads it learns that no more will come, even if this process goes on.
    Close,
    /// The next peer's bytes will follow.
    KeepOpen,
}

/// Standard output.
pub(super) struct Sink {
    at_end: AtEnd,
    /// Here while nothing is being written.
    idle: Option<Vec<u8>>,
    full: Option<mpsc::Sender<(Vec<u8>, usize)>>,
    empty: mpsc::Receiver<(Vec<u8>, io::Result<()>)>,
}

impl Sink {
    /// Begins to write what will come.
    pub(super) fn start(at_end: AtEnd) -> io::Result<Self> {
        let output = output()?;
        let (full, to_write) = mpsc::channel(1);
        let (written, empty) = mpsc::channel(1);
        thread::Builder::new()
            .name("stdout".into())
            .spawn(move || write_all(output, to_write, &written))?;
        Ok(Self {
            at_end,
            idle: Some(vec![0; ROOM]),
            full: Some(full),
            empty,
        })
    }

    /// A buffer to fill, once all that was written before is out. Cancel safe.
    pub(super) async fn room(&mut self) -> io::Result<&mut [u8]> {
        if self.idle.is_none() {
            let (buffer, outcome) = self.empty.recv().await.ok_or(io::ErrorKind::BrokenPipe)?;
            self.idle = Some(buffer);
            outcome?;
        }
        Ok(self.idle.as_deref_mut().unwrap_or_default())
    }

    /// Writes the first `len` bytes of the buffer and waits until they are out.
    ///
    /// Cancelled, it still writes; [`room`](Self::room) then waits for that.
    pub(super) async fn write(&mut self, len: usize) -> io::Result<()> {
        if let (Some(buffer), Some(full)) = (self.idle.take(), &self.full) {
            let sent = full.send((buffer, len)).await;
            sent.map_err(|_| io::ErrorKind::BrokenPipe)?;
        }
        self.room().await.map(drop)
    }

    /// The peer has sent all.
    pub(super) fn ended(&mut self) {
        if self.at_end == AtEnd::Close {
            // Ends the thread, which has a handle too.
            self.full = None;
            close_output();
        }
    }
}

fn write_all(
    mut output: File,
    mut to_write: mpsc::Receiver<(Vec<u8>, usize)>,
    written: &mpsc::Sender<(Vec<u8>, io::Result<()>)>,
) {
    while let Some((buffer, len)) = to_write.blocking_recv() {
        let outcome = output.write_all(&buffer[..len]);
        if written.blocking_send((buffer, outcome)).is_err() {
            return;
        }
    }
}

/// Bytes read at a time.
const PIECE: usize = 256 * 1_024;

/// With less room than this left in a piece, a new one begins.
const SMALLEST_ROOM: usize = 64 * 1_024;

/// Pieces read before they are asked for.
const PIECES_AHEAD: usize = 4;

/// Bytes written at a time; about a stream window.
const ROOM: usize = 1_024 * 1_024;
