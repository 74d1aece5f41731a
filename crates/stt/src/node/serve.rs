//! Takes the attempts of others on one socket and makes sessions of those that succeed.

use std::sync::{Arc, atomic::Ordering::Relaxed};

use noq::{Connecting, Incoming};
use stc::Door;

use super::{
    door::{Ticket, Verdict},
    shared::Shared,
};
use crate::{
    session::{CloseReason, Session},
    transport::endpoint::{Endpoint, proved},
};

/// Runs until the endpoint is closed.
pub(super) async fn serve(shared: Arc<Shared>, endpoint: Endpoint) {
    while let Some(incoming) = endpoint.incoming().await {
        answer(&shared, incoming);
    }
}

fn answer(shared: &Arc<Shared>, incoming: Incoming) {
    let tag = incoming.orig_dst_cid();
    let gated = shared.door() == Door::Gated;
    if shared.is_stopping() {
        return incoming.ignore();
    }
    if gated && shared.seen_tags.lock().contains(&tag) {
        shared.counters.replayed.fetch_add(1, Relaxed);
        return incoming.ignore();
    }
    let (source, validated) = (
        incoming.remote_address().ip(),
        incoming.remote_address_validated(),
    );
    let verdict = shared
        .doorkeeper
        .lock()
        .judge(source, validated, shared.platform.now());
    match verdict {
        Verdict::Ignore => {
            shared.counters.ignored.fetch_add(1, Relaxed);
            incoming.ignore();
        }
        Verdict::Retry => {
            shared.counters.retried.fetch_add(1, Relaxed);
            if let Err(error) = incoming.retry() {
                error.into_incoming().ignore();
            }
        }
        Verdict::Admit(ticket) => match incoming.accept() {
            Ok(connecting) => {
                if gated {
                    shared.seen_tags.lock().insert(&tag);
                }
                shared
                    .platform
                    .spawn(admit(Arc::clone(shared), connecting, ticket));
            }
            // Not what it claimed to be: its tag stays good for the one who made it.
            Err(error) => {
                tracing::debug!(%error, "first packet");
                shared.counters.forged.fetch_add(1, Relaxed);
                let mut doorkeeper = shared.doorkeeper.lock();
                doorkeeper.was_no_guess(&ticket);
                doorkeeper.over(&ticket);
            }
        },
    }
}

async fn admit(shared: Arc<Shared>, connecting: Connecting, ticket: Ticket) {
    let attempt = finish_handshake(&shared, connecting, &ticket);
    let session = tokio::select! {
        biased;
        session = attempt => session,
        () = ticket.evicted.notified() => None,
    };
    shared.doorkeeper.lock().over(&ticket);
    match session {
        Some(session) => shared.hand_over(session),
        None => {
            shared.counters.refused.fetch_add(1, Relaxed);
        }
    }
}

/// A session exists once the peer is authenticated and has opened its control stream: a dialler
/// that raced several attempts opens it on the one that won.
async fn finish_handshake(
    shared: &Arc<Shared>,
    connecting: Connecting,
    ticket: &Ticket,
) -> Option<Session> {
    let handshake = async {
        let connection = connecting
            .await
            .inspect_err(|error| tracing::info!(%error, "handshake"));
        let connection = connection.ok()?;
        let proved = proved(&connection)?;
        let now = shared.platform.now();
        shared.doorkeeper.lock().authenticated(ticket, now);
        let (platform, limits) = (&shared.platform, &shared.limits);
        let session = Session::start(connection, proved, platform, limits, &shared.inbox);
        let provisional = Provisional(Some(session.clone()));
        tokio::select! {
            biased;
            _ = session.closed() => None,
            () = session.core().closing.control_open() => provisional.keep(),
        }
    };
    let limit = shared.limits.handshake_timeout;
    let session = shared.platform.timeout(limit, handshake).await.flatten()?;
    if let Err(not_added) = shared.add(&session) {
        let reason: CloseReason = not_added.reason();
        tracing::debug!(%reason, session = %session.id(), "not added");
        session.core().end(reason);
        return None;
    }
    session.core().establish();
    Some(session)
}

/// A session that ends unless it is kept: nobody else may know of it.
struct Provisional(Option<Session>);

impl Provisional {
    fn keep(mut self) -> Option<Session> {
        self.0.take()
    }
}

impl Drop for Provisional {
    fn drop(&mut self) {
        if let Some(session) = &self.0 {
            session.core().end(CloseReason::IdleTimeout);
        }
    }
}
