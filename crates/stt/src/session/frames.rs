//! Frames of the application: types 0x80 to 0xFF, reliable and in order, or as datagrams.
//!
//! Reliable frames have one stream each way, with its own backpressure: an application that takes
//! no frames holds back frames and nothing else.

use std::sync::{
    Arc, OnceLock,
    atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
};

use bytes::Bytes;
use stt_wire::{FrameDecoder, StreamKind, UserFrame, UserFrameType};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::{
    By, CloseReason, SendError, core::Core, detach::detach, flag::Flag, ledger::LedgerEntry,
    queue::Queue, stream::RecvStream, write_queue::WriteQueue,
};

/// One frame the peer's application sent.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Frame {
    /// What the applications agreed to call it.
    pub frame_type: UserFrameType,
    /// Its bytes.
    pub payload: Bytes,
    /// How it came.
    pub delivery: Delivery,
}

/// How a frame travels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_enums, reason = "the transport has these two ways")]
pub enum Delivery {
    /// In order and without loss while the session lives.
    Reliable,
    /// At most once, in any order; lost where the path loses it.
    Datagram,
}

/// Why no frame was received.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ReceiveFrameError {
    /// The session is over and all its frames were taken.
    #[error("session closed: {0}")]
    Closed(CloseReason),
    /// A [`FrameDispatcher`](crate::FrameDispatcher) takes the frames of this session.
    #[error("a dispatcher takes the frames of this session")]
    Dispatched,
}

/// Why a frame was not sent as a datagram.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DatagramError {
    /// The session is over.
    #[error("session closed: {0}")]
    Closed(CloseReason),
    /// It doesn't fit the path's packets at present.
    #[error("frame of {len} bytes exceeds the path's {max}")]
    TooLong {
        /// Length of the payload, in bytes.
        len: usize,
        /// What fits now, in bytes. The path may change.
        max: usize,
    },
    /// The peer takes no datagrams.
    #[error("peer takes no datagrams")]
    Unsupported,
}

/// A session's frames, both ways.
#[derive(Debug)]
pub(crate) struct Frames {
    /// Made when first used.
    outbound: OnceLock<Box<WriteQueue>>,
    max: usize,
    arrived: Queue<Arrived>,
    /// Which of the two ways is looked at first, so that neither starves the other.
    datagrams_first: AtomicBool,
    malformed: AtomicU64,
    /// Bytes of frames that may still wait for the application: twice the longest frame. Beyond,
    /// the peer's stream of frames is not read.
    room: Arc<Semaphore>,
    /// The peer's stream of frames has come; there is one.
    reading: AtomicBool,
    /// A dispatcher takes what arrives.
    dispatched: Flag,
}

/// A frame that has come, with what a reliable one holds: room, and the end of the session.
#[derive(Debug)]
pub(crate) struct Arrived {
    pub(crate) frame: Frame,
    held: Option<(OwnedSemaphorePermit, LedgerEntry)>,
}

impl Arrived {
    /// The application has it; its room is free when the permit is dropped.
    pub(crate) fn consume(self) -> (Frame, Option<OwnedSemaphorePermit>) {
        (self.frame, self.held.map(|(room, _)| room))
    }
}

impl Frames {
    pub(super) fn new(max: usize) -> Self {
        Self {
            outbound: OnceLock::new(),
            max,
            arrived: Queue::new(),
            datagrams_first: AtomicBool::new(false),
            malformed: AtomicU64::new(0),
            room: Arc::new(Semaphore::new(room_bytes(max))),
            reading: AtomicBool::new(false),
            dispatched: Flag::default(),
        }
    }

    pub(crate) fn outbound(&self) -> &WriteQueue {
        self.outbound
            .get_or_init(|| Box::new(WriteQueue::new(StreamKind::UserFrames)))
    }

    /// Resolves when all frames that were taken are with the engine.
    pub(crate) async fn finish(&self) {
        if let Some(outbound) = self.outbound.get() {
            outbound.finish().await;
        }
    }

    /// Datagrams of the peer that were no frames.
    pub(crate) fn malformed(&self) -> u64 {
        self.malformed.load(Relaxed)
    }

    pub(super) fn close(&self) {
        if let Some(outbound) = self.outbound.get() {
            outbound.close();
        }
        self.room.close();
        self.arrived.close();
    }

    pub(super) async fn send(
        &self,
        core: &Arc<Core>,
        frame_type: UserFrameType,
        payload: Bytes,
    ) -> Result<(), SendError> {
        if payload.len() > self.max {
            return Err(SendError::TooLong {
                len: payload.len(),
                max: self.max,
            });
        }
        let frame = UserFrame {
            frame_type,
            payload: payload.clone(),
        };
        let pushed = self
            .outbound()
            .push(core, |out| frame.encode_header(out), &payload)
            .await;
        pushed.map_err(|_| core.send_error())
    }

