//! The engine's receiving half, and the handle on everything below it.

use std::{
    io::{self, IoSliceMut},
    net::{IpAddr, Ipv6Addr, SocketAddr},
    num::NonZeroUsize,
    pin::Pin,
    sync::{Arc, OnceLock, atomic::AtomicBool},
    task::{Context, Poll},
};

use noq::{AsyncUdpSocket, UdpSender, udp::RecvMeta};
use parking_lot::Mutex;
use stc::packet::{PROBE_LEN, PROBE_TAG_LEN, RELAY_TAG_LEN};

use super::{
    address::{Local, Place, is_forged, mapped, unmapped},
    crowd::{datagram, send_now},
    detours::Detours,
    hold::Hold,
    legs::{LegEnd, LegTag, Legs, Way},
    outside::Outside,
    places::Said,
    probes::{ProbeQueue, ProbeTags, Probes, Spot},
    sender::LinkSender,
    sockets::{self, Sockets, UdpSocket},
    tunnel::{Origin, Room, Tunnel, Tunnels},
};
use crate::transport::platform::Platform;

/// What the engine's socket consists of.
#[derive(Debug)]
pub(crate) struct Link {
    pub(super) sockets: Sockets,
    pub(super) tunnels: Arc<Tunnels>,
    pub(super) probes: Arc<Probes>,
    pub(super) legs: Arc<Legs>,
    pub(super) platform: Platform,
    pub(crate) outside: Outside,
    pub(super) interfaces: Mutex<Vec<IpAddr>>,
    /// What members are told besides.
    pub(super) said: OnceLock<Said>,
    pub(crate) detours: Detours,
    /// Many sockets are open for one of the sessions.
    pub(super) has_crowd: AtomicBool,
}

impl Link {
    pub(crate) fn new(platform: &Platform) -> Arc<Self> {
        Arc::new(Self {
            sockets: Sockets::default(),
            tunnels: Tunnels::new(platform.clone()),
            probes: Arc::default(),
            legs: Arc::default(),
            platform: platform.clone(),
            outside: Outside::default(),
            interfaces: Mutex::new(platform.interfaces()),
            said: OnceLock::new(),
            detours: Detours::default(),
            has_crowd: AtomicBool::new(false),
        })
    }

    /// Takes in a UDP socket; returns the address it is bound to.
    pub(crate) fn add_socket(&self, socket: Box<dyn AsyncUdpSocket>) -> io::Result<SocketAddr> {
        Ok(self.sockets.add(socket)?.address)
    }

    /// The addresses of the UDP sockets that were asked for, in the order in which they were taken in.
    pub(crate) fn addresses(&self) -> Vec<SocketAddr> {
        let all = self.sockets.all();
        let bound = all
            .iter()
            .filter(|socket| socket.origin == sockets::Origin::Bound);
        bound.map(|socket| socket.address_now()).collect()
    }

    /// Sends a probe, if the socket takes it at once: probes are sent more than once.
    pub(crate) fn send_probe(&self, spot: Spot, probe: &[u8]) {
        if let Place::Tunnel(number) = Place::of(spot.remote) {
            return self.tunnels.send(number, &datagram(spot.remote, probe));
        }
        let local = Local {
            socket: spot.socket,
            source: None,
        };
        let sockets = self.sockets.all();
        let mut sockets = sockets.iter();
        if let Some(socket) = sockets.find(|socket| socket.serves(spot.remote, Some(local))) {
            send_now(&**socket.socket.lock(), spot.remote, probe);
        }
    }

    /// Takes the probes with these tags from what arrives, until the tags are dropped.
    pub(crate) fn wait_for_probes(
        &self,
        tags: Vec<[u8; PROBE_TAG_LEN]>,
        queue: &Arc<ProbeQueue>,
    ) -> ProbeTags {
        self.probes.wait_for(tags, queue)
    }

    /// Shows an end of a leg what arrives with its tag, until that is dropped; `None` if another end has
    /// the tag.
    pub(crate) fn add_leg(&self, tag: [u8; RELAY_TAG_LEN], end: Arc<dyn LegEnd>) -> Option<LegTag> {
        self.legs.add(tag, end)
    }

