//! One endpoint's queue: bounded, in order, each item to one consumer.
//!
//! ```text
//! put --- room? --> queue --> pop      consumers: each item to one of them
//!           | no: Refuse, DropOldest
//!           +---> Wait: in line for the turn, the one whose turn it is waits for room
//! ```

use std::{collections::VecDeque, sync::Arc};

use bytes::Bytes;
use parking_lot::Mutex;
use stc::NodeId;
use stt_wire::Name;
use tokio::sync::{Notify, OwnedMutexGuard};

use super::{EndpointOptions, Reach, Refusal, WhenFull};
use crate::session::SessionId;

/// What an endpoint received.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct RoutedItem {
    /// The bytes, as they were routed.
    pub data: Bytes,
    /// Who routed them.
    pub from: Origin,
}

/// Where an item or an event came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(
    clippy::exhaustive_enums,
    reason = "there is here, and there are peers"
)]
pub enum Origin {
    /// This process.
    Local,
    /// A peer.
    Peer {
        /// Who it has proved to be.
        peer: NodeId,
        /// The session it came by.
        session: SessionId,
    },
}

/// Counters of an endpoint since it was made, and what waits in it now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct EndpointStats {
    /// Items that wait to be taken.
    pub waiting: usize,
    /// Their bytes.
    pub waiting_bytes: usize,
    /// Items that came into the queue.
    pub delivered: u64,
    /// Items that consumers took.
    pub taken: u64,
    /// Items that made room for newer ones.
    pub dropped: u64,
    /// Items that were refused because the queue was full or could never hold them.
    pub refused: u64,
}

/// A queue that consumers share.
#[derive(Debug)]
pub(crate) struct EndpointQueue {
    name: Name,
    options: EndpointOptions,
    state: Mutex<State>,
    /// Held by the one who waits for room. Fair.
    turn: Arc<tokio::sync::Mutex<()>>,
    /// For the one who has the turn.
    taken: Notify,
    /// One permit is left for each item, and passed on while items are left.
    put: Notify,
}

#[derive(Debug, Default)]
struct State {
    items: VecDeque<RoutedItem>,
    stats: EndpointStats,
    closed: bool,
}

/// What became of an item that could not wait.
#[derive(Debug)]
pub(crate) enum Put {
    Delivered,
    Refused(Refusal),
    /// There is no room yet, or others are in line.
    MustWait(RoutedItem),
}

/// The right to put an item of a certain length.
#[derive(Debug)]
pub(crate) struct Turn {
    queue: Arc<EndpointQueue>,
    _turn: OwnedMutexGuard<()>,
}

impl EndpointQueue {
    pub(super) fn new(name: Name, options: EndpointOptions) -> Arc<Self> {
        Arc::new(Self {
            name,
            options,
            state: Mutex::default(),
            turn: Arc::default(),
            taken: Notify::new(),
            put: Notify::new(),
        })
    }

    pub(super) fn reach(&self) -> Reach {
        self.options.reach
    }

    pub(super) fn name(&self) -> &Name {
        &self.name
    }

    /// Puts an item if that needs no waiting, and settles what the policy settles at once.
    pub(crate) fn put_now(&self, item: RoutedItem) -> Put {
        if let Some(refusal) = self.never(item.data.len()) {
            return Put::Refused(refusal);
        }
        if self.options.when_full == WhenFull::Wait {
            // Those in line come first.
            let Ok(_turn) = self.turn.try_lock() else {
                return Put::MustWait(item);
            };
            return self.settle(item);
        }
        self.settle(item)
    }

    /// Puts an item, waiting for room if that is the policy. Cancel safe: put, or not.
    pub(super) async fn put(self: &Arc<Self>, item: RoutedItem) -> Result<(), Refusal> {
        match self.put_now(item) {
            Put::Delivered => Ok(()),
            Put::Refused(refusal) => Err(refusal),
            Put::MustWait(item) => {
                let turn = Arc::clone(self).turn(item.data.len()).await;
                turn.put(item)
            }
        }
    }

