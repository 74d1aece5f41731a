//! The orderly end.
//!
//! ```text
//! us                                        peer
//! all streams finished, messages flushed
//! CLOSING (how many streams we opened) ---->  begins to close too, once its application
//!                                             has finished its streams
//!   <---------------------------------------- CLOSING
//! all of theirs consumed                      all of ours consumed
//! FINISHED -------------------------------->
//!   <---------------------------------------- FINISHED
//! ```
//!
//! Whoever hears FINISHED after it said its own closes the connection with DONE. The other waits a
//! little for that, so that its FINISHED isn't lost with the connection, and then closes too. So
//! DONE is only ever said by a side that knows that everything arrived.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
    time::Duration,
};

use tokio::sync::watch;

use super::{By, CloseReason, core::Core, outbound_control::StreamCounts};

/// How far the end has come.
#[derive(Debug)]
pub(crate) struct Closing {
    incomplete: AtomicBool,
    begun: watch::Sender<bool>,
    finished: AtomicBool,
    control: watch::Sender<bool>,
    peer_opened_in_all: watch::Sender<Option<StreamCounts>>,
    finished_by_peer: watch::Sender<bool>,
}

impl Default for Closing {
    fn default() -> Self {
        Self {
            incomplete: AtomicBool::new(false),
            begun: watch::Sender::new(false),
            finished: AtomicBool::new(false),
            control: watch::Sender::new(false),
            peer_opened_in_all: watch::Sender::new(None),
            finished_by_peer: watch::Sender::new(false),
        }
    }
}

impl Closing {
    /// Whether either side has begun: nothing new may be opened.
    pub(crate) fn has_begun(&self) -> bool {
        *self.begun.borrow()
    }

    /// Resolves when either side has begun. Cancel safe.
    pub(crate) async fn begun(&self) {
        // The sender lives as long as `self`.
        let _ = self.begun.subscribe().wait_for(|begun| *begun).await;
    }

    /// Whether we have said FINISHED.
    pub(crate) fn has_finished(&self) -> bool {
        self.finished.load(SeqCst)
    }

    /// Something of the peer's was not taken: the end will not be called orderly.
    pub(super) fn lost_something(&self) {
        self.incomplete.store(true, SeqCst);
    }

    /// The peer's control stream came; false if it is not the first.
    pub(super) fn control_arrived(&self) -> bool {
        !self.control.send_replace(true)
    }

    /// Resolves when the peer's control stream has come: it means this session.
    pub(crate) async fn control_open(&self) {
        // The sender lives as long as `self`.
        let _ = self.control.subscribe().wait_for(|open| *open).await;
    }

    /// The peer says CLOSING; false if it has before.
    pub(super) fn peer_closes(&self, opened: StreamCounts) -> bool {
        self.peer_opened_in_all.send_replace(Some(opened)).is_none()
    }

    /// The peer says FINISHED; false if it has before, or if its numbers are not those of its
    /// CLOSING.
    pub(super) fn peer_finished(&self, opened: StreamCounts) -> bool {
        let is_first = !self.finished_by_peer.send_replace(true);
        is_first && *self.peer_opened_in_all.borrow() == Some(opened)
    }

    async fn peer_opened(&self) -> StreamCounts {
        let mut closing = self.peer_opened_in_all.subscribe();
        loop {
            if let Some(opened) = *closing.borrow_and_update() {
                return opened;
            }
            // The sender lives as long as `self`.
            let _ = closing.changed().await;
        }
    }

    async fn wait_for_peer(&self) {
        let _ = self
            .finished_by_peer
            .subscribe()
            .wait_for(|finished| *finished)
            .await;
    }
}

/// Begins to close, once. Either side's wish is enough.
pub(crate) fn begin(core: &Arc<Core>) {
    if core.closing.begun.send_replace(true) {
        return;
    }
    let task = Arc::clone(core);
    core.platform.spawn(async move {
        tokio::select! {
            biased;
            _ = task.connection.closed() => {}
            () = run(&task) => {}
        }
    });
}

async fn run(core: &Core) {
    core.ledger.all_sent().await;
    core.outbox.finish().await;
    core.frames.outbound().finish().await;
    core.control.closing(core.ledger.opened_counts());
    let theirs = core.closing.peer_opened().await;
    core.ledger.all_done(theirs).await;
    if core.closing.incomplete.load(SeqCst) {
        return core.end(CloseReason::Failed { by: By::Us });
    }
    let heard_first = *core.closing.finished_by_peer.borrow();
    core.closing.finished.store(true, SeqCst);
    core.control.finished(core.ledger.opened_counts());
    core.closing.wait_for_peer().await;
    if heard_first {
        core.platform.sleep(linger(core)).await;
    }
    core.end(CloseReason::Done);
}

/// Long enough for our FINISHED to be repeated a few times on a path that loses packets.
fn linger(core: &Core) -> Duration {
    (core.refresh_round_trip() * 8).clamp(Duration::from_millis(200), Duration::from_secs(3))
}
