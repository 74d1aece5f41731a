//! What the node needs from the world: a clock, tasks, sockets and randomness.
//!
//! [`Platform::system`] is the real one (Tokio, kernel sockets, the operating system's generator).
//! A simulation hands in its own, and then the whole node runs on virtual time: nothing in this
//! crate reads a clock, spawns a task or draws a random number except through here.
//!
//! Not here: what is sent through the sockets (`endpoint.rs`) and how they are kept silent
//! (`socket.rs`).

use std::{
    fmt,
    future::Future,
    io,
    net::{IpAddr, SocketAddr},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::{Duration, Instant, SystemTime},
};

use noq::{AsyncTimer, AsyncUdpSocket, Runtime, TokioRuntime};
use parking_lot::Mutex;
use stc::Entropy;

#[cfg(feature = "simulation")]
use super::stream::NoStreams;
use super::stream::{BoxedStream, ByteListener, ByteStreams, KernelStreams};

/// Binds one UDP socket to exactly the address asked for.
pub type Bind = dyn Fn(SocketAddr) -> io::Result<Box<dyn AsyncUdpSocket>> + Send + Sync;

/// Fills a buffer with random bytes fit for keys.
type Fill = dyn FnMut(&mut [u8]) + Send;

/// Lists the addresses of the interfaces that are up.
type Interfaces = dyn Fn() -> Vec<IpAddr> + Send + Sync;

/// Reads the clock that tells the date.
type WallClock = dyn Fn() -> SystemTime + Send + Sync;

/// A clock, tasks, sockets and randomness. Cheap to clone.
#[derive(Clone)]
pub struct Platform {
    runtime: Arc<dyn Runtime>,
    network: Arc<Network>,
    entropy: Arc<Mutex<Fill>>,
    interfaces: Arc<Interfaces>,
    wall_clock: Arc<WallClock>,
    deterministic: bool,
}

/// Where packets and bytes come from.
#[derive(Clone)]
struct Network {
    bind: Arc<Bind>,
    streams: Arc<dyn ByteStreams>,
}

impl Platform {
    /// The operating system, driven by Tokio. Must be used inside a Tokio runtime.
    pub fn system() -> Self {
        let runtime: Arc<dyn Runtime> = Arc::new(TokioRuntime);
        let wrap = Arc::clone(&runtime);
        let network = Network {
            bind: Arc::new(move |address| wrap.wrap_udp_socket(bind_kernel_socket(address)?)),
            streams: Arc::new(KernelStreams),
        };
        Self {
            runtime,
            network: Arc::new(network),
            entropy: Arc::new(Mutex::new(fill_from_system)),
            interfaces: Arc::new(interfaces_of_system),
            wall_clock: Arc::new(SystemTime::now),
            deterministic: false,
        }
    }

    /// A platform of the caller's: everything it does comes from these three. It has no byte
    /// streams unless [`byte_streams`](Self::byte_streams) gives it some.
    #[cfg(feature = "simulation")]
    pub fn simulated(
        runtime: Arc<dyn Runtime>,
        bind: Arc<Bind>,
        entropy: impl FnMut(&mut [u8]) + Send + 'static,
    ) -> Self {
        let entropy = Arc::new(Mutex::new(entropy));
        let streams = Arc::new(NoStreams);
        let (clock, origin) = (Arc::clone(&runtime), runtime.now());
        let elapsed = move || clock.now().saturating_duration_since(origin);
        Self {
            wall_clock: Arc::new(move || SystemTime::UNIX_EPOCH + SIMULATED_DATE + elapsed()),
            runtime,
            network: Arc::new(Network { bind, streams }),
            entropy,
            interfaces: Arc::new(Vec::new),
            deterministic: true,
        }
    }

    /// Takes its byte streams from here.
    #[cfg(feature = "simulation")]
    #[must_use]
    pub fn byte_streams(mut self, streams: Arc<dyn ByteStreams>) -> Self {
        Arc::make_mut(&mut self.network).streams = streams;
        self
    }

    /// Takes the date from here. Without it a simulation's clock begins in 2027 for each platform
    /// when it is made.
    #[cfg(feature = "simulation")]
    #[must_use]
    pub fn wall_clock(mut self, clock: impl Fn() -> SystemTime + Send + Sync + 'static) -> Self {
        self.wall_clock = Arc::new(clock);
        self
    }

    pub(crate) fn runtime(&self) -> Arc<dyn Runtime> {
        Arc::clone(&self.runtime)
    }

    pub(crate) fn bind(&self, address: SocketAddr) -> io::Result<Box<dyn AsyncUdpSocket>> {
        (self.network.bind)(address)
    }

    pub(crate) fn listen(&self, address: SocketAddr) -> io::Result<Box<dyn ByteListener>> {
        self.network.streams.listen(address)
    }

    pub(crate) async fn connect_stream(&self, address: SocketAddr) -> io::Result<BoxedStream> {
        self.network.streams.connect(address).await
    }

