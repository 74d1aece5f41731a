//! Many ports at once, where one of the two is behind a translator that maps for each peer.
//!
//! Such a node, the *hard* side, can't say where it will be seen by a peer, and what it sends is let in
//! only if the peer, the *easy* side, has sent to that very port before. So the hard side sends from
//! many sockets, and the easy side guesses ports: of 64,512, with 256 that are right, 175 guesses find
//! one with even odds, 755 with 95 %, and all [`GUESSES`] with 99.97 %.
//!
//! Where both sides are hard this is hopeless, and not tried.
//!
//! spec: REACH-31 to REACH-33

use std::{
    net::{IpAddr, SocketAddr},
    task::{Context, Poll},
    time::{Duration, Instant},
};

use stt_wire::{Candidate, Candidates, Mapping};

use super::{super::core::Core, reach::Reach};
use crate::transport::link::{ArrivedProbe, Crowd, Knock, PathKind, Spot};

/// An attempt under way.
pub(super) struct Many {
    pub(super) part: Part,
    pub(super) next: Instant,
    until: Instant,
}

/// What this side does in it.
pub(super) enum Part {
    /// Guesses ports of this host.
    Easy { host: IpAddr, left: u32 },
    /// Sends to these places from many sockets.
    Hard {
        crowd: Crowd,
        places: Vec<SocketAddr>,
        /// The next socket to send from, and how often all of them have.
        at: usize,
        rounds: u32,
    },
}

/// A probe to be sent.
pub(super) struct Throw {
    /// From which socket of the crowd; `None` is the engine's first.
    pub(super) from: Option<usize>,
    pub(super) to: SocketAddr,
}

impl Many {
    /// Begins one, if there is a chance.
    pub(super) fn begin(core: &Core, peer: &Candidates) -> Option<Self> {
        let ours = core.link.mapping();
        let places = peer.places.iter().filter_map(|place| match place {
            Candidate::Outside(at) if at.is_ipv4() => Some(*at),
            _ => None,
        });
        let places: Vec<_> = places.take(MAX_HOSTS).collect();
        let host = places.first()?.ip();
        let is_hard = |mapping| mapping == Mapping::Dependent;
        let part = match (is_hard(ours), is_hard(peer.mapping)) {
            (false, true) => Part::Easy {
                host,
                left: GUESSES,
            },
            (true, false) => Part::Hard {
                crowd: Crowd::open(&core.link, SOCKETS)?,
                places,
                at: 0,
                rounds: 0,
            },
            _ => return None,
        };
        let now = core.platform.now();
        tracing::debug!(session = %core.id(), is_hard = is_hard(ours), "many ports");
        Some(Self {
            part,
            next: now,
            until: now + LIMIT,
        })
    }

    pub(super) fn is_over(&self, now: Instant) -> bool {
        now >= self.until
    }

    /// Sends from one of many sockets.
    pub(super) fn send(&self, socket: usize, to: SocketAddr, probe: &[u8]) {
        if let Part::Hard { crowd, .. } = &self.part {
            crowd.send(socket, to, probe);
        }
    }

    /// What to send now.
    pub(super) fn throws(&mut self, now: Instant, core: &Core) -> Vec<Throw> {
        if now < self.next {
            return Vec::new();
        }
        self.next = now + EVERY;
        match &mut self.part {
            Part::Easy { host, left } => {
                let count = (*left).min(GUESSES_AT_ONCE);
                *left -= count;
                if *left == 0 {
                    self.next = self.until;
                }
                let draw = |_| Throw {
                    from: None,
                    to: SocketAddr::new(*host, draw_port(core)),
                };
                (0..count).map(draw).collect()
            }
            Part::Hard {
                crowd,
                places,
                at,
                rounds,
            } => {
                let end = crowd.len().min(*at + SOCKETS_AT_ONCE);
                let from = *at..end;
                *at = end;
                if end == crowd.len() {
                    (*at, *rounds) = (0, *rounds + 1);
                    let is_last = *rounds >= ROUNDS;
                    self.next = if is_last { self.until } else { now + PAUSE };
                }
                let throw = |from| {
                    let places = places.iter();
                    places.map(move |to| Throw {
                        from: Some(from),
                        to: *to,
                    })
                };
                from.flat_map(throw).collect()
            }
        }
    }
}

