//! The writing half of a byte stream.

use std::{
    future::{Future, poll_fn},
    io,
    pin::{Pin, pin},
    sync::Arc,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use stt_wire::{RegisteredStreamCode, StreamCode};
use tokio::io::AsyncWrite;

use super::StreamId;
use crate::{
    session::{CloseReason, checkpoints::SmallWrites, core::Core, ledger::Half},
    transport::engine_code,
};

/// Writes bytes that the peer reads in order from its [`RecvStream`](super::RecvStream).
///
/// A write leaves at once. At most 256 small ones (below 16 KiB) run ahead of what the peer's
/// application has read; then the next one waits. Whoever writes tiny pieces over a long path puts a
/// buffer before the stream, or uses messages.
///
/// [`finish`](Self::finish) says that all was written. A stream dropped before that is reset, so
/// that the reader never takes a part for the whole.
#[derive(Debug)]
pub struct SendStream {
    engine: noq::SendStream,
    writes: SmallWrites,
    /// Until the stream is finished or reset, an orderly end waits for it.
    is_in_ledger: bool,
    core: Arc<Core>,
}

/// Why bytes were not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum WriteError {
    /// The session is over.
    #[error("session closed: {0}")]
    Closed(CloseReason),
    /// The peer wants no more of this stream; with the application's code, if it gave one.
    #[error("stream stopped by the peer")]
    Stopped {
        /// The peer application's code.
        code: Option<u32>,
    },
    /// The stream was finished or reset here.
    #[error("stream already finished")]
    Finished,
}

impl SendStream {
    pub(crate) fn new(core: &Arc<Core>, engine: noq::SendStream) -> Self {
        core.ledger.begin(Half::Sending);
        let mut stream = Self::internal(core, engine);
        stream.is_in_ledger = true;
        stream
    }

    /// A stream of ours that no application holds: it is finished when dropped, and an orderly end
    /// waits for it by other means.
    pub(crate) fn internal(core: &Arc<Core>, engine: noq::SendStream) -> Self {
        Self {
            writes: SmallWrites::new(u64::from(engine.id())),
            engine,
            is_in_ledger: false,
            core: Arc::clone(core),
        }
    }

    /// Writes what offsets don't count and nothing holds back: the first frame of a stream, and
    /// all of the control stream, on which the answers travel that other writes wait for.
    pub(crate) async fn write_unmetered(&mut self, header: Bytes) -> Result<(), WriteError> {
        self.engine
            .write_chunk(header)
            .await
            .map_err(|error| self.write_error(&error))
    }

    /// Names the stream within the session.
    pub fn id(&self) -> StreamId {
        StreamId(u64::from(self.engine.id()))
    }

    /// Writes some of `bytes` and returns how many, at least 1 unless `bytes` is empty.
    ///
    /// # Errors
    ///
    /// [`WriteError`]; nothing of `bytes` was taken then.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: if it doesn't resolve, nothing was written.
    pub async fn write(&mut self, bytes: &[u8]) -> Result<usize, WriteError> {
        poll_fn(|cx| self.poll_write_some(cx, bytes)).await
    }

    /// Writes all of `bytes`.
    ///
    /// # Errors
    ///
    /// [`WriteError`]; a part may have been written.
    ///
    /// # Cancel safety
    ///
    /// Not cancel safe: a part may have been written.
    pub async fn write_all(&mut self, mut bytes: &[u8]) -> Result<(), WriteError> {
        while !bytes.is_empty() {
            let written = self.write(bytes).await?;
            bytes = &bytes[written..];
        }
        Ok(())
    }

    /// Writes all of `bytes` without copying them.
    ///
    /// # Errors
    ///
    /// [`WriteError`]; a part may have been written.
    ///
    /// # Cancel safety
    ///
    /// Not cancel safe: a part may have been written.
    pub async fn write_bytes(&mut self, bytes: Bytes) -> Result<(), WriteError> {
        if bytes.is_empty() {
            return Ok(());
        }
        self.write_chunks(&mut [bytes]).await
    }

