//! The state of the network, behind one lock.
//!
//! Invariants: a direction's luck is a sequence of its own, named by its two addresses; whoever has
//! to be woken is returned, and woken when the lock is free.

use std::{
    collections::BTreeMap,
    io,
    net::{IpAddr, SocketAddr},
    num::NonZeroUsize,
    task::Waker,
};

use noq::udp::EcnCodepoint;

use crate::{
    capture::{Capture, Event},
    doors::Doors,
    fate::{Fate, LinkStats},
    inbox::{Arrival, Inbox},
    link::Link,
    local::Local,
    rng::Rng,
    routes::{Place, Routes},
    tcp::Streams,
    wire::{COPY_DELAY, Passage, Wire},
};

/// All that changes.
pub(crate) struct State {
    seed: u64,
    sequence: u64,
    next_port: u16,
    max_transmit_segments: NonZeroUsize,
    pub(crate) routes: Routes,
    pub(crate) doors: Doors,
    wires: BTreeMap<(SocketAddr, SocketAddr), Wire>,
    pub(crate) inboxes: BTreeMap<SocketAddr, Inbox>,
    pub(crate) capture: Capture,
    pub(crate) streams: Streams,
}

impl State {
    pub(crate) fn new(seed: u64, default: Link) -> Self {
        Self {
            seed,
            sequence: 0,
            next_port: FIRST_EPHEMERAL_PORT,
            max_transmit_segments: DEFAULT_TRANSMIT_SEGMENTS,
            routes: Routes::new(default),
            doors: Doors::default(),
            wires: BTreeMap::new(),
            inboxes: BTreeMap::new(),
            capture: Capture::new(),
            streams: Streams::default(),
        }
    }

    pub(crate) fn seed(&self) -> u64 {
        self.seed
    }

    pub(crate) fn max_transmit_segments(&self) -> NonZeroUsize {
        self.max_transmit_segments
    }

    pub(crate) fn set_max_transmit_segments(&mut self, segments: NonZeroUsize) {
        self.max_transmit_segments = segments;
    }

    /// Cuts and deaths; links are changed by [`change`](Self::change).
    pub(crate) fn routes_mut(&mut self) -> &mut Routes {
        &mut self.routes
    }

    pub(crate) fn capture(&self) -> &Capture {
        &self.capture
    }

    pub(crate) fn capture_mut(&mut self) -> &mut Capture {
        &mut self.capture
    }

    /// Changes links, those in use included.
    pub(crate) fn change(&mut self, f: impl FnOnce(&mut Routes)) {
        f(&mut self.routes);
        for ((from, to), wire) in &mut self.wires {
            wire.link
                .clone_from(self.routes.link((*from).into(), (*to).into()));
        }
    }

    pub(crate) fn kill(&mut self, place: Place) {
        self.routes.kill(place);
        self.doors.clear(place);
        for (addr, inbox) in &mut self.inboxes {
            if place.covers((*addr).into()) {
                inbox.clear();
            }
        }
    }

    pub(crate) fn stats(&self, from: Place, to: Place) -> LinkStats {
        let mut sum = LinkStats::default();
        for ((source, destination), wire) in &self.wires {
            if from.covers((*source).into()) && to.covers((*destination).into()) {
                sum.add(&wire.stats);
            }
        }
        sum
    }

    pub(crate) fn bind(&mut self, addr: SocketAddr) -> io::Result<Local> {
        let addr = match addr.port() {
            0 => self
                .free_address(addr.ip())
                .ok_or(io::ErrorKind::AddrInUse)?,
            _ => plain(addr),
        };
        self.check_free(addr)?;
        let local = Local::new(addr);
        self.inboxes.insert(addr, Inbox::new(local.clone()));
        Ok(local)
    }

    fn free_address(&mut self, ip: IpAddr) -> Option<SocketAddr> {
        for _ in FIRST_EPHEMERAL_PORT..=u16::MAX {
            let addr = SocketAddr::new(ip, self.next_port);
            self.next_port = self
                .next_port
                .checked_add(1)
                .unwrap_or(FIRST_EPHEMERAL_PORT);
            if !self.inboxes.contains_key(&addr) {
                return Some(addr);
            }
        }
        None
    }

    pub(crate) fn unbind(&mut self, addr: SocketAddr) {
        self.inboxes.remove(&addr);
    }

