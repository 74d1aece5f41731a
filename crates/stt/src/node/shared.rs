//! What all handles and tasks of one node share.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    },
};

use noq::Connection;
use parking_lot::Mutex;
use stc::{Door, Epoch, Group, NodeId};
use tokio::sync::Notify;

use super::{
    Accepting, door::Doorkeeper, happenings::Happenings, lan::Neighbours, relays::Relays,
    replay::SeenTags, users::SessionUsers, websocket::WebSockets,
};
use crate::{
    dht,
    endpoints::Backlog,
    limits::Limits,
    session::{
        By, CloseReason, Session, SessionId, core::Surroundings, messages::inbox::Inbox,
        queue::Queue,
    },
    swarm::{Content, Giving},
    transport::{
        crypto::{Authenticated, DoorKeys},
        endpoint::{Endpoint, EndpointSetup},
        platform::Platform,
        socket::DroppedDatagrams,
    },
};

/// The inside of a node.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) id: NodeId,
    pub(super) platform: Platform,
    pub(super) limits: Arc<Limits>,
    pub(super) endpoint: Endpoint,
    pub(super) inbox: Arc<Inbox>,
    pub(super) backlog: Arc<Backlog>,
    pub(super) doorkeeper: Mutex<Doorkeeper>,
    pub(super) seen_tags: Mutex<SeenTags>,
    pub(super) counters: Counters,
    pub(super) accepted: Queue<Session>,
    door_keys: Arc<DoorKeys>,
    dropped: Arc<DroppedDatagrams>,
    membership: Mutex<Membership>,
    sessions: Mutex<BTreeMap<SessionId, Session>>,
    stopping: AtomicBool,
    pub(super) stopped: Notify,
    /// What each session is given to as soon as it is the node's.
    pub(super) users: SessionUsers,
    pub(super) happenings: Happenings,
    pub(super) websockets: WebSockets,
    pub(super) neighbours: Neighbours,
    #[cfg(feature = "portmap")]
    pub(super) port_given_back: crate::session::flag::Flag,
    /// How the router answered, once it was asked.
    #[cfg(feature = "portmap")]
    pub(super) router: Mutex<Option<Vec<super::RouterProtocol>>>,
    pub(super) relays: Relays,
    pub(super) dht: Option<Arc<dht::Service>>,
    pub(super) giving: Option<Arc<Giving>>,
    pub(super) content: Option<Arc<Content>>,
}

/// What a node has besides its sockets and sessions.
#[derive(Debug)]
pub(super) struct Ways {
    pub(super) websockets: WebSockets,
    pub(super) relays: Relays,
    pub(super) dht: Option<Arc<dht::Service>>,
    pub(super) giving: Option<Arc<Giving>>,
    pub(super) content: Option<Arc<Content>>,
}

#[derive(Debug)]
struct Membership {
    group: Group,
    accepting: Accepting,
}

/// Counts since the node started.
#[derive(Debug, Default)]
pub(super) struct Counters {
    pub(super) sessions: AtomicU64,
    pub(super) refused: AtomicU64,
    pub(super) ignored: AtomicU64,
    pub(super) replayed: AtomicU64,
    pub(super) retried: AtomicU64,
    /// First packets that did not authenticate.
    pub(super) forged: AtomicU64,
}

/// A session was not added.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NotAdded {
    /// The node is being shut down.
    Stopping,
    /// The node has as many as it may.
    Full,
    /// A session of this id exists.
    Duplicate,
    /// Its epoch was dropped in the meantime.
    EpochDropped,
}

impl Shared {
    pub(super) fn new(
        id: NodeId,
        group: Group,
        accepting: Accepting,
        endpoint: Endpoint,
        setup: EndpointSetup,
        Ways {
            websockets,
            relays,
            dht,
            giving,
            content,
        }: Ways,
    ) -> Arc<Self> {
        let EndpointSetup {
            platform,
            limits,
            door,
            dropped,
            ..
        } = setup;
        let keeper = Doorkeeper::new(group.door(), limits.half_open, platform.now());
        let shared = Arc::new(Self {
            backlog: Backlog::new(limits.unplaced),
            inbox: Inbox::new(limits.undelivered, platform.clone()),
            doorkeeper: Mutex::new(keeper),
            seen_tags: Mutex::default(),
            counters: Counters::default(),
            accepted: Queue::new(),
            membership: Mutex::new(Membership { group, accepting }),
            sessions: Mutex::default(),
            stopping: AtomicBool::new(false),
            stopped: Notify::new(),
            users: SessionUsers::default(),
            happenings: Happenings::new(),
            websockets,
            relays,
            dht,
            neighbours: Neighbours::default(),
            #[cfg(feature = "portmap")]
            port_given_back: crate::session::flag::Flag::default(),
            #[cfg(feature = "portmap")]
            router: Mutex::default(),
            giving,
            content,
            limits: Arc::new(limits),
            id,
            platform,
            endpoint,
            door_keys: door,
            dropped,
        });
        shared.with_membership(|_| {});
        shared
    }

    pub(super) fn group(&self) -> Group {
        self.membership.lock().group.clone()
    }

    pub(super) fn door(&self) -> Door {
        self.membership.lock().group.door()
    }

    /// Changes group or door and lets the sockets know before anybody else can change them.
    fn with_membership<T>(&self, change: impl FnOnce(&mut Membership) -> T) -> T {
        let mut membership = self.membership.lock();
        let changed = change(&mut membership);
        self.door_keys.set(match membership.accepting {
            Accepting::Members if !self.is_stopping() => {
                membership.group.seeds().cloned().collect()
            }
            _ => Vec::new(),
        });
        changed
    }