    /// The addresses of the interfaces that are up; none in a simulation, where nothing is bound to
    /// all of them.
    pub(crate) fn interfaces(&self) -> Vec<IpAddr> {
        (self.interfaces)()
    }

    pub(crate) fn now(&self) -> Instant {
        self.runtime.now()
    }

    /// Seconds since 1970, as this machine has it: it may be wrong.
    pub(crate) fn unix_seconds(&self) -> u64 {
        let since = (self.wall_clock)().duration_since(SystemTime::UNIX_EPOCH);
        since.map_or(0, |since| since.as_secs())
    }

    pub(crate) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        self.runtime.spawn(Box::pin(task));
    }

    pub(crate) fn sleep(&self, duration: Duration) -> Sleep {
        Sleep {
            timer: self.runtime.new_timer(self.now() + duration),
        }
    }

    /// Sleeps until a moment that may be over; for ever without one.
    pub(crate) async fn sleep_until(&self, moment: Option<Instant>) {
        match moment {
            Some(at) => self.sleep(at.saturating_duration_since(self.now())).await,
            None => std::future::pending().await,
        }
    }

    /// Runs `future` for at most `limit`; `None` when the time is up. Drops the future then.
    pub(crate) async fn timeout<F: Future>(&self, limit: Duration, future: F) -> Option<F::Output> {
        tokio::select! {
            biased;
            output = future => Some(output),
            () = self.sleep(limit) => None,
        }
    }

    pub(crate) fn random<const N: usize>(&self) -> [u8; N] {
        let mut bytes = [0; N];
        self.entropy().fill(&mut bytes);
        bytes
    }

    pub(crate) fn entropy(&self) -> PlatformEntropy {
        PlatformEntropy(Arc::clone(&self.entropy))
    }

    /// Whether the engine's own generators must be seeded from ours, so that a run can be replayed.
    pub(crate) fn is_deterministic(&self) -> bool {
        self.deterministic
    }
}

impl fmt::Debug for Platform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Platform")
            .field("runtime", &self.runtime)
            .finish_non_exhaustive()
    }
}

/// Fills `out` from the operating system's generator.
///
/// The one source of randomness for a node outside a simulation; also what an application hands to
/// [`stc`]'s functions.
#[derive(Debug, Default, Clone, Copy)]
pub struct SystemEntropy;

impl Entropy for SystemEntropy {
    fn fill(&mut self, out: &mut [u8]) {
        fill_from_system(out);
    }
}

/// A handle on the platform's generator.
#[derive(Clone)]
pub(crate) struct PlatformEntropy(Arc<Mutex<Fill>>);

impl Entropy for PlatformEntropy {
    fn fill(&mut self, out: &mut [u8]) {
        let mut fill = self.0.lock();
        fill(out);
    }
}

/// Resolves once, when its moment has come.
#[derive(Debug)]
pub(crate) struct Sleep {
    timer: Pin<Box<dyn AsyncTimer>>,
}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        self.timer.as_mut().poll(cx)
    }
}

#[expect(
    clippy::expect_used,
    reason = "a system without randomness can't run this program"
)]
fn fill_from_system(out: &mut [u8]) {
    aws_lc_rs::rand::fill(out).expect("the operating system gives random bytes");
}

/// Link-local addresses mean nothing without the interface, which a peer can't know; an interface that
/// is down keeps its addresses, and nothing comes by it.
fn interfaces_of_system() -> Vec<IpAddr> {
    let interfaces = match if_addrs::get_if_addrs() {
        Ok(interfaces) => interfaces,
        Err(error) => {
            tracing::debug!(%error, "interfaces");
            Vec::new()
        }
    };
    let up = interfaces
        .into_iter()
        .filter(|interface| interface.is_oper_up() && !interface.is_link_local());
    up.map(|interface| interface.ip()).collect()
}

/// An IPv6 socket carries IPv6 only, so that `[::]:p` and `0.0.0.0:p` can both be bound and each
/// is exactly what was asked for. Buffers are larger than the kernel's default, because a receiver
/// that is scheduled away for a millisecond at 10 Gbit/s misses a megabyte.
fn bind_kernel_socket(address: SocketAddr) -> io::Result<std::net::UdpSocket> {
    let domain = socket2::Domain::for_address(address);
    let socket = socket2::Socket::new(domain, socket2::Type::DGRAM, Some(socket2::Protocol::UDP))?;
    if address.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    // The kernel caps these at its own maximum; a smaller buffer costs speed, not correctness.
    let _ = socket.set_recv_buffer_size(SOCKET_BUFFER_BYTES);
    let _ = socket.set_send_buffer_size(SOCKET_BUFFER_BYTES);
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    Ok(socket.into())
}

const SOCKET_BUFFER_BYTES: usize = 4 << 20;

/// 2027-01-01 00:00:00 UTC.
#[cfg(feature = "simulation")]
const SIMULATED_DATE: Duration = Duration::from_hours(20_819 * 24);