    /// Bytes of payload that fit a datagram now.
    pub(super) fn max_datagram_len(core: &Core) -> Option<usize> {
        let room = core.connection.max_datagram_size()?;
        Some(room.saturating_sub(UserFrame::DATAGRAM_OVERHEAD))
    }

    pub(super) fn send_datagram(
        core: &Core,
        frame_type: UserFrameType,
        payload: &Bytes,
    ) -> Result<(), DatagramError> {
        let max = Self::max_datagram_len(core).ok_or(DatagramError::Unsupported)?;
        let len = payload.len();
        let frame = UserFrame {
            frame_type,
            payload: payload.clone(),
        };
        core.connection
            .send_datagram(frame.encode_datagram())
            .map_err(|error| match error {
                noq::SendDatagramError::TooLarge => DatagramError::TooLong { len, max },
                noq::SendDatagramError::ConnectionLost(_) => {
                    DatagramError::Closed(core.close_reason())
                }
                _ => DatagramError::Unsupported,
            })
    }

    /// Takes all frames for a dispatcher; false if one has them already.
    pub(crate) fn claim(&self) -> bool {
        self.dispatched.raise()
    }

    /// The next frame for an application without a dispatcher. Cancel safe.
    pub(super) async fn receive(&self, core: &Core) -> Result<Frame, ReceiveFrameError> {
        tokio::select! {
            biased;
            () = self.dispatched.raised() => Err(ReceiveFrameError::Dispatched),
            arrived = self.next(core) => match arrived {
                Some(arrived) => Ok(arrived.frame),
                None => Err(ReceiveFrameError::Closed(core.close_reason())),
            },
        }
    }

    /// The next frame, either way; `None` once the session is over. Cancel safe.
    pub(crate) async fn next(&self, core: &Core) -> Option<Arrived> {
        let datagrams_first = self.datagrams_first.fetch_xor(true, Relaxed);
        let (reliable, datagram) = (self.arrived.pop(), self.receive_datagram(core));
        let received = if datagrams_first {
            tokio::select! {
                biased;
                frame = datagram => frame,
                frame = reliable => frame,
            }
        } else {
            tokio::select! {
                biased;
                frame = reliable => frame,
                frame = datagram => frame,
            }
        };
        // One way has ended with the session; the other may still hold frames.
        received.or_else(|| self.arrived.try_pop())
    }

    async fn receive_datagram(&self, core: &Core) -> Option<Arrived> {
        loop {
            let datagram = core.connection.read_datagram().await.ok()?;
            match UserFrame::decode_datagram(datagram) {
                Ok(UserFrame {
                    frame_type,
                    payload,
                }) => {
                    let frame = Frame {
                        frame_type,
                        payload: detach(&payload),
                        delivery: Delivery::Datagram,
                    };
                    return Some(Arrived { frame, held: None });
                }
                Err(error) => {
                    tracing::debug!(%error, session = %core.id(), "datagram");
                    self.malformed.fetch_add(1, Relaxed);
                }
            }
        }
    }

    /// Reads the peer's stream of frames until it ends.
    pub(super) async fn read(&self, core: &Arc<Core>, mut stream: RecvStream) {
        if self.reading.swap(true, Relaxed) {
            return core.end(CloseReason::Violation { by: By::Us });
        }
        let mut decoder = FrameDecoder::new(self.max);
        while let Ok(Some(mut chunk)) = stream.read_bytes(READ_BYTES).await {
            loop {
                let frame = match decoder.decode(&mut chunk) {
                    Ok(Some(frame)) => UserFrame::decode(frame),
                    Ok(None) => break,
                    Err(error) => Err(error),
                };
                let UserFrame {
                    frame_type,
                    payload,
                } = match frame {
                    Ok(frame) => frame,
                    Err(error) => {
                        tracing::warn!(%error, session = %core.id(), "user frame");
                        return core.end(CloseReason::for_malformed(error));
                    }
                };
                let frame = Frame {
                    frame_type,
                    payload: detach(&payload),
                    delivery: Delivery::Reliable,
                };
                // Room is taken by the frame's bytes and given back when the application has it.
                let len = frame
                    .payload
                    .len()
                    .clamp(SMALLEST_ROOM, room_bytes(self.max)) as u32;
                let Ok(room) = Arc::clone(&self.room).acquire_many_owned(len).await else {
                    return;
                };
                let held = Some((room, core.ledger.receiving()));
                self.arrived.push(Arrived { frame, held });
            }
        }
    }
}

fn room_bytes(max: usize) -> usize {
    (2 * max).clamp(SMALLEST_ROOM, Semaphore::MAX_PERMITS.min(u32::MAX as usize))
}

/// What a frame takes of the room at least, so that empty ones are bounded too.
const SMALLEST_ROOM: usize = 256;

/// Read in pieces of this many bytes.
const READ_BYTES: usize = 64 * 1_024;
