//! One end of a byte stream.

use std::{
    fmt, io,
    net::SocketAddr,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, Waker, ready},
};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::Way;
use crate::{net::Shared, state::State, timer::Timer};

/// Bytes both ways. Dropping it is its end for the other side.
pub struct SimStream {
    net: Arc<Shared>,
    out: Way,
    has_ended: bool,
    timer: Timer,
}

impl SimStream {
    /// The end at the first of the two addresses.
    pub(super) fn new(net: Arc<Shared>, out: Way) -> Self {
        let timer = Timer::new(net.core.clone(), 0);
        Self {
            net,
            out,
            has_ended: false,
            timer,
        }
    }

    fn inward(&self) -> Way {
        (self.out.1, self.out.0)
    }

    fn write(&self, cx: &Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let now = self.net.core.now();
        let mut state = self.net.state();
        let Some(route) = state.streams.pipes.get(&self.out).map(|pipe| pipe.route) else {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        };
        let longest = state.longest_piece(route);
        let Some(pipe) = state.streams.pipes.get_mut(&self.out) else {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        };
        if pipe.is_cut {
            return Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()));
        }
        if pipe.is_deaf || self.has_ended {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        let taken = pipe.room().min(bytes.len());
        if taken == 0 && !bytes.is_empty() {
            pipe.writer = Some(cx.waker().clone());
            return Poll::Pending;
        }
        for piece in bytes[..taken].chunks(longest) {
            pipe.hold(piece.to_vec());
        }
        let reader = state.pump(now, self.out);
        drop(state);
        reader.into_iter().for_each(Waker::wake);
        Poll::Ready(Ok(taken))
    }

    fn end(&mut self) {
        if std::mem::replace(&mut self.has_ended, true) {
            return;
        }
        let now = self.net.core.now();
        let mut state = self.net.state();
        if let Some(pipe) = state.streams.pipes.get_mut(&self.out) {
            pipe.hold(Vec::new());
        }
        let reader = state.pump(now, self.out);
        drop(state);
        reader.into_iter().for_each(Waker::wake);
    }
}

impl State {
    /// Sends what can be sent; returns who has to look at when it arrives.
    fn pump(&mut self, now: u64, way: Way) -> Option<Waker> {
        let route = self.streams.pipes.get(&way)?.route;
        while let Some(len) = self.streams.pipes.get(&way)?.next_to_send() {
            let arrival = self.send_piece(now, route, len);
            let pipe = self.streams.pipes.get_mut(&way)?;
            let Some(at) = arrival else {
                pipe.not_sent(now);
                break;
            };
            pipe.sent(at);
        }
        self.streams.pipes.get_mut(&way)?.reader.take()
    }
}

impl AsyncRead for SimStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        loop {
            let (now, way) = (self.net.core.now(), self.inward());
            let mut state = self.net.state();
            if state
                .streams
                .pipes
                .get(&way)
                .is_some_and(|pipe| pipe.may_retry(now))
            {
                state.pump(now, way);
            }
            let Some(pipe) = state.streams.pipes.get_mut(&way) else {
                return Poll::Ready(Ok(()));
            };
            if pipe.is_cut {
                return Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()));
            }
            if let Some(filled) = pipe.read(now, buf.initialize_unfilled()) {
                let writer = pipe.writer.take();
                drop(state);
                buf.advance(filled);
                writer.into_iter().for_each(Waker::wake);
                return Poll::Ready(Ok(()));
            }
            pipe.reader = Some(cx.waker().clone());
            let next = pipe.next_look();
            drop(state);
            let Some(next) = next else {
                return Poll::Pending;
            };
            self.timer.move_to(next);
            ready!(self.timer.poll_due(cx));
        }
    }
}

impl AsyncWrite for SimStream {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.write(cx, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.end();
        Poll::Ready(Ok(()))
    }
}

impl Drop for SimStream {
    fn drop(&mut self) {
        self.end();
        let way = self.inward();
        let mut state = self.net.state();
        let writer = state.streams.pipes.get_mut(&way).and_then(|pipe| {
            pipe.is_deaf = true;
            pipe.writer.take()
        });
        // Both ends are gone: nobody reads what is still on its way.
        let is_over = state
            .streams
            .pipes
            .get(&self.out)
            .is_none_or(|pipe| pipe.is_deaf);
        if is_over {
            state.streams.pipes.remove(&way);
            state.streams.pipes.remove(&self.out);
        }
        drop(state);
        writer.into_iter().for_each(Waker::wake);
    }
}

impl fmt::Debug for SimStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (from, to) = self.out;
        write!(f, "SimStream({from} {to})")
    }
}

/// Where the two ends are.
impl SimStream {
    /// Its own address.
    pub fn local_addr(&self) -> SocketAddr {
        self.out.0
    }

    /// The other end's.
    pub fn peer_addr(&self) -> SocketAddr {
        self.out.1
    }
}