    pub(super) fn change_group<T>(&self, change: impl FnOnce(&mut Group) -> T) -> T {
        let changed = self.with_membership(|membership| change(&mut membership.group));
        if let Some(dht) = &self.dht {
            dht.group_changed(&self.group());
        }
        changed
    }

    pub(super) fn set_accepting(&self, accepting: Accepting) {
        let before = self
            .with_membership(|membership| std::mem::replace(&mut membership.accepting, accepting));
        if before != accepting {
            self.happenings.accepting(accepting);
        }
    }

    pub(super) fn accepting(&self) -> Accepting {
        self.membership.lock().accepting
    }

    fn accepts_epoch(&self, epoch: Epoch) -> bool {
        self.membership.lock().group.seed(epoch).is_some()
    }

    /// Ends the sessions whose epoch is no longer the group's.
    pub(super) fn end_sessions_of_dropped_epochs(&self) {
        for session in self.sessions() {
            if !self.accepts_epoch(session.epoch()) {
                session.core().end(CloseReason::EpochDropped { by: By::Us });
            }
        }
    }

    /// Starts a session of this node; [`add`](Self::add) makes it one of those it has.
    pub(super) fn start_session(&self, connection: Connection, proved: Authenticated) -> Session {
        let surroundings = Surroundings {
            link: Arc::clone(self.endpoint.link()),
            platform: self.platform.clone(),
            limits: Arc::clone(&self.limits),
            inbox: Arc::clone(&self.inbox),
            backlog: Arc::clone(&self.backlog),
            relaying: self.relays.relaying().cloned(),
            dht: self.dht.clone(),
            giving: self.giving.clone(),
        };
        Session::start(connection, proved, surroundings)
    }

    /// Adds a session and watches for its end.
    pub(super) fn add(self: &Arc<Self>, session: &Session, by: By) -> Result<(), NotAdded> {
        {
            let mut sessions = self.sessions.lock();
            if self.is_stopping() {
                return Err(NotAdded::Stopping);
            }
            if sessions.contains_key(&session.id()) {
                return Err(NotAdded::Duplicate);
            }
            if sessions.len() >= self.limits.sessions {
                return Err(NotAdded::Full);
            }
            sessions.insert(session.id(), session.clone());
        }
        self.counters.sessions.fetch_add(1, Relaxed);
        // Looked at once it can be found, so that an epoch dropped meanwhile finds it too.
        if !self.accepts_epoch(session.epoch()) {
            self.sessions.lock().remove(&session.id());
            return Err(NotAdded::EpochDropped);
        }
        let (shared, watched) = (Arc::clone(self), session.clone());
        self.platform.spawn(async move {
            let reason = watched.closed().await;
            if let Some(dht) = &shared.dht {
                dht.session_closed(&watched, &reason);
            }
            shared.happenings.closed(&watched, reason);
            shared.sessions.lock().remove(&watched.id());
            shared.end_happenings_if_over();
        });
        self.users.meet(session);
        if let Some(dht) = &self.dht {
            dht.session_opened(session);
        }
        self.happenings.opened(session, by);
        Ok(())
    }

    /// Hands a session that others began to the application. Of those that end before it takes
    /// them, a few are kept for it to see.
    pub(super) fn hand_over(&self, session: Session) {
        self.accepted.push(session);
        if self.accepted.len() > ENDED_SESSIONS_KEPT {
            self.accepted.retain(|session| !session.is_closed());
        }
    }

    pub(super) fn session(&self, id: SessionId) -> Option<Session> {
        self.sessions.lock().get(&id).cloned()
    }

    pub(super) fn sessions(&self) -> Vec<Session> {
        self.sessions.lock().values().cloned().collect()
    }

    pub(super) fn is_stopping(&self) -> bool {
        self.stopping.load(Relaxed)
    }

    /// Takes nothing new from now on.
    pub(super) fn begin_stopping(&self) {
        self.stopping.store(true, Relaxed);
        self.with_membership(|_| {});
        self.websockets.stop_listening();
        self.relays.stop();
        self.accepted.close();
    }

    /// Without sessions, and with no new ones to come, there is nothing left to happen.
    pub(super) fn end_happenings_if_over(&self) {
        let sessions = self.sessions.lock();
        if self.is_stopping() && sessions.is_empty() {
            self.happenings.end();
        }
    }

    /// Whether a member made this tag, and has not shown it before. At an open door anybody may
    /// have made it.
    pub(super) fn opens_for(&self, tag: &[u8]) -> bool {
        let Some(seed) = self.door_keys.seed_for(tag) else {
            self.counters.forged.fetch_add(1, Relaxed);
            return false;
        };
        if seed.door() == Door::Open {
            return true;
        }
        let mut seen = self.seen_tags.lock();
        if seen.contains(tag) {
            self.counters.replayed.fetch_add(1, Relaxed);
            return false;
        }
        seen.insert(tag);
        true
    }

    pub(super) fn turned_away(&self) -> u64 {
        self.door_keys.turned_away() + self.counters.forged.load(Relaxed)
    }

    pub(super) fn dropped_datagrams(&self) -> u64 {
        self.dropped.count()
    }
}

/// Each holds its memory until it is taken.
const ENDED_SESSIONS_KEPT: usize = 64;

impl NotAdded {
    /// How a session that can't be added ends.
    pub(super) fn reason(self) -> CloseReason {
        match self {
            Self::Stopping => CloseReason::ShutDown { by: By::Us },
            Self::Full => CloseReason::AtLimit { by: By::Us },
            Self::Duplicate => CloseReason::Duplicate,
            Self::EpochDropped => CloseReason::EpochDropped { by: By::Us },
        }
    }
}
