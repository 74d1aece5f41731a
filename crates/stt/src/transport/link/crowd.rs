//! Many UDP sockets for a moment, to be found by who guesses ports.
//!
//! Behind a translator that maps for each peer nobody knows the port that a peer would have to send to.
//! From many sockets there are many such ports, and one that is guessed soon. The socket behind it is
//! taken in among those of the engine, as long as a path uses it; the others are closed.
//!
//! spec: REACH-32

use std::{
    fmt, io,
    io::IoSliceMut,
    net::SocketAddr,
    sync::{Arc, atomic::Ordering::SeqCst},
    task::{Context, Poll, Waker},
};

use noq::{
    AsyncUdpSocket,
    udp::{RecvMeta, Transmit},
};
use parking_lot::Mutex;
use stc::packet::PROBE_LEN;

use super::{
    address::unmapped,
    socket::Link,
    sockets::{Origin, UdpSocket},
};

/// See the module. A node has one at a time.
pub(crate) struct Crowd {
    link: Arc<Link>,
    sockets: Vec<Mutex<Box<dyn AsyncUdpSocket>>>,
}

/// Something of the size of a probe that arrived at one of them.
pub(crate) struct Knock {
    /// Which one.
    pub(crate) socket: usize,
    pub(crate) from: SocketAddr,
    pub(crate) bytes: [u8; PROBE_LEN],
}

/// Keeps a socket of a crowd among those of the engine.
pub(crate) struct SocketHold {
    link: Arc<Link>,
    socket: Arc<UdpSocket>,
}

impl Crowd {
    /// As many as the system gives, up to `count`; `None` if it gives none, or there is a crowd already.
    pub(crate) fn open(link: &Arc<Link>, count: usize) -> Option<Self> {
        let all = link.sockets.all();
        let first = all.iter().find(|socket| socket.address.is_ipv4())?;
        let address = SocketAddr::new(first.address_now().ip(), 0);
        if link.has_crowd.swap(true, SeqCst) {
            return None;
        }
        let mut crowd = Self {
            link: Arc::clone(link),
            sockets: Vec::with_capacity(count),
        };
        while crowd.sockets.len() < count
            && let Ok(socket) = link.platform.bind(address)
        {
            crowd.sockets.push(Mutex::new(socket));
        }
        (!crowd.sockets.is_empty()).then_some(crowd)
    }

    pub(crate) fn len(&self) -> usize {
        self.sockets.len()
    }

    /// Sends a probe from one of them, if it takes it at once.
    pub(crate) fn send(&self, socket: usize, to: SocketAddr, probe: &[u8]) {
        if let Some(socket) = self.sockets.get(socket) {
            send_now(&**socket.lock(), to, probe);
        }
    }

    /// The next thing that arrived.
    pub(crate) fn poll_knock(&self, cx: &mut Context<'_>) -> Poll<Knock> {
        for (number, socket) in self.sockets.iter().enumerate() {
            if let Poll::Ready(Some(knock)) = poll_one(&mut **socket.lock(), number, cx) {
                return Poll::Ready(knock);
            }
        }
        Poll::Pending
    }

    /// Takes one in among the engine's; returns its number there. The others are closed.
    pub(crate) fn adopt(mut self, socket: usize) -> io::Result<SocketHold> {
        if socket >= self.sockets.len() {
            return Err(io::ErrorKind::NotFound.into());
        }
        let chosen = self.sockets.swap_remove(socket).into_inner();
        let socket = self.link.sockets.add_as(chosen, Origin::Crowd)?;
        Ok(SocketHold::of(&self.link, socket))
    }
}

impl Drop for Crowd {
    fn drop(&mut self) {
        self.link.has_crowd.store(false, SeqCst);
    }
}

fn poll_one(
    socket: &mut dyn AsyncUdpSocket,
    number: usize,
    cx: &mut Context<'_>,
) -> Poll<Option<Knock>> {
    let mut buffer = [0; PACKET];
    // What is no probe is read and forgotten, a few at a time.
    for _ in 0..PACKETS_A_POLL {
        let mut meta = [RecvMeta::default()];
        let received = socket.poll_recv(cx, &mut [IoSliceMut::new(&mut buffer)], &mut meta);
        match received {
            Poll::Ready(Ok(_)) => {}
            Poll::Ready(Err(_)) => continue,
            Poll::Pending => return Poll::Pending,
        }
        let [about] = meta;
        if about.len == PROBE_LEN
            && let Some(bytes) = buffer.first_chunk()
        {
            return Poll::Ready(Some(Knock {
                socket: number,
                from: unmapped(about.addr),
                bytes: *bytes,
            }));
        }
    }
    cx.waker().wake_by_ref();
    Poll::Ready(None)
}

/// Sends one datagram, if the socket takes it at once.
pub(super) fn send_now(socket: &dyn AsyncUdpSocket, to: SocketAddr, contents: &[u8]) {
    let mut sender = socket.create_sender();
    let mut cx = Context::from_waker(Waker::noop());
    let _ = sender.as_mut().poll_send(&datagram(to, contents), &mut cx);
}

/// One datagram, as the engine would hand it over.
pub(super) fn datagram(to: SocketAddr, contents: &[u8]) -> Transmit<'_> {
    Transmit {
        destination: to,
        ecn: None,
        contents,
        segment_size: None,
        src_ip: None,
    }
}

impl SocketHold {
    fn of(link: &Arc<Link>, socket: Arc<UdpSocket>) -> Self {
        socket.holders.fetch_add(1, SeqCst);
        let link = Arc::clone(link);
        Self { link, socket }
    }

    /// The number of the socket among the engine's.
    pub(crate) fn number(&self) -> u16 {
        self.socket.number
    }
}

impl Drop for SocketHold {
    fn drop(&mut self) {
        if self.socket.holders.fetch_sub(1, SeqCst) == 1 {
            self.link.sockets.remove(&self.socket);
        }
    }
}

impl Link {
    /// Keeps the socket of this number, if it came from a crowd.
    pub(crate) fn hold_socket(self: &Arc<Self>, number: u16) -> Option<SocketHold> {
        let all = self.sockets.all();
        let socket = all
            .into_iter()
            .find(|socket| socket.number == number && socket.origin == Origin::Crowd)?;
        Some(SocketHold::of(self, socket))
    }
}

impl fmt::Debug for Crowd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Crowd")
            .field("sockets", &self.sockets.len())
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for SocketHold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("SocketHold").field(&self.number()).finish()
    }
}

/// More than a probe: what is longer is told from it.
const PACKET: usize = 2_048;
const PACKETS_A_POLL: usize = 16;
