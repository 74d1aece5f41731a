//! Reads an object piece by piece; the next piece is read while the application uses one.

use std::io;
use std::ops::Range;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf as _, Bytes};
use stt_store::{Address, ReadError, Reference};
use tokio::io::{AsyncRead, ReadBuf};
use tokio::sync::mpsc;

use super::BinaryStorage;
use super::calls::Calls;

/// Reads one object, or a range of it. Holds the store open, and up to 2 MiB in memory.
///
/// An error of [`AsyncRead`] has a [`ReadError`] inside. An object that is removed while it is
/// read ends in one: nothing is made up.
#[derive(Debug)]
pub struct ObjectReader {
    reference: Reference,
    piece: Bytes,
    pieces: mpsc::Receiver<Result<Bytes, ReadError>>,
    /// Bytes that were not handed out yet.
    left: u64,
    failed: Option<ReadError>,
}

impl BinaryStorage {
    /// A reader of the object.
    ///
    /// # Errors
    /// [`ReadError::Unknown`], or a [`Failure`](super::Failure).
    ///
    /// # Cancel safety
    /// Cancel safe.
    pub async fn open_reader(
        &self,
        address: impl Into<Address>,
    ) -> Result<ObjectReader, ReadError> {
        let reader = self.open_blocking(address.into()).await?;
        let range = 0..reader.reference().length;
        Ok(ObjectReader::begin(&self.calls, reader, range))
    }

    /// A reader of a range of the object.
    ///
    /// # Errors
    /// [`ReadError`]: unknown, the range lies outside, or a [`Failure`](super::Failure).
    ///
    /// # Cancel safety
    /// Cancel safe.
    pub async fn open_range(
        &self,
        address: impl Into<Address>,
        range: Range<u64>,
    ) -> Result<ObjectReader, ReadError> {
        let reader = self.open_blocking(address.into()).await?;
        let length = reader.reference().length;
        if range.start > range.end || range.end > length {
            let end = range.end.max(range.start);
            return Err(ReadError::OutOfRange { end, length });
        }
        Ok(ObjectReader::begin(&self.calls, reader, range))
    }

    async fn open_blocking(&self, address: Address) -> Result<stt_store::ObjectReader, ReadError> {
        self.calls
            .run(move |store| store.open_reader(address))
            .await
    }
}

impl ObjectReader {
    fn begin(calls: &Calls, reader: stt_store::ObjectReader, range: Range<u64>) -> Self {
        let (to_reader, pieces) = mpsc::channel(1);
        let reference = reader.reference();
        let left = range.end - range.start;
        tokio::spawn(read_ahead(calls.clone(), reader, range, to_reader));
        Self {
            reference,
            piece: Bytes::new(),
            pieces,
            left,
            failed: None,
        }
    }

    /// What is read.
    pub fn reference(&self) -> Reference {
        self.reference
    }

    /// The next piece, of up to 1 MiB, without a copy; `None` at the end.
    ///
    /// # Errors
    /// [`ReadError`], the same one at every later call.
    ///
    /// # Cancel safety
    /// Cancel safe: if it doesn't resolve, nothing was read.
    pub async fn next_piece(&mut self) -> Result<Option<Bytes>, ReadError> {
        std::future::poll_fn(|cx| self.poll_piece(cx)).await?;
        let piece = std::mem::take(&mut self.piece);
        self.left -= piece.len() as u64;
        Ok((!piece.is_empty()).then_some(piece))
    }

    /// Sees to it that `piece` has bytes, but at the end.
    fn poll_piece(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), ReadError>> {
        if let Some(error) = &self.failed {
            return Poll::Ready(Err(error.clone()));
        }
        if !self.piece.is_empty() || self.left == 0 {
            return Poll::Ready(Ok(()));
        }
        let piece = ready!(self.pieces.poll_recv(cx));
        // Whoever reads ahead ends early only with its runtime.
        match piece.unwrap_or_else(|| Err(super::Failure::Stopped.into())) {
            Ok(piece) => {
                self.piece = piece;
                Poll::Ready(Ok(()))
            }
            Err(error) => {
                self.failed = Some(error.clone());
                Poll::Ready(Err(error))
            }
        }
    }
}

/// Reads pieces until the end, an error, or nobody wants them.
async fn read_ahead(
    calls: Calls,
    mut reader: stt_store::ObjectReader,
    range: Range<u64>,
    pieces: mpsc::Sender<Result<Bytes, ReadError>>,
) {
    let mut at = range.start;
    while at < range.end {
        let Ok(place) = pieces.reserve().await else {
            return;
        };
        // Up to the end of the block, so that each block is read once.
        let end = ((at / PIECE_LEN + 1) * PIECE_LEN).min(range.end);
        let read = move || {
            let piece = reader.read_range(at..end)?;
            Ok::<_, ReadError>((reader, piece))
        };
        match calls.run_apart(read).await {
            Ok((back, piece)) => {
                reader = back;
                at = end;
                place.send(Ok(piece.into()));
            }
            Err(error) => return place.send(Err(error)),
        }
    }
}

impl AsyncRead for ObjectReader {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        out: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        ready!(self.poll_piece(cx)).map_err(io::Error::other)?;
        let count = self.piece.len().min(out.remaining());
        out.put_slice(&self.piece[..count]);
        self.piece.advance(count);
        self.left -= count as u64;
        Poll::Ready(Ok(()))
    }
}

const PIECE_LEN: u64 = 1 << 20;
