//! `stt listen`: waits for a peer, or with `--keep` for one after the other.

use std::{future::Future, path::Path, time::Duration};

use stt::{Accepting, Node, RecvStream, SendStream, Session};
use tokio::task::JoinSet;

use super::{
    builder,
    copy::{Break, Tally, both_ways},
    leave,
    progress::Progress,
    stdio::{AtEnd, Sink, Source},
};
use crate::{
    args::Listen, data_dir::node_seed_or_fresh, exit::Failure, seed, signals::Signals,
    status::Status,
};

pub(crate) fn listen(
    asked: Listen,
    data_dir: Option<&Path>,
    status: Status,
) -> impl Future<Output = Result<(), Failure>> {
    let prepared = seed::group(&asked.seed)
        .and_then(|group| Ok((group, node_seed_or_fresh(data_dir, status)?)));
    async move {
        let (group, seed) = prepared?;
        let (builder, limits) = builder(group.clone(), seed, asked.patience.idle_timeout);
        let mut builder = asked.reachable.apply(builder, &group);
        for asked in asked.bind {
            builder = asked.apply(builder).await?;
        }
        let node = builder.limits(limits).start().await?;
        let mut signals = Signals::watch()?;
        status.follow_mapping(&node);
        for address in node.local_addresses() {
            status.listening(address, node.id());
        }
        for address in node.websocket_addresses() {
            status.listening(address, node.id());
        }
        for relay in &asked.relay {
            status.follow_relay(node.use_relay(relay.target()), node.id());
        }
        let outcome = if asked.keep {
            serve_in_turn(&node, &mut signals, status).await
        } else {
            serve_one(&node, &mut signals, status).await
        };
        leave(&node).await;
        outcome
    }
}

/// Nobody is answered once the peer is there.
async fn serve_one(node: &Node, signals: &mut Signals, status: Status) -> Result<(), Failure> {
    let first = tokio::select! {
        first = first_to_open(node) => first,
        () = signals.next() => None,
    };
    let Some((session, streams)) = first else {
        return Err(Failure::broken_off("interrupted before a peer came"));
    };
    node.set_accepting(Accepting::Nobody);
    let talk = async |session: &Session, streams: Streams, tally: &Tally| {
        let source = Source::start().map_err(Break::Input)?;
        let mut sink = Sink::start(AtEnd::Close).map_err(Break::Output)?;
        both_ways(session, streams, Some(source), &mut sink, tally).await
    };
    let opened = async { Ok(streams) };
    let served = serve(&session, opened, (signals, status), talk).await;
    served.map_err(|broken| Failure::from(broken).told())
}

/// The first peer that opens a stream. Members also come to find out who is here, and open none.
async fn first_to_open(node: &Node) -> Option<(Session, Streams)> {
    let mut opening = JoinSet::new();
    loop {
        tokio::select! {
            session = node.accept(), if opening.len() < MOST_OPENING => {
                let session = session?;
                opening.spawn(async move {
                    let streams = opened(&session).await.ok()?;
                    Some((session, streams))
                });
            }
            joined = opening.join_next(), if !opening.is_empty() => {
                if let Some(Ok(Some(first))) = joined {
                    return Some(first);
                }
            }
        }
    }
}

async fn opened(session: &Session) -> Result<Streams, Break> {
    let streams = tokio::time::timeout(OPEN_WITHIN, session.accept_stream()).await;
    Ok(streams.map_err(|_| Break::Silent)??)
}

/// Peers that come meanwhile have a session and wait.
async fn serve_in_turn(node: &Node, signals: &mut Signals, status: Status) -> Result<(), Failure> {
    let mut sink = Sink::start(AtEnd::KeepOpen).map_err(Break::Output)?;
    loop {
        let session = tokio::select! {
            // A session that waits is open, and must not be dropped without a word.
            biased;
            session = node.accept() => session,
            () = signals.next() => None,
        };
        let Some(session) = session else {
            return Ok(());
        };
        let talk = async |session: &Session, streams: Streams, tally: &Tally| {
            both_ways(session, streams, None, &mut sink, tally).await
        };
        let served = serve(&session, opened(&session), (signals, status), talk).await;
        // No other peer would fare better, or none is wanted. After any other end the next one may.
        if let Err(broken @ (Break::Output(_) | Break::Interrupted)) = served {
            return Err(Failure::from(broken).told());
        }
    }
}

type Streams = (SendStream, RecvStream);

/// Serves one peer to the orderly end.
async fn serve(
    session: &Session,
    opened: impl Future<Output = Result<Streams, Break>>,
    (signals, status): (&mut Signals, Status),
    talk: impl AsyncFnOnce(&Session, Streams, &Tally) -> Result<(), Break>,
) -> Result<(), Break> {
    status.session(session);
    let tally = Tally::default();
    let progress = Progress::wanted(status);
    let whole = async {
        let streams = opened.await?;
        talk(session, streams, &tally).await?;
        Ok(session.close().await?)
    };
    let outcome = tokio::select! {
        outcome = whole => outcome,
        () = signals.next() => Err(Break::Interrupted),
        () = progress.draw(session, &tally) => Err(Break::Interrupted),
    };
    drop(progress);
    let carried = tally.carried(session);
    match outcome {
        Ok(()) => {
            status.closed(session, carried, None::<&Break>);
            Ok(())
        }
        Err(broken) => {
            broken.tell(session);
            status.closed(session, carried, Some(&broken));
            Err(broken)
        }
    }
}

/// A connector opens its stream at once; one that does not must not hold up the others.
const OPEN_WITHIN: Duration = Duration::from_secs(10);

/// Members that may be about to open a stream at a time.
const MOST_OPENING: usize = 64;
