//! A node: an identity, a group, its sockets, and the sessions it has.
//!
//! | | where |
//! |---|---|
//! | set up and start | [`builder`] |
//! | reach a peer | [`target`], [`dial`], [`race`] |
//! | be reached: who may try, replays, handshakes | [`serve`], [`door`], [`replay`] |
//! | the same by WebSocket | [`websocket`] |
//! | members on the local network | [`lan`] |
//! | a port of the router | `port_mapping` |
//! | messages in, messages to many | [`receive`], [`broadcast`] |
//! | through relays, and as one | [`relays`] |
//! | what happens to it | [`happenings`] |
//! | what it gives to others, and gets from them | [`content`] |
//! | what it knows of its network | [`network`] |
//! | seed epochs | [`rotation`] |
//! | primitives that use every session | [`users`] |
//! | what all of them share | [`shared`] |

mod broadcast;
mod builder;
mod content;
mod dial;
mod door;
mod happenings;
mod lan;
mod network;
#[cfg(feature = "portmap")]
mod port_mapping;
mod race;
mod receive;
mod relays;
mod replay;
mod rotation;
mod serve;
mod shared;
mod stats;
mod target;
mod users;
mod websocket;

use std::{
    net::SocketAddr,
    sync::{Arc, Weak},
    time::Duration,
};

use bytes::Bytes;
use futures_util::future::join_all;
use stc::{Group, NodeId};

pub use broadcast::{BroadcastDelivery, BroadcastError};
pub use builder::{Accepting, NodeBuilder, StartError};
pub use dial::ConnectError;
#[cfg(feature = "portmap")]
pub use happenings::AddressMapped;
pub use happenings::{
    AcceptingChanged, PathChanged, PeerRefusal, PeerRefused, SessionClosed, SessionOpened,
};
pub use lan::{LanError, LanOptions, Neighbour};
pub use network::{AddressMapping, NetworkReport};
#[cfg(feature = "portmap")]
pub use port_mapping::{PortMapping, RouterProtocol};
pub use race::WayFailed;
pub use receive::{ReceivedPacket, Receiver};
pub use relays::{Relay, RelayError};
pub use rotation::RotationError;
pub use stats::NodeStats;
pub use target::Target;
pub use websocket::WebSocketAddress;

use self::{shared::Shared, users::Use};
use crate::{
    dht::Dht,
    events::EventEmitter,
    nat::message::Sender,
    session::{By, CloseReason, Session, SessionId, keys, paths},
    transport::link::Places,
};

/// A member of a group: it reaches others and is reached.
///
/// A handle: clone it freely. The node runs until [`shutdown`](Self::shutdown), whether handles
/// are left or not.
///
/// # Contract
///
/// What its sessions promise is told at [`Session`].
///
/// | | | proved by |
/// |---|---|---|
/// | ordering | [`receive`](Self::receive) gives out the messages of a stream id in their order; sessions and ids take turns, so a flood on one delays the others by one message each | `a_flood_on_one_message_stream_delays_others_by_one_message_each` |
/// | delivery | several receivers share what comes: each message to one of them, once; one that is dropped while it waits takes none along | `a_receiver_is_a_stream_and_two_of_them_share_without_duplicates`, `a_receiver_that_was_dropped_while_it_waited_takes_no_message_along` |
/// | to many | a broadcast says for each recipient what became of it, and none waits for another | `a_broadcast_says_for_each_recipient_what_became_of_it`, `a_recipient_that_takes_nothing_is_reported_stalled_and_delays_nobody` |
/// | to strangers | behind a gated door: silence, whatever they send and whatever state the node is in | `a_node_that_serves_answers_nothing_to_a_stranger`, `a_node_with_its_door_closed_answers_nothing_to_a_stranger`, `a_node_that_is_shut_down_answers_nothing_to_a_stranger` |
/// | durability | none: a node keeps nothing on disk | - |
/// | memory | [`Limits::sessions`](crate::Limits::sessions) sessions, [`Limits::half_open`](crate::Limits::half_open) handshakes, [`Limits::undelivered`](crate::Limits::undelivered) bytes of messages, of which a quarter is a session's, or one long message; room that is kept for what does not come goes to whoever waits | `one_more_than_the_limit_of_sessions_is_told_so_and_gets_in_when_another_leaves`, `garbage_with_made_up_addresses_does_not_lock_out_a_member`, `long_messages_of_many_sessions_share_a_small_budget_and_all_arrive`, `a_long_message_that_never_comes_gives_its_room_to_others` |
/// | latency | a dial takes one round trip until data can be sent, and fails after [`Limits::handshake_timeout`](crate::Limits::handshake_timeout) at the latest | `nobody_at_all_looks_the_same_as_the_wrong_seed` |
/// | the end | [`shutdown`](Self::shutdown) flushes what was taken, and reports who was cut off at its limit | `a_shutdown_flushes_what_is_taken_and_reports_who_was_cut_off_at_the_limit`, `what_waits_for_a_node_ends_when_it_is_shut_down` |
/// | cancel safety | each method says; a shutdown that was given up is finished by the next | `a_shutdown_that_was_given_up_is_finished_by_the_next` |
#[derive(Debug, Clone)]
pub struct Node {
    shared: Arc<Shared>,
}

