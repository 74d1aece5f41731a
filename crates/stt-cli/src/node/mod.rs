//! `stt node`: a node that runs until it is stopped.
//!
//! What it serves, each in a place of its own: connections to targets ([`crate::forward`]), packets of
//! members that don't reach each other, which the library forwards, the DHT of its group, copies of others'
//! objects ([`storages`]), objects of its owner ([`crate::content`]), and commands of that owner ([`crate::control`]). All else
//! that a member sends is turned away or left unread, within bounds. Further services begin in
//! [`run`], before the node says that it is ready, and end in its shutdown.

mod notify;
mod storages;

use std::{future::Future, path::Path, sync::Arc};

use stt::{Limits, Node, NodeSeed};
use tokio::task::JoinSet;

use self::{notify::notify, storages::Storages};
use crate::{
    args::Run,
    content::Household,
    control::Control,
    exit::Failure,
    forward::{self, Ending, Phase, Reporter, Serving},
    member::Member,
    network, pages,
    signals::Signals,
    status::Status,
};

/// `stt node`.
pub(crate) fn node(
    asked: Run,
    data_dir: Option<&Path>,
    status: Status,
) -> impl Future<Output = Result<(), Failure>> {
    let member = Member::find(&asked.seed, data_dir, status);
    async move { run(asked, member?, data_dir, status).await }
}

async fn run(
    asked: Run,
    member: Member,
    data_dir: Option<&Path>,
    status: Status,
) -> Result<(), Failure> {
    let dht = network::options(&asked, member.group.door(), data_dir)?;
    let control = data_dir.map(Control::open).transpose()?;
    let reporter = Reporter::new(status, asked.verbose);
    let phase = Phase::running();
    let connections = asked.bounds.connections.get();
    let limits = limits(asked.patience.limits(), connections);
    let relay = asked.relay_limits();
    let serving = Serving::new(asked.forward, connections, reporter.clone(), phase.watch())?;
    let group = member.group.clone();
    let seed = NodeSeed::from_bytes(*member.seed.as_bytes());
    let asked_offer = asked.offer.map(|bytes| (bytes, asked.offer_share));
    let mut builder = asked
        .reachable
        .apply(member.builder(&asked.bind).await?, &group);
    if let Some(limits) = relay {
        builder = builder.relay(limits);
    }
    for url in asked.announce {
        builder = builder.announce_ws(url);
    }
    if let Some(dht) = dht {
        builder = builder.dht(dht);
    }
    let storages = Storages::open(asked_offer, data_dir, &seed).await?;
    builder = storages.join(builder);
    let node = builder.limits(limits).start().await?;
    let household = storages.household(&node, data_dir)?;
    let mut signals = Signals::watch()?;
    if asked.verbose || status == Status::Json {
        status.follow_sessions(&node);
    }
    status.follow_mapping(&node);
    say_where(&node, status)?;
    for relay in &asked.use_relay {
        status.follow_relay(node.use_relay(relay.target()), node.id());
    }
    if let Some(household) = &household {
        household.take_up(status).await;
    }
    notify("READY=1", status);
    let mut sessions = JoinSet::new();
    tokio::select! {
        () = Arc::new(serving).serve_all(&node, &mut sessions) => {}
        () = commands(control.as_ref(), &node, household.as_ref()) => {}
        () = signals.next() => {}
    }
    notify("STOPPING=1", status);
    let ending = Ending {
        node: &node,
        phase: &phase,
        reporter: &reporter,
        limit: asked.bounds.drain,
    };
    // Whoever stops a node means all that it carries, so that this is no failure.
    if let Err(cut_off) = forward::end(ending, &mut sessions, &mut signals, status).await {
        status.note(cut_off.message);
    }
    Ok(())
}

async fn commands(control: Option<&Control>, node: &Node, household: Option<&Arc<Household>>) {
    match control {
        Some(control) => control.serve(node, household).await,
        None => std::future::pending().await,
    }
}

/// Messages and items of endpoints are taken by nobody here, so none shall be held.
fn limits(limits: Limits, connections: u32) -> Limits {
    let mut limits = forward::limits(limits, connections);
    limits.undelivered = UNREAD;
    limits.unplaced = UNREAD;
    limits
}

/// On standard output, because that is what the command was asked for.
fn say_where(node: &Node, status: Status) -> Result<(), Failure> {
    for address in node.local_addresses() {
        let line = status.listening_line(address, node.id());
        pages::print(&line)?;
    }
    for address in node.websocket_addresses() {
        let line = status.listening_line(address, node.id());
        pages::print(&line)?;
    }
    Ok(())
}

/// Bytes, over all sessions.
const UNREAD: usize = 1 << 20;
