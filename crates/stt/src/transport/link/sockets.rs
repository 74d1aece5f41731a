//! The UDP sockets below the engine's one.
//!
//! Sockets come and go while senders and the receiver use them, so these keep a copy of the list,
//! and look at one number to see whether it is still true.

use std::{
    io,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
};

use futures_util::task::AtomicWaker;
use noq::AsyncUdpSocket;
use parking_lot::{Mutex, RwLock};

use super::address::Local;

/// One bound UDP socket.
#[derive(Debug)]
pub(super) struct UdpSocket {
    pub(super) socket: Mutex<Box<dyn AsyncUdpSocket>>,
    pub(super) address: SocketAddr,
    /// Among those of its family; 0 is the one that is used when nothing else is said.
    pub(super) number: u16,
    pub(super) origin: Origin,
    /// Paths that need it, if it came from a crowd.
    pub(super) holders: AtomicUsize,
}

/// How long a socket stays.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Origin {
    /// As long as the node: it was asked for.
    Bound,
    /// As long as a path uses it.
    Crowd,
}

impl UdpSocket {
    /// Where it is now: an address can change below a socket.
    pub(super) fn address_now(&self) -> SocketAddr {
        let now = self.socket.lock().local_addr();
        now.unwrap_or(self.address)
    }

    /// Whether packets of this local side to this remote address leave here.
    pub(super) fn serves(&self, remote: SocketAddr, local: Option<Local>) -> bool {
        self.address.is_ipv6() == remote.is_ipv6()
            && self.number == local.map_or(0, |local| local.socket)
    }
}

/// The sockets of a node.
#[derive(Debug, Default)]
pub(super) struct Sockets {
    list: RwLock<Vec<Arc<UdpSocket>>>,
    changes: AtomicU64,
    pub(super) receiver: AtomicWaker,
}

impl Sockets {
    /// Takes a socket in.
    pub(super) fn add(&self, socket: Box<dyn AsyncUdpSocket>) -> io::Result<Arc<UdpSocket>> {
        self.add_as(socket, Origin::Bound)
    }

    pub(super) fn add_as(
        &self,
        socket: Box<dyn AsyncUdpSocket>,
        origin: Origin,
    ) -> io::Result<Arc<UdpSocket>> {
        let address = socket.local_addr()?;
        let mut list = self.list.write();
        let of_family = list
            .iter()
            .filter(|other| other.address.is_ipv6() == address.is_ipv6());
        let highest = of_family.map(|other| other.number).max();
        let number = match highest {
            None => 0,
            Some(highest) => highest.checked_add(1).ok_or(io::ErrorKind::OutOfMemory)?,
        };
        let socket = Arc::new(UdpSocket {
            socket: Mutex::new(socket),
            address,
            number,
            origin,
            holders: AtomicUsize::new(0),
        });
        list.push(Arc::clone(&socket));
        self.changes.fetch_add(1, Ordering::Release);
        drop(list);
        self.receiver.wake();
        Ok(socket)
    }

    pub(super) fn remove(&self, socket: &Arc<UdpSocket>) {
        let mut list = self.list.write();
        list.retain(|other| !Arc::ptr_eq(other, socket));
        self.changes.fetch_add(1, Ordering::Release);
        drop(list);
        self.receiver.wake();
    }

    pub(super) fn all(&self) -> Vec<Arc<UdpSocket>> {
        self.list.read().clone()
    }

    /// The list, if it has changed since `seen`, which is brought up to date.
    pub(super) fn if_changed(&self, seen: &mut u64) -> Option<Vec<Arc<UdpSocket>>> {
        if self.changes.load(Ordering::Acquire) == *seen {
            return None;
        }
        let list = self.list.read();
        *seen = self.changes.load(Ordering::Acquire);
        Some(list.clone())
    }
}
