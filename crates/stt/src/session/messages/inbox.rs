//! All messages a node has received and its application has not taken, over all sessions.
//!
//! Fair: sessions take turns, and within a session its message streams do. Each turn is one
//! message.

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
    task::{Context, Poll, Waker},
    time::Instant,
};

use parking_lot::Mutex;
use stt_wire::{DecodeError, LaneFrame, limits::MAX_LIVE_MESSAGE_STREAMS};
use tokio::sync::Notify;

use super::{
    budget::Budget,
    incoming::{Growth, Incoming},
    room::{Room, while_room},
};
use crate::{
    node::ReceivedPacket,
    session::{By, CloseReason, SessionId, core::Core, ledger::LedgerEntry},
    transport::platform::Platform,
};

/// The node's undelivered messages.
#[derive(Debug)]
pub(crate) struct Inbox {
    state: Mutex<State>,
    room: Notify,
    platform: Platform,
}

#[derive(Debug)]
struct State {
    sessions: HashMap<u64, Mailbox>,
    /// Sessions with messages, in turn.
    ready: VecDeque<u64>,
    /// Long messages that wait for room: session and message stream, first come first served.
    waiting: VecDeque<(u64, u64)>,
    budget: Budget,
    consumers: Vec<Waker>,
    ended: bool,
}

/// One session's part.
#[derive(Debug)]
struct Mailbox {
    /// Gone once the session is over; what was received before stays to be taken.
    core: Option<Arc<Core>>,
    id: SessionId,
    live: HashMap<u64, Incoming>,
    /// Message streams with messages, in turn.
    ready: VecDeque<u64>,
    growth: Growth,
    /// What its long messages were promised.
    promised: u64,
    /// Long messages of which parts are missing.
    partials: usize,
    /// Counts what comes of what was promised.
    arrived: u64,
    /// Present while anything is queued: an orderly end waits for it to be consumed.
    unconsumed: Option<LedgerEntry>,
}

/// What a session has of promises, for whoever watches over them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Promises {
    /// Counts what comes of them.
    pub(crate) arrived: u64,
    /// Another session waits for room.
    pub(crate) are_in_the_way: bool,
}

/// The peer broke the rules of a message lane.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum LaneViolation {
    #[error("{0}")]
    Malformed(DecodeError),
    #[error("{sent} sent with credit for {limit}")]
    BeyondCredit { sent: u64, limit: u64 },
    #[error("more than {max} live message streams", max = MAX_LIVE_MESSAGE_STREAMS)]
    TooManyIds,
    #[error("parts of a message exceed its length")]
    TooLong,
    #[error("a frame that may not come now")]
    OutOfTurn,
    #[error("nothing came of what was promised room, and others waited")]
    Stalled,
}

impl LaneViolation {
    /// How the session ends that did it.
    pub(crate) fn close_reason(self) -> CloseReason {
        match self {
            Self::Malformed(error) => CloseReason::for_malformed(error),
            Self::BeyondCredit { .. } | Self::TooManyIds => CloseReason::AtLimit { by: By::Us },
            Self::TooLong | Self::OutOfTurn => CloseReason::Violation { by: By::Us },
            Self::Stalled => CloseReason::TimedOut { by: By::Us },
        }
    }
}

impl Inbox {
    pub(crate) fn new(limit: usize, platform: Platform) -> Arc<Self> {
        let state = State {
            sessions: HashMap::new(),
            ready: VecDeque::new(),
            waiting: VecDeque::new(),
            budget: Budget::new(limit as u64),
            consumers: Vec::new(),
            ended: false,
        };
        Arc::new(Self {
            state: Mutex::new(state),
            room: Notify::new(),
            platform,
        })
    }

    /// Makes room for a session's messages.
    pub(crate) fn open(&self, core: &Arc<Core>) {
        let mailbox = Mailbox {
            core: Some(Arc::clone(core)),
            id: core.id(),
            live: HashMap::new(),
            ready: VecDeque::new(),
            growth: Growth(SESSION_GROWTH),
            promised: 0,
            partials: 0,
            arrived: 0,
            unconsumed: None,
        };
        self.state.lock().sessions.insert(core.key(), mailbox);
    }

