//! The serving side: one task a request, a few parts at a time for each session.
//!
//! *Memory.* A part counts from when it is read until the peer has it: [`PARTS_A_SESSION`] for each session, and
//! [`MAX_PARTS`](super::super::shelves) over all. Who takes nothing for [`STALL`] loses what it asked for.
//!
//! *Fairness.* Sessions take turns at the store, each with as many parts as any other, however much it asks.
//!
//! *spec:* CONTENT-4, CONTENT-10 to CONTENT-12.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use stt_wire::{
    ContentAnswer, ContentPart, ContentRequest, Holding, Spans, VarInt,
    limits::MAX_CONTENT_REQUEST_LEN,
};
use tokio::sync::Semaphore;

use super::in_the_store;
use super::request::{self, GivenUp, finish};
use crate::session::{
    core::Core,
    stream::{RecvStream, SendStream},
};
use crate::storage::Address;
use crate::swarm::shelves::{Holds, Shelf, Shelves};

/// What a session has asked for.
#[derive(Debug)]
pub(crate) struct Desk {
    /// One for each part on its way.
    parts: Semaphore,
    waiting: AtomicU32,
    /// Bytes that the peer took, to tell a slow one from one that stopped.
    taken: AtomicU64,
    /// Requests so far: the first one is sent first.
    asked: AtomicU32,
}

impl Default for Desk {
    fn default() -> Self {
        Self {
            parts: Semaphore::new(PARTS_A_SESSION),
            waiting: AtomicU32::new(0),
            taken: AtomicU64::new(0),
            asked: AtomicU32::new(0),
        }
    }
}

/// Somebody who waits; no longer, when this is dropped.
struct Waiting<'a>(&'a AtomicU32);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Relaxed);
    }
}

/// Answers one request.
pub(crate) async fn serve(
    shelves: Arc<Shelves>,
    core: Arc<Core>,
    mut recv: RecvStream,
    mut send: SendStream,
) {
    let answering = answer(&shelves, &core, &mut recv, &mut send);
    request::serve(&core, "content that was asked for", answering).await;
}

async fn answer(
    shelves: &Shelves,
    core: &Arc<Core>,
    recv: &mut RecvStream,
    send: &mut SendStream,
) -> Result<(), GivenUp> {
    let (max_len, decode) = (MAX_CONTENT_REQUEST_LEN, ContentRequest::decode);
    let request = request::read(&shelves.platform, recv, max_len, decode).await?;
    let desk = core.desk();
    if desk.waiting.fetch_add(1, Relaxed) >= MAX_WAITING {
        let _waiting = Waiting(&desk.waiting);
        let wait = VarInt::saturating(BUSY_FOR.as_millis() as u64);
        say(send, &ContentAnswer::Busy { wait }).await?;
        return finish(send);
    }
    let waiting = Waiting(&desk.waiting);
    let shelf = shelves.shelf(Address::from_bytes(*request.address()));
    match (request, shelf) {
        (ContentRequest::Look { .. }, Some(shelf)) => look(&shelf, send).await,
        (
            ContentRequest::Take {
                root, part, from, ..
            },
            Some(shelf),
        ) if root == shelf.reference.root => {
            let asked = desk.asked.fetch_add(1, Relaxed);
            // Below what the application sends, and in the order of the requests.
            send.set_priority(-1 - (asked & MAX_PRIORITY).cast_signed());
            take(shelves, desk, &shelf, (part, from.get()), send, waiting).await
        }
        _ => absent(send).await,
    }
}