    /// Writes all of `chunks` without copying them; they leave as one write.
    pub(crate) async fn write_chunks(&mut self, chunks: &mut [Bytes]) -> Result<(), WriteError> {
        let mut chunks = chunks;
        poll_fn(|cx| self.writes.poll_ready(cx, &self.core.checkpoints)).await;
        let mut total = 0;
        while !chunks.is_empty() {
            let written = self.engine.write_many_chunks(&mut chunks).await;
            total += written.map_err(|error| self.write_error(&error))?;
        }
        self.writes.wrote(total, &self.core.checkpoints);
        Ok(())
    }

    /// Says that everything was written. The peer reads to the end and then sees it.
    ///
    /// # Errors
    ///
    /// [`WriteError::Finished`] if it was finished or reset before.
    pub fn finish(&mut self) -> Result<(), WriteError> {
        self.engine.finish().map_err(|_| WriteError::Finished)?;
        self.leave_ledger();
        Ok(())
    }

    /// Ends the stream early. Bytes not yet sent are dropped; the reader sees `code`.
    pub fn reset(mut self, code: u32) {
        self.reset_with(StreamCode::Application(code));
    }

    /// Streams of higher priority send first; 0 is where all begin.
    pub fn set_priority(&self, priority: i32) {
        // Fails only when the stream is over, and then there is nothing left to order.
        let _ = self.engine.set_priority(priority);
    }

    /// Resolves when the peer has received everything up to the end, or has stopped reading.
    /// Received is not consumed: for that, let the peer's application say so, or close the session.
    ///
    /// # Errors
    ///
    /// [`WriteError::Closed`] if the session ended first, [`WriteError::Stopped`] if the peer
    /// stopped reading.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe.
    pub async fn delivered(&self) -> Result<(), WriteError> {
        match self.engine.stopped().await {
            Ok(None) => Ok(()),
            Ok(Some(code)) => Err(WriteError::Stopped {
                code: application(code),
            }),
            Err(_) => Err(WriteError::Closed(self.core.close_reason())),
        }
    }

    fn poll_write_some(
        &mut self,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<Result<usize, WriteError>> {
        ready!(self.writes.poll_ready(cx, &self.core.checkpoints));
        let written = ready!(pin!(self.engine.write(bytes)).poll(cx));
        Poll::Ready(match written {
            Ok(written) => {
                self.writes.wrote(written, &self.core.checkpoints);
                Ok(written)
            }
            Err(error) => Err(self.write_error(&error)),
        })
    }

    fn write_error(&self, error: &noq::WriteError) -> WriteError {
        match error {
            noq::WriteError::Stopped(code) => WriteError::Stopped {
                code: application(*code),
            },
            noq::WriteError::ConnectionLost(_) => WriteError::Closed(self.core.close_reason()),
            _ => WriteError::Finished,
        }
    }

    pub(crate) fn reset_with(&mut self, code: StreamCode) {
        // Fails only when the stream is over already.
        let _ = self.engine.reset(engine_code(code.into()));
        self.leave_ledger();
    }

    /// An orderly end does not wait for this any more, or by other means.
    pub(crate) fn leave_ledger(&mut self) {
        if std::mem::take(&mut self.is_in_ledger) {
            self.core.ledger.end(Half::Sending);
        }
    }
}

impl Drop for SendStream {
    fn drop(&mut self) {
        if self.is_in_ledger {
            self.reset_with(StreamCode::Registered(RegisteredStreamCode::Dropped));
        }
        self.writes.forget(&self.core.checkpoints);
    }
}

impl AsyncWrite for SendStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.poll_write_some(cx, bytes).map_err(io::Error::from)
    }

    /// Nothing is held back here.
    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        // A second shutdown is no error by the trait's contract.
        let _ = self.finish();
        Poll::Ready(Ok(()))
    }
}

impl From<WriteError> for io::Error {
    fn from(error: WriteError) -> Self {
        let kind = match error {
            WriteError::Closed(_) => io::ErrorKind::ConnectionAborted,
            WriteError::Stopped { .. } => io::ErrorKind::BrokenPipe,
            WriteError::Finished => io::ErrorKind::NotConnected,
        };
        Self::new(kind, error)
    }
}

/// The application's code, if it was one.
pub(super) fn application(code: noq::VarInt) -> Option<u32> {
    match StreamCode::from(code.into_inner()) {
        StreamCode::Application(code) => Some(code),
        _ => None,
    }
}
