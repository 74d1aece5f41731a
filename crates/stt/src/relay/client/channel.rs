//! A channel to a peer: a tunnel that the engine knows by one address, whatever leg carries it.
//!
//! The relay may be gone for a while, or start anew, or the session with it may be another: the tunnel stays,
//! and goes on with the next leg. What is sent into it meanwhile is lost, as on any link that is down.

use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use bytes::BytesMut;
use parking_lot::Mutex;
use stc::{NodeId, packet::RELAY_OVERHEAD};
use tokio::sync::watch;

use super::{MemberLeg, NotReached, RelayClient};
use crate::{
    relay::leg::fits,
    transport::link::{Courier, Hold, LegTag, Origin, PathKind, Tunnel, Way},
};

/// See the module.
#[derive(Debug)]
pub(crate) struct Channel {
    pub(super) key: Key,
    tunnel: Tunnel,
    leg: Mutex<Option<(Arc<MemberLeg>, LegTag)>>,
    had_leg: AtomicBool,
    granted: watch::Sender<Grant>,
    patience: Mutex<Patience>,
}

/// Channels of one relay are told apart by who is at the other end, and who asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Key {
    pub(super) peer: NodeId,
    pub(super) asker: Asker,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Asker {
    Us,
    Peer,
}

/// How things are with a channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Grant {
    /// Not answered yet, or not any more.
    Open,
    /// There is a leg.
    Granted,
    /// Not now.
    Refused(NotReached),
}

/// When a refused channel is asked for again.
#[derive(Debug)]
struct Patience {
    at: Option<Instant>,
    pause: Duration,
}

impl Channel {
    pub(super) fn open(client: &RelayClient, key: Key, relay: Option<SocketAddr>) -> Self {
        let nowhere = SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0));
        let address = relay.and_then(|address| client.link.origin(address));
        Self {
            key,
            tunnel: client.link.open_tunnel(Origin {
                address: address.unwrap_or(nowhere),
                kind: PathKind::Relay,
            }),
            leg: Mutex::default(),
            had_leg: AtomicBool::new(false),
            granted: watch::Sender::new(Grant::Open),
            patience: Mutex::new(Patience {
                at: None,
                pause: FIRST_PAUSE,
            }),
        }
    }

    /// What the engine calls the other end.
    pub(crate) fn address(&self) -> SocketAddr {
        self.tunnel.address()
    }

    pub(crate) fn granted(&self) -> watch::Receiver<Grant> {
        self.granted.subscribe()
    }

    pub(super) fn hold(&self) -> Hold {
        self.tunnel.hold()
    }

    pub(super) fn is_held(&self) -> bool {
        *self.tunnel.holders().borrow() > 0
    }

    /// Whether an application sent or got something by it so lately.
    pub(super) fn has_carried_within(&self, lately: Duration, now: Instant) -> bool {
        let carried_at = self.tunnel.carried_at();
        carried_at.is_some_and(|at| now.saturating_duration_since(at) < lately)
    }

    pub(super) fn leg(&self) -> Option<Arc<MemberLeg>> {
        Some(Arc::clone(&self.leg.lock().as_ref()?.0))
    }

    /// Whether there had been a leg before, and somebody used it.
    pub(super) fn grant(&self, leg: Arc<MemberLeg>, tag: LegTag) -> bool {
        *self.patience.lock() = Patience {
            at: None,
            pause: FIRST_PAUSE,
        };
        let older = self.leg.lock().replace((leg, tag));
        drop(older);
        self.granted.send_replace(Grant::Granted);
        self.had_leg.swap(true, Relaxed) && self.is_held()
    }

    pub(super) fn take_leg(&self) -> Option<Arc<MemberLeg>> {
        let (leg, tag) = self.leg.lock().take()?;
        drop(tag);
        self.granted.send_replace(Grant::Open);
        Some(leg)
    }

    /// The relay says no, for now.
    pub(super) fn refuse(&self, now: Instant, reason: NotReached) {
        let mut patience = self.patience.lock();
        patience.at = Some(now + patience.pause);
        patience.pause = (patience.pause * 2).min(LONGEST_PAUSE);
        drop(patience);
        self.granted.send_replace(Grant::Refused(reason));
    }

    /// Whether it may be asked for again by now.
    pub(super) fn is_patient_until_now(&self, now: Instant) -> bool {
        self.patience.lock().at.is_none_or(|at| at <= now)
    }

    /// Gives the engine what came by the leg.
    pub(super) fn deliver(&self, content: &[u8]) {
        let datagram = bytes::Bytes::copy_from_slice(content);
        self.tunnel.deliver_or_lose(&datagram);
    }
}

/// Carries a tunnel until nobody needs it, or the node is shut down.
pub(super) async fn carry(client: &RelayClient, channel: &Arc<Channel>) {
    tokio::select! {
        biased;
        () = client.closed.raised() => {}
        () = until_unused(client, channel) => {}
        () = outward(client, channel) => {}
    }
}

async fn outward(client: &RelayClient, channel: &Channel) {
    let mut courier = Courier::new(&client.link);
    let mut packets = BytesMut::new();
    loop {
        let batch = channel.tunnel.outbound().await;
        let Some(leg) = channel.leg() else {
            continue;
        };
        let Some(remote) = leg.core.remote_address() else {
            continue;
        };
        let way = Way {
            remote,
            local: None,
        };
        let most = courier.max_segments().min(JOINED_AT_MOST);
        let mut segment = 0;
        let mut count = 0;
        for datagram in batch.datagrams() {
            if !fits(&datagram) || leg.leg.seal_into(&datagram, &mut packets).is_err() {
                continue;
            }
            segment = segment.max(datagram.len() + RELAY_OVERHEAD);
            count += 1;
            if count == most {
                courier.send(&way, &packets, segment).await;
                packets.clear();
                count = 0;
            }
        }
        if count > 0 {
            courier.send(&way, &packets, segment).await;
            packets.clear();
        }
        client.signs.sent();
    }
}

/// A session takes some time to begin, and a moment to end.
async fn until_unused(client: &RelayClient, channel: &Arc<Channel>) {
    let platform = &client.platform;
    let mut holders = channel.tunnel.holders();
    let begun = holders.wait_for(|holders| *holders > 0);
    platform
        .timeout(client.limits.handshake_timeout, begun)
        .await;
    loop {
        let _ = holders.wait_for(|holders| *holders == 0).await;
        let again = holders.wait_for(|holders| *holders > 0);
        if platform.timeout(GRACE, again).await.is_none() && client.give_back(channel) {
            return;
        }
    }
}

const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// After the last session, for what its end takes.
const GRACE: Duration = Duration::from_secs(2);

/// Packets of 1,452 bytes that one UDP payload of the kernel's could hold, if they were one.
const JOINED_AT_MOST: usize = 45;
