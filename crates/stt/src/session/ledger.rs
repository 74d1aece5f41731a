//! What of a session is still going on: the streams each side opened and hasn't finished.
//!
//! The orderly end (`closing.rs`) waits for these counts; nothing else reads them.

use std::sync::Arc;

use noq_proto::{Dir, StreamId};
use parking_lot::Mutex;
use tokio::sync::Notify;

use super::outbound_control::StreamCounts;

/// Counts of a session's streams.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    entries: Mutex<Entries>,
    changed: Notify,
}

#[derive(Debug, Default, Clone, Copy)]
struct Entries {
    opened: StreamCounts,
    accepted: StreamCounts,
    /// Halves that the application may still write to.
    sending: usize,
    /// Halves of the peer that were not read to their end.
    receiving: usize,
}

/// One half of a stream that is still going on; over when dropped.
#[derive(Debug)]
pub(crate) struct LedgerEntry {
    ledger: Arc<Ledger>,
    half: Half,
}

#[derive(Debug, Clone, Copy)]
enum Half {
    Sending,
    Receiving,
}

impl Ledger {
    /// A stream of ours was opened.
    pub(crate) fn opened(&self, stream: StreamId) {
        count(&mut self.entries.lock().opened, stream);
    }

    /// A stream of the peer's was seen.
    pub(crate) fn accepted(&self, stream: StreamId) {
        count(&mut self.entries.lock().accepted, stream);
        self.changed.notify_waiters();
    }

    pub(crate) fn sending(self: &Arc<Self>) -> LedgerEntry {
        self.entries.lock().sending += 1;
        LedgerEntry {
            ledger: Arc::clone(self),
            half: Half::Sending,
        }
    }

    pub(crate) fn receiving(self: &Arc<Self>) -> LedgerEntry {
        self.entries.lock().receiving += 1;
        LedgerEntry {
            ledger: Arc::clone(self),
            half: Half::Receiving,
        }
    }

    /// Streams we opened so far.
    pub(crate) fn opened_counts(&self) -> StreamCounts {
        self.entries.lock().opened
    }

    /// Resolves when no stream is being written to here.
    pub(crate) async fn all_sent(&self) {
        self.wait_until(|entries| entries.sending == 0).await;
    }

    /// Resolves when every one of the peer's `opened` streams was seen and read to its end, and
    /// what they made us write back is written.
    pub(crate) async fn all_done(&self, opened: StreamCounts) {
        self.wait_until(|entries| {
            let seen = entries.accepted;
            let all_seen = seen.bi >= opened.bi && seen.uni >= opened.uni;
            all_seen && entries.receiving == 0 && entries.sending == 0
        })
        .await;
    }

    async fn wait_until(&self, mut met: impl FnMut(&Entries) -> bool) {
        loop {
            let mut changed = std::pin::pin!(self.changed.notified());
            changed.as_mut().enable();
            if met(&self.entries.lock()) {
                return;
            }
            changed.await;
        }
    }
}

impl Drop for LedgerEntry {
    fn drop(&mut self) {
        {
            let mut entries = self.ledger.entries.lock();
            match self.half {
                Half::Sending => entries.sending -= 1,
                Half::Receiving => entries.receiving -= 1,
            }
        }
        self.ledger.changed.notify_waiters();
    }
}

fn count(counts: &mut StreamCounts, stream: StreamId) {
    let count = match stream.dir() {
        Dir::Bi => &mut counts.bi,
        Dir::Uni => &mut counts.uni,
    };
    *count = (*count).max(stream.index() + 1);
}
