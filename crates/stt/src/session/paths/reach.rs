//! How a session comes by more paths: it tells the peer where it can be reached, probes where the peer
//! can be, and opens a path where it was answered.
//!
//! A round of probing begins when the peer has said something new that could be better than what there
//! is, and when the network here has changed. Opening is the dialler's; an acceptor that moved is found
//! by its probes, which come from where it is now.

use std::{
    future::poll_fn,
    net::SocketAddr,
    sync::{Arc, atomic::Ordering::Relaxed},
    time::{Duration, Instant},
};

use noq::Side;
use noq_proto::{FourTuple, PathStatus};
use stc::{
    Entropy, Secret,
    packet::{PROBE_LEN, PROBE_TAG_LEN, ProbeKey},
};
use stt_wire::{Candidate, Candidates};
use zeroize::Zeroizing;

use super::{
    super::core::Core,
    known::Look,
    many::{MANY_TIMES, Many, PLAIN_FOR},
    purse::Purse,
};
use crate::{
    nat::{
        message::{Message, Sender},
        prober::{Found, Prober, Reaction},
    },
    transport::link::{
        ArrivedProbe, Disclosure, Hold, Knock, Local, PathKind, Place, ProbeQueue, ProbeTags,
        SocketHold, Spot, Wanted,
    },
};

/// The probing of one session.
pub(super) struct Reach<'a> {
    pub(super) core: &'a Core,
    ours: ProbeKey,
    pub(super) theirs: ProbeKey,
    queue: Arc<ProbeQueue>,
    tags: Option<ProbeTags>,
    pub(super) prober: Prober,
    round: u32,
    /// Whether something makes the next round another one than this: the peer has heard of this one, or
    /// it was elsewhere.
    is_round_over: bool,
    /// The first of the peer's rounds that are waited for, and how many.
    their_round: u32,
    rounds_ahead: usize,
    pub(super) peer: Arc<Candidates>,
    told: Candidates,
    /// Nobody is told where this node is, so it neither probes nor answers.
    is_hidden: bool,
    /// When the dialler probes again, and the pause after that, while the session is not direct.
    retry: Option<Instant>,
    pause: Duration,
    purse: Purse,
    /// Who has moved since the last path was opened.
    here: Sender,
    there: Sender,
    /// Ways that were found and have no path yet.
    opening: Vec<Opening>,
    /// Many ports at once: under way, when to begin, how often yet.
    pub(super) many: Option<Many>,
    pub(super) many_at: Option<Instant>,
    pub(super) many_left: u32,
    /// The socket that was found, until a path holds it.
    pub(super) adopted: Option<(SocketHold, Instant)>,
}

/// A way that was found.
struct Opening {
    /// What the engine calls its ends.
    way: FourTuple,
    /// When to try next, and how often it was tried.
    at: Instant,
    tries: u32,
    /// Keeps the tunnel open until the path does.
    _hold: Option<Hold>,
}

impl Opening {
    fn by(remote: SocketAddr, at: Instant) -> Self {
        Self {
            way: FourTuple::from_remote(remote),
            at,
            tries: 0,
            _hold: None,
        }
    }
}

/// What there is to do.
pub(super) enum Todo {
    News,
    Probes(Vec<ArrivedProbe>),
    Knock(Knock),
    Time,
}

impl<'a> Reach<'a> {
    pub(super) fn new(core: &'a Core) -> Self {
        let (ours, theirs) = match core.connection.side() {
            Side::Client => ("initiator", "responder"),
            Side::Server => ("responder", "initiator"),
        };
        let mut reach = Self {
            core,
            ours: probe_key(core, ours),
            theirs: probe_key(core, theirs),
            queue: Arc::default(),
            tags: None,
            prober: Prober::default(),
            round: 0,
            is_round_over: true,
            their_round: 0,
            rounds_ahead: ROUNDS_AHEAD,
            peer: Arc::default(),
            told: Candidates::default(),
            is_hidden: core.link.disclosure() == Disclosure::Nothing,
            retry: None,
            pause: FIRST_RETRY,
            purse: Purse::new(core.platform.now()),
            here: Sender::Stayed,
            there: Sender::Stayed,
            opening: Vec::new(),
            many: None,
            many_at: None,
            many_left: MANY_TIMES,
            adopted: None,
        };
        reach.wait_for_probes();
        reach
    }

