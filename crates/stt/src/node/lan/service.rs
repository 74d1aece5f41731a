//! Speaks and listens for a node, until it stops.
//!
//! ```text
//! at the start, and when the addresses of the node change: ask at once, and 0.3, 1 and 3 s later
//! every 60 s: say it
//! asked by a member: answer it alone
//! ```

use std::{
    collections::VecDeque,
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::{Duration, Instant},
};

use stt_wire::Beacon;

use super::{
    Neighbour,
    air::{Air, Audience},
    allowance::Allowance,
    places::Places,
    speech::{self, DATAGRAM_LEN},
};
use crate::node::{Accepting, shared::Shared};

/// Finds neighbours, and is found, until the node stops.
pub(in crate::node) async fn run(shared: Arc<Shared>, air: Air) {
    let stopped = shared.stopped.notified();
    if shared.is_stopping() {
        return;
    }
    let mut service = Service::new(&shared, air);
    tokio::select! {
        biased;
        () = stopped => {}
        () = service.serve() => {}
    }
}

struct Service<'a> {
    shared: &'a Shared,
    air: Air,
    /// When to ask next; nothing to ask while it is empty.
    asking: VecDeque<Instant>,
    next_saying: Instant,
    next_look: Instant,
    places: Places,
    hearing: Allowance,
    answering: Allowance,
}

impl<'a> Service<'a> {
    fn new(shared: &'a Shared, air: Air) -> Self {
        let now = shared.platform.now();
        Self {
            shared,
            air,
            asking: VecDeque::new(),
            next_saying: now + SAYING,
            next_look: now,
            places: Places::default(),
            hearing: Allowance::new(now, HEARD_A_SECOND, HEARD_A_SECOND),
            answering: Allowance::new(now, ANSWERS_A_SECOND, ANSWERS_A_SECOND),
        }
    }

    async fn serve(&mut self) {
        let mut buffer = [0; DATAGRAM_LEN + 1];
        loop {
            let pause = self.do_what_is_due().await;
            let heard = tokio::select! {
                biased;
                heard = self.air.hear(&mut buffer) => heard,
                () = self.shared.platform.sleep(pause) => continue,
            };
            match heard {
                Ok((len, source)) => self.hear(&buffer[..len], source).await,
                Err(error) => {
                    tracing::debug!(%error, "listening on the local network");
                    self.shared.platform.sleep(AFTER_AN_ERROR).await;
                }
            }
        }
    }

    /// How long nothing is to be done then.
    async fn do_what_is_due(&mut self) -> Duration {
        let now = self.shared.platform.now();
        if now >= self.next_look {
            self.next_look = now + LOOK;
            self.look(now);
        }
        let asks = self.asking.front().is_some_and(|at| *at <= now);
        if asks {
            self.asking.pop_front();
        }
        if asks || now >= self.next_saying {
            self.next_saying = now + SAYING;
            for audience in self.air.audiences() {
                if let Some(datagram) = self.beacon(audience, asks) {
                    self.air.say(audience, &datagram).await;
                }
            }
        }
        let next = self.asking.front().map_or(self.next_saying, |at| *at);
        let next = next.min(self.next_look);
        next.saturating_duration_since(now)
    }

    /// Where the node is may have changed, or can be said only now: a new IPv6 address is of no use
    /// until its interface has made sure that it is the only one.
    fn look(&mut self, now: Instant) {
        let places = Places::of(self.shared.endpoint.link());
        let before = self.air.audiences();
        self.air.join(&places.v4_interfaces(), &places.spots);
        if places == self.places && self.air.audiences() == before {
            return;
        }
        self.places = places;
        self.asking = ASKING.iter().map(|after| now + *after).collect();
    }

    /// Whether others may begin sessions.
    fn takes_sessions(&self) -> bool {
        self.shared.accepting() == Accepting::Members
    }

    /// What is to be said; nothing by a node that neither asks nor takes sessions.
    fn beacon(&self, audience: Audience, asks: bool) -> Option<Vec<u8>> {
        let addresses = if self.takes_sessions() {
            self.places.named_to(audience)
        } else {
            Vec::new()
        };
        if addresses.is_empty() && !asks {
            return None;
        }
        let beacon = Beacon {
            asks,
            time: speech::unix_seconds(),
            node: *self.shared.id.as_bytes(),
            addresses,
        };
        let entropy = &mut self.shared.platform.entropy();
        speech::seal(&self.shared.group(), &beacon, entropy)
    }

    async fn hear(&mut self, datagram: &[u8], source: SocketAddr) {
        let now = self.shared.platform.now();
        let Some(audience) = Audience::of(source) else {
            return;
        };
        if datagram.len() != DATAGRAM_LEN || self.hearing.take(now).is_none() {
            return;
        }
        let Some(heard) = speech::open(&self.shared.group(), datagram, source) else {
            return;
        };
        if heard.peer == self.shared.id {
            return;
        }
        if let Some(found) = self.shared.neighbours.heard(now, &heard, source) {
            if let (Some(dht), Some(address)) = (&self.shared.dht, for_others(&found)) {
                dht.suggest(address);
            }
            self.shared.happenings.neighbour(found);
        }
        if heard.asks
            && self.takes_sessions()
            && self.answering.take(now).is_some()
            && let Some(datagram) = self.beacon(audience, false)
        {
            self.air.answer(source, &datagram).await;
        }
    }
}

/// The DHT tells others where a member is, who may be on other interfaces.
fn for_others(found: &Neighbour) -> Option<SocketAddr> {
    let is_link_local = |address: &SocketAddr| match address.ip() {
        IpAddr::V4(_) => false,
        IpAddr::V6(ip) => ip.is_unicast_link_local(),
    };
    let addresses = found.addresses.iter().copied();
    addresses.min_by_key(is_link_local)
}

const ASKING: [Duration; 4] = [
    Duration::ZERO,
    Duration::from_millis(300),
    Duration::from_secs(1),
    Duration::from_secs(3),
];
const SAYING: Duration = Duration::from_secs(60);
/// At the addresses of the node.
const LOOK: Duration = Duration::from_secs(1);
const AFTER_AN_ERROR: Duration = Duration::from_secs(1);
/// What strangers send costs an attempt to open it, about a microsecond.
const HEARD_A_SECOND: u32 = 1_000;
/// An answer is not longer than what asked for it.
const ANSWERS_A_SECOND: u32 = 20;
