//! The engine's sending half: looks where a packet goes and hands it on.

use std::{
    fmt, io,
    num::NonZeroUsize,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use noq::{UdpSender, udp::Transmit};

use super::{
    address::{Local, Place},
    socket::Link,
    sockets::UdpSocket,
};

/// See the module.
pub(super) struct LinkSender {
    link: Arc<Link>,
    udp: Vec<Below>,
    seen: u64,
}

struct Below {
    socket: Arc<UdpSocket>,
    sender: Pin<Box<dyn UdpSender>>,
}

impl Below {
    fn new(socket: Arc<UdpSocket>) -> Self {
        let sender = socket.socket.lock().create_sender();
        Self { socket, sender }
    }
}

impl LinkSender {
    pub(super) fn new(link: Arc<Link>) -> Self {
        let mut seen = 0;
        let sockets = link.sockets.if_changed(&mut seen).unwrap_or_default();
        Self {
            link,
            udp: sockets.into_iter().map(Below::new).collect(),
            seen,
        }
    }

    /// Keeps the senders of sockets that are still there: a packet may be waiting in one.
    fn follow_changes(&mut self) {
        let Some(sockets) = self.link.sockets.if_changed(&mut self.seen) else {
            return;
        };
        self.udp.retain(|below| {
            sockets
                .iter()
                .any(|socket| Arc::ptr_eq(socket, &below.socket))
        });
        for socket in sockets {
            let is_known = |below: &Below| Arc::ptr_eq(&below.socket, &socket);
            if !self.udp.iter().any(is_known) {
                self.udp.push(Below::new(socket));
            }
        }
    }

    fn poll_udp(&mut self, transmit: &Transmit<'_>, cx: &mut Context<'_>) -> Poll<()> {
        let local = transmit.src_ip.map(Local::of);
        let below = self
            .udp
            .iter_mut()
            .find(|below| below.socket.serves(transmit.destination, local));
        let Some(below) = below else {
            return Poll::Ready(());
        };
        let transmit = Transmit {
            src_ip: local.and_then(|local| local.source),
            ..transmit.clone()
        };
        // Of a socket that fails the engine notices that packets are lost.
        if let Err(error) = ready!(below.sender.as_mut().poll_send(&transmit, cx)) {
            tracing::debug!(%error, address = %below.socket.address, "socket");
        }
        Poll::Ready(())
    }
}

impl UdpSender for LinkSender {
    fn poll_send(
        mut self: Pin<&mut Self>,
        transmit: &Transmit<'_>,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<()>> {
        self.follow_changes();
        match Place::of(transmit.destination) {
            Place::Udp(destination) => {
                let transmit = Transmit {
                    destination,
                    ..transmit.clone()
                };
                self.poll_udp(&transmit, cx).map(Ok)
            }
            Place::Tunnel(number) | Place::Relay(number) => {
                self.link.tunnels.send(number, transmit);
                Poll::Ready(Ok(()))
            }
            Place::Nowhere => Poll::Ready(Ok(())),
        }
    }

    fn max_transmit_segments(&self) -> NonZeroUsize {
        let of_udp = self
            .udp
            .iter()
            .map(|below| below.sender.max_transmit_segments());
        of_udp.min().unwrap_or(NonZeroUsize::MIN)
    }
}

impl fmt::Debug for LinkSender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LinkSender")
            .field("udp", &self.udp.len())
            .finish_non_exhaustive()
    }
}