    /// Tells the peer where this node can be reached, if that is news.
    pub(super) fn tell(&mut self) {
        let candidates = self.core.link.candidates();
        if candidates != self.told {
            self.told = candidates.clone();
            self.core.control.candidates(candidates);
        }
    }

    /// What comes next. Cancel safe.
    pub(super) async fn next(&self) -> Todo {
        let time = self.core.platform.sleep_until(self.next_at());
        tokio::select! {
            biased;
            () = self.core.paths.news.told.notified() => Todo::News,
            probes = self.queue.take() => Todo::Probes(probes),
            knock = poll_fn(|cx| self.poll_knock(cx)) => Todo::Knock(knock),
            () = time => Todo::Time,
        }
    }

    /// Whether a path that was opened now replaces those there are, because one of the two nodes is no
    /// longer where they lead to.
    pub(super) fn take_moved(&mut self) -> bool {
        let who = [
            std::mem::take(&mut self.here),
            std::mem::take(&mut self.there),
        ];
        who.contains(&Sender::Moved)
    }

    /// A session that is not direct is to become so: the dialler asks for a round now and then, less and
    /// less often.
    pub(super) fn follow_kind(&mut self) {
        let is_direct = super::kind(self.core) == PathKind::Udp;
        if is_direct || self.is_hidden || self.core.connection.side() == Side::Server {
            (self.retry, self.pause) = (None, FIRST_RETRY);
        } else if self.retry.is_none() {
            self.retry = Some(self.core.platform.now() + self.pause);
        }
    }

    fn retry_if_due(&mut self) {
        let now = self.core.platform.now();
        if self.retry.is_none_or(|at| at > now) {
            return;
        }
        self.retry = Some(now + self.pause);
        self.pause = (2 * self.pause).min(LAST_RETRY);
        // Which asks the peer for a round, too.
        self.told = self.core.link.candidates();
        self.core.control.candidates(self.told.clone());
        self.begin_round();
    }

    pub(super) fn act(&mut self, todo: Todo) {
        match todo {
            Todo::News => self.hear_news(),
            Todo::Probes(probes) => {
                for probe in probes {
                    self.take(&probe);
                }
            }
            Todo::Knock(knock) => self.take_knock(&knock),
            Todo::Time => self.retry_if_due(),
        }
        let now = self.core.platform.now();
        if self
            .adopted
            .as_ref()
            .is_some_and(|(_, until)| *until <= now)
        {
            self.adopted = None;
        }
        self.begin_many_if_due();
        self.throw_what_is_due();
        self.ping_what_is_due();
        self.open_what_is_due();
    }

    fn next_at(&self) -> Option<Instant> {
        let opening = self.opening.iter().map(|way| way.at).min();
        let many = self.many.as_ref().map(|many| many.next);
        let adopted = self.adopted.as_ref().map(|(_, until)| *until);
        let all = [
            self.prober.next_at(),
            opening,
            self.retry,
            many,
            self.many_at,
            adopted,
        ];
        all.into_iter().flatten().min()
    }

    fn hear_news(&mut self) {
        let news = &self.core.paths.news;
        let now = self.core.platform.now();
        let tunnels = std::mem::take(&mut *news.tunnels.lock());
        // Whoever can't open a path by it shows it to the peer, by probes.
        let shows_a_tunnel = self.core.connection.side() == Side::Server && !tunnels.is_empty();
        let tunnels = tunnels.into_iter().map(|(remote, hold)| Opening {
            _hold: Some(hold),
            ..Opening::by(remote, now)
        });
        self.opening.extend(tunnels);
        let said = news.candidates.lock().take();
        let changed = news.network_changed.swap(false, Relaxed);
        if news.moved.swap(false, Relaxed) {
            self.here = Sender::Moved;
        }
        if changed {
            (self.pause, self.many_left) = (FIRST_RETRY, MANY_TIMES);
            self.is_round_over = true;
            self.tell();
        }
        let mut is_wanted = changed || shows_a_tunnel;
        if let Some(said) = said {
            let is_first = self.peer.places.is_empty();
            if self.peer != said {
                self.expect_another_round();
            }
            self.peer = said;
            *self.core.paths.told.lock() = Some(Arc::clone(&self.peer));
            if !self.is_hidden {
                self.core.paths.detours().told(&self.peer);
            }
            is_wanted |= !is_first || self.could_be_better();
        }
        if is_wanted && !self.is_hidden {
            self.begin_round();
        }
    }