/// Not a well-known one: translators give none of these (RFC 4787, REQ-3).
fn draw_port(core: &Core) -> u16 {
    let drawn = u32::from(u16::from_be_bytes(core.platform.random()));
    let count = u32::from(u16::MAX - FIRST_PORT) + 1;
    #[expect(clippy::cast_possible_truncation, reason = "a remainder below 64,512")]
    let port = FIRST_PORT + (drawn % count) as u16;
    port
}

impl Reach<'_> {
    /// Plain probes have had their time.
    pub(super) fn begin_many_if_due(&mut self) {
        let now = self.core.platform.now();
        if self.many.as_ref().is_some_and(|many| many.is_over(now)) {
            self.many = None;
        }
        if self.many_at.is_none_or(|at| at > now) {
            return;
        }
        self.many_at = None;
        if super::kind(self.core) == PathKind::Udp || self.many_left == 0 || self.many.is_some() {
            return;
        }
        self.many = Many::begin(self.core, &self.peer);
        self.many_left -= u32::from(self.many.is_some());
    }

    pub(super) fn throw_what_is_due(&mut self) {
        let now = self.core.platform.now();
        let Some(many) = &mut self.many else { return };
        for Throw { from, to } in many.throws(now, self.core) {
            let id = u64::from_be_bytes(self.core.platform.random());
            let ping = self.prober.ping(now, id, Spot::first(to));
            let probe = self.seal(ping);
            match (from, &self.many) {
                (Some(socket), Some(many)) => many.send(socket, to, &probe),
                _ => self.core.link.send_probe(Spot::first(to), &probe),
            }
        }
    }

    /// Something came to one of many sockets: if it is the peer's, that one is taken in.
    pub(super) fn take_knock(&mut self, knock: &Knock) {
        if self.theirs.open(&knock.bytes).is_err() {
            return;
        }
        let Some(Many {
            part: Part::Hard { crowd, .. },
            ..
        }) = self.many.take()
        else {
            return;
        };
        let Ok(hold) = crowd.adopt(knock.socket) else {
            return;
        };
        tracing::debug!(session = %self.core.id(), from = %knock.from, "found at one of many");
        let from = Spot {
            remote: knock.from,
            socket: hold.number(),
        };
        self.adopted = Some((hold, self.core.platform.now() + ADOPTED_FOR));
        self.prober.refill();
        self.take(&ArrivedProbe {
            from,
            bytes: knock.bytes,
        });
    }

    pub(super) fn poll_knock(&self, cx: &mut Context<'_>) -> Poll<Knock> {
        match &self.many {
            Some(Many {
                part: Part::Hard { crowd, .. },
                ..
            }) => crowd.poll_knock(cx),
            _ => Poll::Pending,
        }
    }
}

/// Sockets of the hard side, as many as Hyperswarm has.
const SOCKETS: usize = 256;

/// Guesses of the easy side, 200 a second: 131 KB.
const GUESSES: u32 = 2_048;
const GUESSES_AT_ONCE: u32 = 10;
const EVERY: Duration = Duration::from_millis(50);

/// The hard side sends from all its sockets within 400 ms, and again after a pause, for what was lost.
const SOCKETS_AT_ONCE: usize = 32;
const ROUNDS: u32 = 3;
const PAUSE: Duration = Duration::from_secs(3);

/// Addresses the easy side is seen at that the hard side sends to.
const MAX_HOSTS: usize = 1;

const FIRST_PORT: u16 = 1_024;
const LIMIT: Duration = Duration::from_secs(12);

/// Plain probes that have no answer by now need many ports, so often at most in one network.
pub(super) const PLAIN_FOR: Duration = Duration::from_secs(1);
pub(super) const MANY_TIMES: u32 = 3;

/// A socket of many until a path holds it.
const ADOPTED_FOR: Duration = Duration::from_secs(10);
