//! Sealed objects, for tasks: made on a thread that may block, and read from one.

use std::io::{self, Read};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf as _, Bytes, BytesMut};
use stt_store::{Address, Failure, ReadError, SealError, SealedReader, SealedReference};
use tokio::io::{AsyncRead, ReadBuf};
use tokio::sync::mpsc;

use super::BinaryStorage;
use super::calls::{Calls, Tenant};

impl BinaryStorage {
    /// Stores a sealed copy of an object that is here, under a key of its own; sealing it again makes another one. Who
    /// gets the [`SealedReference`] can read it, wherever it is kept.
    ///
    /// # Errors
    /// [`SealError`]; nothing was stored then.
    ///
    /// # Cancel safety
    /// The sealed copy is stored whole or not at all; which, is not known.
    pub async fn seal(&self, address: impl Into<Address>) -> Result<SealedReference, SealError> {
        let address = address.into();
        self.calls.run(move |store| store.seal(address)).await
    }

    /// Reads what a sealed object that is here holds.
    ///
    /// # Errors
    /// [`ReadError`].
    ///
    /// # Cancel safety
    /// Cancel safe.
    pub async fn open_sealed(
        &self,
        reference: &SealedReference,
    ) -> Result<SealedObjectReader, ReadError> {
        let reference = reference.clone();
        let open = move |store: &stt_store::BinaryStorage| store.open_sealed(&reference);
        let reader = self.calls.run(open).await?;
        let tenant = self.calls.enter()?;
        let (to_reader, pieces) = mpsc::channel(1);
        tokio::spawn(read_ahead(self.calls.clone(), tenant, reader, to_reader));
        Ok(SealedObjectReader {
            pieces,
            piece: Bytes::new(),
        })
    }
}

/// Reads one sealed object; holds the store open. An error has a [`ReadError`] or an
/// [`OpenSealedError`](super::OpenSealedError) inside.
#[derive(Debug)]
pub struct SealedObjectReader {
    pieces: mpsc::Receiver<io::Result<Bytes>>,
    piece: Bytes,
}

impl SealedObjectReader {
    /// The next piece, of up to 1 MiB, without a copy; `None` at the end.
    ///
    /// # Errors
    /// As told at [`SealedObjectReader`]. Nothing comes after one.
    ///
    /// # Cancel safety
    /// Cancel safe: if it doesn't resolve, nothing was read.
    pub async fn next_piece(&mut self) -> io::Result<Option<Bytes>> {
        if !self.piece.is_empty() {
            return Ok(Some(std::mem::take(&mut self.piece)));
        }
        self.pieces.recv().await.transpose()
    }
}

impl AsyncRead for SealedObjectReader {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        out: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.piece.is_empty() {
            match ready!(self.pieces.poll_recv(cx)) {
                Some(piece) => self.piece = piece?,
                None => return Poll::Ready(Ok(())),
            }
        }
        let count = self.piece.len().min(out.remaining());
        out.put_slice(&self.piece[..count]);
        self.piece.advance(count);
        Poll::Ready(Ok(()))
    }
}

type Reader = SealedReader<stt_store::ObjectReader>;

/// Reads pieces until the end, an error, or nobody wants them.
async fn read_ahead(
    calls: Calls,
    tenant: Tenant,
    mut reader: Reader,
    pieces: mpsc::Sender<io::Result<Bytes>>,
) {
    while let Ok(place) = pieces.reserve().await {
        let read = move || Ok::<_, Failure>(read_piece(reader));
        match calls.run_apart(read).await {
            Ok((_, Ok(piece))) if piece.is_empty() => break,
            Ok((back, Ok(piece))) => {
                reader = back;
                place.send(Ok(piece));
            }
            Ok((_, Err(error))) => return place.send(Err(error)),
            Err(failure) => return place.send(Err(io::Error::other(failure))),
        }
    }
    drop(tenant);
}

fn read_piece(mut reader: Reader) -> (Reader, io::Result<Bytes>) {
    let mut piece = BytesMut::zeroed(PIECE_LEN);
    let mut len = 0;
    while len < PIECE_LEN {
        match reader.read(&mut piece[len..]) {
            Ok(0) => break,
            Ok(count) => len += count,
            Err(error) => return (reader, Err(error)),
        }
    }
    piece.truncate(len);
    (reader, Ok(piece.freeze()))
}

const PIECE_LEN: usize = 1 << 20;
