//! Datagrams that leave beside the engine, by the same sockets and tunnels.

use std::{fmt, future::poll_fn, pin::Pin, sync::Arc};

use noq::{UdpSender, udp::Transmit};

use super::{legs::Way, sender::LinkSender, socket::Link};

/// Sends datagrams, to one place after the other.
pub(crate) struct Courier(Pin<Box<LinkSender>>);

impl Courier {
    pub(crate) fn new(link: &Arc<Link>) -> Self {
        Self(Box::pin(LinkSender::new(Arc::clone(link))))
    }

    /// How many datagrams may go at once.
    pub(crate) fn max_segments(&self) -> usize {
        self.0.max_transmit_segments().get()
    }

    /// Sends datagrams of `segment` bytes each, the last of which may be shorter. Waits only for a kernel's socket;
    /// a failure is as a loss. Cancel safe: they leave together, or not at all.
    pub(crate) async fn send(&mut self, way: &Way, contents: &[u8], segment: usize) {
        let transmit = Transmit {
            destination: way.remote,
            ecn: None,
            contents,
            segment_size: (segment < contents.len()).then_some(segment),
            src_ip: way.local,
        };
        // A sender of the link never fails.
        let _ = poll_fn(|cx| self.0.as_mut().poll_send(&transmit, cx)).await;
    }
}

impl fmt::Debug for Courier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Courier")
    }
}