/// Says what the object is and which blocks are here, now and as they come.
async fn look(shelf: &Shelf, send: &mut SendStream) -> Result<(), GivenUp> {
    let holding = Holding {
        root: shelf.reference.root,
        signature: shelf.signature,
        length: VarInt::saturating(shelf.reference.length),
    };
    say(send, &ContentAnswer::Holding(holding)).await?;
    let count = shelf.reference.length.div_ceil(1 << 20).max(1);
    let Holds::Some(mut gained) = shelf.holds.clone() else {
        say(send, &ContentAnswer::Have(Spans::all(count))).await?;
        return finish(send);
    };
    let mut told = 0;
    while told < count as usize {
        let mut news = {
            let gained = gained.borrow_and_update();
            let end = gained.numbers.len().min(told + MAX_NEWS);
            gained.numbers.get(told..end).unwrap_or_default().to_vec()
        };
        if news.is_empty() {
            tokio::select! {
                biased;
                changed = gained.changed() => if changed.is_err() { break },
                _ = send.delivered() => return Err(GivenUp::Peer),
            }
            continue;
        }
        told += news.len();
        news.sort_unstable();
        if let Some(spans) = Spans::of(news) {
            say(send, &ContentAnswer::Have(spans)).await?;
        }
    }
    finish(send)
}

async fn take(
    shelves: &Shelves,
    desk: &Desk,
    shelf: &Shelf,
    (part, from): (ContentPart, u64),
    send: &mut SendStream,
    waiting: Waiting<'_>,
) -> Result<(), GivenUp> {
    // Neither is ever closed.
    let _turn = desk.parts.acquire().await.map_err(|_| GivenUp::Peer)?;
    let _place = shelves.parts.acquire().await.map_err(|_| GivenUp::Peer)?;
    drop(waiting);
    let blocks = shelf.blocks.clone();
    let part = in_the_store(part);
    let read = shelf.calls.run_apart(move || blocks.part(part));
    let bytes = read.await.map_err(GivenUp::Storage)?;
    let bytes = bytes.map(Bytes::from).filter(|bytes| {
        let from = usize::try_from(from).unwrap_or(usize::MAX);
        from < bytes.len() || from == 0
    });
    let Some(bytes) = bytes else {
        return absent(send).await;
    };
    let bytes = bytes.slice(from as usize..);
    let mut head = BytesMut::new();
    let len = VarInt::saturating(bytes.len() as u64);
    ContentAnswer::Piece { len }.encode(&mut head);
    let sending = async {
        let mut chunks = [head.freeze(), bytes];
        let written = send.write_chunks(&mut chunks).await;
        written.map_err(|_| GivenUp::Peer)?;
        finish(send)?;
        send.delivered().await.map_err(|_| GivenUp::Peer)?;
        desk.taken.fetch_add(1, Relaxed);
        Ok(())
    };
    tokio::select! {
        biased;
        sent = sending => sent,
        () = stalled(&shelves.platform, desk) => Err(GivenUp::Peer),
    }
}

/// Resolves when the peer has taken nothing of all that is on its way for too long.
async fn stalled(platform: &crate::transport::platform::Platform, desk: &Desk) {
    let mut taken = desk.taken.load(Relaxed);
    loop {
        platform.sleep(STALL).await;
        let now = desk.taken.load(Relaxed);
        if now == taken {
            return;
        }
        taken = now;
    }
}

async fn absent(send: &mut SendStream) -> Result<(), GivenUp> {
    say(send, &ContentAnswer::Absent).await?;
    finish(send)
}

async fn say(send: &mut SendStream, answer: &ContentAnswer) -> Result<(), GivenUp> {
    request::say(send, |frame| answer.encode(frame)).await
}

/// Parts on their way in one session: its window is of this size.
const PARTS_A_SESSION: usize = 16;

/// Requests of a session that are not done: more are told that we are busy.
const MAX_WAITING: u32 = 256;

/// Where the order of a session's requests begins anew.
const MAX_PRIORITY: u32 = (1 << 30) - 1;

const BUSY_FOR: Duration = Duration::from_millis(500);

/// A part has this long to arrive, as long as none does.
const STALL: Duration = Duration::from_secs(30);

/// Blocks that are told of in one go.
const MAX_NEWS: usize = stt_wire::limits::MAX_SPANS;
