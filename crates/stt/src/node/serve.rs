//! Takes the attempts of others and makes sessions of those that succeed.

use std::{
    net::SocketAddr,
    sync::{Arc, atomic::Ordering::Relaxed},
};

use noq::{Connecting, ConnectionError, Incoming};
use stc::{Door, NodeId};

use super::{
    dial::CRYPTO_CODES,
    door::{Ticket, Verdict},
    happenings::PeerRefusal,
    shared::{NotAdded, Shared},
};
use crate::{
    session::{By, CloseReason, Session},
    transport::endpoint::proved,
};

/// Runs until the endpoint is closed.
pub(super) async fn serve(shared: Arc<Shared>) {
    while let Some(incoming) = shared.endpoint.incoming().await {
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
    // Of a tunnel that is gone by now nobody waits for an answer.
    let Some(address) = shared.endpoint.link().origin(incoming.remote_address()) else {
        return incoming.ignore();
    };
    let validated = incoming.remote_address_validated();
    let verdict = shared
        .doorkeeper
        .lock()
        .judge(address.ip(), validated, shared.platform.now());
    match verdict {
        Verdict::Ignore => {
            shared.counters.ignored.fetch_add(1, Relaxed);
            shared
                .happenings
                .refused(address, None, PeerRefusal::Crowded);
            incoming.ignore();
        }
        Verdict::Retry => {
            shared.counters.retried.fetch_add(1, Relaxed);
            if let Err(error) = incoming.retry() {
                error.into_incoming().ignore();
            }
        }
        Verdict::Admit(ticket) => match shared.endpoint.accept(incoming) {
            Ok(connecting) => {
                if gated {
                    shared.seen_tags.lock().insert(&tag);
                }
                shared
                    .platform
                    .spawn(admit(Arc::clone(shared), connecting, address, ticket));
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

async fn admit(shared: Arc<Shared>, connecting: Connecting, address: SocketAddr, ticket: Ticket) {
    let attempt = finish_handshake(&shared, connecting, &ticket);
    let session = tokio::select! {
        biased;
        session = attempt => session,
        () = ticket.evicted.notified() => Err(Refused::by_nobody(PeerRefusal::Crowded)),
    };
    shared.doorkeeper.lock().over(&ticket);
    match session {
        Ok(session) => shared.hand_over(session),
        Err(Refused { peer, why }) => {
            shared.counters.refused.fetch_add(1, Relaxed);
            shared.happenings.refused(address, peer, why);
        }
    }
}

/// An attempt that came to nothing: who had proved to be the peer by then, and why.
struct Refused {
    peer: Option<NodeId>,
    why: PeerRefusal,
}

impl Refused {
    /// Before anybody had proved anything.
    const fn by_nobody(why: PeerRefusal) -> Self {
        Self { peer: None, why }
    }

    fn from_engine(error: &ConnectionError) -> Self {
        let code = match error {
            ConnectionError::TransportError(error) => Some(error.code),
            ConnectionError::ConnectionClosed(close) => Some(close.error_code),
            _ => None,
        };
        let is_of_crypto = code.is_some_and(|code| CRYPTO_CODES.contains(&u64::from(code)));
        Self::by_nobody(if is_of_crypto {
            PeerRefusal::Authentication
        } else {
            PeerRefusal::BrokenOff
        })
    }
}

/// A session exists once the peer is authenticated and has opened its control stream: a dialler
/// that raced several attempts opens it on the one that won.
async fn finish_handshake(
    shared: &Arc<Shared>,
    connecting: Connecting,
    ticket: &Ticket,
) -> Result<Session, Refused> {
    let handshake = async {
        let connection = connecting.await.map_err(|error| {
            tracing::info!(%error, "handshake");
            Refused::from_engine(&error)
        })?;
        let proved = proved(&connection).ok_or(Refused::by_nobody(PeerRefusal::BrokenOff))?;
        let now = shared.platform.now();
        shared.doorkeeper.lock().authenticated(ticket, now);
        let session = shared.start_session(connection, proved);
        let provisional = Provisional(Some(session.clone()));
        // It may even have ended in order by the time this is looked at: that was a session too.
        tokio::select! {
            biased;
            () = session.core().closing.control_open() => {
                if let Some(session) = provisional.keep() {
                    return Ok(session);
                }
            }
            _ = session.closed() => {}
        }
        let peer = Some(session.peer());
        Err(Refused {
            peer,
            why: PeerRefusal::BrokenOff,
        })
    };
    let limit = shared.limits.handshake_timeout;
    let finished = shared.platform.timeout(limit, handshake).await;
    let session = finished.unwrap_or(Err(Refused::by_nobody(PeerRefusal::BrokenOff)))?;
    if let Err(not_added) = shared.add(&session, By::Peer) {
        let reason: CloseReason = not_added.reason();
        tracing::debug!(%reason, session = %session.id(), "not added");
        session.core().end(reason);
        let (peer, why) = (Some(session.peer()), not_added.into());
        return Err(Refused { peer, why });
    }
    session.core().establish();
    Ok(session)
}

impl From<NotAdded> for PeerRefusal {
    fn from(not_added: NotAdded) -> Self {
        match not_added {
            NotAdded::Stopping => Self::ShutDown,
            NotAdded::Full => Self::TooManySessions,
            NotAdded::Duplicate => Self::Duplicate,
            NotAdded::EpochDropped => Self::EpochDropped,
        }
    }
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