    /// Whether the peer may be nearer than the path in use tells: that leads to an address which is not
    /// the peer's own, and both are seen at the same one from outside.
    fn could_be_better(&self) -> bool {
        if super::kind(self.core) != PathKind::Udp {
            return true;
        }
        let remote = super::remote(self.core);
        let own =
            |place: &Candidate| matches!(place, Candidate::Interface(at) if Some(*at) == remote);
        let ours = self.core.link.outside.addresses();
        let shares_outside = self.peer.places.iter().any(|place| {
            matches!(place, Candidate::Outside(at) if ours.iter().any(|our| our.ip() == at.ip()))
        });
        !self.peer.places.iter().any(own) && shares_outside
    }

    fn begin_round(&mut self) {
        // What is guessed at the moment shall not be forgotten.
        if self.many.is_some() || !self.purse.take(self.core.platform.now()) {
            return;
        }
        // One that nobody heard has no successor, or it would be as long until one is heard as none was.
        self.round += u32::from(std::mem::take(&mut self.is_round_over));
        let udp = self.peer.places.iter().filter_map(|place| match place {
            Candidate::Interface(address) | Candidate::Outside(address) => Some(*address),
            _ => None,
        });
        // What stands for a tunnel of ours is no place of anybody's.
        let udp = udp.filter(|at| matches!(Place::of(*at), Place::Udp(_)));
        // Where the peer was last is worth a try, if it is we who have moved.
        let here = self.udp_remote();
        let is_near = here.is_some_and(|at| at.ip().is_loopback());
        // Nobody far away is on this machine.
        let places = udp
            .chain(here)
            .filter(|at| is_near || !at.ip().is_loopback())
            .chain(self.tunnels_to_show());
        let places: Vec<_> = places.collect();
        tracing::debug!(session = %self.core.id(), round = self.round, ?places, "probing");
        let now = self.core.platform.now();
        self.prober.begin(now, self.here, places);
        self.many_at = Some(now + PLAIN_FOR);
    }

    /// Of an acceptor, the tunnels by which the dialler has no path yet.
    fn tunnels_to_show(&self) -> impl Iterator<Item = SocketAddr> {
        let is_acceptor = self.core.connection.side() == Side::Server;
        let tunnels = self.opening.iter().filter(move |_| is_acceptor);
        tunnels.map(|opening| opening.way.remote())
    }

    /// Where the path in use leads to, if that is by UDP.
    fn udp_remote(&self) -> Option<SocketAddr> {
        match Place::of(super::address(self.core)?) {
            Place::Udp(address) => Some(address),
            _ => None,
        }
    }

    fn ping_what_is_due(&mut self) {
        let now = self.core.platform.now();
        loop {
            let id = u64::from_be_bytes(self.core.platform.random());
            let Some((to, ping)) = self.prober.next(now, id) else {
                return;
            };
            self.send(to, ping);
        }
    }

    fn send(&self, to: Spot, message: Message) {
        self.core.link.send_probe(to, &self.seal(message));
    }

    pub(super) fn seal(&self, message: Message) -> [u8; PROBE_LEN] {
        let entropy: &mut dyn Entropy = &mut self.core.platform.entropy();
        self.ours.seal(self.round, &message.encode(), entropy)
    }

    pub(super) fn take(&mut self, probe: &ArrivedProbe) {
        let Ok(body) = self.theirs.open(&probe.bytes) else {
            return;
        };
        let Some(message) = Message::decode(body) else {
            return;
        };
        self.follow_round(&probe.bytes);
        self.is_round_over = true;
        let now = self.core.platform.now();
        if let Message::Ping { sender, .. } = message {
            if sender == Sender::Moved {
                self.there = Sender::Moved;
            }
            if self.prober.next_at().is_none() {
                self.prober.refill();
            }
        }
        match self.prober.received(now, probe.from, message) {
            Reaction::Answer(pong) => self.send(probe.from, pong),
            Reaction::Found(found) => self.found(&found),
            Reaction::None => {}
        }
    }

    fn found(&mut self, found: &Found) {
        tracing::debug!(session = %self.core.id(), ?found, "a way");
        (self.many, self.many_at) = (None, None);
        if self.core.connection.side() == Side::Client {
            let now = self.core.platform.now();
            self.opening.push(Opening {
                way: way_to(found.at),
                at: now,
                tries: 0,
                _hold: None,
            });
        }
    }

