//! `stt connect`: reaches a peer and opens the stream.

use std::{future::Future, path::Path, time::Duration};

use stt::{Accepting, Node, NodeId, Session, Target};

use super::{
    builder,
    copy::{Break, Tally, both_ways},
    leave,
    progress::Progress,
    stdio::{AtEnd, Sink, Source},
};
use crate::{
    args::{Connect, PeerPlace},
    data_dir::node_seed_or_fresh,
    exit::{Exit, Failure},
    seed,
    signals::Signals,
    status::Status,
};

pub(crate) fn connect(
    asked: Connect,
    data_dir: Option<&Path>,
    status: Status,
) -> impl Future<Output = Result<(), Failure>> {
    let prepared = seed::group(&asked.seed)
        .and_then(|group| Ok((group, node_seed_or_fresh(data_dir, status)?)));
    async move {
        let (group, seed) = prepared?;
        let door = group.door();
        let (builder, mut limits) = builder(group, seed, asked.patience.idle_timeout);
        limits.handshake_timeout = asked.timeout;
        let mut builder = builder.limits(limits).accepting(Accepting::Nobody);
        let place = place(&asked)?;
        if place.is_none() {
            builder = builder.lan(asked.lan.options());
        }
        let node = builder.start().await?;
        let mut signals = Signals::watch()?;
        let reach = async {
            let target = match place {
                Some(target) => target,
                None => neighbour(&node, asked.peer, asked.timeout).await?,
            };
            let session = node.connect(target).await;
            session.map_err(|error| Failure::unreached(error, door))
        };
        let session = tokio::select! {
            session = reach => session?,
            () = signals.next() => {
                return Err(Failure::broken_off("interrupted before a peer answered"));
            }
        };
        status.session(&session);
        let outcome = run(&session, &mut signals, status).await;
        leave(&node).await;
        outcome
    }
}

/// Whoever is found on the local network.
async fn neighbour(
    node: &Node,
    peer: Option<NodeId>,
    timeout: Duration,
) -> Result<Target, Failure> {
    let found = tokio::time::timeout(timeout, node.neighbour(peer)).await;
    match found {
        Ok(Some(found)) => Ok(Target::from(&found)),
        Ok(None) | Err(_) => Err(Failure::new(
            Exit::NoAnswer,
            "no member was found on the local network; name its HOST:PORT",
        )),
    }
}

/// What was named, by its place or behind a relay; `None` if nothing was.
fn place(asked: &Connect) -> Result<Option<Target>, Failure> {
    if asked.to.is_empty() && asked.relay.is_none() {
        return Ok(None);
    }
    PeerPlace::target(&asked.to, asked.relay.as_slice(), asked.peer).map(Some)
}

async fn run(session: &Session, signals: &mut Signals, status: Status) -> Result<(), Failure> {
    let tally = Tally::default();
    let progress = Progress::wanted(status);
    let outcome = tokio::select! {
        outcome = pipe(session, &tally) => outcome,
        () = signals.next() => Err(Break::Interrupted),
        () = progress.draw(session, &tally) => Err(Break::Interrupted),
    };
    drop(progress);
    let outcome = outcome.inspect_err(|broken| broken.tell(session));
    status.closed(session, tally.carried(session), outcome.as_ref().err());
    outcome.map_err(|broken| Failure::from(broken).told())
}

async fn pipe(session: &Session, tally: &Tally) -> Result<(), Break> {
    let streams = session.open_stream().await.map_err(|error| match error {
        stt::SessionError::Closed(reason) => Break::Session(reason),
        _ => Break::Stopped,
    })?;
    let source = Source::start().map_err(Break::Input)?;
    let mut sink = Sink::start(AtEnd::Close).map_err(Break::Output)?;
    both_ways(session, streams, Some(source), &mut sink, tally).await?;
    Ok(session.close().await?)
}
