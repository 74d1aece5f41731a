//! The node's side of relays: those it uses, and peers reached through them.
//!
//! * [`keeper`]: a session with each relay, and again when it is gone.
//!
//! spec: RELAY-10, RELAY-11

mod keeper;

use std::{
    fmt,
    sync::{Arc, OnceLock},
    time::Duration,
};

use futures_util::stream::{FuturesUnordered, StreamExt};
use parking_lot::Mutex;
use stc::NodeId;
use stt_wire::Unreached;

use super::{ConnectError, Target, dial, shared::Shared};
use crate::{
    relay::{
        client::{Grant, RelayClient, Standing},
        service::Relaying,
    },
    session::{By, CloseReason, Session},
};

/// A relay that this node uses: members reach it there, and it reaches them.
///
/// A handle: clone it freely. The node has a session with the relay as long as it runs, and begins a new one
/// within seconds when the relay was gone or the network is another.
#[derive(Clone)]
pub struct Relay {
    target: Target,
    client: Arc<RelayClient>,
}

/// Why a peer was not reached through a relay.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RelayError {
    /// There is no session with the relay.
    #[error("the relay does not answer")]
    NoAnswer,
    /// It is no relay, or registers no more members.
    #[error("the relay registers nobody more, or is none")]
    Refused,
    /// The peer is not registered there.
    #[error("the peer is not registered with the relay")]
    NotRegistered,
    /// This node or the peer has as many channels there as it may.
    #[error("one of the two has as many channels at the relay as it may")]
    TooManyChannels,
    /// The relay has as much to do as it may.
    #[error("the relay is busy")]
    Busy,
    /// The relay made a channel, and the peer said nothing on it.
    #[error("the peer does not answer through the relay")]
    PeerSilent,
    /// A relay can't be reached through another.
    #[error("a relay is not reached through another relay")]
    ThroughARelay,
}

/// What the node knows of relays.
#[derive(Debug, Default)]
pub(super) struct Relays {
    used: Mutex<Vec<Relay>>,
    /// What this node forwards for others, if it does.
    relaying: OnceLock<Arc<Relaying>>,
}

impl Relay {
    /// Where it is, as it was said.
    pub fn target(&self) -> &Target {
        &self.target
    }

    /// Resolves when this node is registered with it: from then on members that use it too reach this
    /// node there. False if the node is shut down first.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe.
    pub async fn registered(&self) -> bool {
        let mut standing = self.client.standing();
        tokio::select! {
            biased;
            () = self.client.stopping.raised() => false,
            _ = standing.wait_for(|standing| matches!(standing, Standing::Registered { .. })) => true,
        }
    }

    /// Who it is, while this node is registered with it.
    pub fn peer(&self) -> Option<NodeId> {
        match *self.client.standing().borrow() {
            Standing::Registered { relay } => Some(relay),
            _ => None,
        }
    }

    /// Smoothed round trip to it, while this node is registered with it.
    pub fn round_trip(&self) -> Option<Duration> {
        Some(self.client.core()?.refresh_round_trip())
    }
}

impl fmt::Debug for Relay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Relay")
            .field("target", &self.target)
            .field("standing", &*self.client.standing().borrow())
            .finish_non_exhaustive()
    }
}

impl Relays {
    pub(super) fn new(relaying: Option<Arc<Relaying>>) -> Self {
        Self {
            used: Mutex::default(),
            relaying: relaying.map(OnceLock::from).unwrap_or_default(),
        }
    }

    pub(super) fn relaying(&self) -> Option<&Arc<Relaying>> {
        self.relaying.get()
    }

    pub(super) fn used(&self) -> Vec<Relay> {
        self.used.lock().clone()
    }

    /// Begins nothing new.
    pub(super) fn stop(&self) {
        for relay in self.used() {
            relay.client.stopping.raise();
        }
    }

    /// Carries nothing more.
    pub(super) fn close(&self) {
        for relay in self.used() {
            relay.client.close();
        }
        if let Some(relaying) = self.relaying() {
            relaying.close();
        }
    }

    pub(super) fn network_changed(&self) {
        for relay in self.used() {
            relay.client.network_changed.notify_one();
        }
    }
}

/// Begins to use a relay, if it is not used already.
pub(super) fn use_relay(shared: &Arc<Shared>, target: Target) -> Relay {
    let mut used = shared.relays.used.lock();
    if let Some(relay) = used.iter().find(|relay| relay.target == target) {
        return relay.clone();
    }
    let link = shared.endpoint.link();
    let client = RelayClient::new(link, &shared.platform, &shared.limits);
    let relay = Relay { target, client };
    used.push(relay.clone());
    drop(used);
    if shared.is_stopping() {
        relay.client.stopping.raise();
    }
    shared
        .platform
        .spawn(keeper::keep(Arc::clone(shared), relay.clone()));
    relay
}

