//! What we have to say on an endpoint stream of the peer's: receipts in order, and credit.
//!
//! Receipts that wait are joined where they agree. A peer that does not read them can make them
//! many, but no more than [`MAX_RUNS`]: then nothing more is read from it.

use std::collections::VecDeque;

use bytes::{Bytes, BytesMut};
use parking_lot::Mutex;
use stt_wire::{EndpointAnswer, ItemOutcome, VarInt};
use tokio::sync::Notify;

use crate::session::stream::SendStream;

/// Answers that wait to be written to one stream.
#[derive(Debug, Default)]
pub(super) struct Answers {
    state: Mutex<State>,
    changed: Notify,
    written: Notify,
}

#[derive(Debug, Default)]
struct State {
    /// Items answered, written or not.
    answered: u64,
    runs: VecDeque<(u64, ItemOutcome)>,
    limit: Option<u64>,
    end: Option<End>,
}

/// How an endpoint stream of the peer's ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// Read to its end, and all is answered.
    Finished,
    /// The session is over.
    Lost,
}

impl Answers {
    /// The next item had this outcome. To be followed by a [`flush`](Self::flush).
    pub(super) fn answer(&self, outcome: ItemOutcome) {
        let mut state = self.state.lock();
        state.answered += 1;
        let up_to = state.answered;
        match state.runs.back_mut() {
            Some((last, same)) if *same == outcome => *last = up_to,
            _ => state.runs.push_back((up_to, outcome)),
        }
    }

    /// The peer may send up to this. To be followed by a [`flush`](Self::flush).
    pub(super) fn credit(&self, limit: u64) {
        self.state.lock().limit = Some(limit);
    }

    /// Lets what was said be written.
    pub(super) fn flush(&self) {
        self.changed.notify_one();
    }

    /// Nothing more will be said.
    pub(super) fn end(&self, end: End) {
        self.state.lock().end = Some(end);
        self.changed.notify_one();
    }

    /// Resolves while more may be said. Cancel safe.
    pub(super) async fn has_room(&self) {
        loop {
            let mut written = std::pin::pin!(self.written.notified());
            written.as_mut().enable();
            if self.state.lock().runs.len() < MAX_RUNS {
                return;
            }
            written.await;
        }
    }

    /// Writes to the stream what there is to say, to the end.
    pub(super) async fn write(&self, stream: &mut SendStream) -> End {
        loop {
            let bytes = match self.next().await {
                Ok(bytes) => bytes,
                Err(end) => return end,
            };
            if stream.write_chunks(&mut [bytes]).await.is_err() {
                return End::Lost;
            }
            self.written.notify_waiters();
        }
    }

    async fn next(&self) -> Result<Bytes, End> {
        loop {
            {
                let mut state = self.state.lock();
                if state.has_news() {
                    return Ok(state.encode());
                }
                if let Some(end) = state.end {
                    return Err(end);
                }
            }
            self.changed.notified().await;
        }
    }
}

impl State {
    fn has_news(&self) -> bool {
        !self.runs.is_empty() || self.limit.is_some()
    }

    /// Receipts come first, so that the credit bounds how many of them can be owed.
    fn encode(&mut self) -> Bytes {
        let mut out = BytesMut::new();
        for (up_to, outcome) in self.runs.drain(..) {
            let up_to = VarInt::saturating(up_to);
            EndpointAnswer::Receipt { up_to, outcome }.encode(&mut out);
        }
        if let Some(limit) = self.limit.take() {
            let limit = VarInt::saturating(limit);
            EndpointAnswer::Credit { limit }.encode(&mut out);
        }
        out.freeze()
    }
}

const MAX_RUNS: usize = 1_024;
