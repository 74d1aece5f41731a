//! The member: what it has from one relay.
//!
//! * [`registration`]: the stream to the relay, as long as there is a session;
//! * [`channel`]: a tunnel to a peer, which outlives sessions and legs;
//! * [`leg`]: the present leg of a channel;
//! * [`pulse`]: whether the relay is still there.
//!
//! spec: RELAY-6 to RELAY-10

mod channel;
mod leg;
mod pulse;
mod registration;

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
};

use parking_lot::Mutex;
use stc::NodeId;
use stt_wire::{RelayRequest, Unreached, VarInt};
use tokio::sync::{Notify, mpsc, watch};

use self::{
    channel::{Asker, Key},
    leg::MemberLeg,
};
pub(crate) use self::{
    channel::{Channel, Grant},
    registration::Ended,
};
use super::departures::Departures;
use crate::{
    limits::Limits,
    session::{Session, core::Core, flag::Flag},
    transport::{
        link::{Hold, Link},
        platform::Platform,
    },
};

/// One relay, as a member has it.
#[derive(Debug)]
pub(crate) struct RelayClient {
    link: Arc<Link>,
    platform: Platform,
    limits: Arc<Limits>,
    departures: Departures,
    state: Mutex<State>,
    standing: watch::Sender<Standing>,
    /// The addresses of this node may be others.
    pub(crate) network_changed: Notify,
    /// A channel that had been lost is there again.
    pub(super) regained: Notify,
    /// The node takes nothing new.
    pub(crate) stopping: Flag,
    closed: Flag,
    signs: Signs,
}

/// How things are with the relay.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Standing {
    /// There is no session with it.
    Away,
    /// There was none, and attempts go on.
    Unreachable,
    /// It answered that it does not relay, or has no room.
    Refused,
    /// This node can be reached through it.
    Registered {
        /// Who it is.
        relay: NodeId,
    },
}

#[derive(Debug, Default)]
struct State {
    channels: BTreeMap<Key, Arc<Channel>>,
    registration: Option<Registration>,
}

/// As long as this node is registered.
#[derive(Debug)]
struct Registration {
    core: Arc<Core>,
    requests: mpsc::Sender<RelayRequest>,
    /// What was asked for and is not answered.
    asked: BTreeMap<VarInt, NodeId>,
    next_request: u32,
    last_leg: u64,
}

/// What was sent and heard lately, to know whether the relay is there.
#[derive(Debug, Default)]
struct Signs {
    heard: AtomicBool,
    sent: AtomicBool,
}

impl Signs {
    fn heard(&self) {
        self.heard.store(true, Relaxed);
    }

    fn sent(&self) {
        self.sent.store(true, Relaxed);
    }
}

impl RelayClient {
    pub(crate) fn new(link: &Arc<Link>, platform: &Platform, limits: &Arc<Limits>) -> Arc<Self> {
        Arc::new(Self {
            link: Arc::clone(link),
            platform: platform.clone(),
            limits: Arc::clone(limits),
            departures: Departures::default(),
            state: Mutex::default(),
            standing: watch::Sender::new(Standing::Away),
            network_changed: Notify::new(),
            regained: Notify::new(),
            stopping: Flag::default(),
            closed: Flag::default(),
            signs: Signs::default(),
        })
    }

    /// Sends what answers the relay's questions, until the client is closed.
    pub(crate) async fn run(&self) {
        tokio::select! {
            biased;
            () = self.closed.raised() => {}
            () = self.departures.run(&self.link) => {}
        }
    }

    /// Resolves when a channel that had been lost is there again: what waits to be sent anew need wait no
    /// longer. False once the client is closed.
    pub(crate) async fn has_regained(&self) -> bool {
        tokio::select! {
            biased;
            () = self.closed.raised() => false,
            () = self.regained.notified() => true,
        }
    }

    /// Uses the relay until this session with it, or the registration in it, ends.
    pub(crate) async fn use_session(self: &Arc<Self>, session: &Session) -> Ended {
        let ended = registration::run(self, session.core()).await;
        self.stand(match ended {
            Ended::Refused => Standing::Refused,
            _ => Standing::Away,
        });
        ended
    }

    /// Carries nothing more.
    pub(crate) fn close(&self) {
        self.closed.raise();
    }

    pub(crate) fn standing(&self) -> watch::Receiver<Standing> {
        self.standing.subscribe()
    }

    pub(crate) fn stand(&self, standing: Standing) {
        self.standing.send_replace(standing);
    }

    /// The session with the relay, if this node is registered.
    pub(crate) fn core(&self) -> Option<Arc<Core>> {
        Some(Arc::clone(&self.state.lock().registration.as_ref()?.core))
    }

    /// A channel to a peer, kept open as long as the [`Hold`] is there. Whether the relay has granted it,
    /// the channel tells.
    pub(crate) fn channel_to(self: &Arc<Self>, peer: NodeId) -> (Arc<Channel>, Hold) {
        let mut state = self.state.lock();
        let channel = self.channel(
            &mut state,
            Key {
                peer,
                asker: Asker::Us,
            },
        );
        let hold = channel.hold();
        let is_asked = !state.needs_asking(&channel);
        if !is_asked {
            state.ask(&channel);
        }
        (channel, hold)
    }

    fn channel(self: &Arc<Self>, state: &mut State, key: Key) -> Arc<Channel> {
        if let Some(channel) = state.channels.get(&key) {
            return Arc::clone(channel);
        }
        let channel = Arc::new(Channel::open(self, key, state.relay_address()));
        state.channels.insert(key, Arc::clone(&channel));
        let (client, carried) = (Arc::clone(self), Arc::clone(&channel));
        self.platform
            .spawn(async move { channel::carry(&client, &carried).await });
        channel
    }

    /// A channel that nobody uses is given back, unless somebody began to use it just now.
    fn give_back(&self, channel: &Arc<Channel>) -> bool {
        let mut state = self.state.lock();
        if channel.is_held() {
            return false;
        }
        state.channels.remove(&channel.key);
        if let Some(leg) = channel.take_leg() {
            state.request(RelayRequest::Leave {
                leg: VarInt::saturating(leg.number),
            });
        }
        true
    }

    /// Whether anything goes through its channels.
    pub(crate) fn is_used(&self) -> bool {
        let state = self.state.lock();
        state.channels.values().any(|channel| channel.is_held())
    }
}

impl State {
    fn relay_address(&self) -> Option<std::net::SocketAddr> {
        self.registration.as_ref()?.core.remote_address()
    }

    /// Whether nobody has asked the relay for this channel that is wanted.
    fn needs_asking(&self, channel: &Channel) -> bool {
        let Some(registration) = &self.registration else {
            return false;
        };
        channel.key.asker == Asker::Us
            && channel.is_held()
            && channel.leg().is_none()
            && !registration
                .asked
                .values()
                .any(|peer| *peer == channel.key.peer)
    }

    fn ask(&mut self, channel: &Channel) {
        let Some(registration) = &mut self.registration else {
            return;
        };
        registration.next_request += 1;
        let request = VarInt::from_u32(registration.next_request);
        registration.asked.insert(request, channel.key.peer);
        let peer = *channel.key.peer.as_bytes();
        self.request(RelayRequest::Reach { request, peer });
    }

    /// A relay that reads nothing will be found to be gone.
    fn request(&self, request: RelayRequest) {
        if let Some(registration) = &self.registration {
            let _ = registration.requests.try_send(request);
        }
    }
}

/// Why a relay does not reach a peer, to the one who wants to.
pub(crate) type NotReached = Unreached;
