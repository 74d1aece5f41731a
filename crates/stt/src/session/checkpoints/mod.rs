//! How far the applications have come in their streams, for the sake of tiny writes.
//!
//! The engine keeps what arrived of a stream as spans and ends the connection beyond about a
//! thousand of them. A writer of many small pieces fills that long before it fills the window in
//! bytes, if the reader is slow or a packet in front is missing. So a sender keeps at most
//! 256 small writes ahead of what the reader's *application* has taken; it
//! asks by CHECKPOINT and hears by REACHED. Bulk never asks.
//!
//! *spec:* the checkpoint rule in `spec/wire.md`.

mod reading;
mod writing;

use std::sync::{Arc, atomic::Ordering::SeqCst};

use parking_lot::Mutex;
use rustc_hash::FxHashMap;

pub(crate) use reading::ReadProgress;
pub(crate) use writing::SmallWrites;

use super::outbound_control::OutboundControl;
use reading::Progress;
use writing::Answer;

/// Checkpoints of all streams of a session, both ways.
#[derive(Debug)]
pub(crate) struct Checkpoints {
    control: Arc<OutboundControl>,
    /// Streams of ours that wait for an answer, or have.
    asked: Mutex<FxHashMap<u64, Arc<Answer>>>,
    /// Streams of the peer that are being read here.
    reading: Mutex<Reading>,
    /// Most streams the peer may have open: questions about more are a violation.
    max_streams: usize,
}

#[derive(Debug, Default)]
struct Reading {
    progress: FxHashMap<u64, Arc<Progress>>,
    /// Questions that came before their stream did.
    early: FxHashMap<u64, u64>,
    /// Per kind of stream, the first one not yet seen.
    unseen: [u64; STREAM_KINDS],
}

/// The peer asked about more streams than it can have.
#[derive(Debug)]
pub(crate) struct TooManyQuestions;

impl Checkpoints {
    pub(crate) fn new(control: Arc<OutboundControl>, max_streams: usize) -> Self {
        Self {
            control,
            asked: Mutex::default(),
            reading: Mutex::default(),
            max_streams,
        }
    }

    /// Begins to count the application's reading of a stream.
    pub(crate) fn begin_reading(&self, stream: u64) -> ReadProgress {
        let progress = Arc::new(Progress::default());
        let mut reading = self.reading.lock();
        let unseen = &mut reading.unseen[kind(stream)];
        *unseen = (stream + STREAM_KINDS as u64).max(*unseen);
        if !reading.early.is_empty()
            && let Some(wanted) = reading.early.remove(&stream)
        {
            progress.wanted.store(wanted, SeqCst);
        }
        reading.progress.insert(stream, Arc::clone(&progress));
        ReadProgress {
            stream,
            consumed: 0,
            progress,
        }
    }

    /// The peer wants to hear when `stream` was consumed up to `offset`.
    pub(crate) fn asked_for(&self, stream: u64, offset: u64) -> Result<(), TooManyQuestions> {
        let mut reading = self.reading.lock();
        if let Some(progress) = reading.progress.get(&stream) {
            progress.wanted.store(offset, SeqCst);
            if progress.consumed.load(SeqCst) >= offset {
                self.control.reached(stream, offset);
            }
            return Ok(());
        }
        let unseen = reading.unseen[kind(stream)];
        if stream < unseen {
            // Read to its end or dropped: there is nothing left that could be too much.
            self.control.reached(stream, offset);
            if self.control.waiting_answers() > self.max_streams {
                return Err(TooManyQuestions);
            }
            return Ok(());
        }
        reading.early.insert(stream, offset);
        if reading.early.len() > self.max_streams {
            Err(TooManyQuestions)
        } else {
            Ok(())
        }
    }

    /// The peer's application has consumed `stream` up to `offset`.
    pub(crate) fn answered(&self, stream: u64, offset: u64) {
        if let Some(answer) = self.asked.lock().get(&stream) {
            answer.reached.fetch_max(offset, SeqCst);
            answer.waker.wake();
        }
    }

    /// Wakes every waiting writer: the session is over.
    pub(crate) fn close(&self) {
        for answer in self.asked.lock().values() {
            answer.reached.store(u64::MAX, SeqCst);
            answer.waker.wake();
        }
    }
}

/// The low bits of a stream id tell who opened it and which ways it runs (RFC 9000 section 2.1).
const STREAM_KINDS: usize = 4;

fn kind(stream: u64) -> usize {
    stream as usize % STREAM_KINDS
}

#[cfg(test)]
mod tests {
    use std::task::{Context, Waker};

    use stt_wire::limits::MAX_UNCONSUMED_WRITES;

    use super::{
        writing::{ASK_AFTER, SMALL_WRITE_BYTES},
        *,
    };

    fn checkpoints() -> Checkpoints {
        Checkpoints::new(Arc::default(), 4)
    }

    fn is_ready(writes: &mut SmallWrites, checkpoints: &Checkpoints) -> bool {
        writes
            .poll_ready(&Context::from_waker(Waker::noop()), checkpoints)
            .is_ready()
    }

    #[test]
    fn small_writes_wait_at_the_limit_until_the_reader_has_consumed() {
        let checkpoints = checkpoints();
        let mut writes = SmallWrites::new(2);
        for _ in 0..MAX_UNCONSUMED_WRITES {
            assert!(is_ready(&mut writes, &checkpoints));
            writes.wrote(10, &checkpoints);
        }
        assert!(!is_ready(&mut writes, &checkpoints));
        checkpoints.answered(2, ASK_AFTER as u64 * 10);
        assert!(is_ready(&mut writes, &checkpoints));
    }

    #[test]
    fn bulk_never_asks() {
        let checkpoints = checkpoints();
        let mut writes = SmallWrites::new(2);
        for _ in 0..10_000 {
            writes.wrote(SMALL_WRITE_BYTES, &checkpoints);
        }
        assert!(is_ready(&mut writes, &checkpoints));
        assert!(checkpoints.asked.lock().is_empty());
    }

    #[test]
    fn questions_about_more_streams_than_can_exist_are_a_violation() {
        let checkpoints = checkpoints();
        for stream in 0..4 {
            assert!(checkpoints.asked_for(stream * 4, 1).is_ok());
        }
        assert!(checkpoints.asked_for(16, 1).is_err());
    }

    #[test]
    fn a_writer_does_not_wait_for_a_session_that_is_over() {
        let checkpoints = checkpoints();
        let mut writes = SmallWrites::new(2);
        (0..MAX_UNCONSUMED_WRITES).for_each(|_| writes.wrote(1, &checkpoints));
        checkpoints.close();
        assert!(is_ready(&mut writes, &checkpoints));
    }
}
