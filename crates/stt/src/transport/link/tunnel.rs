//! Datagrams in and out of something that is not UDP.
//!
//! The engine puts packets in and never waits; whoever carries the tunnel takes them out, and
//! delivers what comes from the other end. A queue towards the carrier holds 64 KiB, or more as long
//! as nothing in it is older than 20 ms; beyond that packets are lost, as on any link that is too
//! slow, and the engine's congestion control learns of it. A queue towards the engine holds 256 KiB,
//! and then the carrier waits, which in turn slows down the sender's TCP.

use std::{
    collections::{HashMap, VecDeque},
    fmt,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    task::{Context, Poll},
    time::{Duration, Instant},
};

use bytes::Bytes;
use futures_util::task::AtomicWaker;
use noq::udp::Transmit;
use parking_lot::{Mutex, RwLock};
use tokio::sync::{Notify, watch};

use super::address::{PathKind, tunnel_address};
use crate::transport::platform::Platform;

/// All tunnels of a node.
pub(super) struct Tunnels {
    platform: Platform,
    open: RwLock<HashMap<u64, Arc<Queues>>>,
    next: AtomicU64,
    /// Those with something for the engine, in the order in which it came.
    arrived: Mutex<VecDeque<Arc<Queues>>>,
    engine: AtomicWaker,
}

/// One end of a tunnel, for whoever carries it. Dropping it ends the tunnel: what the engine sends
/// into it from then on is lost.
pub(crate) struct Tunnel {
    pub(super) queues: Arc<Queues>,
    tunnels: Arc<Tunnels>,
}

/// Who is at the other end of a tunnel, as far as the carrier knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Origin {
    /// The address the carrier is connected to: a peer's, a proxy's, or a relay's.
    pub(crate) address: SocketAddr,
    /// What the tunnel consists of.
    pub(crate) kind: PathKind,
}

/// Datagrams to be carried, one after the other, all but the last of one length.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Batch {
    contents: Bytes,
    segment: usize,
}

pub(super) struct Queues {
    number: u64,
    /// What the engine calls the other end.
    address: SocketAddr,
    origin: Origin,
    outbound: Mutex<Outbound>,
    carrier: Notify,
    inbound: Mutex<Inbound>,
    room: Notify,
    /// How many use the tunnel.
    pub(super) holders: watch::Sender<usize>,
    /// What they use it for is theirs to say.
    pub(super) carried_at: Mutex<Option<Instant>>,
}

#[derive(Default)]
struct Outbound {
    batches: VecDeque<(Instant, Batch)>,
    bytes: usize,
    lost: u64,
}

#[derive(Default)]
struct Inbound {
    datagrams: VecDeque<Bytes>,
    bytes: usize,
    /// Whether it stands in the list of those with something for the engine.
    is_listed: bool,
}

impl Batch {
    fn copy_of(transmit: &Transmit<'_>) -> Self {
        let contents = Bytes::copy_from_slice(transmit.contents);
        let segment = transmit.segment_size.unwrap_or(contents.len()).max(1);
        Self { contents, segment }
    }

    /// The datagrams, in order.
    pub(crate) fn datagrams(&self) -> impl Iterator<Item = Bytes> + '_ {
        (0..self.contents.len()).step_by(self.segment).map(|start| {
            let end = self.contents.len().min(start + self.segment);
            self.contents.slice(start..end)
        })
    }
}

impl Tunnels {
    pub(super) fn new(platform: Platform) -> Arc<Self> {
        Arc::new(Self {
            platform,
            open: RwLock::default(),
            next: AtomicU64::new(1),
            arrived: Mutex::default(),
            engine: AtomicWaker::new(),
        })
    }

    pub(super) fn open(self: &Arc<Self>, origin: Origin) -> Tunnel {
        let number = self.next.fetch_add(1, Relaxed);
        let queues = Arc::new(Queues {
            number,
            address: tunnel_address(origin.kind, number),
            origin,
            outbound: Mutex::default(),
            carrier: Notify::new(),
            inbound: Mutex::default(),
            room: Notify::new(),
            holders: watch::Sender::default(),
            carried_at: Mutex::default(),
        });
        self.open.write().insert(number, Arc::clone(&queues));
        Tunnel {
            queues,
            tunnels: Arc::clone(self),
        }
    }

    pub(super) fn queues(&self, number: u64) -> Option<Arc<Queues>> {
        self.open.read().get(&number).cloned()
    }

    pub(super) fn origin(&self, number: u64) -> Option<Origin> {
        Some(self.open.read().get(&number)?.origin)
    }

