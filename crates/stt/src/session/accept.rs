//! Streams the peer opens: each says what it is, within its time, and goes where it belongs.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering::Relaxed},
    },
    time::Duration,
};

use bytes::Bytes;
use parking_lot::Mutex;
use stt_wire::{
    DecodeError, Direction, FrameDecoder, Open, OpenError, RegisteredStreamCode, StreamCode,
    StreamKind, limits::MAX_OPEN_LEN,
};
use tokio::sync::{Semaphore, mpsc};

use super::{
    By, CloseReason,
    control::read_control,
    core::Core,
    messages::lane_reader::read_lane,
    stream::{RecvStream, SendStream},
};

/// Data streams that wait for the application to accept them. Their number is bounded by the
/// engine's limit on open streams, so the queues need none of their own.
#[derive(Debug)]
pub(crate) struct AcceptQueues {
    two_way: Queue<(SendStream, RecvStream)>,
    one_way: Queue<RecvStream>,
    /// A bit for each lane the peer has opened; each may come once.
    lanes: AtomicU32,
}

#[derive(Debug)]
struct Queue<T> {
    sender: Mutex<Option<mpsc::UnboundedSender<T>>>,
    receiver: tokio::sync::Mutex<mpsc::UnboundedReceiver<T>>,
}

impl<T> Queue<T> {
    fn new() -> Self {
        let (sender, receiver) = mpsc::unbounded_channel();
        Self {
            sender: Mutex::new(Some(sender)),
            receiver: receiver.into(),
        }
    }

    fn push(&self, item: T) {
        if let Some(sender) = &*self.sender.lock() {
            // Fails only when the session was dropped, and the stream with it.
            let _ = sender.send(item);
        }
    }

    /// No more will come, and what nobody took is dropped: an item holds its session, which holds
    /// this queue.
    fn close(&self) {
        self.sender.lock().take();
        // Who holds the lock waits for an item, so there is none.
        if let Ok(mut receiver) = self.receiver.try_lock() {
            while receiver.try_recv().is_ok() {}
        }
    }

    async fn pop(&self) -> Option<T> {
        self.receiver.lock().await.recv().await
    }
}

impl AcceptQueues {
    pub(super) fn new() -> Self {
        Self {
            two_way: Queue::new(),
            one_way: Queue::new(),
            lanes: AtomicU32::new(0),
        }
    }

    pub(super) async fn two_way(&self) -> Option<(SendStream, RecvStream)> {
        self.two_way.pop().await
    }

    pub(super) async fn one_way(&self) -> Option<RecvStream> {
        self.one_way.pop().await
    }

    fn lane_is_new(&self, lane: u8) -> bool {
        let bit = 1 << lane;
        self.lanes.fetch_or(bit, Relaxed) & bit == 0
    }

    /// The session is over.
    pub(super) fn close(&self) {
        self.two_way.close();
        self.one_way.close();
    }
}

/// Takes the peer's streams until the session ends.
pub(super) async fn accept_streams(core: Arc<Core>) {
    let unnamed = Arc::new(Semaphore::new(MAX_UNNAMED_STREAMS));
    loop {
        // Never closed, so this can't fail.
        let Ok(permit) = Arc::clone(&unnamed).acquire_owned().await else {
            return;
        };
        let (send, recv) = tokio::select! {
            biased;
            opened = core.connection.accept_uni() => match opened {
                Ok(recv) => (None, recv),
                Err(_) => return,
            },
            opened = core.connection.accept_bi() => match opened {
                Ok((send, recv)) => (Some(send), recv),
                Err(_) => return,
            },
        };
        let id = recv.id();
        let recv = RecvStream::new(&core, recv);
        let send = send.map(|send| SendStream::new(&core, send));
        if core.closing.is_beyond(id) {
            return core.end(CloseReason::Violation { by: By::Us });
        }
        core.ledger.accepted(id);
        let task = Arc::clone(&core);
        core.platform.spawn(async move {
            let mut recv = recv;
            let named = tokio::select! {
                biased;
                named = name(&mut recv) => Some(named),
                () = time_to_name(&task) => None,
            };
            drop(permit);
            if let Some(named) = named {
                take(&task, named, recv, send).await;
            } else {
                // What was on it is lost, so an end can't be called orderly any more.
                task.closing.lost_something();
                reject(recv, send, RegisteredStreamCode::OpenTimeout);
            }
        });
    }
}

