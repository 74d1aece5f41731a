//! What of a session is still going on: the streams each side opened and hasn't finished.
//!
//! The orderly end (`closing.rs`) waits for these counts; nothing else reads them. So they are
//! plain counters, and nobody is told of a change before somebody waits.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::SeqCst},
};

use noq_proto::{Dir, StreamId};
use tokio::sync::Notify;

use super::outbound_control::StreamCounts;

/// Counts of a session's streams.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    opened: Counts,
    accepted: Counts,
    /// Halves that the application may still write to.
    sending: AtomicUsize,
    /// Halves of the peer that were not read to their end.
    receiving: AtomicUsize,
    is_watched: AtomicBool,
    changed: Notify,
}

/// How many streams of each kind one side has opened.
#[derive(Debug, Default)]
struct Counts {
    bi: AtomicU64,
    uni: AtomicU64,
}

/// Something that is still going on as one half of a stream is; over when dropped.
#[derive(Debug)]
pub(crate) struct LedgerEntry {
    ledger: Arc<Ledger>,
    half: Half,
}

/// Which way a half of a stream runs.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Half {
    Sending,
    Receiving,
}

impl Ledger {
    /// A stream of ours was opened.
    pub(crate) fn opened(&self, stream: StreamId) {
        self.opened.saw(stream);
    }

    /// A stream of the peer's was seen.
    pub(crate) fn accepted(&self, stream: StreamId) {
        self.accepted.saw(stream);
        self.tell();
    }

    pub(crate) fn sending(self: &Arc<Self>) -> LedgerEntry {
        self.entry(Half::Sending)
    }

    pub(crate) fn receiving(self: &Arc<Self>) -> LedgerEntry {
        self.entry(Half::Receiving)
    }

    /// Half of a stream begins. Whoever says so says [`end`](Self::end) too, once.
    pub(crate) fn begin(&self, half: Half) {
        self.counter(half).fetch_add(1, SeqCst);
    }

    pub(crate) fn end(&self, half: Half) {
        self.counter(half).fetch_sub(1, SeqCst);
        self.tell();
    }

    /// Streams we opened so far.
    pub(crate) fn opened_counts(&self) -> StreamCounts {
        self.opened.now()
    }

    /// Whether anything is going on.
    pub(crate) fn is_busy(&self) -> bool {
        self.sending.load(SeqCst) > 0 || self.receiving.load(SeqCst) > 0
    }

    /// Resolves when no stream is being written to here.
    pub(crate) async fn all_sent(&self) {
        self.wait_until(|ledger| ledger.sending.load(SeqCst) == 0)
            .await;
    }

    /// Resolves when every one of the peer's `opened` streams was seen and read to its end, and
    /// what they made us write back is written.
    pub(crate) async fn all_done(&self, opened: StreamCounts) {
        self.wait_until(|ledger| {
            let seen = ledger.accepted.now();
            let all_seen = seen.bi >= opened.bi && seen.uni >= opened.uni;
            all_seen && ledger.receiving.load(SeqCst) == 0 && ledger.sending.load(SeqCst) == 0
        })
        .await;
    }

    async fn wait_until(&self, mut met: impl FnMut(&Self) -> bool) {
        self.is_watched.store(true, SeqCst);
        loop {
            let mut changed = std::pin::pin!(self.changed.notified());
            changed.as_mut().enable();
            if met(self) {
                return;
            }
            changed.await;
        }
    }

    fn entry(self: &Arc<Self>, half: Half) -> LedgerEntry {
        self.begin(half);
        LedgerEntry {
            ledger: Arc::clone(self),
            half,
        }
    }

    fn counter(&self, half: Half) -> &AtomicUsize {
        match half {
            Half::Sending => &self.sending,
            Half::Receiving => &self.receiving,
        }
    }

    fn tell(&self) {
        if self.is_watched.load(SeqCst) {
            self.changed.notify_waiters();
        }
    }
}

impl Drop for LedgerEntry {
    fn drop(&mut self) {
        self.ledger.end(self.half);
    }
}

impl Counts {
    fn saw(&self, stream: StreamId) {
        let count = match stream.dir() {
            Dir::Bi => &self.bi,
            Dir::Uni => &self.uni,
        };
        count.fetch_max(stream.index() + 1, SeqCst);
    }

    fn now(&self) -> StreamCounts {
        StreamCounts {
            bi: self.bi.load(SeqCst),
            uni: self.uni.load(SeqCst),
        }
    }
}
