//! The half of a decoder that segments go in at, shared by any number of tasks.

use std::{sync::Arc, task::Waker, time::Instant};

use parking_lot::Mutex;
use tokio::sync::Notify;

use super::{
    Received, SegmentError,
    window::{Input, Next, Window},
};
use crate::transport::platform::Platform;

/// Hands segments to a decoder that another task reads from. Clone it for several tasks.
///
/// When the last one is dropped, no more segments come: a stream without its end is cut off then.
#[derive(Debug)]
pub struct SegmentFeeder {
    shared: Arc<Shared>,
}

impl SegmentFeeder {
    pub(super) fn new(shared: &Arc<Shared>) -> Self {
        let mut state = shared.state.lock();
        state.feeders += 1;
        state.input = Input::Open;
        drop(state);
        Self {
            shared: Arc::clone(shared),
        }
    }

    /// As [`BinaryStreamDecoder::receive_segment`](super::BinaryStreamDecoder::receive_segment).
    ///
    /// # Errors
    ///
    /// [`SegmentError`]; nothing of the segment is kept.
    pub fn receive_segment(
        &self,
        segment: impl AsRef<[u8]>,
        sequence: u64,
    ) -> Result<Received, SegmentError> {
        self.shared.receive(segment.as_ref(), sequence)
    }

    /// Resolves when the window has room for the segment that is waited for: before each
    /// [`receive_segment`](Self::receive_segment), this makes a fast sender wait for a slow reader.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe.
    pub async fn ready(&self) {
        self.shared.ready().await;
    }
}

impl Clone for SegmentFeeder {
    fn clone(&self) -> Self {
        Self::new(&self.shared)
    }
}

impl Drop for SegmentFeeder {
    fn drop(&mut self) {
        let mut state = self.shared.state.lock();
        state.feeders -= 1;
        if state.feeders == 0 {
            drop(state);
            self.shared.end_input();
        }
    }
}

/// What both halves of a decoder share.
#[derive(Debug)]
pub(super) struct Shared {
    state: Mutex<State>,
    room: Notify,
    pub(super) platform: Platform,
}

#[derive(Debug)]
struct State {
    window: Window,
    input: Input,
    feeders: usize,
    reader: Option<Waker>,
}

impl Shared {
    pub(super) fn new(window: Window, platform: Platform) -> Arc<Self> {
        Arc::new(Self {
            state: Mutex::new(State {
                window,
                input: Input::Open,
                feeders: 0,
                reader: None,
            }),
            room: Notify::new(),
            platform,
        })
    }

    pub(super) fn receive(&self, segment: &[u8], sequence: u64) -> Result<Received, SegmentError> {
        let mut state = self.state.lock();
        let received = state
            .window
            .receive(segment, sequence, || self.platform.now());
        let reader = received.is_ok().then(|| state.reader.take()).flatten();
        drop(state);
        if let Some(reader) = reader {
            reader.wake();
        }
        received
    }

    pub(super) async fn ready(&self) {
        loop {
            let mut room = std::pin::pin!(self.room.notified());
            room.as_mut().enable();
            if self.state.lock().window.has_room() {
                return;
            }
            room.await;
        }
    }

    pub(super) fn end_input(&self) {
        let mut state = self.state.lock();
        state.input = Input::Over;
        let reader = state.reader.take();
        drop(state);
        if let Some(reader) = reader {
            reader.wake();
        }
    }

    /// What a reader gets next; if that is to wait, he is woken when there may be more.
    pub(super) fn next(&self, waker: &Waker) -> Next {
        let mut state = self.state.lock();
        let (had_room, input) = (state.window.has_room(), state.input);
        let next = state.window.next(input, || self.platform.now());
        if matches!(next, Next::Wait(_)) {
            state.reader = Some(waker.clone());
        }
        let has_room = state.window.has_room();
        drop(state);
        if has_room && !had_room {
            self.room.notify_waiters();
        }
        next
    }

    /// What a reader gets next who knows that nobody feeds meanwhile, unless there are feeders.
    pub(super) fn next_of_all(&self, waker: &Waker) -> Next {
        let mut state = self.state.lock();
        if state.feeders > 0 {
            drop(state);
            return self.next(waker);
        }
        state.window.next(Input::Over, || self.platform.now())
    }

    pub(super) fn with_window<T>(&self, look: impl FnOnce(&Window) -> T) -> T {
        look(&self.state.lock().window)
    }

    pub(super) fn now(&self) -> Instant {
        self.platform.now()
    }
}