/// Resolves when a stream has had its time to say what it is. Seconds in which nothing at all came
/// from the peer don't count: then the path is to blame, and the first frame is on its way.
async fn time_to_name(core: &Core) {
    let mut heard = core.packets_received();
    let mut counted = 0;
    for _ in 0..NAME_AT_LAST_SECONDS {
        if counted == NAME_WITHIN_SECONDS {
            return;
        }
        core.platform.sleep(Duration::from_secs(1)).await;
        let now_heard = core.packets_received();
        counted += u32::from(now_heard > heard);
        heard = now_heard;
    }
}

/// A stream of which the first frame was read.
enum Named {
    As(StreamKind),
    /// Refuse it and go on.
    Refused(RegisteredStreamCode),
    /// The peer doesn't speak our language.
    Broken(DecodeError),
    /// It ended before it said what it is.
    Gone,
}

/// Reads the first frame and not a byte more, because what follows belongs to someone else.
async fn name(recv: &mut RecvStream) -> Named {
    let mut decoder = FrameDecoder::new(MAX_OPEN_LEN);
    let mut missing = SHORTEST_FRAME;
    loop {
        let mut piece = match recv.read_header(missing).await {
            Ok(Some(piece)) => piece,
            Ok(None) if !decoder.is_idle() => return Named::Broken(DecodeError::Truncated),
            Ok(None) | Err(_) => return Named::Gone,
        };
        missing = missing_after(missing, &piece);
        match decoder.decode(&mut piece) {
            Ok(None) => {}
            Ok(Some(frame)) => {
                return match Open::decode(frame) {
                    Ok(open) => Named::As(open.kind),
                    Err(error) => refuse(error),
                };
            }
            Err(error) => return Named::Broken(error),
        }
    }
}

/// How many bytes are still certain to belong to the frame. The header's second byte, if below 64,
/// is the length of all that follows; longer forms are read byte for byte.
fn missing_after(asked: usize, piece: &[u8]) -> usize {
    match piece {
        [_, len @ 1..64] if asked == SHORTEST_FRAME => usize::from(*len),
        _ => asked.saturating_sub(piece.len()).max(1),
    }
}

fn refuse(error: OpenError) -> Named {
    match (error.stream_code(), error) {
        (Some(code), _) => Named::Refused(code),
        (None, OpenError::Malformed(error)) => Named::Broken(error),
        (None, _) => Named::Broken(DecodeError::Truncated),
    }
}

async fn take(core: &Arc<Core>, named: Named, recv: RecvStream, send: Option<SendStream>) {
    match named {
        Named::As(kind) => serve(core, kind, recv, send).await,
        Named::Refused(why) => reject(recv, send, why),
        Named::Broken(error) => {
            tracing::warn!(%error, session = %core.id(), "stream header");
            core.end(CloseReason::for_malformed(error));
        }
        Named::Gone => reject(recv, send, RegisteredStreamCode::None),
    }
}

async fn serve(core: &Arc<Core>, kind: StreamKind, recv: RecvStream, send: Option<SendStream>) {
    let direction = if send.is_some() {
        Direction::TwoWay
    } else {
        Direction::OneWay
    };
    if !kind.may_run(direction) {
        return reject(recv, send, RegisteredStreamCode::RefusedKind);
    }
    match (kind, send) {
        (StreamKind::Data { .. }, Some(send)) => core.accepted.two_way.push((send, recv)),
        (StreamKind::Data { .. }, None) => core.accepted.one_way.push(recv),
        (StreamKind::Control, None) => read_control(Arc::clone(core), recv).await,
        (StreamKind::UserFrames, None) => core.frames.read(core, recv).await,
        (StreamKind::Messages { lane }, None) if core.accepted.lane_is_new(lane) => {
            read_lane(Arc::clone(core), Arc::clone(&core.inbox), recv).await;
        }
        (StreamKind::Messages { .. }, None) => core.end(CloseReason::Violation { by: By::Us }),
        (_, send) => reject(recv, send, RegisteredStreamCode::RefusedKind),
    }
}

fn reject(mut recv: RecvStream, send: Option<SendStream>, why: RegisteredStreamCode) {
    let code = StreamCode::Registered(why);
    recv.stop_with(code);
    if let Some(mut send) = send {
        send.reset_with(code);
    }
}

/// The first frame of a stream we open.
pub(super) fn header(kind: StreamKind) -> Bytes {
    let mut header = bytes::BytesMut::new();
    Open { kind }.encode(&mut header);
    header.freeze()
}

/// Type and length.
const SHORTEST_FRAME: usize = 2;

/// A stream must say what it is within this time.
const NAME_WITHIN_SECONDS: u32 = 5;

/// And within this whatever the path does.
const NAME_AT_LAST_SECONDS: u32 = 60;

/// Streams that may be about to say it at a time; further ones wait unread.
const MAX_UNNAMED_STREAMS: usize = 64;
