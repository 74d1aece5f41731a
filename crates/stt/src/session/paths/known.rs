//! The paths as one of the two sides knows them, and what it does about them.
//!
//! | | dialler | acceptor |
//! |---|---|---|
//! | sends on | the best path that is not silent | the path the dialler says; another while that is silent |
//! | closes | a silent path that stands by, once it has heard on the one in use since; a tunnel that is not needed any more | nothing |
//! | answers | on the path itself, when it hears something on one that stands by | the same |
//!
//! Only one side closes, and never the path it sends on. Were both to close what each finds silent,
//! none might be left: while TCP stands still for a lost packet, the one hears by UDP first, and the
//! other by TCP.
//!
//! spec: REACH-20 to REACH-26

use std::{
    net::{IpAddr, SocketAddr},
    sync::atomic::Ordering::Relaxed,
    time::{Duration, Instant},
};

use noq::{FrameStats, Lagged, Path, PathEvent, Side};
use noq_proto::{PathId, PathStatus};

use super::{
    super::core::Core,
    IDLE_LOOK, LOOK,
    choice::{Candidate, Rank, choose},
    watch::{Answer, BUSY, Counts, Verdict, Watch},
};
use crate::transport::{
    congestion::newest_acknowledged,
    link::{Hold, Local, PathKind, Place, SocketHold, unmapped},
};

/// See the module.
pub(super) struct Known<'a> {
    core: &'a Core,
    paths: Vec<KnownPath>,
    /// Channels of relays by which the session has come, and has no path any more. They stay, because
    /// they are the way back when all others fail.
    channels: Vec<(SocketAddr, Hold)>,
    /// The path that the peer said last it sends on.
    theirs: PathId,
    /// Since when the session is busy, and since when its data goes by what it goes by.
    busy_since: Option<Instant>,
    settled_at: Instant,
    looked_at: Instant,
    /// When to say next that nothing is heard, and the pause after that.
    lost: Option<(Instant, Duration)>,
}

/// What a look found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub(super) enum Look {
    Fine,
    /// Nothing is heard by any path: another one is needed.
    Lost,
    /// Nor is anything some seconds later.
    StillLost,
}

struct KnownPath {
    path: Path,
    kind: PathKind,
    watch: Watch,
    remote: SocketAddr,
    /// Keeps open the tunnel that the path goes by, or the socket.
    tunnel: Option<Hold>,
    _socket: Option<SocketHold>,
    /// The number of the UDP socket, if it goes by one.
    socket: u16,
}

/// What an event of the engine was about.
pub(super) enum Heard {
    Established(PathId),
    Other,
}

impl<'a> Known<'a> {
    pub(super) fn new(core: &'a Core) -> Self {
        let now = core.platform.now();
        let mut known = Self {
            core,
            paths: Vec::new(),
            channels: Vec::new(),
            theirs: core.paths.current(),
            busy_since: None,
            settled_at: now,
            looked_at: now,
            lost: None,
        };
        known.find();
        // Said with the first packets, before anybody could listen.
        if let Some(address) = core.connection.observed_external_addr().get() {
            known.seen_at(core.paths.current(), address);
        }
        known
    }

    fn is_dialler(&self) -> bool {
        self.core.connection.side() == Side::Client
    }

    /// Takes in whatever path there is, and no other.
    fn find(&mut self) {
        self.paths.retain(|known| known.path.status().is_ok());
        for id in 0..=MAX_PATH_ID {
            self.add(PathId::from(id));
        }
        self.choose();
    }