    /// Waits in line until an item of `len` bytes has room, or the endpoint is removed. Cancel
    /// safe: whoever gives up leaves the line.
    pub(crate) async fn turn(self: Arc<Self>, len: usize) -> Turn {
        let turn = Arc::clone(&self.turn).lock_owned().await;
        loop {
            // Permits stay, so nothing that is taken between here and there goes unheard.
            {
                let state = self.state.lock();
                if state.closed || self.fits(&state, len) {
                    break;
                }
            }
            self.taken.notified().await;
        }
        Turn {
            queue: self,
            _turn: turn,
        }
    }

    /// Resolves when an item of `len` bytes would not have to wait; nothing is kept for it. Cancel
    /// safe.
    pub(crate) async fn room_for(self: Arc<Self>, len: usize) {
        if self.options.when_full == WhenFull::Wait {
            drop(self.turn(len).await);
        }
    }

    /// The next item; `None` once the endpoint was removed and nothing is left. Cancel safe.
    pub(super) async fn pop(&self) -> Option<RoutedItem> {
        loop {
            let mut put = std::pin::pin!(self.put.notified());
            put.as_mut().enable();
            {
                let mut state = self.state.lock();
                if let Some(item) = state.take() {
                    state.stats.taken += 1;
                    let is_last = state.items.is_empty();
                    drop(state);
                    self.taken.notify_one();
                    if !is_last {
                        self.put.notify_one();
                    }
                    return Some(item);
                }
                if state.closed {
                    return None;
                }
            }
            put.await;
        }
    }

    /// No more is taken; what waits can still be popped.
    pub(super) fn close(&self) {
        self.state.lock().closed = true;
        self.put.notify_waiters();
        self.taken.notify_one();
    }

    /// No more is taken; what waits is given out here.
    pub(super) fn close_and_drain(&self) -> Vec<RoutedItem> {
        let drained = {
            let mut state = self.state.lock();
            state.closed = true;
            std::iter::from_fn(|| state.take()).collect()
        };
        self.close();
        drained
    }

    pub(super) fn stats(&self) -> EndpointStats {
        self.state.lock().stats
    }

    /// Why an item of this length can't be taken, however long it waits.
    pub(crate) fn never(&self, len: usize) -> Option<Refusal> {
        (len > self.options.bytes).then(|| {
            self.state.lock().stats.refused += 1;
            Refusal::TooLong { len }
        })
    }

    fn settle(&self, item: RoutedItem) -> Put {
        let mut state = self.state.lock();
        if state.closed {
            return Put::Refused(Refusal::NoSuchEndpoint);
        }
        if !self.fits(&state, item.data.len()) {
            match self.options.when_full {
                WhenFull::Wait => return Put::MustWait(item),
                WhenFull::DropOldest => self.make_room(&mut state, item.data.len()),
                WhenFull::Refuse => {
                    state.stats.refused += 1;
                    return Put::Refused(Refusal::Full);
                }
            }
        }
        state.stats.delivered += 1;
        state.stats.waiting += 1;
        state.stats.waiting_bytes += item.data.len();
        state.items.push_back(item);
        drop(state);
        self.put.notify_one();
        Put::Delivered
    }

    fn fits(&self, state: &State, len: usize) -> bool {
        let EndpointStats {
            waiting,
            waiting_bytes,
            ..
        } = state.stats;
        waiting < self.options.items && waiting_bytes + len <= self.options.bytes
    }

    /// A longer item than the queue can hold was refused before.
    fn make_room(&self, state: &mut State, len: usize) {
        while !self.fits(state, len) && state.take().is_some() {
            state.stats.dropped += 1;
        }
    }
}

impl State {
    fn take(&mut self) -> Option<RoutedItem> {
        let item = self.items.pop_front()?;
        self.stats.waiting -= 1;
        self.stats.waiting_bytes -= item.data.len();
        Some(item)
    }
}

impl Turn {
    /// Puts the item the turn was taken for.
    pub(crate) fn put(self, item: RoutedItem) -> Result<(), Refusal> {
        match self.queue.settle(item) {
            Put::Delivered => Ok(()),
            Put::Refused(refusal) => Err(refusal),
            // Only the one whose turn it is takes room away.
            Put::MustWait(_) => Err(Refusal::Full),
        }
    }
}