impl Node {
    /// Sets up a node of `group`.
    pub fn builder(group: Group) -> NodeBuilder {
        NodeBuilder::new(group)
    }

    fn run(shared: Arc<Shared>, listeners: Vec<websocket::Listener>) -> Self {
        relays::start(&shared);
        shared.platform.spawn(serve::serve(Arc::clone(&shared)));
        for listener in listeners {
            let shared = Arc::clone(&shared);
            let serving = websocket::serve(Arc::clone(&shared), listener);
            shared.platform.spawn(serving);
        }
        shared.platform.spawn(look_after(Arc::clone(&shared)));
        let detours = websocket::detour::serve(Arc::clone(&shared));
        shared.platform.spawn(detours);
        let teller = Arc::clone(&shared);
        shared
            .platform
            .spawn(async move { teller.happenings.run().await });
        let node = Self { shared };
        if let Some(dht) = &node.shared.dht {
            dht.start(&node);
        }
        let giving = node.shared.giving.as_ref();
        if let Some(offer) = giving.and_then(|giving| giving.offer.as_ref()) {
            offer.start(&node);
        }
        node
    }

    /// A handle that does not keep what is left of a node that is shut down.
    pub(crate) fn downgrade(&self) -> WeakNode {
        WeakNode(Arc::downgrade(&self.shared))
    }

    /// Resolves when the node is shut down, or being shut down already. Cancel safe.
    pub(crate) async fn stopped(&self) {
        let mut stopped = std::pin::pin!(self.shared.stopped.notified());
        stopped.as_mut().enable();
        if !self.shared.is_stopping() {
            stopped.await;
        }
    }

    pub(crate) fn places(&self) -> Places {
        self.shared.endpoint.link().whereabouts()
    }

    /// The node's part in the DHT of its group; `None` unless it was set up with
    /// [`NodeBuilder::dht`].
    pub fn dht(&self) -> Option<Dht> {
        self.shared.dht.clone().map(Dht::of)
    }

    /// Who this node is.
    pub fn id(&self) -> NodeId {
        self.shared.id
    }

    /// The addresses it is bound to, in the order they were asked for.
    pub fn local_addresses(&self) -> Vec<SocketAddr> {
        self.shared.endpoint.link().addresses()
    }

    /// The addresses it listens for WebSockets at, in the order they were asked for.
    pub fn websocket_addresses(&self) -> Vec<WebSocketAddress> {
        self.shared.websockets.listening().to_vec()
    }

    /// The group, with the epochs it has now.
    pub fn group(&self) -> Group {
        self.shared.group()
    }

    /// Reaches a peer by UDP. `host` is a name or an address of either family; all its addresses
    /// are tried, up to 16 attempts, and the first that answers is used.
    ///
    /// # Errors
    ///
    /// [`ConnectError`], at the latest after
    /// [`handshake_timeout`](crate::Limits::handshake_timeout).
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: attempts under way are given up.
    pub async fn connect_udp(&self, host: &str, port: u16) -> Result<Session, ConnectError> {
        self.connect(Target::udp(host, port)).await
    }

    /// Reaches a peer that listens for WebSockets, by `ws://host:port` or `wss://host:port`, with a
    /// path if a reverse proxy forwards one to it. For networks that let no UDP out.
    ///
    /// # Errors
    ///
    /// [`ConnectError`], at the latest after
    /// [`handshake_timeout`](crate::Limits::handshake_timeout).
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: attempts under way are given up.
    pub async fn connect_ws(&self, url: &str) -> Result<Session, ConnectError> {
        self.connect(Target::ws(url)).await
    }

    /// Reaches a member through a relay, which this node uses from then on
    /// ([`use_relay`](Self::use_relay)). The session moves to a direct path if there is one. A peer that is not
    /// registered there yet is waited for.
    ///
    /// # Errors
    ///
    /// [`ConnectError`], at the latest after
    /// [`handshake_timeout`](crate::Limits::handshake_timeout).
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: attempts under way are given up.
    pub async fn connect_relayed(
        &self,
        relay: impl Into<Target>,
        peer: NodeId,
    ) -> Result<Session, ConnectError> {
        self.connect(Target::relayed(relay, peer)).await
    }