    pub(crate) fn inbox(&mut self, addr: SocketAddr) -> Option<&mut Inbox> {
        self.inboxes.get_mut(&addr)
    }

    pub(crate) fn transmit(
        &mut self,
        now: u64,
        from: SocketAddr,
        to: SocketAddr,
        ecn: Option<EcnCodepoint>,
        bytes: &[u8],
    ) -> Option<Waker> {
        let to = plain(to);
        let (from, refused) = self.depart(now, from, to);
        let passage = self.wire(from, to).pass(now, bytes.len(), ecn, refused);
        self.deliver(&Event {
            now,
            from,
            to,
            passage: &passage,
            bytes,
        })
    }

    /// The source that a packet has on its link, and why it doesn't even get there.
    fn depart(&mut self, now: u64, from: SocketAddr, to: SocketAddr) -> (SocketAddr, Option<Fate>) {
        let refusal = self.routes.refusal(from.into(), to.into());
        let source = match refusal.map_or_else(|| self.doors.depart(now, from, to), Err) {
            Ok(source) => source,
            Err(fate) => return (from, Some(fate)),
        };
        let is_there = self.is_there(to) && source.is_ipv4() == to.is_ipv4();
        let refused = (source != from)
            .then(|| self.routes.refusal(source.into(), to.into()))
            .flatten()
            .or_else(|| (!is_there).then_some(Fate::Unreachable));
        (source, refused)
    }

    /// Whether packets to an address reach a socket, or a NAT.
    fn is_there(&self, addr: SocketAddr) -> bool {
        self.inboxes.contains_key(&addr) || self.doors.is_nat(addr.ip())
    }

    pub(crate) fn inject(
        &mut self,
        now: u64,
        from: SocketAddr,
        to: SocketAddr,
        bytes: &[u8],
    ) -> Option<Waker> {
        let (from, to) = (plain(from), plain(to));
        let refused = if self.routes.is_dead(to.into()) {
            Some(Fate::Dead)
        } else if self.doors.is_without_udp(to.ip()) {
            Some(Fate::Filtered)
        } else {
            (!self.is_there(to)).then_some(Fate::Unreachable)
        };
        let passage = self.wire(from, to).inject(now, refused);
        self.deliver(&Event {
            now,
            from,
            to,
            passage: &passage,
            bytes,
        })
    }

    pub(crate) fn wire(&mut self, from: SocketAddr, to: SocketAddr) -> &mut Wire {
        self.wires.entry((from, to)).or_insert_with(|| {
            let name = format!("{from} {to}");
            let rng = Rng::named(self.seed, &[b"wire", name.as_bytes()]);
            let link = self.routes.link(from.into(), to.into()).clone();
            Wire::new(link, rng, to.is_ipv6())
        })
    }

    /// Records a packet and sends its copies on their way.
    fn deliver(&mut self, event: &Event<'_>) -> Option<Waker> {
        self.capture.add(event);
        let is_guarded = self.doors.is_guarded(event.to.ip());
        let mut inbox = self.inboxes.get_mut(&event.to);
        let Passage {
            arrival,
            copies,
            flip,
            ecn,
            ..
        } = *event.passage;
        let mut receiver = None;
        for copy in 0..u64::from(copies) {
            let mut bytes = event.bytes.to_vec();
            if let Some(byte) = flip.and_then(|bit| bytes.get_mut(bit / 8)) {
                *byte ^= 1 << (flip.unwrap_or(0) % 8);
            }
            self.sequence += 1;
            let at = arrival.saturating_add(copy * COPY_DELAY);
            let from = event.from;
            let arrival = Arrival {
                at,
                sequence: self.sequence,
                from,
                ecn,
                bytes,
            };
            if is_guarded {
                self.doors.queue.push(arrival, event.to);
            } else if let Some(inbox) = &mut inbox {
                let woken = inbox.push(arrival);
                receiver = receiver.or(woken);
            }
        }
        receiver
    }
}

/// An address without IPv6 flow and scope, which would tell equal addresses apart.
fn plain(addr: SocketAddr) -> SocketAddr {
    SocketAddr::new(addr.ip(), addr.port())
}

/// RFC 6335, section 6.
const FIRST_EPHEMERAL_PORT: u16 = 49152;

/// What the engine clamps every larger value to.
const DEFAULT_TRANSMIT_SEGMENTS: NonZeroUsize = NonZeroUsize::new(10).unwrap();
