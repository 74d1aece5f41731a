//! Byte streams over the same links as packets: what TCP does, without its packets.
//!
//! What is written goes through the link piece by piece. A piece that is lost, damaged or finds the
//! queue full arrives about a round trip late, and everything behind it too; while a link is down or
//! a host is dead, all waits, and goes on after it. A window of 256 KiB bounds what is written and
//! not yet read. Nothing is told to the other side faster than its latency, except that room in the
//! window is known at once.
//!
//! Not here: congestion control, keep-alives, timeouts. A stream lives until an end closes it or
//! [`Net::reset`] cuts it.

mod listener;
mod pipe;
mod stream;

use std::{
    collections::{BTreeMap, VecDeque},
    io,
    net::{IpAddr, SocketAddr},
    task::Waker,
};

pub use self::{listener::SimListener, stream::SimStream};
use crate::{
    fate::Fate,
    net::{Net, Shared},
    routes::Place,
    state::State,
    timer::{Timer, nanos},
};
use pipe::Pipe;

/// All byte streams of a network.
#[derive(Debug, Default)]
pub(crate) struct Streams {
    listening: BTreeMap<SocketAddr, Backlog>,
    pipes: BTreeMap<Way, Pipe>,
    opened: u64,
}

/// One direction of a stream: from, to.
type Way = (SocketAddr, SocketAddr);

#[derive(Debug, Default)]
struct Backlog {
    waiting: VecDeque<SocketAddr>,
    waker: Option<Waker>,
}

impl Net {
    /// Listens for byte streams at a concrete address; port 0 takes a free one.
    ///
    /// # Errors
    ///
    /// `AddrInUse` when somebody listens there, `AddrNotAvailable` for `0.0.0.0` and `[::]`.
    pub fn listen(&self, addr: SocketAddr) -> io::Result<SimListener> {
        let addr = self.shared().state().listen(addr)?;
        Ok(SimListener::new(self.shared().clone(), addr))
    }

    /// Opens a byte stream. It has a port of its own, but what becomes of it is what becomes of
    /// packets between `from` and `to`, whose link it shares. Tries for as long as nothing comes
    /// back.
    ///
    /// # Errors
    ///
    /// `ConnectionRefused` when nobody listens there.
    pub async fn connect(&self, from: SocketAddr, to: SocketAddr) -> io::Result<SimStream> {
        let shared = self.shared();
        let local = shared.state().stream_address(from.ip());
        let arrival = loop {
            let now = shared.core.now();
            let sent = shared.state().send_piece(now, (from, to), 0);
            match sent {
                Some(at) => break at,
                None => sleep_until(shared, now + RETRY_CONNECT).await,
            }
        };
        sleep_until(shared, arrival).await;
        let way = (local, to);
        let met = shared.state().meet(way, from);
        let back = shared.state().latency((to, from));
        let stream = met.map(|listener| {
            listener.into_iter().for_each(Waker::wake);
            SimStream::new(shared.clone(), way)
        });
        sleep_until(shared, shared.core.now() + back).await;
        stream.map_err(Into::into)
    }

    /// Cuts all byte streams between two places: both ends find out at once.
    pub fn reset(&self, a: impl Into<Place>, b: impl Into<Place>) {
        let woken = self.shared().state().reset(a.into(), b.into());
        woken.into_iter().for_each(Waker::wake);
    }
}

async fn sleep_until(shared: &Shared, at: u64) {
    let mut timer = Timer::new(shared.core.clone(), at);
    std::future::poll_fn(|cx| timer.poll_due(cx)).await;
}

impl State {
    fn listen(&mut self, addr: SocketAddr) -> io::Result<SocketAddr> {
        if addr.ip().is_unspecified() {
            return Err(io::ErrorKind::AddrNotAvailable.into());
        }
        let addr = match addr.port() {
            0 => self.stream_address(addr.ip()),
            _ => addr,
        };
        if self.streams.listening.contains_key(&addr) {
            return Err(io::ErrorKind::AddrInUse.into());
        }
        self.streams.listening.insert(addr, Backlog::default());
        Ok(addr)
    }

    fn stream_address(&mut self, ip: IpAddr) -> SocketAddr {
        let port = FIRST_STREAM_PORT + (self.streams.opened % STREAM_PORTS) as u16;
        self.streams.opened += 1;
        SocketAddr::new(ip, port)
    }

    fn latency(&mut self, (from, to): Way) -> u64 {
        nanos(self.wire(from, to).link.latency)
    }

    /// When a piece of a stream arrives; `None` while nothing does.
    fn send_piece(&mut self, now: u64, (from, to): Way, len: usize) -> Option<u64> {
        let refused = self.routes_mut().refusal(from.into(), to.into());
        let wire = self.wire(from, to);
        let passage = wire.pass(now, len, None, refused);
        let late = 3 * nanos(wire.link.latency) + LATE;
        match passage.fate {
            Fate::Delivered if passage.flip.is_none() => Some(passage.arrival),
            Fate::Delivered | Fate::Lost | Fate::QueueFull | Fate::TooBig => Some(now + late),
            _ => None,
        }
    }

    /// The longest piece that the link carries.
    fn longest_piece(&mut self, (from, to): Way) -> usize {
        self.wire(from, to).link.mtu.clamp(1, LONGEST_PIECE)
    }

    /// Somebody's stream arrives; returns whom to wake.
    fn meet(&mut self, (local, to): Way, from: SocketAddr) -> Result<Option<Waker>, io::ErrorKind> {
        let refused = io::ErrorKind::ConnectionRefused;
        let backlog = self.streams.listening.get_mut(&to).ok_or(refused)?;
        if backlog.waiting.len() >= BACKLOG {
            return Err(refused);
        }
        backlog.waiting.push_back(local);
        let waker = backlog.waker.take();
        let (out, back) = (Pipe::new((from, to)), Pipe::new((to, from)));
        self.streams.pipes.insert((local, to), out);
        self.streams.pipes.insert((to, local), back);
        Ok(waker)
    }

    fn reset(&mut self, a: Place, b: Place) -> Vec<Waker> {
        let is_between = |(from, to): &Way| {
            let (from, to) = ((*from).into(), (*to).into());
            a.covers(from) && b.covers(to) || b.covers(from) && a.covers(to)
        };
        let pipes = self.streams.pipes.iter_mut();
        pipes
            .filter(|(_, pipe)| is_between(&pipe.route))
            .flat_map(|(_, pipe)| pipe.reset())
            .collect()
    }
}

/// Streams that wait to be taken.
const BACKLOG: usize = 128;

/// Below those that sockets for packets get.
const FIRST_STREAM_PORT: u16 = 20_000;
const STREAM_PORTS: u64 = 20_000;

/// What TCP and IP leave of an Ethernet frame, about.
const LONGEST_PIECE: usize = 1_448;

/// A second (RFC 6298).
const RETRY_CONNECT: u64 = 1_000_000_000;

/// What a lost piece takes beyond round trips: 10 ms.
const LATE: u64 = 10_000_000;