    /// Opens a tunnel; what carries it keeps it.
    pub(crate) fn open_tunnel(&self, origin: Origin) -> Tunnel {
        self.tunnels.open(origin)
    }

    /// Who is at an address of the engine's, as far as the network tells: the address itself, or
    /// that at the other end of the tunnel. `None` for a tunnel that is gone.
    pub(crate) fn origin(&self, address: SocketAddr) -> Option<SocketAddr> {
        match Place::of(address) {
            Place::Udp(address) => Some(address),
            Place::Tunnel(number) | Place::Relay(number) => {
                Some(self.tunnels.origin(number)?.address)
            }
            Place::Nowhere => None,
        }
    }

    /// Keeps the tunnel of this address open, if there is one.
    pub(crate) fn hold(&self, address: SocketAddr) -> Option<Hold> {
        match Place::of(address) {
            Place::Tunnel(number) | Place::Relay(number) => {
                Some(Hold::of(self.tunnels.queues(number)?))
            }
            _ => None,
        }
    }

    /// Whether a packet to `remote` has a way to leave by.
    pub(crate) fn reaches(&self, remote: SocketAddr) -> bool {
        match Place::of(remote) {
            Place::Udp(remote) => {
                let sockets = self.sockets.all();
                sockets.iter().any(|socket| socket.serves(remote, None))
            }
            Place::Tunnel(number) | Place::Relay(number) => self.tunnels.origin(number).is_some(),
            Place::Nowhere => false,
        }
    }
}

/// The engine's socket.
#[derive(Debug)]
pub(crate) struct LinkSocket {
    link: Arc<Link>,
    udp: Vec<Arc<UdpSocket>>,
    seen: u64,
    /// Whose turn it is: the UDP sockets in order, then the tunnels.
    turn: usize,
}

impl LinkSocket {
    pub(crate) fn new(link: Arc<Link>) -> Self {
        Self {
            link,
            udp: Vec::new(),
            seen: 0,
            turn: 0,
        }
    }