/// Reaches a peer through a relay within the node's handshake timeout.
pub(super) async fn connect(
    shared: &Arc<Shared>,
    relay: &Target,
    peer: NodeId,
) -> Result<Session, ConnectError> {
    let failed = |reason| ConnectError::Relay {
        relay: relay.to_string(),
        reason,
    };
    if relay.is_relayed() {
        return Err(failed(RelayError::ThroughARelay));
    }
    if peer == shared.id {
        return Err(ConnectError::SelfDial);
    }
    let used = use_relay(shared, relay.clone());
    let (channel, _hold) = used.client.channel_to(peer);
    let mut granted = channel.granted();
    let limit = shared.limits.handshake_timeout;
    let reach = async {
        // Its sender is the channel, which is here.
        let _ = granted.wait_for(|grant| is_final(*grant)).await;
        if let Grant::Refused(reason) = *granted.borrow() {
            return Err(failed(reason.into()));
        }
        let target = Target::from(channel.address()).peer(peer);
        dial_again_and_again(shared, &target).await
    };
    let reached = shared.platform.timeout(limit, reach).await;
    let seen = match (
        *channel.granted().borrow(),
        *used.client.standing().borrow(),
    ) {
        (Grant::Granted, _) => RelayError::PeerSilent,
        (_, Standing::Refused) => RelayError::Refused,
        (Grant::Refused(reason), Standing::Registered { .. }) => reason.into(),
        (Grant::Open | Grant::Refused(_), _) => RelayError::NoAnswer,
    };
    match reached {
        Some(Err(ConnectError::NoAnswer { .. })) | None => Err(failed(seen)),
        Some(reached) => reached,
    }
}

/// The engine waits twice as long after each part of a handshake that gets no answer, and forgets that only when
/// the peer has shown that it got there: where each of two links loses packets it hardly tries any more
/// after a few seconds. A new attempt begins as briskly as the first; the first that leads to a session is kept.
async fn dial_again_and_again(
    shared: &Arc<Shared>,
    target: &Target,
) -> Result<Session, ConnectError> {
    let mut attempts = FuturesUnordered::new();
    loop {
        attempts.push(dial::connect(shared, target));
        let again = shared.platform.sleep(AGAIN);
        tokio::select! {
            biased;
            Some(ended) = attempts.next() => return ended,
            () = again, if attempts.len() < MOST_ATTEMPTS => {}
        }
    }
}

const AGAIN: Duration = Duration::from_secs(2);
const MOST_ATTEMPTS: usize = 4;

/// A peer may be about to register: all else does not change by waiting.
const fn is_final(grant: Grant) -> bool {
    matches!(
        grant,
        Grant::Granted | Grant::Refused(Unreached::TooMany | Unreached::Yourself)
    )
}

impl From<Unreached> for RelayError {
    fn from(reason: Unreached) -> Self {
        match reason {
            Unreached::NotRegistered => Self::NotRegistered,
            Unreached::TooMany => Self::TooManyChannels,
            _ => Self::Busy,
        }
    }
}

/// Ends these sessions, those with relays last: others go through them, and their last words too.
pub(super) async fn cut_off(shared: &Shared, sessions: &[Session]) {
    let used = shared.relays.used();
    let is_with_relay = |session: &Session| {
        used.iter()
            .filter_map(|relay| relay.client.core())
            .any(|core| Arc::ptr_eq(&core, session.core()))
    };
    let reason = CloseReason::ShutDown { by: By::Us };
    let (with_relays, others): (Vec<_>, Vec<_>) = sessions.iter().partition(|&s| is_with_relay(s));
    for session in others {
        session.core().end(reason.clone());
    }
    for _ in 0..LOOKS {
        if !used.iter().any(|relay| relay.client.is_used()) {
            break;
        }
        shared.platform.sleep(LOOK).await;
    }
    for session in with_relays {
        session.core().end(reason.clone());
    }
}

/// For last words to be on their way.
const LOOKS: usize = 10;
const LOOK: Duration = Duration::from_millis(20);

/// Starts what the node forwards for others, if it does.
pub(super) fn start(shared: &Arc<Shared>) {
    if let Some(relaying) = shared.relays.relaying() {
        let relaying = Arc::clone(relaying);
        shared.platform.spawn(async move { relaying.run().await });
    }
}
