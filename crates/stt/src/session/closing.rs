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
//! With its FINISHED each side asks (CHECKPOINT) how far the other has read the control stream. It
//! closes the connection with DONE once it has heard FINISHED and knows, or after a while may
//! assume, that its own was heard: a FINISHED that is lost with the connection would leave the
//! other side in doubt. So DONE is only ever said by a side that knows that everything arrived.

use std::{
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
    time::Duration,
};

use tokio::sync::watch;

use super::{By, CloseReason, StreamId, core::Core, outbound_control::StreamCounts};

/// How far the end has come.
#[derive(Debug)]
pub(crate) struct Closing {
    incomplete: AtomicBool,
    begun: watch::Sender<bool>,
    finished: AtomicBool,
    control: watch::Sender<bool>,
    own_control: watch::Sender<bool>,
    peer_opened_in_all: watch::Sender<Option<StreamCounts>>,
    finished_by_peer: watch::Sender<bool>,
    finished_was_heard: watch::Sender<bool>,
    /// Our control stream, once FINISHED was written to it.
    asked_about: OnceLock<StreamId>,
}

impl Default for Closing {
    fn default() -> Self {
        Self {
            incomplete: AtomicBool::new(false),
            begun: watch::Sender::new(false),
            finished: AtomicBool::new(false),
            control: watch::Sender::new(false),
            own_control: watch::Sender::new(false),
            peer_opened_in_all: watch::Sender::new(None),
            finished_by_peer: watch::Sender::new(false),
            finished_was_heard: watch::Sender::new(false),
            asked_about: OnceLock::new(),
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

    /// Our control stream was opened.
    pub(super) fn control_opened(&self) {
        self.own_control.send_replace(true);
    }

    async fn own_control_open(&self) {
        let _ = self.own_control.subscribe().wait_for(|open| *open).await;
    }

    /// Resolves when the peer's control stream has come: it means this session.
    pub(crate) async fn control_open(&self) {
        // The sender lives as long as `self`.
        let _ = self.control.subscribe().wait_for(|open| *open).await;
    }

    /// Whether a stream is one more than the peer said it had opened.
    pub(super) fn is_beyond(&self, stream: noq_proto::StreamId) -> bool {
        let opened = *self.peer_opened_in_all.borrow();
        opened.is_some_and(|opened| match stream.dir() {
            noq_proto::Dir::Bi => stream.index() >= opened.bi,
            noq_proto::Dir::Uni => stream.index() >= opened.uni,
        })
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

    /// FINISHED was written to our control stream, and the peer is asked how far it has come.
    pub(super) fn ask_about(&self, control: StreamId) {
        // FINISHED is said once.
        let _ = self.asked_about.set(control);
    }

    pub(super) fn is_asked(&self, stream: u64) -> bool {
        self.asked_about.get() == Some(&StreamId(stream))
    }

    /// The peer has read our control stream to its last frame.
    pub(super) fn finished_was_heard(&self) {
        self.finished_was_heard.send_replace(true);
    }

    async fn wait_until_heard(&self) {
        let _ = self
            .finished_was_heard
            .subscribe()
            .wait_for(|heard| *heard)
            .await;
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
    // Our control stream counts among those we opened, so it must have been.
    core.closing.own_control_open().await;
    let opened = core.ledger.opened_counts();
    core.control.closing(opened);
    let theirs = core.closing.peer_opened().await;
    core.ledger.all_done(theirs).await;
    if core.closing.incomplete.load(SeqCst) {
        return core.end(CloseReason::Failed { by: By::Us });
    }
    core.closing.finished.store(true, SeqCst);
    core.control.finished(opened);
    core.closing.wait_for_peer().await;
    let heard = core.closing.wait_until_heard();
    // If the answer is lost for so long, so is hope that the question wasn't.
    core.platform.timeout(patience(core), heard).await;
    core.end(CloseReason::Done);
}

/// Long enough for FINISHED and the answer to be repeated a few times on a path that loses packets.
fn patience(core: &Core) -> Duration {
    (core.refresh_round_trip() * 32).clamp(Duration::from_secs(3), Duration::from_secs(10))
}