    /// The session is over: half messages are dropped, whole ones stay to be taken.
    pub(crate) fn close(&self, key: u64) {
        let mut state = self.state.lock();
        let Some(mailbox) = state.sessions.get_mut(&key) else {
            return;
        };
        mailbox.core = None;
        mailbox.unconsumed = None;
        (mailbox.promised, mailbox.partials) = (0, 0);
        let changes = mailbox.live.values_mut().map(|incoming| {
            let before = incoming.held();
            incoming.forget_partial();
            (before, incoming.held())
        });
        let changes: Vec<_> = changes.collect();
        if mailbox.ready.is_empty() {
            state.sessions.remove(&key);
        }
        for (before, after) in changes {
            state.budget.change(before, after);
        }
        state.grant_waiting();
        drop(state);
        self.room.notify_waiters();
    }

    /// Takes one frame of a lane. Frames of sessions that are over are dropped.
    pub(crate) fn deliver(&self, key: u64, frame: &LaneFrame) -> Result<(), LaneViolation> {
        let now = self.platform.now();
        let consumers = {
            let mut state = self.state.lock();
            state.deliver(key, frame, now)?;
            state.grant_waiting();
            if state.ready.is_empty() {
                Vec::new()
            } else {
                std::mem::take(&mut state.consumers)
            }
        };
        consumers.into_iter().for_each(Waker::wake);
        Ok(())
    }

    /// Whether a long message of the session is under way.
    pub(crate) fn has_partial(&self, key: u64) -> bool {
        let state = self.state.lock();
        let mailbox = state.sessions.get(&key);
        mailbox.is_some_and(|mailbox| mailbox.partials > 0)
    }

    /// Bytes came that are no whole frame yet: the path is slow.
    pub(crate) fn note_progress(&self, key: u64) {
        if let Some(mailbox) = self.state.lock().sessions.get_mut(&key) {
            mailbox.arrived += 1;
        }
    }

    /// What the session has of promises; `None` if there are none, or if nothing is read for want of room.
    pub(crate) fn promises(&self, key: u64) -> Option<Promises> {
        let state = self.state.lock();
        let mailbox = state.sessions.get(&key)?;
        (mailbox.promised > 0 && state.budget.has_room()).then(|| Promises {
            arrived: mailbox.arrived,
            are_in_the_way: state.others_wait(key),
        })
    }

    /// Runs `read` while the node has room for more. Cancel safe if `read` is.
    pub(crate) async fn while_room<F: Future>(&self, read: F) -> F::Output {
        let full = || {
            let has_room = self.state.lock().budget.has_room();
            (!has_room).then(|| Box::pin(self.has_room()) as Room<'_>)
        };
        while_room(full, read).await
    }

    async fn has_room(&self) {
        loop {
            let mut room = std::pin::pin!(self.room.notified());
            room.as_mut().enable();
            if self.state.lock().budget.has_room() {
                return;
            }
            room.await;
        }
    }

    /// The next message in turn; `None` once the node is shut down and everything was taken.
    pub(crate) fn poll_next(&self, cx: &Context<'_>) -> Poll<Option<ReceivedPacket>> {
        let now = self.platform.now();
        let mut state = self.state.lock();
        let Some(packet) = state.take_next(now) else {
            if state.ended {
                return Poll::Ready(None);
            }
            if !state
                .consumers
                .iter()
                .any(|waker| waker.will_wake(cx.waker()))
            {
                state.consumers.push(cx.waker().clone());
            }
            return Poll::Pending;
        };
        state.grant_waiting();
        let has_room = state.budget.has_room();
        drop(state);
        if has_room {
            self.room.notify_waiters();
        }
        Poll::Ready(Some(packet))
    }

    /// Nothing more will come: whoever waits hears it.
    pub(crate) fn end(&self) {
        let consumers = {
            let mut state = self.state.lock();
            state.ended = true;
            std::mem::take(&mut state.consumers)
        };
        consumers.into_iter().for_each(Waker::wake);
    }

    /// Bytes queued or promised.
    pub(crate) fn used(&self) -> u64 {
        self.state.lock().budget.total()
    }
}

impl State {
    fn deliver(&mut self, key: u64, frame: &LaneFrame, now: Instant) -> Result<(), LaneViolation> {
        let Some(mailbox) = self.sessions.get_mut(&key) else {
            return Ok(());
        };
        let Some(core) = mailbox.core.clone() else {
            return Ok(());
        };
        let id = frame.message_stream().get();
        let incoming = mailbox.incoming(id, now)?;
        let (before, had_messages) = (incoming.held(), incoming.has_messages());
        let had_partial = incoming.has_partial();
        match frame {
            LaneFrame::Message(frame) => incoming.message(&frame.payload)?,
            LaneFrame::MessageStart(start) => incoming.start(start.total.get(), &start.payload)?,
            LaneFrame::MessageMore(frame) => incoming.more(&frame.payload)?,
            LaneFrame::Release(_) => incoming.release()?,
        }
        let after = incoming.held();
        self.budget.change(before, after);
        let (has_partial, has_messages) = (incoming.has_partial(), incoming.has_messages());
        mailbox.partials = mailbox.partials + usize::from(has_partial) - usize::from(had_partial);
        mailbox.promised = mailbox.promised + after.promised - before.promised;
        if before.promised > 0 {
            // Nothing else may come on this message stream meanwhile.
            mailbox.arrived += 1;
        }
        if has_messages && !had_messages {
            mailbox.ready.push_back(id);
            if mailbox.ready.len() == 1 {
                mailbox.unconsumed = Some(core.ledger.receiving());
                self.ready.push_back(key);
            }
        }
        if matches!(frame, LaneFrame::MessageStart(_)) {
            self.waiting.push_back((key, id));
        }
        mailbox.forget_if_over(id);
        Ok(())
    }

