//! One message to many sessions, with an outcome for each.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use futures_util::future::join_all;

use super::shared::Shared;
use crate::session::{SendError, Session, SessionId};

/// What became of a message for one recipient.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct BroadcastDelivery {
    /// The recipient.
    pub session_id: SessionId,
    /// Queued for it, or why not.
    pub outcome: Result<(), BroadcastError>,
}

/// Why one recipient was left out.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BroadcastError {
    /// The session would not take it. Nothing was sent.
    #[error(transparent)]
    Refused(#[from] SendError),
    /// There is no such session.
    #[error("no such session")]
    Unknown,
    /// The recipient takes too little of this stream id; it was given up after 5 s. A message of
    /// up to 4 KiB was not sent; a longer one may be.
    #[error("recipient is too slow")]
    Stalled,
}

/// Sends to each of `recipients` at the same time, so that a slow one delays no other.
pub(super) async fn broadcast(
    shared: &Shared,
    recipients: Vec<(SessionId, Option<Session>)>,
    stream_id: u64,
    message: &Bytes,
) -> Vec<BroadcastDelivery> {
    let sends = recipients
        .into_iter()
        .map(|(session_id, session)| async move {
            let outcome = match session {
                Some(session) => send(shared, &session, stream_id, message.clone()).await,
                None => Err(BroadcastError::Unknown),
            };
            BroadcastDelivery {
                session_id,
                outcome,
            }
        });
    join_all(sends).await
}

async fn send(
    shared: &Shared,
    session: &Session,
    stream_id: u64,
    message: Bytes,
) -> Result<(), BroadcastError> {
    let sending = session.send_on_stream(stream_id, message);
    match shared.platform.timeout(PATIENCE, sending).await {
        Some(sent) => Ok(sent?),
        None => Err(BroadcastError::Stalled),
    }
}

/// The sessions of `ids`, as far as they exist.
pub(super) fn recipients(
    shared: &Arc<Shared>,
    ids: &[SessionId],
) -> Vec<(SessionId, Option<Session>)> {
    ids.iter().map(|id| (*id, shared.session(*id))).collect()
}

/// How long a stalled recipient is waited for.
const PATIENCE: Duration = Duration::from_secs(5);
