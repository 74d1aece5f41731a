//! Takes byte streams.

use std::{
    fmt, io,
    net::SocketAddr,
    sync::Arc,
    task::{Context, Poll},
};

use super::stream::SimStream;
use crate::net::Shared;

/// Listens at an address until it is dropped.
pub struct SimListener {
    net: Arc<Shared>,
    addr: SocketAddr,
}

impl SimListener {
    pub(super) fn new(net: Arc<Shared>, addr: SocketAddr) -> Self {
        Self { net, addr }
    }

    /// Where it listens.
    pub fn local_addr(&self) -> SocketAddr {
        self.addr
    }

    /// The next stream, and who opened it.
    ///
    /// # Errors
    ///
    /// None; the shape is that of a kernel's.
    pub fn poll_accept(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<(SimStream, SocketAddr)>> {
        let mut state = self.net.state();
        let Some(backlog) = state.streams.listening.get_mut(&self.addr) else {
            return Poll::Pending;
        };
        let Some(from) = backlog.waiting.pop_front() else {
            backlog.waker = Some(cx.waker().clone());
            return Poll::Pending;
        };
        drop(state);
        let stream = SimStream::new(self.net.clone(), (self.addr, from));
        Poll::Ready(Ok((stream, from)))
    }
}

impl Drop for SimListener {
    fn drop(&mut self) {
        let mut state = self.net.state();
        let backlog = state.streams.listening.remove(&self.addr);
        drop(state);
        for from in backlog.into_iter().flat_map(|backlog| backlog.waiting) {
            drop(SimStream::new(self.net.clone(), (self.addr, from)));
        }
    }
}

impl fmt::Debug for SimListener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SimListener({})", self.addr)
    }
}
