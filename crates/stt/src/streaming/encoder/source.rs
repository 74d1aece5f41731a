//! Where the bytes of a stream come from, behind one face.

use std::{
    fmt, io,
    pin::{Pin, pin},
    task::{Context, Poll, ready},
};

use bytes::{Buf as _, BufMut as _, Bytes, BytesMut};
use futures_core::Stream;
use tokio::io::{AsyncRead, AsyncReadExt as _};

type DynReader = dyn AsyncRead + Send;
type DynStream = dyn Stream<Item = io::Result<Bytes>> + Send;

/// A source, and what it gave that is not used yet.
pub(super) struct Source {
    held: Bytes,
    more: More,
}

enum More {
    Nothing,
    Reader(Pin<Box<DynReader>>),
    Stream(Pin<Box<DynStream>>),
}

impl Source {
    pub(super) fn bytes(bytes: Bytes) -> Self {
        Self {
            held: bytes,
            more: More::Nothing,
        }
    }

    pub(super) fn reader(reader: impl AsyncRead + Send + 'static) -> Self {
        Self {
            held: Bytes::new(),
            more: More::Reader(Box::pin(reader)),
        }
    }

    pub(super) fn stream(stream: impl Stream<Item = io::Result<Bytes>> + Send + 'static) -> Self {
        Self {
            held: Bytes::new(),
            more: More::Stream(Box::pin(stream)),
        }
    }

    /// What is here already.
    pub(super) fn held(&self) -> &[u8] {
        &self.held
    }

    /// Takes `len` bytes of what is [`held`](Self::held).
    pub(super) fn take_held(&mut self, len: usize) {
        self.held.advance(len);
    }

    /// Appends at most `room` bytes, at least one, and says how many; 0 at the end of the source.
    /// `room` is not 0.
    pub(super) fn poll_fill(
        &mut self,
        cx: &mut Context<'_>,
        out: &mut BytesMut,
        room: usize,
    ) -> Poll<io::Result<usize>> {
        loop {
            if self.held.has_remaining() {
                let len = self.held.len().min(room);
                out.extend_from_slice(&self.held[..len]);
                self.held.advance(len);
                return Poll::Ready(Ok(len));
            }
            match &mut self.more {
                More::Nothing => return Poll::Ready(Ok(0)),
                More::Reader(reader) => {
                    let mut limited = out.limit(room);
                    // Keeps nothing between polls, so a fresh one each time is the same one.
                    let reading = pin!(reader.read_buf(&mut limited));
                    let read = ready!(std::future::Future::poll(reading, cx));
                    return Poll::Ready(self.end_if_zero(read));
                }
                More::Stream(stream) => match ready!(stream.as_mut().poll_next(cx)) {
                    Some(Ok(bytes)) => self.held = bytes,
                    Some(Err(error)) => return Poll::Ready(Err(error)),
                    None => self.more = More::Nothing,
                },
            }
        }
    }

    fn end_if_zero(&mut self, read: io::Result<usize>) -> io::Result<usize> {
        if matches!(read, Ok(0)) {
            self.more = More::Nothing;
        }
        read
    }
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let more = match &self.more {
            More::Nothing => "nothing",
            More::Reader(_) => "a reader",
            More::Stream(_) => "a stream",
        };
        f.debug_struct("Source")
            .field("held", &self.held.len())
            .field("more", &more)
            .finish()
    }
}