    fn add(&mut self, id: PathId) {
        if self.position(id).is_some() {
            return;
        }
        let Some(path) = self.core.connection.path(id) else {
            return;
        };
        let Ok(remote) = path.remote_address() else {
            return;
        };
        let local = path.local_ip().ok().flatten();
        let socket = local.map_or(0, |ip| Local::of(ip).socket);
        // The engine would send on it at once: the choice is ours.
        if id != self.core.paths.current() {
            let _ = path.set_status(PathStatus::Backup);
        }
        // At the other end of a relayed path is the relay.
        let kind = Place::of(remote).kind();
        if kind != PathKind::Relay
            && let Some(origin) = self.core.link.origin(remote)
        {
            self.core.paths.detours().reached_at(origin);
        }
        self.paths.push(KnownPath {
            kind,
            watch: Watch::new(self.core.platform.now()),
            remote,
            tunnel: self.core.link.hold(remote),
            _socket: self.core.link.hold_socket(socket),
            socket,
            path,
        });
    }

    fn position(&self, id: PathId) -> Option<usize> {
        self.paths.iter().position(|known| known.path.id() == id)
    }

    /// The peer says where our packets come from.
    fn seen_at(&self, path: PathId, address: SocketAddr) {
        // It leads here on that interface alone, and no translator stands on the way.
        if matches!(address.ip(), IpAddr::V6(ip) if ip.is_unicast_link_local()) {
            return;
        }
        let known = self.position(path).and_then(|at| self.paths.get(at));
        // Of another socket than the first, it says nothing of where others may find us.
        let known = known.filter(|known| known.kind == PathKind::Udp && known.socket == 0);
        if let Some(by) = known.and_then(|known| known.path.remote_address().ok()) {
            let outside = &self.core.link.outside;
            outside.reported(self.core.key(), unmapped(address), unmapped(by));
        }
        if let Some(known) = known.filter(|known| known.kind == PathKind::Udp) {
            known.keep_mapped(self.core, unmapped(address));
        }
    }

    pub(super) fn heard(&mut self, event: Result<PathEvent, Lagged>) -> Heard {
        let Ok(event) = event else {
            // Too many at once: what matters is what there is now.
            self.find();
            return Heard::Other;
        };
        match event {
            PathEvent::Established { id, .. } => {
                self.begin(id);
                return Heard::Established(id);
            }
            PathEvent::Abandoned { id, .. } => {
                self.forget(id);
                self.choose();
            }
            PathEvent::RemoteStatus {
                id,
                status: PathStatus::Available,
                ..
            } => self.peer_sends_on(id),
            PathEvent::ObservedAddr { id, addr, .. } => self.seen_at(id, addr),
            _ => {}
        }
        Heard::Other
    }

    /// What a new one came for may be that the others are dead. Those that are known to be are closed at
    /// once: acknowledgements that come late over the new one make the engine wait longer for what was
    /// under way on them. For the same reason an acceptor does not send on it before the dialler has said
    /// so, or the next look.
    fn begin(&mut self, id: PathId) {
        let now = self.core.platform.now();
        self.add(id);
        if let Some(known) = self.position(id).and_then(|at| self.paths.get_mut(at)) {
            known.watch.begin(now);
        }
        if self.is_dialler() {
            self.choose();
            self.close_what_is_silent(now);
        }
        self.ask_all(Some(id));
    }

    /// An acceptor does as the dialler does. A dialler that hears of another path than its own asks
    /// its own: the acceptor has not followed yet, or hears nothing there.
    fn peer_sends_on(&mut self, id: PathId) {
        self.theirs = id;
        if self.is_dialler() {
            self.ask_what_the_peer_avoids();
            return;
        }
        if let Some(known) = self.position(id).and_then(|at| self.paths.get_mut(at)) {
            known.watch.trust_again();
        }
        self.choose();
    }

    fn ask_what_the_peer_avoids(&mut self) {
        let current = self.core.paths.current();
        if self.theirs == current {
            return;
        }
        let now = self.core.platform.now();
        if let Some(known) = self.position(current).and_then(|at| self.paths.get_mut(at)) {
            known.ask(now, Answer::BothWays);
        }
    }

