//! The network: sockets by address, a link for each direction, and the hands that change them.
//!
//! Not here: what a link does to a packet (`wire.rs`), the traits the engine sees (`socket.rs`).

use std::{
    fmt, io,
    net::SocketAddr,
    num::NonZeroUsize,
    sync::{Arc, Mutex, MutexGuard},
    task::Waker,
};

use noq::{AsyncUdpSocket, udp::EcnCodepoint};

use crate::{
    capture::Packet, core::Core, doors::Bell, executor::Sim, fate::LinkStats, link::Link,
    lock::lock, routes::Place, socket::SimSocket, state::State,
};

/// A function that binds sockets, in the shape that a node takes.
pub type Binder =
    Arc<dyn Fn(SocketAddr) -> io::Result<Box<dyn AsyncUdpSocket>> + Send + Sync + 'static>;

/// A network of made-up addresses. Clones are the same network.
///
/// Places are named by `SocketAddr` (one socket) or by `IpAddr` (all sockets of a host). IPv4 and
/// IPv6 don't reach each other.
#[derive(Clone)]
pub struct Net(Arc<Shared>);

impl Net {
    /// A network on `sim`'s clock and seed in which `default` connects everybody. A simulation has
    /// one network: a second one would draw the same luck.
    pub fn new(sim: &Sim, default: Link) -> Self {
        let state = State::new(sim.seed(), default);
        Self(Arc::new_cyclic(|net| Shared {
            core: sim.core().clone(),
            state: Mutex::new(state),
            bell: Bell::new(sim.core().clone(), net.clone()),
        }))
    }

    /// Binds a socket to a concrete address; port 0 takes a free one from 49152 up. It is unbound
    /// when the socket is dropped, and what is on its way to it then is lost.
    ///
    /// # Errors
    ///
    /// `AddrInUse` when the address, or each port of the host, is taken. `AddrNotAvailable` for
    /// `0.0.0.0` and `[::]`, as a simulated host has no interfaces to choose from, and at a NAT.
    pub fn bind(&self, addr: SocketAddr) -> io::Result<Box<dyn AsyncUdpSocket>> {
        let mut state = self.0.state();
        let local = state.bind(addr)?;
        let segments = state.max_transmit_segments();
        drop(state);
        Ok(Box::new(SimSocket::new(self.0.clone(), local, segments)))
    }

    /// [`bind`](Self::bind) as a shared function.
    pub fn binder(&self) -> Binder {
        let net = self.clone();
        Arc::new(move |addr| net.bind(addr))
    }

    /// How many packets of one destination the engine may hand over at once, for sockets bound
    /// from now on; 10 by default, and the engine never takes more.
    pub fn max_transmit_segments(&self, segments: NonZeroUsize) {
        self.0.state().set_max_transmit_segments(segments);
    }

    /// Changes the link in one direction, now and for sockets yet to be bound. `f` is called once
    /// for each rule that the two places cover, so it should set values, not add to them.
    pub fn link(&self, from: impl Into<Place>, to: impl Into<Place>, f: impl FnMut(&mut Link)) {
        self.0
            .state()
            .change(|routes| routes.change(from.into(), to.into(), f));
    }

    /// [`link`](Self::link) in both directions.
    pub fn both(&self, a: impl Into<Place>, b: impl Into<Place>, mut f: impl FnMut(&mut Link)) {
        let (a, b) = (a.into(), b.into());
        self.link(a, b, &mut f);
        self.link(b, a, f);
    }

    /// Changes all links, the default included.
    pub fn all(&self, f: impl FnMut(&mut Link)) {
        self.0.state().change(|routes| routes.change_all(f));
    }

    /// Stops all packets between two places, both ways. What is on its way still arrives.
    pub fn partition(&self, a: impl Into<Place>, b: impl Into<Place>) {
        self.0.state().routes_mut().cut(a.into(), b.into());
    }

    /// Ends partitions between these places, and between narrower ones inside them.
    pub fn heal(&self, a: impl Into<Place>, b: impl Into<Place>) {
        self.0.state().routes_mut().heal(a.into(), b.into());
    }

    /// Silences a host, or one socket: nothing in, nothing out, and what is on its way to it is
    /// lost. Its tasks run on and notice nothing but silence.
    pub fn kill(&self, place: impl Into<Place>) {
        self.0.state().kill(place.into());
    }

    /// Ends [`kill`](Self::kill).
    pub fn revive(&self, place: impl Into<Place>) {
        self.0.state().routes_mut().revive(place.into());
    }

    /// Sends a packet that nobody sent: `from` needs no socket. It arrives after the link's latency
    /// whatever else the link does, unless the destination is dead or not there, and it doesn't
    /// change the luck of other packets.
    pub fn inject(&self, from: SocketAddr, to: SocketAddr, bytes: &[u8]) {
        let now = self.0.core.now();
        self.0.send(|state| state.inject(now, from, to, bytes));
    }

    /// Starts to record packets (forgetting an earlier recording), or stops. Some 40,000
    /// full-sized packets are kept; older ones make room for newer ones.
    pub fn capture(&self, is_recording: bool) {
        self.0.state().capture_mut().record(is_recording);
    }

    /// The recorded packets in the order of sending.
    pub fn packets(&self) -> Vec<Packet> {
        self.0.state().capture().packets()
    }

    /// A digest of each packet so far: its time, addresses, fate, ECN and bytes.
    pub fn trace(&self) -> u64 {
        self.0.state().capture().trace()
    }

    /// What was counted from one place to another, summed over the sockets they cover.
    pub fn stats(&self, from: impl Into<Place>, to: impl Into<Place>) -> LinkStats {
        self.0.state().stats(from.into(), to.into())
    }

    pub(crate) fn now(&self) -> u64 {
        self.0.core.now()
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.0.state()
    }
}

impl Net {
    pub(crate) fn shared(&self) -> &Arc<Shared> {
        &self.0
    }
}

impl fmt::Debug for Net {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Net")
    }
}

/// The network as its sockets share it.
pub(crate) struct Shared {
    pub(crate) core: Arc<Core>,
    state: Mutex<State>,
    pub(crate) bell: Bell,
}

impl Shared {
    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }

    pub(crate) fn transmit(
        &self,
        from: SocketAddr,
        to: SocketAddr,
        ecn: Option<EcnCodepoint>,
        bytes: &[u8],
    ) {
        let now = self.core.now();
        self.send(|state| state.transmit(now, from, to, ecn, bytes));
    }

    /// Sends under the lock, wakes the receiver after it.
    fn send(&self, f: impl FnOnce(&mut State) -> Option<Waker>) {
        let mut state = self.state();
        let receiver = f(&mut state);
        let is_someone_at_a_door = state.doors.queue.next().is_some();
        drop(state);
        if let Some(receiver) = receiver {
            receiver.wake();
        }
        if is_someone_at_a_door {
            self.open_doors();
        }
    }
}
