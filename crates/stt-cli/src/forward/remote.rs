//! `stt forward --serve`: a node whose sessions are served.

use std::sync::Arc;

use stt::Limits;
use tokio::task::JoinSet;

use super::{
    ending::{Ending, end},
    phase::Phase,
    report::Reporter,
    serving::Serving,
};
use crate::{args::Forward, exit::Failure, member::Member, signals::Signals, status::Status};

/// `stt forward --serve`.
pub(super) async fn serve(
    asked: Forward,
    member: Member,
    limits: Limits,
    status: Status,
) -> Result<(), Failure> {
    let reporter = Reporter::new(status, asked.verbose);
    let phase = Phase::running();
    let connections = asked.bounds.connections.get();
    let serving = Serving::new(asked.serve, connections, reporter.clone(), phase.watch())?;
    let node = member
        .builder(&asked.bind)
        .await?
        .limits(limits)
        .start()
        .await?;
    let mut signals = Signals::watch()?;
    status.follow_sessions(&node);
    for address in node.local_addresses() {
        status.listening(address, node.id());
    }
    for address in node.websocket_addresses() {
        status.listening(address, node.id());
    }
    for relay in &asked.relay {
        status.follow_relay(node.use_relay(relay.target()), node.id());
    }
    let mut sessions = JoinSet::new();
    tokio::select! {
        () = Arc::new(serving).serve_all(&node, &mut sessions) => {}
        () = signals.next() => {}
    }
    let ending = Ending {
        node: &node,
        phase: &phase,
        reporter: &reporter,
        limit: asked.bounds.drain,
    };
    end(ending, &mut sessions, &mut signals, status).await
}