    /// Asks for a sign of life, all but one.
    fn ask_all(&mut self, but: Option<PathId>) {
        let (now, current) = (self.core.platform.now(), self.core.paths.current());
        let is_dialler = self.is_dialler();
        for known in &mut self.paths {
            let id = known.path.id();
            if Some(id) != but {
                known.ask(
                    now,
                    match (is_dialler, id == current) {
                        (false, _) => Answer::Any,
                        (true, false) => Answer::Heard,
                        (true, true) => Answer::BothWays,
                    },
                );
            }
        }
    }

    /// Chooses among those that are not silent, if that is ours to do.
    fn choose(&mut self) {
        let current = self.core.paths.current();
        let is_good = |known: &&KnownPath| !known.watch.is_silent();
        if !self.is_dialler() {
            let said = self.position(self.theirs).and_then(|at| self.paths.get(at));
            if let Some(said) = said.filter(is_good) {
                return self.prefer(said.path.id());
            }
        }
        let good = self.paths.iter().filter(is_good);
        let candidates: Vec<_> = good.map(KnownPath::candidate).collect();
        if let Some(best) = choose(&candidates, current) {
            self.prefer(best);
        }
    }

    /// Sends on this path from now on; the others stand by.
    fn prefer(&mut self, best: PathId) {
        let Some(preferred) = self.position(best).and_then(|at| self.paths.get(at)) else {
            return;
        };
        // First the new one, or for a moment there would be none.
        let _ = preferred.path.set_status(PathStatus::Available);
        for known in self.paths.iter().filter(|known| known.path.id() != best) {
            let _ = known.path.set_status(PathStatus::Backup);
        }
        if self.core.paths.current() != best {
            tracing::debug!(session = %self.core.id(), path = %best, "sends on");
            self.core.paths.set_current(best);
            self.settled_at = self.core.platform.now();
        }
    }

    /// When to look again; never for a session that has one path, wants no other, and has nothing to
    /// carry. By a relay it is seen soon when it has: that relay is watched the more closely then.
    pub(super) fn next_look(&self) -> Option<Instant> {
        let is_busy = self.is_busy() || self.core.paths.news.carries.load(Relaxed);
        let pause = match (is_busy, self.is_alone()) {
            _ if self.is_asking() => LOOK,
            (true, true) => LOOK_ALONE,
            (true, false) => LOOK,
            (false, _) if self.rests() && !self.goes_by_relay() => return None,
            (false, _) => IDLE_LOOK,
        };
        Some(self.looked_at + pause)
    }

    fn is_alone(&self) -> bool {
        self.paths.len() < 2
    }

    fn goes_by_relay(&self) -> bool {
        self.paths.iter().any(|known| known.kind == PathKind::Relay)
    }

    fn is_asking(&self) -> bool {
        self.paths
            .iter()
            .any(|known| known.watch.asked_at().is_some())
    }

    /// Whether nothing can have become of its paths since the last look, unless something was carried.
    fn rests(&self) -> bool {
        self.is_alone() && !self.is_busy() && !self.core.paths.have_detours() && !self.is_asking()
    }

    /// An acceptor looks for a while longer, to answer the last question of a dialler in time.
    fn is_busy(&self) -> bool {
        let lately = if self.is_dialler() { BUSY } else { 2 * BUSY };
        self.paths.iter().any(|known| known.watch.is_busy(lately))
    }

    /// Looks whether a path has gone silent, and whether another has become better.
    pub(super) fn look(&mut self) -> Look {
        let (now, current) = (self.core.platform.now(), self.core.paths.current());
        self.looked_at = now;
        let is_told = self.core.paths.news.carries.swap(false, Relaxed);
        if !is_told && self.rests() && !self.paths.iter().any(KnownPath::has_carried) {
            return Look::Fine;
        }
        let mut is_doubtful = false;
        for known in &mut self.paths {
            let heard_before = known.watch.counts().received;
            match known.look(self.core, now) {
                Verdict::Fine => {}
                Verdict::Doubtful => is_doubtful = true,
                Verdict::Silent => known.ask_again(),
            }
            let is_heard = known.watch.counts().received != heard_before;
            if is_heard && known.path.id() != current {
                known.answer();
            }
        }
        if is_doubtful {
            self.ask_all(None);
        }
        self.choose();
        if self.is_dialler() {
            self.ask_now_and_then(now);
            self.close_what_is_silent(now);
            self.close_what_is_not_needed(now);
        }
        self.say_if_lost(now)
    }

