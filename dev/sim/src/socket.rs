//! The engine's view of the network: a UDP socket and its senders.
//!
//! Invariants: sending never waits and never fails, as with a kernel whose buffer is empty;
//! several packets are handed out in one poll when they have arrived; a batch of segments is split
//! into packets, each with a fate of its own. Packets are never fragmented.

use std::{
    fmt,
    io::{self, IoSliceMut},
    net::SocketAddr,
    num::NonZeroUsize,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use noq::{AsyncUdpSocket, UdpSender, udp};

use crate::{inbox::Arrival, local::Local, net::Shared, timer::Timer};

/// A bound socket.
pub(crate) struct SimSocket {
    net: Arc<Shared>,
    local: Local,
    segments: NonZeroUsize,
    /// Set to the next arrival.
    timer: Timer,
}

impl SimSocket {
    pub(crate) fn new(net: Arc<Shared>, local: Local, segments: NonZeroUsize) -> Self {
        let timer = Timer::new(net.core.clone(), 0);
        Self {
            net,
            local,
            segments,
            timer,
        }
    }

    /// Takes all that has arrived and fits.
    fn take(&self, bufs: &mut [IoSliceMut<'_>], meta: &mut [udp::RecvMeta]) -> usize {
        let now = self.net.core.now();
        let addr = self.local.addr();
        let mut state = self.net.state();
        let Some(inbox) = state.inbox(addr) else {
            return 0;
        };
        let mut taken = 0;
        for (buf, meta) in bufs.iter_mut().zip(meta) {
            let Some(arrival) = inbox.pop(now) else { break };
            *meta = describe(&arrival, addr, buf.len());
            buf[..meta.len].copy_from_slice(&arrival.bytes[..meta.len]);
            taken += 1;
        }
        taken
    }
}

impl AsyncUdpSocket for SimSocket {
    fn create_sender(&self) -> Pin<Box<dyn UdpSender>> {
        let Self {
            net,
            local,
            segments,
            ..
        } = self;
        Box::pin(SimSender {
            net: net.clone(),
            local: local.clone(),
            segments: *segments,
        })
    }

    fn poll_recv(
        &mut self,
        cx: &mut Context<'_>,
        bufs: &mut [IoSliceMut<'_>],
        meta: &mut [udp::RecvMeta],
    ) -> Poll<io::Result<usize>> {
        loop {
            let taken = self.take(bufs, meta);
            if taken > 0 {
                return Poll::Ready(Ok(taken));
            }
            let addr = self.local.addr();
            let next = self
                .net
                .state()
                .inbox(addr)
                .and_then(|inbox| inbox.wait(cx.waker()));
            let Some(next) = next else {
                return Poll::Pending;
            };
            self.timer.move_to(next);
            ready!(self.timer.poll_due(cx));
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.local.addr())
    }

    /// Never; otherwise the engine turns MTU discovery off.
    fn may_fragment(&self) -> bool {
        false
    }
}

impl Drop for SimSocket {
    fn drop(&mut self) {
        let addr = self.local.addr();
        self.net.state().unbind(addr);
    }
}

impl fmt::Debug for SimSocket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SimSocket({})", self.local.addr())
    }
}

/// A packet larger than the buffer is cut off, as the kernel does it.
fn describe(arrival: &Arrival, local: SocketAddr, room: usize) -> udp::RecvMeta {
    let mut meta = udp::RecvMeta::default();
    meta.addr = arrival.from;
    meta.len = arrival.bytes.len().min(room);
    meta.stride = meta.len;
    meta.ecn = arrival.ecn;
    meta.dst_ip = Some(local.ip());
    meta
}

/// A sending half. It may outlive its socket, like a duplicated descriptor.
struct SimSender {
    net: Arc<Shared>,
    local: Local,
    segments: NonZeroUsize,
}

impl UdpSender for SimSender {
    fn poll_send(
        self: Pin<&mut Self>,
        transmit: &udp::Transmit<'_>,
        _: &mut Context<'_>,
    ) -> Poll<io::Result<()>> {
        let contents = transmit.contents;
        let segment = transmit.segment_size.unwrap_or(contents.len()).max(1);
        let send = |packet: &[u8]| {
            let Self { net, local, .. } = &*self;
            net.transmit(local.addr(), transmit.destination, transmit.ecn, packet);
        };
        if contents.is_empty() {
            send(contents); // a datagram nonetheless, but no chunk
        }
        contents.chunks(segment).for_each(send);
        Poll::Ready(Ok(()))
    }

    fn max_transmit_segments(&self) -> NonZeroUsize {
        self.segments
    }
}

impl fmt::Debug for SimSender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SimSender({})", self.local.addr())
    }
}
