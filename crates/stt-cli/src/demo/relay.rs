//! Stands between a dialler and a node, passes on each packet, and counts what comes back.

use std::{
    net::SocketAddr,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
};

use tokio::{net::UdpSocket, task::JoinHandle};

use super::pair::loopback;

/// A relay for one dialler; gone when dropped.
pub(super) struct CountingRelay {
    pub(super) address: SocketAddr,
    counts: Arc<Counts>,
    task: JoinHandle<()>,
}

#[derive(Default)]
struct Counts {
    there: AtomicU64,
    back: AtomicU64,
    first: Mutex<Vec<Vec<u8>>>,
}

impl Counts {
    fn keep(&self, packet: &[u8]) {
        self.there.fetch_add(1, Relaxed);
        let mut first = self.first.lock().unwrap_or_else(PoisonError::into_inner);
        if first.len() < FIRST_PACKETS {
            first.push(packet.to_vec());
        }
    }
}

impl CountingRelay {
    pub(super) async fn start(to: SocketAddr) -> anyhow::Result<Self> {
        let front = UdpSocket::bind(loopback()).await?;
        let back = UdpSocket::bind(loopback()).await?;
        back.connect(to).await?;
        let counts = Arc::new(Counts::default());
        Ok(Self {
            address: front.local_addr()?,
            counts: Arc::clone(&counts),
            task: tokio::spawn(async move { pass_on(&front, &back, &counts).await }),
        })
    }

    /// Packets of the dialler so far.
    pub(super) fn there(&self) -> u64 {
        self.counts.there.load(Relaxed)
    }

    /// Packets of the node so far.
    pub(super) fn back(&self) -> u64 {
        self.counts.back.load(Relaxed)
    }

    /// The dialler's first packets, as they were.
    pub(super) fn first_packets(&self) -> Vec<Vec<u8>> {
        let first = self.counts.first.lock();
        first.unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Drop for CountingRelay {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn pass_on(front: &UdpSocket, back: &UdpSocket, counts: &Counts) {
    let (mut there, mut here) = (vec![0; MAX_PACKET], vec![0; MAX_PACKET]);
    let mut dialler = None;
    loop {
        tokio::select! {
            Ok((len, from)) = front.recv_from(&mut there) => {
                dialler = Some(from);
                counts.keep(&there[..len]);
                // A lost packet is the business of those who speak.
                let _ = back.send(&there[..len]).await;
            }
            Ok(len) = back.recv(&mut here) => {
                counts.back.fetch_add(1, Relaxed);
                if let Some(dialler) = dialler {
                    let _ = front.send_to(&here[..len], dialler).await;
                }
            }
            else => return,
        }
    }
}

/// The largest UDP payload there is.
const MAX_PACKET: usize = 65_535;

/// Packets kept: a dialler's hello takes two.
const FIRST_PACKETS: usize = 4;
