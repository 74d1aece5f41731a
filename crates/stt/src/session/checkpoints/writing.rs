//! The writer's half of a checkpoint: small writes that nobody is known to have consumed.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::SeqCst},
    },
    task::{Context, Poll},
};

use futures_util::task::AtomicWaker;
use stt_wire::limits::MAX_UNCONSUMED_WRITES;

use super::Checkpoints;

/// The writer's half: counts small writes and holds the next one back while too many are out.
#[derive(Debug)]
pub(crate) struct SmallWrites {
    stream: u64,
    written: u64,
    /// Small writes since the last offset that the peer's application is known to have reached.
    unconsumed: usize,
    /// The question that is out: its offset, and how many small writes it will clear.
    question: Option<(u64, usize)>,
    /// Made with the first question: most streams never ask.
    answer: Option<Arc<Answer>>,
}

#[derive(Debug, Default)]
pub(super) struct Answer {
    pub(super) reached: AtomicU64,
    pub(super) waker: AtomicWaker,
}

impl SmallWrites {
    pub(crate) fn new(stream: u64) -> Self {
        Self {
            stream,
            written: 0,
            unconsumed: 0,
            question: None,
            answer: None,
        }
    }

    /// Ready when one more write may go out. Cancel safe.
    #[inline]
    pub(crate) fn poll_ready(&mut self, cx: &Context<'_>, checkpoints: &Checkpoints) -> Poll<()> {
        if self.unconsumed < MAX_UNCONSUMED_WRITES {
            return Poll::Ready(());
        }
        if let Some(answer) = &self.answer {
            answer.waker.register(cx.waker());
        }
        self.take_answer(checkpoints);
        if self.unconsumed < MAX_UNCONSUMED_WRITES {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    }

    /// A write of `bytes` went out.
    #[inline]
    pub(crate) fn wrote(&mut self, bytes: usize, checkpoints: &Checkpoints) {
        self.written += bytes as u64;
        if bytes >= SMALL_WRITE_BYTES {
            return;
        }
        self.unconsumed += 1;
        if self.unconsumed >= ASK_AFTER {
            self.take_answer(checkpoints);
            self.ask(checkpoints);
        }
    }

    fn take_answer(&mut self, checkpoints: &Checkpoints) {
        if let (Some((offset, clears)), Some(answer)) = (self.question, &self.answer)
            && answer.reached.load(SeqCst) >= offset
        {
            self.unconsumed = self.unconsumed.saturating_sub(clears);
            self.question = None;
            if self.unconsumed >= ASK_AFTER {
                self.ask(checkpoints);
            }
        }
    }

    fn ask(&mut self, checkpoints: &Checkpoints) {
        if self.question.is_some() {
            return;
        }
        self.question = Some((self.written, self.unconsumed));
        let (stream, written) = (self.stream, self.written);
        self.answer.get_or_insert_with(|| {
            let answer = Arc::<Answer>::default();
            checkpoints.asked.lock().insert(stream, Arc::clone(&answer));
            answer
        });
        checkpoints.control.checkpoint(stream, written);
    }

    /// Nothing more will be written: no answer is waited for.
    pub(crate) fn forget(&mut self, checkpoints: &Checkpoints) {
        if self.answer.take().is_some() {
            checkpoints.asked.lock().remove(&self.stream);
        }
    }
}

/// A write below this may add a span of its own; above, one in a dozen packets at most does.
pub(super) const SMALL_WRITE_BYTES: usize = 16 * 1_024;

/// Ask early, so that the answer is there before the limit is.
pub(super) const ASK_AFTER: usize = MAX_UNCONSUMED_WRITES / 2;
