//! `stt listen`: waits for a peer, or with `--keep` for one after the other.

use std::{future::Future, path::Path};

use stt::{Accepting, Node, Session};

use super::{
    builder,
    copy::{Break, Tally, both_ways},
    leave,
    openers::Openers,
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
    let mut openers = Openers::of(node);
    let first = tokio::select! {
        first = openers.next() => first,
        () = signals.next() => None,
    };
    drop(openers);
    let Some((session, streams)) = first else {
        return Err(Failure::broken_off("interrupted before a peer came"));
    };
    node.set_accepting(Accepting::Nobody);
    let talk = async |session: &Session, tally: &Tally| {
        let source = Source::start().map_err(Break::Input)?;
        let mut sink = Sink::start(AtEnd::Close).map_err(Break::Output)?;
        both_ways(session, streams, Some(source), &mut sink, tally).await
    };
    let served = serve(&session, (signals, status), talk).await;
    served.map_err(|broken| Failure::from(broken).told())
}

/// Peers that come meanwhile have a session and wait.
async fn serve_in_turn(node: &Node, signals: &mut Signals, status: Status) -> Result<(), Failure> {
    let mut sink = Sink::start(AtEnd::KeepOpen).map_err(Break::Output)?;
    let mut openers = Openers::of(node);
    loop {
        let next = tokio::select! {
            // A peer that waits must not be dropped without a word.
            biased;
            next = openers.next() => next,
            () = signals.next() => None,
        };
        let Some((session, streams)) = next else {
            return Ok(());
        };
        let talk = async |session: &Session, tally: &Tally| {
            both_ways(session, streams, None, &mut sink, tally).await
        };
        let served = tokio::select! {
            served = serve(&session, (signals, status), talk) => served,
            never = openers.take_in() => match never {},
        };
        // No other peer would fare better, or none is wanted. After any other end the next one may.
        if let Err(broken @ (Break::Output(_) | Break::Interrupted)) = served {
            return Err(Failure::from(broken).told());
        }
    }
}

/// Serves one peer to the orderly end.
async fn serve(
    session: &Session,
    (signals, status): (&mut Signals, Status),
    talk: impl AsyncFnOnce(&Session, &Tally) -> Result<(), Break>,
) -> Result<(), Break> {
    status.session(session);
    let tally = Tally::default();
    let progress = Progress::wanted(status);
    let whole = async {
        talk(session, &tally).await?;
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
