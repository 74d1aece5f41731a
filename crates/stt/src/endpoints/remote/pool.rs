//! Endpoint streams of ours: one a name, opened when first used, let go when others need the room.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{
            AtomicU64, AtomicUsize,
            Ordering::{Relaxed, SeqCst},
        },
    },
};

use bytes::Bytes;
use parking_lot::Mutex;
use stt_wire::{Name, limits::MAX_LIVE_ENDPOINT_STREAMS};
use tokio::sync::{Notify, oneshot};

use super::{
    attachment::{Answer, Attachment, Over},
    outbound::run,
};
use crate::{
    endpoints::Refusal,
    session::{Session, SessionError, core::Core, ledger::LedgerEntry},
};

/// All endpoint streams of ours in one session.
#[derive(Debug)]
pub(super) struct Pool {
    live: Mutex<HashMap<Name, Arc<Attachment>>>,
    /// Held by the one who looks for a stream for a new name. Fair, and the others don't look.
    line: tokio::sync::Mutex<()>,
    /// The one who looks, and those behind it.
    waiting: AtomicUsize,
    /// For the one who looks: a stream has ended, or is idle.
    freed: Notify,
    /// Counts uses, to tell which was used least recently.
    clock: AtomicU64,
}

/// Somebody who waits for a stream; no longer, when this is dropped.
struct Waiting<'a>(&'a AtomicUsize);

/// An endpoint stream while somebody hands an item over.
struct InUse {
    attachment: Arc<Attachment>,
    core: Arc<Core>,
}

/// Hands an item over to the stream of its name. Resolves once it has credit, with what tells what
/// became of it. Cancel safe: handed over whole, or not at all.
pub(in crate::endpoints) async fn hand_over(
    session: &Session,
    name: &Name,
    data: &Bytes,
) -> Result<oneshot::Receiver<Answer>, Refusal> {
    let entry = session.begin_opening().map_err(|error| match error {
        SessionError::Closed(reason) => Refusal::SessionClosed(reason),
        SessionError::Closing => Refusal::SessionClosing,
    })?;
    let core = session.core();
    if data.len() > core.limits.message {
        return Err(Refusal::TooLong { len: data.len() });
    }
    core.endpoints
        .streams()
        .pool
        .hand_over(core, name, data, entry)
        .await
}

impl Pool {
    pub(super) fn new() -> Self {
        Self {
            live: Mutex::default(),
            line: tokio::sync::Mutex::default(),
            waiting: AtomicUsize::new(0),
            freed: Notify::new(),
            clock: AtomicU64::new(0),
        }
    }

    async fn hand_over(
        &self,
        core: &Arc<Core>,
        name: &Name,
        data: &Bytes,
        entry: LedgerEntry,
    ) -> Result<oneshot::Receiver<Answer>, Refusal> {
        if let Some(in_use) = self.use_live(core, name) {
            return in_use.attachment.accept(data, entry).await;
        }
        let in_use = tokio::select! {
            biased;
            in_use = self.stream_for(core, name) => in_use,
            _ = core.connection.closed() => {
                return Err(Refusal::SessionClosed(core.close_reason()));
            }
        };
        in_use.attachment.accept(data, entry).await
    }

    /// The stream of a name, if there is one that is not about to end.
    fn use_live(&self, core: &Arc<Core>, name: &Name) -> Option<InUse> {
        let attachment = Arc::clone(self.live.lock().get(name)?);
        self.begin_use(core, attachment)
    }

    fn begin_use(&self, core: &Arc<Core>, attachment: Arc<Attachment>) -> Option<InUse> {
        let now = self.clock.fetch_add(1, Relaxed);
        attachment.try_use(now).then(|| InUse {
            attachment,
            core: Arc::clone(core),
        })
    }

    /// A stream for a name, once there is room for one. Cancel safe.
    async fn stream_for(&self, core: &Arc<Core>, name: &Name) -> InUse {
        let _waiting = Waiting::begin(&self.waiting);
        let _line = self.line.lock().await;
        loop {
            let mut freed = std::pin::pin!(self.freed.notified());
            freed.as_mut().enable();
            if let Some(in_use) = self.try_use(core, name) {
                return in_use;
            }
            freed.await;
        }
    }

    /// The stream of a name, unless it is about to end; makes room for it, and for those in line,
    /// by letting go of those that were not used for longest.
    fn try_use(&self, core: &Arc<Core>, name: &Name) -> Option<InUse> {
        let mut live = self.live.lock();
        let attachment = if let Some(attachment) = live.get(name) {
            Arc::clone(attachment)
        } else if core.is_over() {
            return None;
        } else if live.len() < MAX_LIVE_ENDPOINT_STREAMS {
            let now = self.clock.load(Relaxed);
            let attachment = Arc::new(Attachment::new(name.clone(), now));
            live.insert(name.clone(), Arc::clone(&attachment));
            // An orderly end counts the stream even if whoever it is for gives up before it is open.
            let opening = core.ledger.sending();
            core.platform
                .spawn(run(Arc::clone(core), Arc::clone(&attachment), opening));
            attachment
        } else {
            let_go(&live, self.waiting.load(SeqCst));
            return None;
        };
        self.begin_use(core, attachment)
    }

    /// A stream of ours is no more.
    pub(super) fn forget(&self, attachment: &Attachment, over: &Over) {
        attachment.over(over);
        self.live.lock().remove(attachment.name());
        self.freed.notify_waiters();
    }

    /// A stream may be idle now.
    pub(super) fn may_be_idle(&self, attachment: &Attachment) {
        if self.waiting.load(SeqCst) > 0 && attachment.idle_since().is_some() {
            self.freed.notify_waiters();
        }
    }
}

/// Lets so many idle streams go, with those that are going already.
fn let_go(live: &HashMap<Name, Arc<Attachment>>, wanted: usize) {
    let leaving = live.values().filter(|other| other.is_leaving()).count();
    let idle = live
        .values()
        .filter_map(|attachment| Some((attachment.idle_since()?, attachment)));
    let mut idle: Vec<_> = idle.collect();
    idle.sort_unstable_by_key(|(used_at, _)| *used_at);
    for (_, oldest) in idle.iter().take(wanted.saturating_sub(leaving)) {
        oldest.finish_if_idle();
    }
}

impl<'a> Waiting<'a> {
    fn begin(count: &'a AtomicUsize) -> Self {
        count.fetch_add(1, SeqCst);
        Self(count)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, SeqCst);
    }
}

impl Drop for InUse {
    fn drop(&mut self) {
        if self.attachment.leave() {
            if self.core.closing.has_begun() {
                self.attachment.finish_if_unused();
            }
            self.core
                .endpoints
                .streams()
                .pool
                .may_be_idle(&self.attachment);
        }
    }
}
