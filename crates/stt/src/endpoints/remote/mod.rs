//! Endpoints across a session: items one way, credit and receipts the other.
//!
//! ```text
//! route --> accepted: has credit --> writer ==ITEM==> reader --> staged --> endpoint's queue
//!   ^                                                              |  (its window of credit)
//!   +--- Delivered, Refused <-- reader <==RECEIPT, ITEM_CREDIT== writer
//! ```
//!
//! One two-way engine stream for each name in use. The receiver always drains it: what an endpoint
//! can't take waits in a staging area that the credit bounds, so a stalled consumer holds back the
//! senders of its own endpoint and nothing else.
//!
//! *Memory.* A name begins with 8 KiB of credit; windows grow while the consumer keeps up, 8 MiB a
//! session together; 256 names a session. An item longer than its window is granted whole once it
//! is first in line and its queue has room: 16 MiB a session at a time (or one longer item), within
//! the node's bound ([`Limits::unplaced`](crate::Limits::unplaced)). A sender holds what was not
//! answered: 8 MiB a name, however much the peer grants.
//!
//! *spec:* WIRE-100 to WIRE-112.

mod answers;
mod attachment;
pub(crate) mod backlog;
mod batch;
mod inbound;
mod outbound;
mod pool;
mod violation;

use std::sync::{Arc, OnceLock, atomic::AtomicU64};

use parking_lot::{Mutex, RwLock};
use tokio::sync::Semaphore;

pub(super) use attachment::Answer;
pub(crate) use inbound::serve;
pub(super) use pool::hand_over;

use self::{inbound::Arrivals, pool::Pool};
use super::manager::Inner;
use crate::session::{flag::Flag, messages::incoming::Growth};

/// What a session knows of endpoints, both ways.
#[derive(Debug, Default)]
pub(crate) struct SessionEndpoints {
    /// Whose endpoints the peer may route to.
    served: RwLock<Served>,
    /// Somebody serves, or did.
    attached: Flag,
    /// Made when first used: most sessions have no such streams.
    streams: OnceLock<Box<Streams>>,
}

/// A session's endpoint streams.
#[derive(Debug)]
struct Streams {
    /// Ours.
    pool: Pool,
    /// The peer's.
    arrivals: Mutex<Arrivals>,
    growth: Mutex<Growth>,
    /// KiB of long items that may be under way at a time.
    promises: Arc<Semaphore>,
    /// Counts what comes of long items that were promised room.
    arrived: AtomicU64,
}

#[derive(Debug, Default)]
enum Served {
    #[default]
    Nobodys,
    Of(Arc<Inner>),
    /// The session is over. A manager may hold sessions, so no session may hold a manager then.
    Over,
}

impl SessionEndpoints {
    /// Lets the peer route to the endpoints of a manager; the last one counts.
    pub(super) fn attach(&self, manager: &Arc<Inner>) {
        let before = {
            let mut served = self.served.write();
            if matches!(*served, Served::Over) {
                return;
            }
            std::mem::replace(&mut *served, Served::Of(Arc::clone(manager)))
        };
        // It may hold the last handle on a session, and is dropped after the lock.
        drop(before);
        self.attached.raise();
    }

    /// The session is over.
    pub(crate) fn close(&self) {
        let before = std::mem::replace(&mut *self.served.write(), Served::Over);
        drop(before);
        self.attached.raise();
    }

    fn served(&self) -> Option<Arc<Inner>> {
        match &*self.served.read() {
            Served::Of(manager) => Some(Arc::clone(manager)),
            Served::Nobodys | Served::Over => None,
        }
    }

    fn streams(&self) -> &Streams {
        self.streams.get_or_init(|| Box::new(Streams::new()))
    }
}

impl Streams {
    fn new() -> Self {
        Self {
            pool: Pool::new(),
            arrivals: Mutex::default(),
            growth: Mutex::new(Growth(SESSION_GROWTH)),
            promises: Arc::new(Semaphore::new(SESSION_PROMISE_KIB as usize)),
            arrived: AtomicU64::new(0),
        }
    }
}

/// What all windows of a session may grow by together, in units of cost.
const SESSION_GROWTH: u64 = 8 << 20;

const SESSION_PROMISE_KIB: u32 = 16 << 10;
