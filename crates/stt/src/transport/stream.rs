//! Byte streams between machines: what TCP gives, or a simulation in its place.

use std::{
    fmt, io,
    net::SocketAddr,
    pin::Pin,
    task::{Context, Poll, ready},
};

use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpSocket, TcpStream},
};

/// Bytes both ways, in order.
pub trait ByteStream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> ByteStream for T {}

/// Some stream.
pub type BoxedStream = Box<dyn ByteStream>;

/// A connection that is being made.
pub type Connecting = Pin<Box<dyn Future<Output = io::Result<BoxedStream>> + Send>>;

/// Where byte streams come from.
pub trait ByteStreams: Send + Sync {
    /// Begins to take connections at an address.
    ///
    /// # Errors
    ///
    /// Those of binding a socket.
    fn listen(&self, address: SocketAddr) -> io::Result<Box<dyn ByteListener>>;

    /// Connects to an address.
    fn connect(&self, address: SocketAddr) -> Connecting;
}

/// Takes connections.
pub trait ByteListener: Send {
    /// The address it is bound to.
    ///
    /// # Errors
    ///
    /// Those of the operating system.
    fn local_addr(&self) -> io::Result<SocketAddr>;

    /// The next connection, and who it comes from.
    fn poll_accept(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<(BoxedStream, SocketAddr)>>;
}

/// A world without byte streams.
#[cfg(feature = "simulation")]
#[derive(Debug)]
pub(super) struct NoStreams;

#[cfg(feature = "simulation")]
impl ByteStreams for NoStreams {
    fn listen(&self, _: SocketAddr) -> io::Result<Box<dyn ByteListener>> {
        Err(io::ErrorKind::Unsupported.into())
    }

    fn connect(&self, _: SocketAddr) -> Connecting {
        Box::pin(async { Err(io::ErrorKind::Unsupported.into()) })
    }
}

/// The kernel's TCP, driven by Tokio.
#[derive(Debug)]
pub(super) struct KernelStreams;

impl ByteStreams for KernelStreams {
    fn listen(&self, address: SocketAddr) -> io::Result<Box<dyn ByteListener>> {
        let domain = socket2::Domain::for_address(address);
        let tcp = Some(socket2::Protocol::TCP);
        let socket = socket2::Socket::new(domain, socket2::Type::STREAM, tcp)?;
        if address.is_ipv6() {
            socket.set_only_v6(true)?;
        }
        // A restarted node shall not wait for connections of its last life to be forgotten.
        #[cfg(unix)]
        socket.set_reuse_address(true)?;
        socket.set_nonblocking(true)?;
        socket.bind(&address.into())?;
        socket.listen(BACKLOG)?;
        Ok(Box::new(TcpListener::from_std(socket.into())?))
    }

    fn connect(&self, address: SocketAddr) -> Connecting {
        Box::pin(async move {
            let socket = match address {
                SocketAddr::V4(_) => TcpSocket::new_v4()?,
                SocketAddr::V6(_) => TcpSocket::new_v6()?,
            };
            #[cfg(unix)]
            fit_any_way(&socket, address.ip());
            let stream = socket.connect(address).await?;
            Ok(tuned(stream))
        })
    }
}

/// A router that carries no large packets and does not say so would hold the first full segment back
/// for ever: most systems don't search for what fits. Segments that fit a way of 1,280 bytes cost
/// half a percent more, and the side that connects says for both how large they may be.
#[cfg(unix)]
fn fit_any_way(socket: &TcpSocket, to: std::net::IpAddr) {
    let headers = if to.is_ipv6() { 60 } else { 40 };
    if !to.is_loopback() {
        let _ = socket2::SockRef::from(socket).set_tcp_mss(LEAST_MTU - headers);
    }
}

impl ByteListener for TcpListener {
    fn local_addr(&self) -> io::Result<SocketAddr> {
        Self::local_addr(self)
    }

    fn poll_accept(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<(BoxedStream, SocketAddr)>> {
        let (stream, from) = ready!(Self::poll_accept(self, cx))?;
        Poll::Ready(Ok((tuned(stream), from)))
    }
}

/// What waits in the kernel can't be overtaken or dropped: so that little waits there, a socket
/// takes more only when nearly all it holds is on its way.
fn tuned(stream: TcpStream) -> BoxedStream {
    let _ = stream.set_nodelay(true);
    #[cfg(any(target_os = "linux", target_os = "android"))]
    let _ = socket2::SockRef::from(&stream).set_tcp_notsent_lowat(NOT_SENT_BYTES);
    Box::new(stream)
}

impl fmt::Debug for dyn ByteStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ByteStream")
    }
}

impl fmt::Debug for dyn ByteStreams {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ByteStreams")
    }
}

impl fmt::Debug for dyn ByteListener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ByteListener")
    }
}

/// What every link of IPv6 carries, and every link in use.
#[cfg(unix)]
const LEAST_MTU: u32 = 1_280;

/// Connections that the kernel keeps until we take them.
const BACKLOG: i32 = 256;

#[cfg(any(target_os = "linux", target_os = "android"))]
const NOT_SENT_BYTES: u32 = 128 << 10;
