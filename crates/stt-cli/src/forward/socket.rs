//! One connection of the operating system: TCP, or a unix socket.
//!
//! *Invariant, honest end*: a connection that was not carried to its end in both directions ends in
//! a reset, also when whoever carries it is dropped. (A unix socket knows no reset but the one that
//! comes of unread bytes.)

use std::{io, net::Shutdown, sync::atomic::AtomicBool, sync::atomic::Ordering::Relaxed};

use bytes::BytesMut;
use socket2::SockRef;
use tokio::{
    io::{Interest, Ready},
    net::TcpStream,
};

use crate::args::Destination;

/// A connection. All methods take it by reference, so that both directions can run at a time.
#[derive(Debug)]
pub(super) struct Socket {
    stream: Stream,
    is_done: AtomicBool,
}

#[derive(Debug)]
enum Stream {
    Tcp(TcpStream),
    #[cfg(unix)]
    Unix(tokio::net::UnixStream),
}

impl Socket {
    pub(super) fn tcp(stream: TcpStream) -> io::Result<Self> {
        // Pieces leave as they come; who sends tiny ones has its own reasons.
        stream.set_nodelay(true)?;
        // Finds out, in hours, that the machine at the other end is no more.
        SockRef::from(&stream).set_keepalive(true)?;
        Ok(Self::of(Stream::Tcp(stream)))
    }

    #[cfg(unix)]
    pub(super) fn unix(stream: tokio::net::UnixStream) -> Self {
        Self::of(Stream::Unix(stream))
    }

    fn of(stream: Stream) -> Self {
        let is_done = AtomicBool::new(false);
        Self { stream, is_done }
    }

    /// Reaches a target. A name is looked up each time, and each of its addresses is tried.
    pub(super) async fn connect(to: &Destination) -> io::Result<Self> {
        match to {
            Destination::Tcp(to) => {
                Self::tcp(TcpStream::connect((to.host.as_str(), to.port)).await?)
            }
            #[cfg(unix)]
            Destination::Unix(path) => Ok(Self::unix(tokio::net::UnixStream::connect(path).await?)),
            #[cfg(not(unix))]
            Destination::Unix(_) => Err(io::ErrorKind::Unsupported.into()),
        }
    }

    /// The next bytes; none at the end. While it waits, no memory is held. Cancel safe.
    pub(super) async fn read(&self) -> io::Result<BytesMut> {
        loop {
            self.ready(Interest::READABLE).await?;
            let mut piece = BytesMut::with_capacity(PIECE);
            match self.try_read(&mut piece) {
                Ok(_) => return Ok(piece),
                Err(error) if is_passing(&error) => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Writes all of `bytes`. Not cancel safe: a part may have been written.
    pub(super) async fn write_all(&self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            self.ready(Interest::WRITABLE).await?;
            match self.try_write(bytes) {
                Ok(written) => bytes = &bytes[written..],
                Err(error) if is_passing(&error) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Says that everything was written.
    pub(super) fn finish(&self) -> io::Result<()> {
        self.settings().shutdown(Shutdown::Write)
    }

    /// Resolves when the connection is broken, also while nobody reads or writes. Cancel safe.
    pub(super) async fn broken(&self) -> io::Error {
        match self.ready(Interest::ERROR).await {
            // The error itself is left to whoever reads: a socket gives it out once, and then an end.
            Ok(_) => io::ErrorKind::ConnectionReset.into(),
            Err(error) => error,
        }
    }

    /// Both directions have ended as they should.
    pub(super) fn done(&self) {
        self.is_done.store(true, Relaxed);
    }

    async fn ready(&self, interest: Interest) -> io::Result<Ready> {
        match &self.stream {
            Stream::Tcp(stream) => stream.ready(interest).await,
            #[cfg(unix)]
            Stream::Unix(stream) => stream.ready(interest).await,
        }
    }

    fn try_read(&self, piece: &mut BytesMut) -> io::Result<usize> {
        match &self.stream {
            Stream::Tcp(stream) => stream.try_read_buf(piece),
            #[cfg(unix)]
            Stream::Unix(stream) => stream.try_read_buf(piece),
        }
    }

    fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
        match &self.stream {
            Stream::Tcp(stream) => stream.try_write(bytes),
            #[cfg(unix)]
            Stream::Unix(stream) => stream.try_write(bytes),
        }
    }

    fn settings(&self) -> SockRef<'_> {
        match &self.stream {
            Stream::Tcp(stream) => SockRef::from(stream),
            #[cfg(unix)]
            Stream::Unix(stream) => SockRef::from(stream),
        }
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        if let (Stream::Tcp(stream), false) = (&self.stream, *self.is_done.get_mut()) {
            // If even that fails, there is no connection any more.
            let _ = stream.set_zero_linger();
        }
    }
}

fn is_passing(error: &io::Error) -> bool {
    use io::ErrorKind::{Interrupted, WouldBlock};
    matches!(error.kind(), WouldBlock | Interrupted)
}

/// Bytes read at a time.
pub(super) const PIECE: usize = 64 * 1_024;