    /// Uses a relay from now on: a session with it is begun, and begun anew whenever it is gone, and members that
    /// use it too can reach this node through it. Using one twice is using it once. What goes through a relay
    /// is sealed for the peer; the relay learns who talks to whom, when and how much.
    ///
    /// The session with the relay is one of the node's, as any other.
    pub fn use_relay(&self, relay: impl Into<Target>) -> Relay {
        relays::use_relay(&self.shared, relay.into())
    }

    /// The relays that this node uses.
    pub fn relays(&self) -> Vec<Relay> {
        self.shared.relays.used()
    }

    /// Reaches a peer as [`connect_udp`](Self::connect_udp) does; the target may say which peer
    /// alone will do.
    ///
    /// # Errors
    ///
    /// [`ConnectError`], at the latest after
    /// [`handshake_timeout`](crate::Limits::handshake_timeout).
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: attempts under way are given up.
    pub async fn connect(&self, target: impl Into<Target>) -> Result<Session, ConnectError> {
        if self.shared.is_stopping() {
            return Err(ConnectError::ShutDown);
        }
        dial::reach(&self.shared, &target.into()).await
    }

    /// The next session that another node began; `None` once the node is shut down.
    ///
    /// Sessions exist whether they are taken here or not: their messages come by
    /// [`receive`](Self::receive), and broadcasts reach them. One that has ended by now is given out
    /// too, unless more than 64 sessions wait.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe.
    pub async fn accept(&self) -> Option<Session> {
        self.shared.accepted.pop().await
    }

    /// Opens or closes the door. A closed one answers nobody; sessions that exist go on.
    pub fn set_accepting(&self, accepting: Accepting) {
        self.shared.set_accepting(accepting);
    }

    /// Whether the door is open.
    pub fn accepting(&self) -> Accepting {
        self.shared.accepting()
    }

    /// The messages of all sessions, fair over sessions and stream ids.
    pub fn receive(&self) -> Receiver {
        Receiver::new(&self.shared.inbox)
    }

    /// What happens to this node, to be listened to as to any event: [`SessionOpened`],
    /// [`SessionClosed`], [`PathChanged`], [`PeerRefused`] and [`AcceptingChanged`], each under its
    /// `NAME`.
    ///
    /// ```
    /// # use stt::{Event, Group, Node, SystemEntropy, SessionClosed};
    /// # #[tokio::main]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let group = Group::generate(&mut SystemEntropy);
    /// # let node = Node::builder(group).bind("127.0.0.1:0".parse()?).start().await?;
    /// node.events().on(SessionClosed::NAME, |closed: Event<SessionClosed>| {
    ///     println!("{} is gone: {}", closed.peer, closed.reason);
    /// })?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// The node never waits for a handler. One task calls them all, in the order of what happened;
    /// async ones run side by side, those of up to 64 happenings at a time. Beyond that up to 1,024
    /// wait, at most 256 of them refusals; what does not fit is dropped and counted in
    /// [`NodeStats::events_dropped`]. A handler that computes for long delays the others, not the
    /// node. After a [`shutdown`](Self::shutdown), which does not wait for handlers either, the
    /// ends of the last sessions are still told.
    pub fn events(&self) -> &EventEmitter {
        self.shared.happenings.emitter()
    }

    /// The sessions that exist.
    pub fn sessions(&self) -> Vec<Session> {
        self.shared.sessions()
    }

    /// One session, if it exists.
    pub fn session(&self, id: SessionId) -> Option<Session> {
        self.shared.session(id)
    }

    /// Sends a message to every session, as [`Session::send_on_stream`] does. A slow recipient
    /// delays no other; one that is stalled is given up after 5 s.
    ///
    /// # Cancel safety
    ///
    /// Not cancel safe: some recipients may have it.
    pub async fn send_to_all(
        &self,
        stream_id: u64,
        message: impl Into<Bytes>,
    ) -> Vec<BroadcastDelivery> {
        let sessions = self.shared.sessions();
        let recipients = sessions
            .into_iter()
            .map(|session| (session.id(), Some(session)));
        let recipients = recipients.collect();
        broadcast::broadcast(&self.shared, recipients, stream_id, &message.into()).await
    }

    /// Sends a message to the sessions named, otherwise as [`send_to_all`](Self::send_to_all).
    ///
    /// # Cancel safety
    ///
    /// Not cancel safe: some recipients may have it.
    pub async fn send_to_sessions(
        &self,
        sessions: &[SessionId],
        stream_id: u64,
        message: impl Into<Bytes>,
    ) -> Vec<BroadcastDelivery> {
        let recipients = broadcast::recipients(&self.shared, sessions);
        broadcast::broadcast(&self.shared, recipients, stream_id, &message.into()).await
    }

    /// Gives the frames of every session, present and future, to a dispatcher; false if one has
    /// them already.
    pub(crate) fn dispatch_frames(&self, user: impl Fn(&Session) + Send + Sync + 'static) -> bool {
        self.add_user(Use::Frames, Box::new(user))
    }

