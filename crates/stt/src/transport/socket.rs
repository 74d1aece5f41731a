//! A UDP socket that keeps the engine from answering strangers.
//!
//! The engine answers a long header of a version it doesn't know with the list of those it knows
//! (RFC 9000 section 6), even to a sender that never proved anything. That answer would tell
//! anyone with a port scanner that a node lives here, so such datagrams end in this file.
//!
//! Invariant: a datagram passes only if it is empty of long headers or begins with one of ours. A
//! batch that the kernel joined (GRO) comes from one sender in one go, and is judged by its first
//! datagram each `stride` bytes.

use std::{
    fmt,
    io::{self, IoSliceMut},
    net::SocketAddr,
    num::NonZeroUsize,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll, ready},
};

use noq::{AsyncUdpSocket, UdpSender, udp::RecvMeta};

/// "STC1": the only version we speak.
pub(crate) const VERSION: u32 = 0x5354_4331;

/// Datagrams that were dropped before the engine saw them.
#[derive(Debug, Default)]
pub(crate) struct DroppedDatagrams(AtomicU64);

impl DroppedDatagrams {
    pub(crate) fn count(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// Wraps a socket; see the module.
pub(crate) struct SilentSocket {
    socket: Box<dyn AsyncUdpSocket>,
    dropped: Arc<DroppedDatagrams>,
}

impl SilentSocket {
    pub(crate) fn new(socket: Box<dyn AsyncUdpSocket>, dropped: Arc<DroppedDatagrams>) -> Self {
        Self { socket, dropped }
    }

    /// Moves the batches that may pass to the front and returns how many there are.
    fn retain_ours(
        &self,
        bufs: &mut [IoSliceMut<'_>],
        meta: &mut [RecvMeta],
        received: usize,
    ) -> usize {
        let mut kept = 0;
        for index in 0..received {
            let (Some(batch), Some(about)) = (bufs.get_mut(index), meta.get_mut(index)) else {
                break;
            };
            about.len = self.compact(batch, about.len, about.stride);
            if about.len == 0 {
                continue;
            }
            if kept != index {
                let (about, length) = (*about, about.len);
                let (front, back) = bufs.split_at_mut(index);
                if let (Some(to), Some(from)) = (front.get_mut(kept), back.first()) {
                    to[..length].copy_from_slice(&from[..length]);
                }
                meta[kept] = about;
            }
            kept += 1;
        }
        kept
    }

    /// Takes the datagrams of others out of one batch and returns the length of what is left.
    fn compact(&self, batch: &mut [u8], len: usize, stride: usize) -> usize {
        let stride = stride.max(1);
        if batch[..len].chunks(stride).all(may_pass) {
            return len;
        }
        let mut kept = 0;
        for start in (0..len).step_by(stride) {
            let end = len.min(start + stride);
            if may_pass(&batch[start..end]) {
                batch.copy_within(start..end, kept);
                kept += end - start;
            } else {
                self.dropped.0.fetch_add(1, Ordering::Relaxed);
            }
        }
        kept
    }
}

/// Short headers pass (the engine drops what matches no connection, in silence); a long header
/// passes if its version is ours.
#[inline]
fn may_pass(datagram: &[u8]) -> bool {
    const LONG_HEADER: u8 = 0x80;
    match datagram {
        [first, ..] if first & LONG_HEADER == 0 => true,
        [_, version @ ..] if version.len() >= 4 => version[..4] == VERSION.to_be_bytes(),
        _ => false,
    }
}

impl AsyncUdpSocket for SilentSocket {
    fn create_sender(&self) -> Pin<Box<dyn UdpSender>> {
        self.socket.create_sender()
    }

    fn poll_recv(
        &mut self,
        cx: &mut Context<'_>,
        bufs: &mut [IoSliceMut<'_>],
        meta: &mut [RecvMeta],
    ) -> Poll<io::Result<usize>> {
        loop {
            let received = ready!(self.socket.poll_recv(cx, bufs, meta))?;
            let kept = self.retain_ours(bufs, meta, received);
            if kept > 0 {
                return Poll::Ready(Ok(kept));
            }
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.socket.local_addr()
    }

    fn max_receive_segments(&self) -> NonZeroUsize {
        self.socket.max_receive_segments()
    }

    fn may_fragment(&self) -> bool {
        self.socket.may_fragment()
    }
}

impl fmt::Debug for SilentSocket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SilentSocket")
            .field("socket", &self.socket)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_header_of_another_version_is_dropped() {
        assert!(!may_pass(&[0xc3, 0, 0, 0, 1, 8, 0]));
        assert!(may_pass(&[0xc3, 0x53, 0x54, 0x43, 0x31, 8, 0]));
    }

    #[test]
    fn a_short_header_passes_and_a_stump_of_a_long_one_does_not() {
        assert!(may_pass(&[0x40, 1, 2, 3]));
        assert!(!may_pass(&[0xc0, 0x53]));
        assert!(!may_pass(&[]));
    }
}