    /// Nothing is heard any more by any path. A translator on this side may have forgotten the session,
    /// and told nobody: then probes from here are all that can lead the peer back.
    /// The dialler goes back to the relays that carried the session before, and asks for a tunnel.
    pub(super) fn look_elsewhere(
        &mut self,
        look: Look,
        channels: impl Iterator<Item = SocketAddr>,
    ) {
        if !self.is_hidden {
            self.begin_round();
            self.ping_what_is_due();
        }
        if self.core.connection.side() == Side::Client {
            let now = self.core.platform.now();
            self.opening
                .extend(channels.map(|remote| Opening::by(remote, now)));
            self.open_what_is_due();
        }
        // An acceptor shows the tunnel to the dialler (REACH-35), and leaves it to that one to be faster.
        if self.core.connection.side() == Side::Client || look == Look::StillLost {
            self.ask_for_a_tunnel();
        }
    }

    fn ask_for_a_tunnel(&self) {
        let routes = self.core.paths.detours().routes();
        tracing::debug!(session = %self.core.id(), ?routes, "lost");
        if !routes.is_empty() {
            self.core.link.detours.want(Wanted {
                session: self.core.id().0,
                routes,
            });
        }
    }

    /// The engine has no number for a new path before the peer has given it one, so that the first
    /// tries may fail. An acceptor only keeps its tunnel meanwhile.
    fn open_what_is_due(&mut self) {
        let now = self.core.platform.now();
        let core = self.core;
        let is_dialler = core.connection.side() == Side::Client;
        self.opening.retain_mut(|opening| {
            if opening.at > now {
                return true;
            }
            let is_open = is_dialler && {
                let connection = &core.connection;
                let opened = connection.open_path_ensure(opening.way, PathStatus::Backup);
                opened.path_id().is_some()
            };
            opening.tries += 1;
            opening.at = now + TRY_AGAIN;
            let is_tunnel = matches!(Place::of(opening.way.remote()), Place::Tunnel(_));
            (is_tunnel || !is_open) && opening.tries < OPEN_TRIES
        });
    }

    /// Waits for the rounds that the peer may be in next.
    fn wait_for_probes(&mut self) {
        // The old ones go first: the new may have some in common with them.
        self.tags = None;
        if self.is_hidden {
            return;
        }
        let tags = (self.their_round..)
            .take(self.rounds_ahead)
            .map(|round| self.theirs.tag(round));
        self.tags = Some(self.core.link.wait_for_probes(tags.collect(), &self.queue));
    }

    fn follow_round(&mut self, probe: &[u8]) {
        let Some(tag) = probe.get(1..=PROBE_TAG_LEN) else {
            return;
        };
        let mut ahead = (self.their_round..).take(self.rounds_ahead);
        if let Some(round) = ahead.find(|round| self.theirs.tag(*round)[..] == *tag)
            && round > self.their_round + 1
        {
            // The one before stays known: its last probes may come late.
            (self.their_round, self.rounds_ahead) = (round - 1, ROUNDS_AHEAD);
            self.wait_for_probes();
        }
    }

    /// The peer is elsewhere, and begins another round, of which maybe nothing is heard either.
    fn expect_another_round(&mut self) {
        if self.rounds_ahead < MOST_ROUNDS_AHEAD {
            self.rounds_ahead += 1;
            self.wait_for_probes();
        }
    }
}

/// The path to a place by the socket that it is seen by.
fn way_to(spot: Spot) -> FourTuple {
    let local = Local {
        socket: spot.socket,
        source: None,
    };
    FourTuple::new(Place::Udp(spot.remote).address(), local.ip())
}

/// The key of what `role` sends (STC-34).
fn probe_key(core: &Core, role: &str) -> ProbeKey {
    let mut exported = Zeroizing::new([0; 64]);
    let done = core
        .connection
        .export_keying_material(&mut exported[..], b"probe", role.as_bytes());
    debug_assert!(done.is_ok(), "64 bytes of a finished handshake");
    ProbeKey::new(core.proved.suite, &Secret::new(*exported))
}

/// While a session is not direct: after the first round, and at the longest.
const FIRST_RETRY: Duration = Duration::from_secs(5);
const LAST_RETRY: Duration = Duration::from_mins(5);

/// The peer's rounds that are waited for: after one that was heard, and after as many moves of the peer
/// as can be followed while none is heard.
const ROUNDS_AHEAD: usize = 4;
const MOST_ROUNDS_AHEAD: usize = 32;
const TRY_AGAIN: Duration = Duration::from_millis(200);
const OPEN_TRIES: u32 = 10;
