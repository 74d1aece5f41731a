//! The queue before an engine stream of ours, and the task that empties it.
//!
//! Used by message lanes and by the stream of user frames. The task takes all that waits in one
//! write, so that a thousand tiny messages fill packets instead of being a packet each.

use std::sync::{Arc, LazyLock};

use bytes::{Bytes, BytesMut};
use parking_lot::Mutex;
use stt_wire::{Open, StreamKind};
use tokio::sync::{Notify, Semaphore, TryAcquireError};

use crate::session::{core::Core, stream::SendStream};

/// Frames that wait to be written to one stream.
#[derive(Debug)]
pub(crate) struct WriteQueue {
    kind: StreamKind,
    waiting: Mutex<Waiting>,
    /// One permit for each byte that still fits.
    space: Semaphore,
    filled: Notify,
    drained: Notify,
}

#[derive(Debug, Default)]
struct Waiting {
    chunks: Vec<Bytes>,
    /// Small frames, joined.
    tail: BytesMut,
    bytes: usize,
    writer: Writer,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Writer {
    /// No frame was ever queued, so no stream was opened.
    #[default]
    NotStarted,
    Running,
    /// Told to finish the stream when the queue is empty.
    Finishing,
    Ended,
}

/// The session ended while there was no room.
#[derive(Debug)]
pub(crate) struct QueueClosed;

impl WriteQueue {
    pub(crate) fn new(kind: StreamKind) -> Self {
        Self {
            kind,
            waiting: Mutex::default(),
            space: Semaphore::new(QUEUE_BYTES),
            filled: Notify::new(),
            drained: Notify::new(),
        }
    }

    /// Waits for room and queues a frame. Cancel safe: queued wholly or not at all.
    pub(crate) async fn push(
        &self,
        core: &Arc<Core>,
        encode_header: impl FnOnce(&mut BytesMut),
        payload: &Bytes,
    ) -> Result<(), QueueClosed> {
        self.push_sized(core, payload.len(), encode_header, payload)
            .await
    }

    /// As [`push`](Self::push), for a frame whose header is not small beside its payload: `bytes`
    /// is the length of both.
    pub(crate) async fn push_sized(
        &self,
        core: &Arc<Core>,
        bytes: usize,
        encode_header: impl FnOnce(&mut BytesMut),
        payload: &Bytes,
    ) -> Result<(), QueueClosed> {
        let room = bytes.clamp(1, QUEUE_BYTES) as u32;
        self.space
            .acquire_many(room)
            .await
            .map_err(|_| QueueClosed)?
            .forget();
        self.push_now(core, room as usize, encode_header, payload);
        Ok(())
    }

    /// As [`push_sized`](Self::push_sized), without waiting; false if there is no room now.
    pub(crate) fn try_push_sized(
        &self,
        core: &Arc<Core>,
        bytes: usize,
        encode_header: impl FnOnce(&mut BytesMut),
        payload: &Bytes,
    ) -> Result<bool, QueueClosed> {
        let room = bytes.clamp(1, QUEUE_BYTES) as u32;
        match self.space.try_acquire_many(room) {
            Ok(permit) => permit.forget(),
            Err(TryAcquireError::NoPermits) => return Ok(false),
            Err(TryAcquireError::Closed) => return Err(QueueClosed),
        }
        self.push_now(core, room as usize, encode_header, payload);
        Ok(true)
    }

    /// Queues a frame without asking for room: only for the few that are tiny and bounded.
    pub(crate) fn push_unbounded(&self, core: &Arc<Core>, encode: impl FnOnce(&mut BytesMut)) {
        self.push_now(core, 0, encode, &Bytes::new());
    }

    fn push_now(
        &self,
        core: &Arc<Core>,
        room: usize,
        encode_header: impl FnOnce(&mut BytesMut),
        payload: &Bytes,
    ) {
        let started = {
            let mut waiting = self.waiting.lock();
            encode_header(&mut waiting.tail);
            if payload.len() < COPY_BELOW {
                waiting.tail.extend_from_slice(payload);
            } else {
                let tail = waiting.tail.split().freeze();
                waiting.chunks.push(tail);
                waiting.chunks.push(payload.clone());
            }
            waiting.bytes += room;
            let started = waiting.writer == Writer::NotStarted;
            if started {
                waiting.writer = Writer::Running;
            }
            started
        };
        if started {
            core.spawn_writer(self.kind);
        }
        self.filled.notify_one();
    }

    /// Resolves when all that was queued is with the engine and the stream is finished.
    pub(crate) async fn finish(&self) {
        loop {
            let mut drained = std::pin::pin!(self.drained.notified());
            drained.as_mut().enable();
            {
                let mut waiting = self.waiting.lock();
                match waiting.writer {
                    Writer::NotStarted | Writer::Ended => return,
                    Writer::Running => waiting.writer = Writer::Finishing,
                    Writer::Finishing => {}
                }
            }
            self.filled.notify_one();
            drained.await;
        }
    }

    /// Nothing will be written any more: wakes whoever waits for room or for the end.
    pub(crate) fn close(&self) {
        self.space.close();
        self.waiting.lock().writer = Writer::Ended;
        self.drained.notify_waiters();
        self.filled.notify_one();
    }

    /// Opens the stream and writes the queue to it until it is finished or the session ends.
    pub(crate) async fn run(&self, core: &Arc<Core>) {
        if let Some(mut stream) = open(core, self.kind).await {
            while let Some((mut chunks, room)) = self.next().await {
                if stream.write_chunks(&mut chunks).await.is_err() {
                    break;
                }
                self.space.add_permits(room);
            }
            // Fails only when the session is over.
            let _ = stream.finish();
        }
        self.close();
    }

    /// All that waits, and the room it took; `None` once nothing more will come.
    async fn next(&self) -> Option<(Vec<Bytes>, usize)> {
        loop {
            {
                let mut waiting = self.waiting.lock();
                if !waiting.tail.is_empty() {
                    let tail = waiting.tail.split().freeze();
                    waiting.chunks.push(tail);
                }
                if !waiting.chunks.is_empty() {
                    let room = std::mem::take(&mut waiting.bytes);
                    return Some((std::mem::take(&mut waiting.chunks), room));
                }
                if waiting.writer != Writer::Running {
                    return None;
                }
            }
            self.filled.notified().await;
        }
    }
}

/// Opens a one-way stream of ours and says what it is.
pub(crate) async fn open(core: &Arc<Core>, kind: StreamKind) -> Option<SendStream> {
    let engine = core.connection.open_uni().await.ok()?;
    core.ledger.opened(engine.id());
    let mut stream = SendStream::internal(core, engine);
    stream.write_unmetered(header(kind)).await.ok()?;
    Some(stream)
}

/// The first frame of a data stream.
pub(super) static DATA_HEADER: LazyLock<Bytes> = LazyLock::new(|| header(StreamKind::DATA_STREAM));

/// The first frame of a stream we open.
pub(crate) fn header(kind: StreamKind) -> Bytes {
    let mut header = BytesMut::new();
    Open { kind }.encode(&mut header);
    header.freeze()
}

/// Payload bytes that may wait before one stream.
const QUEUE_BYTES: usize = 1 << 20;

/// Below this a copy is cheaper than a chunk of its own.
const COPY_BELOW: usize = 4 * 1_024;
