//! Streams the peer opens: each says what it is, within its time, and goes where it belongs.

mod naming;
mod way;

use std::{
    sync::Arc,
    sync::atomic::{AtomicU32, Ordering::Relaxed},
    time::Duration,
};

use futures_util::FutureExt;
use noq_proto::Dir;
use stt_wire::{Direction, RegisteredStreamCode, StreamCode, StreamKind};
use tokio::sync::Semaphore;

use naming::{Named, Naming};
use way::Way;

use super::{
    By, CloseReason,
    control::read_control,
    core::Core,
    messages::lane_reader::read_lane,
    stream::{RecvStream, SendStream},
};
use crate::{dht, endpoints, relay, swarm};

/// A stream of the peer, with the way back if it has one.
type Incoming = (RecvStream, Option<SendStream>);

/// Streams the peer opens.
#[derive(Debug)]
pub(crate) struct Accepting {
    /// Data streams, by direction.
    ways: [Way<Incoming>; 2],
    /// A permit for each stream that is waited for to say what it is.
    unnamed: Semaphore,
    /// A bit for each lane the peer has opened; each may come once.
    lanes: AtomicU32,
}

impl Accepting {
    pub(super) fn new() -> Self {
        Self {
            ways: [Way::new(), Way::new()],
            unnamed: Semaphore::new(MAX_UNNAMED_STREAMS),
            lanes: AtomicU32::new(0),
        }
    }

    fn way(&self, dir: Dir) -> &Way<Incoming> {
        &self.ways[dir as usize]
    }

    fn lane_is_new(&self, lane: u8) -> bool {
        let bit = 1 << lane;
        self.lanes.fetch_or(bit, Relaxed) & bit == 0
    }

    /// The session is over.
    pub(super) fn close(&self) {
        for way in &self.ways {
            // An item holds its session, which holds these queues.
            way.taken.close_and_drop();
        }
    }
}

/// The next two-way data stream; `None` when the session is over. Cancel safe.
pub(super) async fn next_two_way(core: &Arc<Core>) -> Option<(SendStream, RecvStream)> {
    let (recv, send) = next(core, Dir::Bi).await?;
    Some((send?, recv))
}

/// The next one-way data stream; `None` when the session is over. Cancel safe.
pub(super) async fn next_one_way(core: &Arc<Core>) -> Option<RecvStream> {
    let (recv, _) = next(core, Dir::Uni).await?;
    Some(recv)
}

async fn next(core: &Arc<Core>, dir: Dir) -> Option<Incoming> {
    let way = core.accepting.way(dir);
    let _waiting = way.wait();
    loop {
        if let Some(taken) = way.taken.try_pop() {
            return Some(taken);
        }
        let (recv, send) = tokio::select! {
            biased;
            accepted = accept_one(core, dir) => match accepted {
                Some(accepted) => accepted,
                None => return way.taken.pop().await,
            },
            taken = way.taken.pop() => return taken,
        };
        if let Some(data) = sort(core, recv, send) {
            return Some(data);
        }
    }
}

/// Takes the peer's streams until the session ends.
pub(super) async fn accept_streams(core: &Arc<Core>) {
    tokio::join!(accept_all(core, Dir::Uni), accept_all(core, Dir::Bi));
}

async fn accept_all(core: &Arc<Core>, dir: Dir) {
    let way = core.accepting.way(dir);
    while let Some((recv, send)) = way.after_those_who_wait(accept_one(core, dir)).await {
        if let Some(data) = sort(core, recv, send) {
            way.taken.push(data);
        }
    }
}

/// The next stream the peer opened; `None` when the session is over.
async fn accept_one(core: &Arc<Core>, dir: Dir) -> Option<Incoming> {
    let (recv, send) = match dir {
        Dir::Uni => (core.connection.accept_uni().await.ok()?, None),
        Dir::Bi => {
            let (send, recv) = core.connection.accept_bi().await.ok()?;
            (recv, Some(send))
        }
    };
    if core.closing.is_beyond(recv.id()) {
        core.end(CloseReason::Violation { by: By::Us });
        return None;
    }
    let id = recv.id();
    let send = send.map(|send| SendStream::new(core, send));
    let recv = RecvStream::new(core, recv);
    // Only now that its halves count as going on: an orderly end must not find it over.
    core.ledger.accepted(id);
    Some((recv, send))
}

/// Brings a stream where it belongs; gives it back if that is the application.
///
/// The first frame of a stream comes with the stream itself as a rule, so it is looked for at once;
/// only a stream that has to be waited for gets a task and a clock.
fn sort(core: &Arc<Core>, mut recv: RecvStream, send: Option<SendStream>) -> Option<Incoming> {
    let mut naming = Naming::default();
    if let Some(named) = naming.name(&mut recv).now_or_never() {
        return place(core, named, recv, send);
    }
    let late = wait_for_name(Arc::clone(core), naming, recv, send);
    core.platform.spawn(late);
    None
}

