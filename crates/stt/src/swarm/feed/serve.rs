//! The holder's answers: the entries from a number on, and further ones as they come.
//!
//! *Memory.* A task a follower, and one frame: entries are taken from the record when the one before is on its way.
//!
//! *spec:* FEED-10 to FEED-13.

use std::sync::Arc;
use std::time::Duration;

use stc::NodeId;
use stt_wire::{FeedAnswer, FeedRequest, VarInt, limits::MAX_FEED_REQUEST_LEN};
use tokio::sync::watch;

use super::board::Place;
use super::record::Record;
use super::reference::FeedReference;
use crate::session::{
    CloseReason,
    core::Core,
    stream::{RecvStream, SendStream},
};
use crate::swarm::exchange::request::{self, GivenUp, finish};
use crate::swarm::shelves::Shelves;
use crate::transport::platform::Platform;

/// Answers one request, until the feed or the follower is done.
pub(crate) async fn serve(
    shelves: Arc<Shelves>,
    core: Arc<Core>,
    mut recv: RecvStream,
    mut send: SendStream,
) {
    let answering = answer(&shelves, core.peer(), &mut recv, &mut send);
    let answered = tokio::select! {
        biased;
        () = core.closing.begun() => return,
        answered = answering => answered,
    };
    if let Err(GivenUp::Broken(error)) = answered {
        tracing::warn!(%error, session = %core.id(), "request for the entries of a feed");
        core.end(CloseReason::for_malformed(error));
    }
}

async fn answer(
    shelves: &Shelves,
    peer: NodeId,
    recv: &mut RecvStream,
    send: &mut SendStream,
) -> Result<(), GivenUp> {
    let (max_len, decode) = (MAX_FEED_REQUEST_LEN, FeedRequest::decode);
    let request = request::read(&shelves.platform, recv, max_len, decode).await?;
    let FeedRequest::Follow {
        publisher,
        id,
        from,
    } = request;
    let publisher = NodeId::from_bytes(publisher);
    let name = FeedReference { publisher, id }.address();
    let Some(board) = shelves.boards.find(name) else {
        say(send, &FeedAnswer::Absent).await?;
        return finish(send);
    };
    let Some(mut place) = board.place(peer) else {
        let wait = VarInt::saturating(BUSY_FOR.as_millis() as u64);
        say(send, &FeedAnswer::Busy { wait }).await?;
        return finish(send);
    };
    let record = board.look();
    tell_all(&shelves.platform, record, from.get(), &mut place, send).await
}

async fn tell_all(
    platform: &Platform,
    mut record: watch::Receiver<Record>,
    from: u64,
    place: &mut Place,
    send: &mut SendStream,
) -> Result<(), GivenUp> {
    let mut next = None;
    loop {
        let entry = {
            let record = record.borrow_and_update();
            let is_gone = next.is_some_and(|next| record.oldest().is_some_and(|it| it > next));
            if is_gone {
                // Too slow for what is kept.
                return Err(GivenUp::Peer);
            }
            record.begin_at(next.unwrap_or(from)).copied()
        };
        let Some(entry) = entry else {
            tokio::select! {
                biased;
                changed = record.changed() => changed.map_err(|_| GivenUp::Peer)?,
                _ = send.delivered() => return Err(GivenUp::Peer),
                () = place.taken_over() => return Err(GivenUp::Peer),
            }
            continue;
        };
        next = Some(entry.number.get() + 1);
        let answer = FeedAnswer::Entry(entry);
        let said = platform.timeout(STALL, say(send, &answer)).await;
        said.unwrap_or(Err(GivenUp::Peer))?;
        if entry.is_last {
            return finish(send);
        }
    }
}

async fn say(send: &mut SendStream, answer: &FeedAnswer) -> Result<(), GivenUp> {
    request::say(send, |frame| answer.encode(frame)).await
}

const BUSY_FOR: Duration = Duration::from_secs(2);

/// A follower has this long to take an entry.
const STALL: Duration = Duration::from_secs(60);
