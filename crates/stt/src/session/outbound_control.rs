//! What we have to tell the peer on the control stream, newest state only.
//!
//! A queue could be grown without end by a peer that asks and doesn't read. So this is a set: a
//! later credit replaces an earlier one of the same message stream, and everything is keyed by
//! something of which a session has a bounded number.

use std::collections::{BTreeMap, BTreeSet};

use bytes::BytesMut;
use parking_lot::Mutex;
use stt_wire::{
    Candidates, Checkpoint, Closing, ControlFrame, Credit, Finished, Reached, Released, VarInt,
};
use tokio::sync::Notify;

/// How many streams one side opened, each kind.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct StreamCounts {
    pub(crate) bi: u64,
    pub(crate) uni: u64,
}

/// The control frames that wait to be written.
#[derive(Debug, Default)]
pub(crate) struct OutboundControl {
    waiting: Mutex<Waiting>,
    changed: Notify,
}

#[derive(Debug, Default)]
struct Waiting {
    released: BTreeSet<u64>,
    credit: BTreeMap<u64, u64>,
    checkpoints: BTreeMap<u64, u64>,
    reached: BTreeMap<u64, u64>,
    candidates: Option<Candidates>,
    closing: Option<StreamCounts>,
    finished: Option<StreamCounts>,
}

impl OutboundControl {
    /// More may be sent on a message stream.
    pub(crate) fn credit(&self, message_stream: u64, limit: u64) {
        self.change(|waiting| {
            waiting.credit.insert(message_stream, limit);
        });
    }

    /// A message stream is forgotten. Credit that was to be told for it means nothing any more.
    pub(crate) fn released(&self, message_stream: u64) {
        self.change(|waiting| {
            waiting.credit.remove(&message_stream);
            waiting.released.insert(message_stream);
        });
    }

    pub(crate) fn checkpoint(&self, stream: u64, offset: u64) {
        self.change(|waiting| {
            waiting.checkpoints.insert(stream, offset);
        });
    }

    /// Answers that wait to be written: a peer that asks and doesn't read makes them many.
    pub(crate) fn waiting_answers(&self) -> usize {
        self.waiting.lock().reached.len()
    }

    pub(crate) fn reached(&self, stream: u64, offset: u64) {
        self.change(|waiting| {
            let told = waiting.reached.entry(stream).or_default();
            *told = offset.max(*told);
        });
    }

    /// Where this node can be reached.
    pub(crate) fn candidates(&self, candidates: Candidates) {
        self.change(|waiting| waiting.candidates = Some(candidates));
    }

    pub(crate) fn closing(&self, opened: StreamCounts) {
        self.change(|waiting| waiting.closing = Some(opened));
    }

    pub(crate) fn finished(&self, opened: StreamCounts) {
        self.change(|waiting| waiting.finished = Some(opened));
    }

    /// Resolves with the encoded frames of everything that changed, and whether FINISHED is among
    /// them. Cancel safe.
    pub(crate) async fn next(&self) -> (BytesMut, bool) {
        loop {
            let changed = self.changed.notified();
            let waiting = std::mem::take(&mut *self.waiting.lock());
            let is_last = waiting.finished.is_some();
            let bytes = waiting.encode();
            if !bytes.is_empty() {
                return (bytes, is_last);
            }
            changed.await;
        }
    }

    fn change(&self, change: impl FnOnce(&mut Waiting)) {
        change(&mut self.waiting.lock());
        self.changed.notify_one();
    }
}

impl Waiting {
    /// The closing frames come last: they speak of all that stands before them.
    fn encode(self) -> BytesMut {
        let mut out = BytesMut::new();
        let int = VarInt::saturating;
        for message_stream in self.released {
            ControlFrame::Released(Released {
                message_stream: int(message_stream),
            })
            .encode(&mut out);
        }
        for (message_stream, limit) in self.credit {
            let credit = Credit {
                message_stream: int(message_stream),
                limit: int(limit),
            };
            ControlFrame::Credit(credit).encode(&mut out);
        }
        for (stream, offset) in self.checkpoints {
            let checkpoint = Checkpoint {
                stream: int(stream),
                offset: int(offset),
            };
            ControlFrame::Checkpoint(checkpoint).encode(&mut out);
        }
        for (stream, offset) in self.reached {
            let reached = Reached {
                stream: int(stream),
                offset: int(offset),
            };
            ControlFrame::Reached(reached).encode(&mut out);
        }
        if let Some(candidates) = self.candidates {
            ControlFrame::Candidates(candidates).encode(&mut out);
        }
        if let Some(StreamCounts { bi, uni }) = self.closing {
            ControlFrame::Closing(Closing {
                bi: int(bi),
                uni: int(uni),
            })
            .encode(&mut out);
        }
        if let Some(StreamCounts { bi, uni }) = self.finished {
            ControlFrame::Finished(Finished {
                bi: int(bi),
                uni: int(uni),
            })
            .encode(&mut out);
        }
        out
    }
}
