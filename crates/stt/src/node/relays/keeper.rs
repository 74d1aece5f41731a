//! A session with a relay, kept: begun, registered in, and begun anew when it is gone.

use std::{sync::Arc, time::Duration};

use super::Relay;
use crate::{
    node::{dial, shared::Shared},
    relay::client::{Ended, Standing},
};

/// Keeps it until the node is shut down.
pub(super) async fn keep(shared: Arc<Shared>, relay: Relay) {
    let sending = Arc::clone(&relay.client);
    shared.platform.spawn(async move { sending.run().await });
    let (nudged, regaining) = (Arc::clone(&shared), Arc::clone(&relay.client));
    shared.platform.spawn(async move {
        // Each session would find out by itself, when it next tries: after up to two seconds.
        while regaining.has_regained().await {
            nudged.endpoint.network_changed();
        }
    });
    tokio::select! {
        biased;
        () = keep_trying(&shared, &relay) => {}
        () = stopped(&relay) => {}
    }
}

/// A session that there is goes on: its end is the node's to see to.
async fn stopped(relay: &Relay) {
    relay.client.stopping.raised().await;
    if relay.client.core().is_some() {
        std::future::pending::<()>().await;
    }
}

async fn keep_trying(shared: &Arc<Shared>, relay: &Relay) {
    let mut effort = Effort::new();
    loop {
        let dialled = dial::connect(shared, &relay.target);
        let limit = effort.patience.min(shared.limits.handshake_timeout);
        match shared.platform.timeout(limit, dialled).await {
            Some(Ok(session)) => {
                let ended = relay.client.use_session(&session).await;
                if ended != Ended::WithSession && !session.is_closed() {
                    let closing = async move { drop(session.close().await) };
                    shared.platform.spawn(closing);
                }
                effort = match ended {
                    Ended::WithSession | Ended::Silent => Effort::new(),
                    Ended::ByRelay | Ended::Refused => effort.more(),
                };
            }
            Some(Err(error)) => {
                tracing::debug!(%error, target = %relay.target, "relay");
                relay.client.stand(Standing::Unreachable);
                effort = effort.more();
            }
            None => {
                relay.client.stand(Standing::Unreachable);
                effort = effort.more();
            }
        }
        if relay.client.stopping.is_raised() {
            return;
        }
        shared.platform.sleep(effort.pause).await;
    }
}

/// How long an attempt may take, and how long to wait before it. A relay that was started anew answers
/// soon or, when the first packet came too early, only to the next attempt.
struct Effort {
    patience: Duration,
    pause: Duration,
}

impl Effort {
    const fn new() -> Self {
        Self {
            patience: Duration::from_secs(1),
            pause: Duration::from_millis(50),
        }
    }

    fn more(self) -> Self {
        Self {
            patience: self.patience.saturating_mul(2),
            pause: (self.pause * 2).min(LONGEST_PAUSE),
        }
    }
}

/// spec: RELAY-10
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