    fn take_next(&mut self, now: Instant) -> Option<ReceivedPacket> {
        let key = self.ready.pop_front()?;
        let mailbox = self.sessions.get_mut(&key)?;
        let id = mailbox.ready.pop_front()?;
        let incoming = mailbox.live.get_mut(&id)?;
        let before = incoming.held();
        let data = incoming.pop()?;
        self.budget.change(before, incoming.held());
        if incoming.has_messages() {
            mailbox.ready.push_back(id);
        }
        if let Some(core) = &mailbox.core
            && let Some(limit) = incoming.next_limit(now, core.round_trip(), &mut mailbox.growth)
        {
            core.control.credit(id, limit);
        }
        let packet = ReceivedPacket {
            session_id: mailbox.id,
            stream_id: id,
            data,
        };
        mailbox.forget_if_over(id);
        if !mailbox.ready.is_empty() {
            self.ready.push_back(key);
        } else if mailbox.core.is_some() {
            mailbox.unconsumed = None;
        } else {
            self.sessions.remove(&key);
        }
        Some(packet)
    }

    /// Grants long messages that are first in their line, while their length fits. One is granted
    /// whatever its length once nothing else is held, so that none waits for ever. Looks at a few
    /// in turn each time, so that a crowd of them costs nobody else.
    fn grant_waiting(&mut self) {
        for _ in 0..self.waiting.len().min(GRANTS_AT_A_TIME) {
            let Some((key, id)) = self.waiting.pop_front() else {
                return;
            };
            let Some(mailbox) = self.sessions.get_mut(&key) else {
                continue;
            };
            let (Some(core), Some(incoming)) = (&mailbox.core, mailbox.live.get_mut(&id)) else {
                continue;
            };
            if incoming.is_granted_or_whole() {
                continue;
            }
            let Some(total) = incoming.wants_grant() else {
                self.waiting.push_back((key, id));
                continue;
            };
            let before = incoming.held();
            if !self.budget.may_promise(total) || !self.budget.is_fair(mailbox.promised, total) {
                self.waiting.push_back((key, id));
                continue;
            }
            if let Some(granted) = incoming.grant() {
                core.control.credit(id, granted);
            }
            let after = incoming.held();
            self.budget.change(before, after);
            mailbox.promised = mailbox.promised + after.promised - before.promised;
        }
    }

    /// Whether a long message of another session waits for nothing but room.
    fn others_wait(&self, key: u64) -> bool {
        self.waiting.iter().any(|(other, id)| {
            let waiting = self
                .sessions
                .get(other)
                .and_then(|mailbox| mailbox.live.get(id));
            *other != key && waiting.is_some_and(|waiting| waiting.wants_grant().is_some())
        })
    }
}

impl Mailbox {
    fn incoming(&mut self, id: u64, now: Instant) -> Result<&mut Incoming, LaneViolation> {
        if self.live.len() >= MAX_LIVE_MESSAGE_STREAMS && !self.live.contains_key(&id) {
            return Err(LaneViolation::TooManyIds);
        }
        Ok(self.live.entry(id).or_insert_with(|| Incoming::new(now)))
    }

    fn forget_if_over(&mut self, id: u64) {
        if self.live.get(&id).is_some_and(Incoming::is_over)
            && let Some(over) = self.live.remove(&id)
        {
            self.growth.0 += over.growth();
            if let Some(core) = &self.core {
                core.control.released(id);
            }
        }
    }
}

const GRANTS_AT_A_TIME: usize = 32;

/// What all windows of a session may grow by together, in units of cost.
const SESSION_GROWTH: u64 = 8 << 20;
