//! Streams the peer opens: each says what it is, within its time, and goes where it belongs.

mod naming;

use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering::Relaxed},
    },
    time::Duration,
};

use futures_util::FutureExt;
use stt_wire::{Direction, RegisteredStreamCode, StreamCode, StreamKind};
use tokio::sync::Semaphore;

use naming::{Named, Naming};

use super::{
    By, CloseReason,
    control::read_control,
    core::Core,
    messages::lane_reader::read_lane,
    queue::Queue,
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
        // An item holds its session, which holds these queues.
        self.two_way.close_and_drop();
        self.one_way.close_and_drop();
    }
}

/// Takes the peer's streams until the session ends.
///
/// The first frame of a stream comes with the stream itself as a rule, so it is looked for at once;
/// only a stream that has to be waited for gets a task and a clock.
pub(super) async fn accept_streams(core: Arc<Core>) {
    let unnamed = Arc::new(Semaphore::new(MAX_UNNAMED_STREAMS));
    while let Some((mut recv, send)) = accept_one(&core).await {
        let mut naming = Naming::default();
        if let Some(named) = naming.name(&mut recv).now_or_never() {
            take(&core, named, recv, send);
            continue;
        }
        // Never closed, so this can't fail.
        let Ok(permit) = Arc::clone(&unnamed).acquire_owned().await else {
            return;
        };
        let task = Arc::clone(&core);
        core.platform.spawn(async move {
            let named = tokio::select! {
                biased;
                named = naming.name(&mut recv) => Some(named),
                () = time_to_name(&task) => None,
            };
            drop(permit);
            if let Some(named) = named {
                take(&task, named, recv, send);
            } else {
                // What was on it is lost, so an end can't be called orderly any more.
                task.closing.lost_something();
                reject(recv, send, RegisteredStreamCode::OpenTimeout);
            }
        });
    }
}

/// The next stream the peer opened; `None` when the session is over.
async fn accept_one(core: &Arc<Core>) -> Option<(RecvStream, Option<SendStream>)> {
    let (recv, send) = tokio::select! {
        biased;
        opened = core.connection.accept_uni() => (opened.ok()?, None),
        opened = core.connection.accept_bi() => {
            let (send, recv) = opened.ok()?;
            (recv, Some(send))
        }
    };
    if core.closing.is_beyond(recv.id()) {
        core.end(CloseReason::Violation { by: By::Us });
        return None;
    }
    core.ledger.accepted(recv.id());
    let send = send.map(|send| SendStream::new(core, send));
    Some((RecvStream::new(core, recv), send))
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

fn take(core: &Arc<Core>, named: Named, recv: RecvStream, send: Option<SendStream>) {
    match named {
        Named::As(kind) => serve(core, kind, recv, send),
        Named::Refused(why) => reject(recv, send, why),
        Named::Broken(error) => {
            tracing::warn!(%error, session = %core.id(), "stream header");
            core.end(CloseReason::for_malformed(error));
        }
        Named::Gone => reject(recv, send, RegisteredStreamCode::None),
    }
}

fn serve(core: &Arc<Core>, kind: StreamKind, recv: RecvStream, send: Option<SendStream>) {
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
        (StreamKind::Control, None) => core.platform.spawn(read_control(Arc::clone(core), recv)),
        (StreamKind::UserFrames, None) => {
            let task = Arc::clone(core);
            core.platform
                .spawn(async move { task.frames.read(&task, recv).await });
        }
        (StreamKind::Messages { lane }, None) if core.accepted.lane_is_new(lane) => {
            let lane = read_lane(Arc::clone(core), Arc::clone(&core.inbox), recv);
            core.platform.spawn(lane);
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

/// A stream must say what it is within this time.
const NAME_WITHIN_SECONDS: u32 = 5;

/// And within this whatever the path does.
const NAME_AT_LAST_SECONDS: u32 = 60;

/// Streams that may be about to say it at a time; further ones wait unread.
const MAX_UNNAMED_STREAMS: usize = 64;