    fn say_if_lost(&mut self, now: Instant) -> Look {
        if self.paths.iter().any(|known| !known.watch.is_silent()) {
            self.lost = None;
            return Look::Fine;
        }
        let (at, pause, look) = match self.lost {
            Some((at, pause)) => (at, pause, Look::StillLost),
            None => (now, FIRST_LOST, Look::Lost),
        };
        if now < at {
            return Look::Fine;
        }
        self.lost = Some((now + pause, (2 * pause).min(LAST_LOST)));
        look
    }

    /// A path that stands by may die unnoticed, with things of the peer's on it. While the session is
    /// idle the peer looks too rarely to answer in time.
    fn ask_now_and_then(&mut self, now: Instant) {
        if !self.is_busy() {
            self.busy_since = None;
            return;
        }
        let since = *self.busy_since.get_or_insert(now);
        if now.saturating_duration_since(since) < ASK_EVERY {
            return;
        }
        self.busy_since = Some(now);
        let current = self.core.paths.current();
        for known in &mut self.paths {
            if known.path.id() != current {
                known.ask(now, Answer::Heard);
            }
        }
        self.ask_what_the_peer_avoids();
    }

    /// Closes the silent ones, if the path in use is heard: then the engine sends again what was under
    /// way on them. Heard after they were found to be silent, for whatever silenced them may have
    /// silenced it as well.
    fn close_what_is_silent(&mut self, now: Instant) {
        let current = self.core.paths.current();
        let silent = self.paths.iter().filter_map(|known| {
            let since = known.watch.silent_since()?;
            (known.path.id() != current).then_some((known.path.id(), since))
        });
        for (id, since) in silent.collect::<Vec<_>>() {
            let in_use = self.position(current).and_then(|at| self.paths.get_mut(at));
            let Some(in_use) = in_use else { return };
            if in_use.watch.is_heard_since(since) {
                tracing::debug!(session = %self.core.id(), path = %id, "silent");
                self.close(id);
            } else {
                in_use.ask(now, Answer::BothWays);
            }
        }
    }

    /// A WebSocket beside a direct path costs pings, and can be dialled again.
    fn close_what_is_not_needed(&mut self, now: Instant) {
        let is_settled = now.saturating_duration_since(self.settled_at) >= PROVED;
        if !is_settled || super::kind(self.core) != PathKind::Udp {
            return;
        }
        let current = self.core.paths.current();
        let in_use = self.position(current).and_then(|at| self.paths.get(at));
        if in_use.is_none_or(|known| known.watch.asked_at().is_some()) {
            return;
        }
        let tunnels = self
            .paths
            .iter()
            .filter(|known| known.kind == PathKind::WebSocket);
        let tunnels: Vec<_> = tunnels.map(|known| known.path.id()).collect();
        for id in tunnels {
            self.close(id);
        }
    }

    /// Closes all other paths by UDP, without waiting until they are found to be silent: the longer they
    /// are there, the longer the engine waits for what was under way on them.
    pub(super) fn replace_by(&mut self, id: PathId) {
        if !self.is_dialler() || self.position(id).is_none() {
            return;
        }
        self.prefer(id);
        let others = self
            .paths
            .iter()
            .filter(|known| known.path.id() != id && known.kind == PathKind::Udp);
        let others: Vec<_> = others.map(|known| known.path.id()).collect();
        for other in others {
            self.close(other);
        }
    }

    /// Not the one in use.
    fn close(&mut self, id: PathId) {
        if id == self.core.paths.current() {
            return;
        }
        if let Some(known) = self.forget(id) {
            drop(known.close());
        }
    }