    /// Gives the events of every session, present and future, to an emitter; false if one has them
    /// already.
    pub(crate) fn bridge_events(&self, user: impl Fn(&Session) + Send + Sync + 'static) -> bool {
        self.add_user(Use::Events, Box::new(user))
    }

    /// Gives every session, present and future, to a manager of endpoints; false if one has them
    /// already.
    pub(crate) fn serve_endpoints(
        &self,
        manager: impl Fn(&Session) + Send + Sync + 'static,
    ) -> bool {
        self.add_user(Use::Endpoints, Box::new(manager))
    }

    fn add_user(&self, what: Use, user: Box<dyn Fn(&Session) + Send + Sync>) -> bool {
        let is_first = self.shared.users.add(what, user);
        if is_first {
            self.shared.users.introduce(what, &self.shared.sessions());
        }
        is_first
    }

    /// Counters, as they are now.
    pub fn stats(&self) -> NodeStats {
        stats::of(&self.shared)
    }

    /// Stops the node in order: nothing new is begun, all sessions are closed as
    /// [`Session::close`] does, and the sockets are closed. What isn't done after `limit` is cut
    /// off. Returns the sessions that were, with the reason each ended.
    ///
    /// # Cancel safety
    ///
    /// Not cancel safe: call it again to finish.
    pub async fn shutdown(&self, limit: Duration) -> Vec<(SessionId, CloseReason)> {
        if let Some(dht) = &self.shared.dht {
            dht.leave(limit.min(LEAVE_WITHIN)).await;
        }
        self.shared.begin_stopping();
        let sessions = self.shared.sessions();
        let closing = join_all(sessions.iter().map(Session::close));
        self.shared.platform.timeout(limit, closing).await;
        relays::cut_off(&self.shared, &sessions).await;
        let endpoint = &self.shared.endpoint;
        endpoint.close(CloseReason::ShutDown { by: By::Us }.code());
        let drained = endpoint.drained();
        self.shared.platform.timeout(DRAIN_WITHIN, drained).await;
        let closed = self.shared.websockets.close();
        self.shared.platform.timeout(DRAIN_WITHIN, closed).await;
        self.shared.relays.close();
        self.shared.inbox.end();
        if let Some(giving) = &self.shared.giving {
            giving.shelves.close();
        }
        self.shared.stopped.notify_waiters();
        #[cfg(feature = "portmap")]
        port_mapping::given_back(&self.shared).await;
        let mut cut_off = Vec::new();
        for session in sessions {
            match session.closed().await {
                CloseReason::Done => {}
                reason => cut_off.push((session.id(), reason)),
            }
        }
        self.shared.end_happenings_if_over();
        cut_off
    }
}

/// See [`Node::downgrade`].
#[derive(Debug)]
pub(crate) struct WeakNode(Weak<Shared>);

impl WeakNode {
    pub(crate) fn upgrade(&self) -> Option<Node> {
        let shared = self.0.upgrade()?;
        Some(Node { shared })
    }
}

/// Looks after all sessions every few seconds, in one task instead of one for each.
async fn look_after(shared: Arc<Shared>) {
    let mut addresses = shared.endpoint.link().interface_addresses();
    let mut looks = 0_u32;
    while !shared.is_stopping() {
        let stopped = shared.stopped.notified();
        tokio::select! {
            biased;
            () = stopped => return,
            () = shared.platform.sleep(LOOK_EVERY) => {}
        }
        shared.endpoint.link().look_at_interfaces();
        let now = shared.endpoint.link().interface_addresses();
        if now != addresses {
            let is_there = |address| now.contains(address);
            let node = if addresses.iter().all(is_there) {
                Sender::Stayed
            } else {
                Sender::Moved
            };
            addresses = now;
            shared.endpoint.network_changed();
            shared.relays.network_changed();
            for session in shared.sessions() {
                session.core().paths.news.network_changed(node);
            }
        }
        looks += 1;
        if !looks.is_multiple_of(LOOKS_A_SESSION_LOOK) {
            continue;
        }
        for session in shared.sessions() {
            session.core().refresh_round_trip();
            keys::update_if_due(session.core());
            paths::look_if_it_carries(session.core());
            if let Some(change) = session.core().change_of_path() {
                shared.happenings.path_changed(&session, change);
            }
        }
    }
}

/// At the addresses of the node: they are to be noticed within three seconds.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// And at each session.
const LOOKS_A_SESSION_LOOK: u32 = 5;

/// Time to hand over what is held for the DHT.
const LEAVE_WITHIN: Duration = Duration::from_secs(3);

/// Time for the last packets to leave.
const DRAIN_WITHIN: Duration = Duration::from_secs(1);
