//! A host: a kernel of its own for sockets and programs, with one uplink or several.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use crate::capture::Capture;
use crate::error::{Attempt, LabError};
use crate::lab::Lab;
use crate::namespace::Namespace;
use crate::network::Network;
use crate::process::Program;
use crate::router::Nat;
use crate::uplink::{Rank, Uplink};

/// How long a socket waits for what does not come.
const PATIENCE: Duration = Duration::from_secs(3);

/// A host. It is gone when this value and the [`Lab`] are.
#[derive(Debug)]
pub struct Host {
    namespace: Arc<Namespace>,
    uplinks: Mutex<Vec<Uplink>>,
}

impl Host {
    pub(crate) fn attached(
        namespace: Arc<Namespace>,
        network: &Arc<Network>,
    ) -> Result<Self, LabError> {
        let host = Self {
            namespace,
            uplinks: Mutex::default(),
        };
        host.attach(network)?;
        Ok(host)
    }

    /// Adds an uplink to the internet. The first uplink stays the way out, until it is down or
    /// another is preferred.
    ///
    /// # Errors
    /// [`LabError`], if the machine refuses.
    pub fn attach_public(&self, lab: &Lab) -> Result<Uplink, LabError> {
        self.attach(lab.network())
    }

    /// Adds an uplink to the LAN of a NAT.
    ///
    /// # Errors
    /// [`LabError`], if the machine refuses.
    pub fn attach_behind(&self, nat: &Nat) -> Result<Uplink, LabError> {
        self.attach(nat.network())
    }

    fn attach(&self, network: &Arc<Network>) -> Result<Uplink, LabError> {
        let mut uplinks = self.lock();
        let order = uplinks.len();
        let device = format!("eth{order}");
        let order = u32::try_from(order).unwrap_or(u32::MAX / 2);
        let uplink = Uplink::attach(&self.namespace, network, &device, order)?;
        uplinks.push(uplink.clone());
        Ok(uplink)
    }

    /// Makes an uplink of this host the way out; the others stay up.
    ///
    /// # Errors
    /// [`LabError`], if the machine refuses.
    pub fn prefer(&self, uplink: &Uplink) -> Result<(), LabError> {
        for other in self.lock().iter() {
            other.prefer(Rank::Spare)?;
        }
        uplink.prefer(Rank::Preferred)
    }

    /// The uplinks, in the order of attachment.
    pub fn uplinks(&self) -> Vec<Uplink> {
        self.lock().clone()
    }

    /// The first uplink.
    pub fn uplink(&self) -> Uplink {
        self.lock()[0].clone()
    }

    /// The IPv4 address of the first uplink.
    pub fn ipv4(&self) -> Ipv4Addr {
        self.uplink().ipv4()
    }

    /// The IPv6 address of the first uplink, if it has one.
    pub fn ipv6(&self) -> Option<Ipv6Addr> {
        self.uplink().ipv6()
    }

    /// The name of its namespace, for `ip netns exec`.
    pub fn namespace(&self) -> &str {
        self.namespace.name()
    }

    /// A UDP socket of this host on all its IPv4 addresses; port 0 means any. It reads for at most
    /// three seconds.
    ///
    /// # Errors
    /// [`LabError::Io`], if the port is taken.
    pub fn udp(&self, port: u16) -> Result<UdpSocket, LabError> {
        self.udp_at(SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), port))
    }

    /// A UDP socket of this host at an address of its own. It reads for at most three seconds.
    ///
    /// # Errors
    /// [`LabError::Io`], if the address is not this host's, or is taken.
    pub fn udp_at(&self, address: SocketAddr) -> Result<UdpSocket, LabError> {
        let open = || -> io::Result<UdpSocket> {
            let socket = UdpSocket::bind(address)?;
            socket.set_read_timeout(Some(PATIENCE))?;
            Ok(socket)
        };
        let action = format!("bind UDP to {address} in {}", self.namespace());
        self.namespace.enter(open)?.attempt(action)
    }

    /// A TCP listener of this host on all its IPv4 addresses.
    ///
    /// # Errors
    /// [`LabError::Io`], if the port is taken.
    pub fn tcp_listen(&self, port: u16) -> Result<TcpListener, LabError> {
        let action = format!("listen on TCP {port} in {}", self.namespace());
        self.namespace
            .enter(|| TcpListener::bind((Ipv4Addr::UNSPECIFIED, port)))?
            .attempt(action)
    }

    /// A TCP connection from this host.
    ///
    /// # Errors
    /// [`LabError::Io`], if it does not come about within `patience`.
    pub fn tcp_connect(&self, to: SocketAddr, patience: Duration) -> Result<TcpStream, LabError> {
        let action = format!("connect by TCP to {to} from {}", self.namespace());
        self.namespace
            .enter(|| TcpStream::connect_timeout(&to, patience))?
            .attempt(action)
    }

    /// Calls `work` on a thread of its own inside this host. Sockets it opens are this host's for
    /// good; threads it starts are inside too, so a runtime may be built and run here.
    ///
    /// # Errors
    /// [`LabError::Io`], if the kernel refuses.
    ///
    /// # Panics
    /// As `work` does.
    pub fn enter<T: Send>(&self, work: impl FnOnce() -> T + Send) -> Result<T, LabError> {
        self.namespace.enter(work)
    }

    /// Starts a thread inside this host, and returns at once: for a node of this process that lives
    /// as long as a test, with a runtime of its own.
    ///
    /// # Errors
    /// [`LabError::Io`], if the kernel refuses.
    pub fn spawn<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<JoinHandle<T>, LabError> {
        self.namespace.spawn(work)
    }

    /// Starts to keep what goes in and out of this host, up to `limit` bytes.
    ///
    /// # Errors
    /// [`LabError::Io`], if the kernel refuses.
    pub fn capture(&self, limit: usize) -> Result<Capture, LabError> {
        Capture::start(&self.namespace, limit)
    }

    /// A program that will run on this host.
    pub fn program(&self, path: impl AsRef<Path>) -> Program {
        Program::new(self.namespace.command(path.as_ref()))
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Uplink>> {
        self.uplinks.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
