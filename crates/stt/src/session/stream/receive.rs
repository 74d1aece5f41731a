//! The reading half of a byte stream.

use std::{
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use stt_wire::{RegisteredStreamCode, StreamCode};
use tokio::io::{AsyncRead, ReadBuf};

use super::{StreamId, send::application};
use crate::{
    session::{CloseReason, checkpoints::ReadProgress, core::Core, ledger::Half},
    transport::engine_code,
};

/// Reads what the peer writes to its [`SendStream`](super::SendStream).
///
/// Dropped before the end, it tells the peer to stop sending.
#[derive(Debug)]
pub struct RecvStream {
    engine: noq::RecvStream,
    /// Came in one piece with the first frame, and is read first.
    front: Bytes,
    progress: ReadProgress,
    /// Until its end was seen or reading was stopped, an orderly end waits for it.
    is_in_ledger: bool,
    core: Arc<Core>,
}

/// Why no more can be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ReadError {
    /// The session ended before the stream did.
    #[error("session closed: {0}")]
    Closed(CloseReason),
    /// The writer ended the stream early; with the application's code, if it gave one. What was
    /// read is a part.
    #[error("stream cut off by the peer")]
    Reset {
        /// The peer application's code.
        code: Option<u32>,
    },
    /// Reading was stopped here.
    #[error("stream already stopped")]
    Stopped,
}

/// Why a stream could not be read as a whole.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ReadToEndError {
    /// It ended early.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// It is longer than the caller allows.
    #[error("stream exceeds {max} bytes")]
    TooLong {
        /// The caller's limit, in bytes.
        max: usize,
    },
}

impl RecvStream {
    pub(crate) fn new(core: &Arc<Core>, engine: noq::RecvStream) -> Self {
        core.ledger.begin(Half::Receiving);
        Self {
            progress: core.checkpoints.begin_reading(u64::from(engine.id())),
            engine,
            front: Bytes::new(),
            is_in_ledger: true,
            core: Arc::clone(core),
        }
    }

    /// Reads a piece with some of the first frame, which offsets don't count. What is beyond it is
    /// to be given [`back`](Self::give_back).
    pub(crate) async fn read_header(&mut self) -> Result<Option<Bytes>, ReadError> {
        let piece = self.engine.read_chunk(usize::MAX).await;
        piece.map_err(|error| self.read_error(&error))
    }

    /// The first frame ended before this.
    pub(crate) fn give_back(&mut self, rest: Bytes) {
        self.front = rest;
    }

    /// This stream stays open to the end of the session, which must not wait for it.
    pub(crate) fn leave_ledger(&mut self) {
        if std::mem::take(&mut self.is_in_ledger) {
            self.core.ledger.end(Half::Receiving);
        }
    }

    /// Names the stream within the session.
    pub fn id(&self) -> StreamId {
        StreamId(u64::from(self.engine.id()))
    }

    /// Reads into `buf` and returns how many bytes; 0 at the end (or if `buf` is empty).
    ///
    /// # Errors
    ///
    /// [`ReadError`]: the end was not reached.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: if it doesn't resolve, nothing was read.
    pub async fn read(&mut self, buf: &mut [u8]) -> Result<usize, ReadError> {
        if !self.front.is_empty() {
            let read = self.front.len().min(buf.len());
            buf[..read].copy_from_slice(&self.take_front(read));
            return Ok(read);
        }
        match self.engine.read(buf).await {
            Ok(Some(read)) => {
                self.advance(read);
                Ok(read)
            }
            Ok(None) => {
                self.leave_ledger();
                Ok(0)
            }
            Err(error) => Err(self.read_error(&error)),
        }
    }

    /// Reads the next bytes without copying them, at most `max`; `None` at the end.
    ///
    /// # Errors
    ///
    /// [`ReadError`]: the end was not reached.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe.
    pub async fn read_bytes(&mut self, max: usize) -> Result<Option<Bytes>, ReadError> {
        if !self.front.is_empty() {
            return Ok(Some(self.take_front(max)));
        }
        let chunk = self
            .engine
            .read_chunk(max)
            .await
            .map_err(|error| self.read_error(&error))?;
        match &chunk {
            Some(bytes) => self.advance(bytes.len()),
            None => self.leave_ledger(),
        }
        Ok(chunk)
    }

    /// Reads all that is left, if it is at most `max` bytes.
    ///
    /// # Errors
    ///
    /// [`ReadToEndError`]; what was read is lost.
    ///
    /// # Cancel safety
    ///
    /// Not cancel safe: what was read is lost.
    pub async fn read_to_end(&mut self, max: usize) -> Result<Vec<u8>, ReadToEndError> {
        let mut whole = Vec::new();
        while let Some(bytes) = self.read_bytes(usize::MAX).await? {
            if bytes.len() > max - whole.len() {
                return Err(ReadToEndError::TooLong { max });
            }
            whole.extend_from_slice(&bytes);
        }
        Ok(whole)
    }

    /// Reads no more. The peer's writes fail and carry `code`.
    pub fn stop(mut self, code: u32) {
        self.stop_with(StreamCode::Application(code));
    }

    #[inline]
    fn advance(&mut self, bytes: usize) {
        self.progress.advance(bytes, &self.core.checkpoints);
    }

    fn take_front(&mut self, max: usize) -> Bytes {
        let front = self.front.split_to(max.min(self.front.len()));
        self.advance(front.len());
        front
    }

    pub(crate) fn stop_with(&mut self, code: StreamCode) {
        // Fails only when the stream is over already.
        let _ = self.engine.stop(engine_code(code.into()));
        self.leave_ledger();
    }

    fn read_error(&mut self, error: &noq::ReadError) -> ReadError {
        self.leave_ledger();
        match error {
            noq::ReadError::Reset(code) => ReadError::Reset {
                code: application(*code),
            },
            noq::ReadError::ConnectionLost(_) => ReadError::Closed(self.core.close_reason()),
            _ => ReadError::Stopped,
        }
    }
}

impl Drop for RecvStream {
    fn drop(&mut self) {
        if self.is_in_ledger {
            self.stop_with(StreamCode::Registered(RegisteredStreamCode::Dropped));
        }
        self.progress.end(&self.core.checkpoints);
    }
}

impl AsyncRead for RecvStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if buf.remaining() == 0 {
            return Poll::Ready(Ok(()));
        }
        if !self.front.is_empty() {
            let front = self.take_front(buf.remaining());
            buf.put_slice(&front);
            return Poll::Ready(Ok(()));
        }
        let before = buf.filled().len();
        let polled = ready!(Pin::new(&mut self.engine).poll_read(cx, buf));
        let read = buf.filled().len() - before;
        match polled {
            Ok(()) if read > 0 => self.advance(read),
            Ok(()) => self.leave_ledger(),
            Err(error) => return Poll::Ready(Err(self.io_error(error))),
        }
        Poll::Ready(Ok(()))
    }
}

impl RecvStream {
    fn io_error(&mut self, error: io::Error) -> io::Error {
        match error.downcast::<noq::ReadError>() {
            Ok(error) => self.read_error(&error).into(),
            Err(error) => error,
        }
    }
}

impl From<ReadError> for io::Error {
    fn from(error: ReadError) -> Self {
        let kind = match error {
            ReadError::Closed(_) => io::ErrorKind::ConnectionAborted,
            ReadError::Reset { .. } => io::ErrorKind::ConnectionReset,
            ReadError::Stopped => io::ErrorKind::NotConnected,
        };
        Self::new(kind, error)
    }
}
