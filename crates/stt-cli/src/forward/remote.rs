//! `stt forward --serve`: a node whose sessions are served.

use std::sync::Arc;

use stt::{Limits, Node};
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
    let serving = Arc::new(serving);
    let mut builder = Node::builder(member.group).node_seed(member.seed);
    for asked in &asked.bind {
        for address in asked.addresses().await? {
            builder = builder.bind(address);
        }
    }
    let node = builder.limits(limits).start().await?;
    let mut signals = Signals::watch()?;
    for address in node.local_addresses() {
        status.listening(address, node.id());
    }
    let mut sessions = JoinSet::new();
    loop {
        tokio::select! {
            session = node.accept() => match session {
                Some(session) => {
                    status.session(&session);
                    sessions.spawn(Arc::clone(&serving).serve(session));
                }
                None => break,
            },
            Some(_) = sessions.join_next() => {}
            () = signals.next() => break,
        }
    }
    let ending = Ending {
        node: &node,
        phase: &phase,
        reporter: &reporter,
        limit: asked.bounds.drain,
    };
    end(ending, &mut sessions, &mut signals, status).await
}