    fn forget(&mut self, id: PathId) -> Option<Path> {
        let known = self.paths.swap_remove(self.position(id)?);
        if known.kind == PathKind::Relay
            && let Some(hold) = known.tunnel
        {
            self.channels.retain(|(remote, _)| *remote != known.remote);
            self.channels.push((known.remote, hold));
        }
        Some(known.path)
    }

    /// Where relays would carry the session, if it had paths there.
    pub(super) fn channels(&self) -> impl Iterator<Item = SocketAddr> {
        self.channels.iter().map(|(remote, _)| *remote)
    }
}

/// Frames that have something of an application in them.
pub(super) fn carried(frames: &FrameStats) -> u64 {
    frames.stream + frames.datagram
}

impl KnownPath {
    fn candidate(&self) -> Candidate {
        Candidate {
            id: self.path.id(),
            rank: Rank::of(self.kind),
            round_trip: self.path.stats().rtt,
        }
    }

    /// Whether it has since the last look.
    fn has_carried(&self) -> bool {
        let stats = self.path.stats();
        carried(&stats.frame_tx) + carried(&stats.frame_rx) != self.watch.counts().carried
    }

    fn look(&mut self, core: &Core, now: Instant) -> Verdict {
        let stats = self.path.stats();
        let counts = Counts {
            sent: stats.udp_tx.datagrams,
            received: stats.udp_rx.datagrams,
            acknowledged: newest_acknowledged(&core.connection, self.path.id()),
            carried: carried(&stats.frame_tx) + carried(&stats.frame_rx),
        };
        let verdict = self.watch.look(now, counts, stats.rtt);
        if let Some(tunnel) = &self.tunnel
            && self.watch.is_carrying()
        {
            tunnel.carries(now);
        }
        verdict
    }

    /// Whoever is seen at another address than its own is behind a translator, which forgets a session
    /// that says nothing for too long.
    fn keep_mapped(&self, core: &Core, seen_at: SocketAddr) {
        let is_own =
            seen_at.ip().is_loopback() || core.link.interface_addresses().contains(&seen_at);
        if !is_own && core.limits.keep_alive > KEPT_MAPPED {
            let _ = self.path.set_keep_alive_interval(Some(KEPT_MAPPED));
        }
    }

    fn ask(&mut self, now: Instant, needs: Answer) {
        if self.watch.ask(now, needs) {
            drop(self.path.ping());
        }
    }

    /// It may come back.
    fn ask_again(&self) {
        if self.watch.is_quiet_for(ASK_EVERY) {
            drop(self.path.ping());
        }
    }

    /// The peer may want to know whether this path works. Who has sent on it lately has asked, or
    /// answered, and is silent, or two would answer each other for ever.
    fn answer(&self) {
        let round_trips = 2 * self.path.stats().rtt;
        if self.watch.is_quiet_for(ANSWER_EVERY.max(round_trips)) {
            drop(self.path.ping());
        }
    }
}

/// Paths that stand by, while the session is busy.
const ASK_EVERY: Duration = Duration::from_millis(500);
const ANSWER_EVERY: Duration = Duration::from_millis(250);

/// Translators shall keep a mapping for two minutes at least (RFC 4787, REQ-5), and many do for 30 s.
pub(crate) const KEPT_MAPPED: Duration = Duration::from_secs(25);

/// A path that is the only one. The sooner its death is noticed, the less late are the acknowledgements
/// that come by another one: the engine waits for twelve times what they are late before it sends again.
const LOOK_ALONE: Duration = Duration::from_millis(100);

/// Between two requests for a tunnel, the first and all the later ones.
const FIRST_LOST: Duration = Duration::from_secs(2);
const LAST_LOST: Duration = Duration::from_mins(1);

/// After so long without a doubt a direct path has shown that it lasts.
const PROVED: Duration = Duration::from_mins(1);

/// Ids beyond are found by their event, of which one was missed at most.
const MAX_PATH_ID: u32 = 63;