    fn poll_source(
        &self,
        source: usize,
        cx: &mut Context<'_>,
        bufs: &mut [IoSliceMut<'_>],
        meta: &mut [RecvMeta],
    ) -> Poll<usize> {
        match self.udp.get(source) {
            Some(socket) => self.poll_udp(socket, cx, bufs, meta),
            None => self.poll_tunnels(cx, bufs, meta),
        }
    }

    fn poll_tunnels(
        &self,
        cx: &Context<'_>,
        bufs: &mut [IoSliceMut<'_>],
        meta: &mut [RecvMeta],
    ) -> Poll<usize> {
        let mut filled = 0;
        let room = bufs.len().min(meta.len());
        let (legs, probes) = (&self.link.legs, &self.link.probes);
        let arrived = self.link.tunnels.poll_arrived(cx, |from, datagram| {
            let way = Way {
                remote: from,
                local: None,
            };
            if legs.are_there() && is_outermost(from) && legs.take(way, datagram) {
                return Room::More;
            }
            if probes.are_waited_for()
                && is_tunnel(from)
                && probes.take(Spot::first(from), datagram)
            {
                return Room::More;
            }
            if let (Some(buf), Some(about)) = (bufs.get_mut(filled), meta.get_mut(filled)) {
                // Larger than the engine ever asked for is not for the engine.
                if let Some(buf) = buf.get_mut(..datagram.len()) {
                    buf.copy_from_slice(datagram);
                    *about = RecvMeta::default();
                    about.addr = from;
                    about.len = datagram.len();
                    about.stride = datagram.len();
                    filled += 1;
                }
            }
            if filled < room {
                Room::More
            } else {
                Room::None
            }
        });
        arrived.map(|()| filled)
    }

    /// A failing socket is as one to which nothing comes: others may still serve.
    fn poll_udp(
        &self,
        socket: &UdpSocket,
        cx: &mut Context<'_>,
        bufs: &mut [IoSliceMut<'_>],
        meta: &mut [RecvMeta],
    ) -> Poll<usize> {
        let received = match socket.socket.lock().poll_recv(cx, bufs, meta) {
            Poll::Ready(Ok(received)) => received,
            Poll::Ready(Err(error)) => {
                tracing::debug!(%error, address = %socket.address, "socket");
                // An error is told once: the next look waits.
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            Poll::Pending => return Poll::Pending,
        };
        for (about, buf) in meta[..received].iter_mut().zip(bufs) {
            self.take_probes(about, buf, socket.number);
            if is_forged(about.addr) {
                about.len = 0;
            }
            about.addr = mapped(about.addr);
            let local = Local {
                socket: socket.number,
                source: about
                    .dst_ip
                    .filter(|_| socket.origin == sockets::Origin::Bound),
            };
            about.dst_ip = local.ip();
            self.take_packets_of_legs(about, buf);
        }
        Poll::Ready(received)
    }

    /// Takes the probes out of a batch: the engine has no use for them.
    fn take_probes(&self, about: &mut RecvMeta, batch: &mut [u8], socket: u16) {
        if !self.link.probes.are_waited_for() || about.len == 0 {
            return;
        }
        let stride = about.stride.max(1);
        let last = about.len % stride;
        if stride != PROBE_LEN && last != PROBE_LEN {
            return;
        }
        let from = Spot {
            remote: unmapped(about.addr),
            socket,
        };
        take_out(about, batch, |datagram| {
            self.link.probes.take(from, datagram)
        });
    }

    /// Takes the packets of relayed channels out of a batch.
    fn take_packets_of_legs(&self, about: &mut RecvMeta, batch: &mut [u8]) {
        if !self.link.legs.are_there() || about.len == 0 {
            return;
        }
        let way = Way {
            remote: about.addr,
            local: about.dst_ip,
        };
        take_out(about, batch, |datagram| self.link.legs.take(way, datagram));
    }
}

/// Takes datagrams out of a batch; the others close ranks.
fn take_out(about: &mut RecvMeta, batch: &mut [u8], mut takes: impl FnMut(&[u8]) -> bool) {
    let stride = about.stride.max(1);
    let mut kept = 0;
    for start in (0..about.len).step_by(stride) {
        let end = about.len.min(start + stride);
        if takes(&batch[start..end]) {
            continue;
        }
        if kept != start {
            batch.copy_within(start..end, kept);
        }
        kept += end - start;
    }
    about.len = kept;
}

/// A relayed channel carries packets of sessions alone: none of another channel.
fn is_outermost(from: SocketAddr) -> bool {
    !matches!(Place::of(from), Place::Relay(_))
}

fn is_tunnel(from: SocketAddr) -> bool {
    matches!(Place::of(from), Place::Tunnel(_))
}

impl AsyncUdpSocket for LinkSocket {
    fn create_sender(&self) -> Pin<Box<dyn UdpSender>> {
        Box::pin(LinkSender::new(Arc::clone(&self.link)))
    }

    fn poll_recv(
        &mut self,
        cx: &mut Context<'_>,
        bufs: &mut [IoSliceMut<'_>],
        meta: &mut [RecvMeta],
    ) -> Poll<io::Result<usize>> {
        self.link.sockets.receiver.register(cx.waker());
        if let Some(sockets) = self.link.sockets.if_changed(&mut self.seen) {
            self.udp = sockets;
        }
        let sources = self.udp.len() + 1;
        for offset in 0..sources {
            let source = (self.turn + offset) % sources;
            if let Poll::Ready(received) = self.poll_source(source, cx, bufs, meta) {
                self.turn = (source + 1) % sources;
                return Poll::Ready(Ok(received));
            }
        }
        Poll::Pending
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        let port = self.link.addresses().first().map_or(0, SocketAddr::port);
        Ok(SocketAddr::from((Ipv6Addr::UNSPECIFIED, port)))
    }

    fn max_receive_segments(&self) -> NonZeroUsize {
        let sockets = self.link.sockets.all();
        let most = sockets
            .iter()
            .map(|socket| socket.socket.lock().max_receive_segments());
        most.max().unwrap_or(NonZeroUsize::MIN)
    }

    fn may_fragment(&self) -> bool {
        let sockets = self.link.sockets.all();
        sockets
            .iter()
            .any(|socket| socket.socket.lock().may_fragment())
    }
}
