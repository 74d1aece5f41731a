//! Endpoint streams of ours: one a name, opened when first used, let go when others need the room.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
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
    /// One has ended, or stopped being used.
    freed: Notify,
    /// Counts uses, to tell which was used least recently.
    clock: AtomicU64,
}

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
    core.endpoints.pool.hand_over(core, name, data, entry).await
}

impl Pool {
    pub(super) fn new() -> Self {
        Self {
            live: Mutex::default(),
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
        loop {
            let mut freed = std::pin::pin!(self.freed.notified());
            freed.as_mut().enable();
            if let Some(in_use) = self.try_use(core, name) {
                return in_use.attachment.accept(data, entry).await;
            }
            tokio::select! {
                biased;
                () = freed => {}
                _ = core.connection.closed() => {
                    return Err(Refusal::SessionClosed(core.close_reason()));
                }
            }
        }
    }

    /// The stream of a name, unless it is about to end; makes room for it by letting go of the one
    /// that was not used for longest.
    fn try_use(&self, core: &Arc<Core>, name: &Name) -> Option<InUse> {
        let mut live = self.live.lock();
        let now = self.clock.fetch_add(1, Relaxed);
        let attachment = if let Some(attachment) = live.get(name) {
            Arc::clone(attachment)
        } else if core.is_over() {
            return None;
        } else if live.len() < MAX_LIVE_ENDPOINT_STREAMS {
            let attachment = Arc::new(Attachment::new(name.clone(), now));
            live.insert(name.clone(), Arc::clone(&attachment));
            core.platform
                .spawn(run(Arc::clone(core), Arc::clone(&attachment)));
            attachment
        } else {
            let_one_go(&live);
            return None;
        };
        attachment.try_use(now).then(|| InUse {
            attachment,
            core: Arc::clone(core),
        })
    }

    /// A stream of ours is no more.
    pub(super) fn forget(&self, attachment: &Attachment, over: &Over) {
        attachment.over(over);
        self.live.lock().remove(attachment.name());
        self.freed.notify_waiters();
    }
}

fn let_one_go(live: &HashMap<Name, Arc<Attachment>>) {
    let idle = live
        .values()
        .filter_map(|attachment| Some((attachment.idle_since()?, attachment)));
    if let Some((_, oldest)) = idle.min_by_key(|(used_at, _)| *used_at) {
        oldest.finish_if_idle();
    }
}

impl Drop for InUse {
    fn drop(&mut self) {
        if self.attachment.leave() {
            if self.core.closing.has_begun() {
                self.attachment.finish_if_unused();
            }
            self.core.endpoints.pool.freed.notify_waiters();
        }
    }
}
