//! The sessions that requests go by: which there are, who waits for one, and which may go.
//!
//! Every session of the node will do. Those that were dialled for the DHT alone go when nobody has
//! used them for a while, unless the member is one that the engine asks often; of two sessions
//! between two members, the one that the member with the lower id dialled stays.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use noq::Side;
use stc::NodeId;
use stt_dht::Dialled;

use super::asking::Asking;
use crate::session::{Session, SessionId};

/// By member.
#[derive(Debug, Default)]
pub(super) struct Sessions {
    known: BTreeMap<NodeId, Vec<Known>>,
    /// Requests that wait for a dial.
    dialling: BTreeMap<NodeId, Vec<Asking>>,
}

#[derive(Debug)]
struct Known {
    session: Session,
    /// When a request went by it.
    used: Instant,
    /// It was dialled for the DHT, and handed to nobody else here.
    is_ours: bool,
}

impl Known {
    fn dialled(&self) -> Dialled {
        match self.session.core().connection.side() {
            Side::Client => Dialled::ByUs,
            Side::Server => Dialled::ByPeer,
        }
    }

    fn is_open(&self) -> bool {
        !self.session.is_closed() && !self.session.core().closing.has_begun()
    }
}

impl Sessions {
    /// A session has come about. Returns who dialled, as the engine is to know it.
    pub(super) fn opened(&mut self, now: Instant, session: &Session) -> Dialled {
        let known = self.known.entry(session.peer()).or_default();
        if known.iter().all(|known| known.session.id() != session.id()) {
            known.push(Known {
                session: session.clone(),
                used: now,
                is_ours: false,
            });
        }
        dialled(known)
    }

    /// A session is over. Returns who dialled those that are left, if there are any.
    pub(super) fn closed(&mut self, session: &Session) -> Option<Dialled> {
        let known = self.known.get_mut(&session.peer())?;
        known.retain(|known| known.session.id() != session.id());
        if known.is_empty() {
            self.known.remove(&session.peer());
            return None;
        }
        Some(dialled(known))
    }

    /// The session was dialled for the DHT.
    pub(super) fn is_ours(&mut self, session: &Session) {
        if let Some(known) = self.find(session.peer(), session.id()) {
            known.is_ours = true;
        }
    }

    /// The session is the application's from now on.
    pub(super) fn hand_out(&mut self, session: &Session) {
        if let Some(known) = self.find(session.peer(), session.id()) {
            known.is_ours = false;
        }
    }

    fn find(&mut self, node: NodeId, id: SessionId) -> Option<&mut Known> {
        let known = self.known.get_mut(&node)?;
        known.iter_mut().find(|known| known.session.id() == id)
    }

    /// A session to ask a member by: the latest, which is the one most likely to live.
    pub(super) fn best(&mut self, now: Instant, node: &NodeId) -> Option<Session> {
        let known = self.known.get_mut(node)?;
        let best = known.iter_mut().rev().find(|known| known.is_open())?;
        best.used = now;
        Some(best.session.clone())
    }

    /// One session with each member.
    pub(super) fn all(&self) -> Vec<Session> {
        let best = |known: &Vec<Known>| {
            let open = known.iter().rev().find(|known| known.is_open())?;
            Some(open.session.clone())
        };
        self.known.values().filter_map(best).collect()
    }

    /// A request waits until a dial has come to its end. True if that dial is yet to be begun.
    pub(super) fn wait_for_dial(&mut self, node: NodeId, asking: Asking) -> bool {
        let waiting = self.dialling.entry(node).or_default();
        waiting.push(asking);
        waiting.len() == 1
    }

    /// Those that waited for a dial that is over.
    pub(super) fn dialled(&mut self, node: &NodeId) -> Vec<Asking> {
        self.dialling.remove(node).unwrap_or_default()
    }

    pub(super) fn len(&self) -> usize {
        self.known.values().map(Vec::len).sum()
    }

    /// The sessions that may go: beyond `most`, and those that nobody has used for long.
    pub(super) fn superfluous(
        &self,
        now: Instant,
        me: &NodeId,
        most: usize,
        is_wanted: impl Fn(&NodeId) -> bool,
    ) -> Vec<Session> {
        let mut ours = Vec::new();
        for (node, known) in &self.known {
            let is_double = known.iter().filter(|known| known.is_open()).count() > 1;
            for one in known
                .iter()
                .filter(|known| known.is_ours && known.is_open())
            {
                let idle = now.saturating_duration_since(one.used);
                let is_busy = one.session.core().ledger.is_busy() || idle < IDLE;
                let stays = is_wanted(node) && !(is_double && node < me);
                ours.push((is_busy, stays, idle, one.session.clone()));
            }
        }
        ours.sort_by_key(|(is_busy, stays, idle, _)| (*is_busy, *stays, std::cmp::Reverse(*idle)));
        let beyond = ours.len().saturating_sub(most);
        let may_go = ours.into_iter().enumerate();
        let may_go =
            may_go.filter(|(place, (is_busy, stays, ..))| !is_busy && (!stays || *place < beyond));
        may_go.map(|(_, (.., session))| session).collect()
    }
}

fn dialled(known: &[Known]) -> Dialled {
    let mut all = known.iter().map(Known::dialled);
    all.find(|by| *by == Dialled::ByUs)
        .unwrap_or(Dialled::ByPeer)
}

/// A session that was not used for this long may go.
const IDLE: Duration = Duration::from_secs(60);