    /// Takes what the engine sends; never waits.
    pub(super) fn send(&self, number: u64, transmit: &Transmit<'_>) {
        let Some(queues) = self.queues(number) else {
            return;
        };
        let now = self.platform.now();
        if queues.outbound.lock().push(now, transmit) {
            queues.carrier.notify_one();
        }
    }

    /// Hands out what has arrived, a datagram of each tunnel in turn, until `take` has no room.
    pub(super) fn poll_arrived(
        &self,
        cx: &Context<'_>,
        mut take: impl FnMut(SocketAddr, &[u8]) -> Room,
    ) -> Poll<()> {
        self.engine.register(cx.waker());
        let mut any = false;
        loop {
            let Some(queues) = self.arrived.lock().pop_front() else {
                return if any { Poll::Ready(()) } else { Poll::Pending };
            };
            let mut inbound = queues.inbound.lock();
            let Some(datagram) = inbound.pop() else {
                inbound.is_listed = false;
                continue;
            };
            let room = take(queues.address, &datagram);
            any = true;
            inbound.is_listed = !inbound.datagrams.is_empty();
            let is_listed = inbound.is_listed;
            drop(inbound);
            queues.room.notify_one();
            if is_listed {
                self.arrived.lock().push_back(queues);
            }
            if room == Room::None {
                return Poll::Ready(());
            }
        }
    }

    fn deliver(&self, queues: &Arc<Queues>, datagram: &Bytes) -> Room {
        {
            let mut inbound = queues.inbound.lock();
            if inbound.bytes >= INBOUND_BYTES {
                return Room::None;
            }
            inbound.bytes += cost(datagram.len());
            inbound.datagrams.push_back(datagram.clone());
            if std::mem::replace(&mut inbound.is_listed, true) {
                return Room::More;
            }
        }
        self.arrived.lock().push_back(Arc::clone(queues));
        self.engine.wake();
        Room::More
    }
}

/// Whether another one fits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Room {
    More,
    None,
}

impl Outbound {
    /// Whether it was taken.
    fn push(&mut self, now: Instant, transmit: &Transmit<'_>) -> bool {
        let waiting = self.batches.front().map_or(Duration::ZERO, |(since, _)| {
            now.saturating_duration_since(*since)
        });
        let is_full = self.bytes >= OUTBOUND_BYTES && waiting > OUTBOUND_AGE;
        if is_full || self.bytes >= OUTBOUND_BYTES_AT_MOST {
            self.lost += 1;
            return false;
        }
        let batch = Batch::copy_of(transmit);
        self.bytes += cost(batch.contents.len());
        self.batches.push_back((now, batch));
        true
    }
}

impl Inbound {
    fn pop(&mut self) -> Option<Bytes> {
        let datagram = self.datagrams.pop_front()?;
        self.bytes -= cost(datagram.len());
        Some(datagram)
    }
}

/// What a datagram takes of a queue: tiny ones cost memory too.
const fn cost(length: usize) -> usize {
    length + 64
}

impl Tunnel {
    /// What the engine calls the other end.
    pub(crate) fn address(&self) -> SocketAddr {
        self.queues.address
    }

    /// The next to be carried, in order; waits for one. Loses nothing when dropped.
    pub(crate) async fn outbound(&self) -> Batch {
        loop {
            if let Some(batch) = self.try_outbound() {
                return batch;
            }
            self.queues.carrier.notified().await;
        }
    }

    /// The next to be carried, if there is one.
    pub(crate) fn try_outbound(&self) -> Option<Batch> {
        let mut outbound = self.queues.outbound.lock();
        let (_, batch) = outbound.batches.pop_front()?;
        outbound.bytes -= cost(batch.contents.len());
        Some(batch)
    }

    /// Gives the engine what came from the other end, unless it is behind: then the datagram is lost.
    pub(crate) fn deliver_or_lose(&self, datagram: &Bytes) {
        let _ = self.tunnels.deliver(&self.queues, datagram);
    }

    /// Gives the engine what came from the other end; waits while the engine is behind. Dropped
    /// while it waits, it has delivered nothing.
    pub(crate) async fn deliver(&self, datagram: Bytes) {
        while self.tunnels.deliver(&self.queues, &datagram) == Room::None {
            self.queues.room.notified().await;
        }
    }
}

impl Drop for Tunnel {
    fn drop(&mut self) {
        self.tunnels.open.write().remove(&self.queues.number);
    }
}

impl fmt::Debug for Tunnel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tunnel")
            .field("number", &self.queues.number)
            .field("origin", &self.queues.origin)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Tunnels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tunnels")
            .field("open", &self.open.read().len())
            .finish_non_exhaustive()
    }
}