async fn wait_for_name(
    core: Arc<Core>,
    mut naming: Naming,
    mut recv: RecvStream,
    send: Option<SendStream>,
) {
    // Never closed, so this can't fail.
    let Ok(permit) = core.accepting.unnamed.acquire().await else {
        return;
    };
    let named = tokio::select! {
        biased;
        named = naming.name(&mut recv) => Some(named),
        () = time_to_name(&core) => None,
    };
    drop(permit);
    let Some(named) = named else {
        // What was on it is lost, so an end can't be called orderly any more.
        core.closing.lost_something();
        return reject(recv, send, RegisteredStreamCode::OpenTimeout);
    };
    let dir = if send.is_some() { Dir::Bi } else { Dir::Uni };
    if let Some(data) = place(&core, named, recv, send) {
        core.accepting.way(dir).taken.push(data);
    }
}

/// Resolves when a stream has had its time to say what it is, in seconds in which packets of the
/// peer arrived. Silence doesn't count: its end is the idle timeout's.
async fn time_to_name(core: &Core) {
    let mut heard = core.packets_received();
    let mut counted = 0;
    while counted < NAME_WITHIN_SECONDS {
        core.platform.sleep(Duration::from_secs(1)).await;
        let now_heard = core.packets_received();
        counted += u32::from(now_heard > heard);
        heard = now_heard;
    }
}

fn place(
    core: &Arc<Core>,
    named: Named,
    recv: RecvStream,
    send: Option<SendStream>,
) -> Option<Incoming> {
    match named {
        Named::As(kind) => return serve(core, kind, recv, send),
        Named::Refused(why) => reject(recv, send, why),
        Named::Broken(error) => {
            tracing::warn!(%error, session = %core.id(), "stream header");
            core.end(CloseReason::for_malformed(error));
        }
        Named::Gone => reject(recv, send, RegisteredStreamCode::None),
    }
    None
}

fn serve(
    core: &Arc<Core>,
    kind: StreamKind,
    recv: RecvStream,
    send: Option<SendStream>,
) -> Option<Incoming> {
    let direction = if send.is_some() {
        Direction::TwoWay
    } else {
        Direction::OneWay
    };
    if !kind.may_run(direction) {
        reject(recv, send, RegisteredStreamCode::RefusedKind);
        return None;
    }
    match kind {
        StreamKind::Data { .. } => return Some((recv, send)),
        StreamKind::Control => core.platform.spawn(read_control(Arc::clone(core), recv)),
        StreamKind::UserFrames => {
            let task = Arc::clone(core);
            core.platform
                .spawn(async move { task.frames.read(&task, recv).await });
        }
        StreamKind::Events => core.events.arrived(core, recv),
        StreamKind::Messages { lane } if core.accepting.lane_is_new(lane) => {
            let lane = read_lane(Arc::clone(core), Arc::clone(&core.inbox), recv);
            core.platform.spawn(lane);
        }
        StreamKind::Endpoint => {
            // It runs two ways, or would have been refused.
            if let Some(send) = send {
                let items = endpoints::serve(Arc::clone(core), recv, send);
                core.platform.spawn(items);
            }
        }
        StreamKind::Relay => match (&core.relaying, send) {
            (Some(relaying), Some(send)) => {
                let serving =
                    relay::service::serve(Arc::clone(relaying), Arc::clone(core), recv, send);
                core.platform.spawn(serving);
            }
            (_, send) => reject(recv, send, RegisteredStreamCode::RefusedKind),
        },
        StreamKind::ContentRequest => match (&core.giving, send) {
            (Some(giving), Some(send)) => {
                let shelves = Arc::clone(&giving.shelves);
                let served = swarm::serve(shelves, Arc::clone(core), recv, send);
                core.platform.spawn(served);
            }
            (_, send) => reject(recv, send, RegisteredStreamCode::RefusedKind),
        },
        StreamKind::KeepRequest => match (core.offer().cloned(), send) {
            (Some(offer), Some(send)) => {
                let served = swarm::serve_keeping(offer, Arc::clone(core), recv, send);
                core.platform.spawn(served);
            }
            (_, send) => reject(recv, send, RegisteredStreamCode::RefusedKind),
        },
        StreamKind::FeedRequest => match (&core.giving, send) {
            (Some(giving), Some(send)) => {
                let shelves = Arc::clone(&giving.shelves);
                let served = swarm::serve_feeds(shelves, Arc::clone(core), recv, send);
                core.platform.spawn(served);
            }
            (_, send) => reject(recv, send, RegisteredStreamCode::RefusedKind),
        },
        StreamKind::Messages { .. } => core.end(CloseReason::Violation { by: By::Us }),
        StreamKind::DhtRequest => match (core.dht.clone(), send) {
            (Some(dht), Some(send)) if dht.is_serving() => dht::serve(dht, core, recv, send),
            (_, send) => reject(recv, send, RegisteredStreamCode::RefusedKind),
        },
    }
    None
}

fn reject(mut recv: RecvStream, send: Option<SendStream>, why: RegisteredStreamCode) {
    let code = StreamCode::Registered(why);
    recv.stop_with(code);
    if let Some(mut send) = send {
        send.reset_with(code);
    }
}

/// A stream must say what it is within this time. After a cut an engine whose window is full of
/// lost packets acknowledges nothing but with its probes, so for many seconds there arrive probes of
/// both sides and no stream.
const NAME_WITHIN_SECONDS: u32 = 30;

/// Streams that may be about to say it at a time; further ones wait unread.
const MAX_UNNAMED_STREAMS: usize = 64;
