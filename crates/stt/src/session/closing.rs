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
    sync::{Arc, OnceLock},
    time::Duration,
};

use super::{By, CloseReason, StreamId, core::Core, flag::Flags, outbound_control::StreamCounts};

/// How far the end has come.
#[derive(Debug, Default)]
pub(crate) struct Closing {
    happened: Flags,
    peer_opened_in_all: OnceLock<StreamCounts>,
    /// Our control stream, once FINISHED was written to it.
    asked_about: OnceLock<StreamId>,
}

/// What happens once, if at all, on the way to the end.
#[derive(Debug, Clone, Copy)]
enum Event {
    Begun,
    /// The peer's control stream has come; it means this session.
    PeersControl,
    OwnControl,
    /// Something of the peer's was not taken.
    LostSomething,
    PeerCloses,
    Finished,
    PeerFinished,
    FinishedWasHeard,
}

impl Closing {
    /// Whether either side has begun: nothing new may be opened.
    pub(crate) fn has_begun(&self) -> bool {
        self.happened.is_raised(Event::Begun as u8)
    }

    /// Resolves when either side has begun. Cancel safe.
    pub(crate) async fn begun(&self) {
        self.happened.raised(Event::Begun as u8).await;
    }

    /// Whether we have said FINISHED.
    pub(crate) fn has_finished(&self) -> bool {
        self.happened.is_raised(Event::Finished as u8)
    }

    /// Something of the peer's was not taken: the end will not be called orderly.
    pub(super) fn lost_something(&self) {
        self.happened.raise(Event::LostSomething as u8);
    }

    /// The peer's control stream came; false if it is not the first.
    pub(super) fn control_arrived(&self) -> bool {
        self.happened.raise(Event::PeersControl as u8)
    }

    /// Our control stream was opened.
    pub(super) fn control_opened(&self) {
        self.happened.raise(Event::OwnControl as u8);
    }

    /// Resolves when the peer's control stream has come: it means this session.
    pub(crate) async fn control_open(&self) {
        self.happened.raised(Event::PeersControl as u8).await;
    }

    /// The peer says CLOSING; false if it has before.
    pub(super) fn peer_closes(&self, opened: StreamCounts) -> bool {
        let is_first = self.peer_opened_in_all.set(opened).is_ok();
        self.happened.raise(Event::PeerCloses as u8);
        is_first
    }

    /// Whether a stream is one more than the peer said it had opened.
    pub(super) fn is_beyond(&self, stream: noq_proto::StreamId) -> bool {
        self.peer_opened_in_all
            .get()
            .is_some_and(|opened| match stream.dir() {
                noq_proto::Dir::Bi => stream.index() >= opened.bi,
                noq_proto::Dir::Uni => stream.index() >= opened.uni,
            })
    }

    /// The peer says FINISHED; false if it has before, or if its numbers are not those of its
    /// CLOSING.
    pub(super) fn peer_finished(&self, opened: StreamCounts) -> bool {
        let is_first = self.happened.raise(Event::PeerFinished as u8);
        is_first && self.peer_opened_in_all.get() == Some(&opened)
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
        self.happened.raise(Event::FinishedWasHeard as u8);
    }

    async fn peer_opened(&self) -> StreamCounts {
        self.happened.raised(Event::PeerCloses as u8).await;
        self.peer_opened_in_all.get().copied().unwrap_or_default()
    }
}

/// Begins to close, once. Either side's wish is enough.
pub(crate) fn begin(core: &Arc<Core>) {
    if !core.closing.happened.raise(Event::Begun as u8) {
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
    core.frames.finish().await;
    core.events.finish().await;
    // Our control stream counts among those we opened, so it must have been.
    core.closing.happened.raised(Event::OwnControl as u8).await;
    let opened = core.ledger.opened_counts();
    core.control.closing(opened);
    let theirs = core.closing.peer_opened().await;
    core.ledger.all_done(theirs).await;
    if core.closing.happened.is_raised(Event::LostSomething as u8) {
        return core.end(CloseReason::Failed { by: By::Us });
    }
    core.closing.happened.raise(Event::Finished as u8);
    core.control.finished(opened);
    core.closing
        .happened
        .raised(Event::PeerFinished as u8)
        .await;
    let heard = core.closing.happened.raised(Event::FinishedWasHeard as u8);
    // If the answer is lost for so long, so is hope that the question wasn't.
    core.platform.timeout(patience(core), heard).await;
    core.end(CloseReason::Done);
}

/// Long enough for FINISHED and the answer to be repeated a few times on a path that loses packets.
fn patience(core: &Core) -> Duration {
    (core.refresh_round_trip() * 32).clamp(Duration::from_secs(3), Duration::from_secs(10))
}