const OUTBOUND_BYTES: usize = 64 << 10;
const OUTBOUND_AGE: Duration = Duration::from_millis(20);
/// Whatever their age: 20 ms at 1.6 Gbit/s.
const OUTBOUND_BYTES_AT_MOST: usize = 4 << 20;
const INBOUND_BYTES: usize = 256 << 10;

#[cfg(test)]
mod tests {
    use futures_util::{FutureExt, task::noop_waker};

    use super::*;

    fn tunnels() -> Arc<Tunnels> {
        Tunnels::new(Platform::system())
    }

    fn origin() -> Origin {
        Origin {
            address: SocketAddr::from(([192, 0, 2, 1], 443)),
            kind: PathKind::WebSocket,
        }
    }

    fn transmit(contents: &[u8], segment_size: Option<usize>) -> Transmit<'_> {
        Transmit {
            destination: SocketAddr::from(([0; 16], 1)),
            ecn: None,
            contents,
            segment_size,
            src_ip: None,
        }
    }

    fn arrived(tunnels: &Tunnels, room: usize) -> Vec<(SocketAddr, Vec<u8>)> {
        let mut taken = Vec::new();
        let waker = noop_waker();
        let polled = tunnels.poll_arrived(&Context::from_waker(&waker), |from, datagram| {
            taken.push((from, datagram.to_vec()));
            if taken.len() < room {
                Room::More
            } else {
                Room::None
            }
        });
        assert_eq!(polled.is_ready(), !taken.is_empty());
        taken
    }

    #[test]
    fn a_batch_is_carried_as_the_datagrams_it_consists_of() {
        let tunnels = tunnels();
        let tunnel = tunnels.open(origin());
        tunnels.send(1, &transmit(b"aaabbbc", Some(3)));
        tunnels.send(1, &transmit(b"dd", None));
        tunnels.send(2, &transmit(b"into no tunnel", None));
        let carried: Vec<Bytes> = std::iter::from_fn(|| tunnel.try_outbound())
            .flat_map(|batch| batch.datagrams().collect::<Vec<_>>())
            .collect();
        assert_eq!(carried, ["aaa", "bbb", "c", "dd"].map(Bytes::from));
    }

    #[test]
    fn tunnels_take_turns_with_the_engine() {
        let tunnels = tunnels();
        let (one, two) = (tunnels.open(origin()), tunnels.open(origin()));
        for datagram in ["1a", "1b", "1c"] {
            one.deliver(datagram.into()).now_or_never().unwrap();
        }
        two.deliver("2a".into()).now_or_never().unwrap();
        let mut taken = arrived(&tunnels, 3);
        taken.extend(arrived(&tunnels, 3));
        let expected = [(&one, "1a"), (&two, "2a"), (&one, "1b"), (&one, "1c")]
            .map(|(tunnel, datagram)| (tunnel.address(), datagram.as_bytes().to_vec()));
        assert_eq!(taken, expected);
        assert!(arrived(&tunnels, 3).is_empty());
    }

    #[test]
    fn a_carrier_waits_while_the_engine_is_behind_and_goes_on_when_it_is_not() {
        let tunnels = tunnels();
        let tunnel = tunnels.open(origin());
        let datagram = Bytes::from(vec![0; 1_200]);
        let mut delivered = 0;
        while tunnel.deliver(datagram.clone()).now_or_never().is_some() {
            delivered += 1;
            assert!(delivered < 1_000, "the queue has no bound");
        }
        let mut waiting = Box::pin(tunnel.deliver(datagram));
        assert!(waiting.as_mut().now_or_never().is_none());
        assert_eq!(arrived(&tunnels, 1).len(), 1);
        assert!(waiting.now_or_never().is_some());
    }

    #[test]
    fn a_queue_that_stands_still_loses_what_is_beyond_its_bound_and_a_fast_one_does_not() {
        let mut queue = Outbound::default();
        let start = Instant::now();
        let contents = [0; 1_200];
        let packets = 2 * OUTBOUND_BYTES / contents.len();
        for _ in 0..packets {
            assert!(queue.push(start, &transmit(&contents, None)), "a burst");
        }
        let later = start + OUTBOUND_AGE + Duration::from_millis(1);
        assert!(!queue.push(later, &transmit(&contents, None)));
        assert_eq!(queue.lost, 1);
        while queue.push(start, &transmit(&contents, None)) {
            assert!(queue.bytes <= OUTBOUND_BYTES_AT_MOST + cost(contents.len()));
        }
    }

    #[test]
    fn what_is_sent_into_a_tunnel_that_ended_is_lost() {
        let tunnels = tunnels();
        let tunnel = tunnels.open(origin());
        assert_eq!(tunnels.origin(1), Some(origin()));
        drop(tunnel);
        assert_eq!(tunnels.origin(1), None);
        tunnels.send(1, &transmit(b"late", None));
    }
}
