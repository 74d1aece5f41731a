//! The handle an application holds on its endpoints.

use std::{
    collections::{BTreeSet, HashMap, hash_map::Entry},
    sync::Arc,
};

use bytes::Bytes;
use parking_lot::RwLock;
use stt_wire::{Name, NameTooLong};

use super::{
    Delivered, EndpointOptions, EndpointReceiver, EndpointStats, GroupOutcome, GroupRoute,
    NoSuchGroup, Origin, PendingRoute, Reach, Refusal, RouteError, RoutedItem,
    queue::EndpointQueue, remote,
};
use crate::{node::Node, session::Session};

/// Routes bytes to named endpoints, each with its own bounded queue.
///
/// ```
/// use stt::{EndpointManager, EndpointOptions};
///
/// # #[tokio::main]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let endpoint_mgr = EndpointManager::new();
/// endpoint_mgr.create("endpoint_id", EndpointOptions::default())?;
///
/// endpoint_mgr.route_to_endpoint("endpoint_id", "data").await?;
///
/// let item = endpoint_mgr.receive_from("endpoint_id").await?;
/// assert_eq!(item.data, "data");
/// # Ok(())
/// # }
/// ```
///
/// A name may stand for an endpoint of a peer too, and then what is routed to it comes into that
/// peer's queue; or for a group of names:
///
/// ```
/// use stt::{EndpointManager, EndpointOptions, Group, Node, SystemEntropy, WhenFull};
///
/// # #[tokio::main]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let group = Group::generate(&mut SystemEntropy);
/// # let alice = Node::builder(group.clone()).bind("127.0.0.1:0".parse()?).start().await?;
/// # let bob = Node::builder(group).bind("127.0.0.1:0".parse()?).start().await?;
/// let hers = EndpointManager::new();
/// let mut readings = hers.create("readings", EndpointOptions::default())?;
/// hers.serve(&alice)?;
///
/// let to_alice = bob.connect(alice.local_addresses()[0]).await?;
/// let his = EndpointManager::new();
/// his.bind_remote("alice", &to_alice, "readings")?;
/// his.create("log", EndpointOptions::default().when_full(WhenFull::DropOldest))?;
/// his.bind_group("everybody", ["alice", "log"])?;
///
/// for outcome in his.route_to_group("everybody", "21.5 degrees")?.all().await {
///     outcome.outcome?;
/// }
/// assert_eq!(readings.next().await.ok_or("removed")?.data, "21.5 degrees");
/// # Ok(())
/// # }
/// ```
///
/// # Contract
///
/// Tests are in `tests/endpoints.rs` (one node), `endpoints_remote.rs`, `endpoints_ends.rs` and
/// `endpoints_hostile.rs`.
///
/// | | | proved by |
/// |---|---|---|
/// | ordering | to each endpoint in the order of acceptance, which is the order of the calls of one task; between endpoints none; consumers that share an endpoint each see its items in order | `each_item_comes_to_one_consumer_and_in_order_to_each`, `items_come_once_and_in_order_over_a_path_that_loses_reorders_and_duplicates` |
/// | delivery | [`Delivered`]: once, in one queue, and from there to one consumer. Refused: in no queue. Unknown: at most once | `a_thousand_items_to_each_of_a_hundred_endpoints_come_once_in_order_past_a_stalled_one`, `a_cut_leaves_unknown_what_had_no_answer_and_what_was_delivered_is_in_the_queue` |
/// | a full queue | its routers wait in line, or its oldest items go, or the newest is refused: as [`WhenFull`](super::WhenFull) says, for peers too | `routers_wait_for_room_in_the_order_they_came`, `a_full_queue_drops_its_oldest_or_refuses_for_peers_too` |
/// | isolation | a stalled consumer holds back the routers to its endpoint and nothing else: no other endpoint, stream or message, here or at the peer, short of the node's bound below | `a_stalled_consumer_delays_no_other_endpoint`, `long_items_for_a_full_queue_hold_up_no_other_endpoint`, `streams_and_messages_go_past_endpoints_that_nobody_takes_from` |
/// | durability | none: what waits is gone with the process. It outlives the session it came by | `a_name_follows_a_peer_to_its_next_session` |
/// | memory | a queue: its bounds, 1,024 items or 16 MiB. From a peer besides: 8 KiB for each of 256 names, 8 MiB for a session whose consumers keep up, long items of 16 MiB together (or one longer) under way in a session; of all these, and of long items that are here and found their queue full, for the node [`Limits::unplaced`](crate::Limits::unplaced), where room that is kept for what does not come goes to whoever waits. To a peer: what it has not answered, 8 MiB for a name (or one longer item) | `bytes_bound_a_queue_as_items_do`, `what_is_held_of_items_without_a_place_stays_bounded`, `streams_that_are_opened_and_left_alone_disturb_nobody`, `a_session_has_long_items_of_16_mib_under_way_and_no_more`, `a_long_item_that_never_comes_gives_its_room_to_others`, `items_beyond_the_credit_exceed_a_limit_before_they_come`, `a_receiver_that_grants_without_end_and_takes_nothing_fills_no_memory` |
/// | latency | here at once; to a peer half a round trip to the queue, a whole one to the answer. The first item to a name opens its stream along the way. Above 256 names in use, a round trip more once one of them is idle. A name that is not used for 30 to 60 s begins anew | `a_long_item_that_has_no_place_is_refused_before_it_is_sent`, `more_names_than_streams_share_them_and_every_item_comes_once_in_order`, `thousands_of_names_at_once_share_the_streams_and_none_waits_for_long`, `a_stream_that_nobody_uses_is_let_go_after_half_a_minute_or_a_whole_one` |
/// | groups | members at the same time, an outcome for each when it has one | `members_of_a_group_have_outcomes_of_their_own_and_none_waits_for_another` |
/// | removing | nothing new is taken; those who wait are refused; what was not taken is given to who removes | `an_endpoint_that_is_removed_refuses_those_who_wait_and_gives_its_items_back` |
/// | an orderly end | waits until every accepted item was answered, and for routers that wait to be accepted; routes that begin later are refused | `an_orderly_end_delivers_every_item_that_was_accepted`, `an_orderly_end_waits_for_items_that_wait_and_refuses_new_ones` |
/// | cancel safety | a route given up before it was accepted leaves nothing; after that it goes whole. One that is kept and not polled keeps its place, and those behind it waiting. An item that isn't returned isn't taken | `a_router_that_gives_up_before_its_item_was_accepted_sends_nothing_and_holds_up_nobody`, `a_long_item_whose_router_gives_up_while_it_is_sent_still_comes_whole`, `a_consumer_that_gives_up_takes_nothing` |
///
/// A handle: clone it freely. Endpoints live until they are removed, or the last handle is dropped
/// and no session or node is served any more.
#[derive(Debug, Clone, Default)]
pub struct EndpointManager {
    inner: Arc<Inner>,
}

/// What all handles of one manager share.
#[derive(Debug, Default)]
pub(crate) struct Inner {
    names: RwLock<HashMap<Name, Bound>>,
}

/// What a name stands for.
#[derive(Debug, Clone)]
enum Bound {
    Here(Arc<EndpointQueue>),
    AtPeer(Session, Name),
    Group(Arc<[Name]>),
}

/// Why a name was not given a meaning.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BindError {
    /// The name is too long.
    #[error(transparent)]
    NameTooLong(#[from] NameTooLong),
    /// The name stands for something already.
    #[error("name is taken")]
    Taken,
}

/// Another manager, or this one, serves the node already.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a manager serves the node already")]
pub struct AlreadyServed;

/// Why nothing was received.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ReceiveError {
    /// No endpoint of this name is here, or it was removed.
    #[error("no such endpoint")]
    NoSuchEndpoint,
}

impl EndpointManager {
    /// A manager without endpoints.
    pub fn new() -> Self {
        Self::default()
    }

    /// Makes an endpoint of this node. Take its items from the receiver, or by
    /// [`receive_from`](Self::receive_from): they share one queue.
    ///
    /// # Errors
    ///
    /// [`BindError`]: the name is longer than 255 bytes, or in use.
    pub fn create(
        &self,
        name: impl TryInto<Name, Error: Into<NameTooLong>>,
        options: EndpointOptions,
    ) -> Result<EndpointReceiver, BindError> {
        let name = name.try_into().map_err(Into::into)?;
        let queue = EndpointQueue::new(name.clone(), options);
        let receiver = EndpointReceiver::new(&queue);
        self.inner.bind(name, Bound::Here(queue))?;
        Ok(receiver)
    }

    /// Lets a name stand for the endpoint that a peer calls `their_name`: what is routed to it
    /// crosses the session and comes into the peer's queue. The peer has to serve its endpoints
    /// ([`serve`](Self::serve) or [`attach`](Self::attach)).
    ///
    /// A name that stands for an endpoint of a peer already is bound anew: so it follows a peer to
    /// its next session.
    ///
    /// # Errors
    ///
    /// [`BindError`]: a name is longer than 255 bytes, or `name` is in use for something here.
    pub fn bind_remote(
        &self,
        name: impl TryInto<Name, Error: Into<NameTooLong>>,
        session: &Session,
        their_name: impl TryInto<Name, Error: Into<NameTooLong>>,
    ) -> Result<(), BindError> {
        let name = name.try_into().map_err(Into::into)?;
        let their_name = their_name.try_into().map_err(Into::into)?;
        let bound = Bound::AtPeer(session.clone(), their_name);
        self.inner.bind(name, bound)
    }

    /// Lets a name stand for several others, of endpoints here or at peers; see
    /// [`route_to_group`](Self::route_to_group). What the members stand for is looked up each
    /// time. A group that exists is replaced.
    ///
    /// # Errors
    ///
    /// [`BindError`]: a name is longer than 255 bytes, or `name` is in use for an endpoint.
    pub fn bind_group<N: TryInto<Name, Error: Into<NameTooLong>>>(
        &self,
        name: impl TryInto<Name, Error: Into<NameTooLong>>,
        members: impl IntoIterator<Item = N>,
    ) -> Result<(), BindError> {
        let name = name.try_into().map_err(Into::into)?;
        let members = members.into_iter().map(TryInto::try_into);
        let members: Result<BTreeSet<_>, _> = members.collect();
        let members = members.map_err(Into::into)?.into_iter().collect();
        self.inner.bind(name, Bound::Group(members))
    }

    /// Takes a name away. Whoever waits to route to it is refused, whoever waits to receive hears
    /// that it is gone; what is on its way to a peer goes on. Returns the items that were delivered and that nobody had taken, oldest
    /// first; `None` if the name stood for nothing.
    pub fn remove(&self, name: &str) -> Option<Vec<RoutedItem>> {
        let bound = self.inner.names.write().remove(name)?;
        Some(match bound {
            Bound::Here(queue) => queue.close_and_drain(),
            Bound::AtPeer(..) | Bound::Group(_) => Vec::new(),
        })
    }

    /// The next item of an endpoint of this node, oldest first.
    ///
    /// # Errors
    ///
    /// [`ReceiveError`]: there is no such endpoint here, or it was removed meanwhile.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: an item that isn't returned isn't taken.
    pub async fn receive_from(&self, name: &str) -> Result<RoutedItem, ReceiveError> {
        let queue = self.inner.queue(name);
        let queue = queue.ok_or(ReceiveError::NoSuchEndpoint)?;
        queue.pop().await.ok_or(ReceiveError::NoSuchEndpoint)
    }

    /// Puts `data` into the queue of an endpoint, here or at a peer, and says what became of it.
    ///
    /// # Errors
    ///
    /// [`RouteError`] tells refused from unknown.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: an item is routed whole or not at all. Which of the two is not known of one
    /// whose wait for the peer's answer was given up; [`begin_route`](Self::begin_route) tells.
    pub async fn route_to_endpoint(
        &self,
        name: &str,
        data: impl Into<Bytes>,
    ) -> Result<Delivered, RouteError> {
        self.begin_route(name, data).await?.await
    }

    /// The first half of [`route_to_endpoint`](Self::route_to_endpoint): resolves when the item is
    /// accepted. In a queue here that is all; to a peer, the item has credit and is sent, and the
    /// second half waits for the answer. Many may be on their way to a peer at a time, and arrive
    /// in the order in which they were accepted.
    ///
    /// # Errors
    ///
    /// [`Refusal`]: it was not accepted, so it is in no queue.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: if it does not resolve, the item was not accepted.
    pub async fn begin_route(
        &self,
        name: &str,
        data: impl Into<Bytes>,
    ) -> Result<PendingRoute, Refusal> {
        let bound = self.inner.names.read().get(name).cloned();
        let data = data.into();
        match bound {
            Some(Bound::Here(queue)) => {
                let from = Origin::Local;
                queue.put(RoutedItem { data, from }).await?;
                Ok(PendingRoute::delivered())
            }
            Some(Bound::AtPeer(session, name)) => {
                let answer = remote::hand_over(&session, &name, &data).await?;
                Ok(PendingRoute::at_peer(answer))
            }
            Some(Bound::Group(_)) => Err(Refusal::IsGroup),
            None => Err(Refusal::NoSuchEndpoint),
        }
    }

    /// Routes `data` to every member of a group at the same time, each as
    /// [`route_to_endpoint`](Self::route_to_endpoint) does. Nothing is copied for it.
    ///
    /// # Errors
    ///
    /// [`NoSuchGroup`].
    pub fn route_to_group(
        &self,
        name: &str,
        data: impl Into<Bytes>,
    ) -> Result<GroupRoute, NoSuchGroup> {
        let Some(Bound::Group(members)) = self.inner.names.read().get(name).cloned() else {
            return Err(NoSuchGroup);
        };
        let data = data.into();
        Ok(GroupRoute::new(members.iter().map(|member| {
            let (manager, endpoint, data) = (self.clone(), member.clone(), data.clone());
            Box::pin(async move {
                let outcome = manager.route_to_endpoint(&endpoint, data).await;
                GroupOutcome { endpoint, outcome }
            }) as _
        })))
    }

    /// Lets the peer of a session route to the endpoints here, but for those that are
    /// [local only](EndpointOptions::local_only), until the session ends. Another manager that was
    /// attached before is so no more.
    ///
    /// What a peer routes while nobody is attached is refused, but for the first second of a
    /// session, for which its items wait.
    pub fn attach(&self, session: &Session) {
        session.core().endpoints.attach(&self.inner);
    }

    /// [Attaches](Self::attach) to every session the node has and will have.
    ///
    /// # Errors
    ///
    /// [`AlreadyServed`].
    pub fn serve(&self, node: &Node) -> Result<(), AlreadyServed> {
        let inner = Arc::clone(&self.inner);
        let is_first = node.serve_endpoints(move |session| {
            session.core().endpoints.attach(&inner);
        });
        is_first.then_some(()).ok_or(AlreadyServed)
    }

    /// Counters of an endpoint of this node, if there is one of this name.
    pub fn stats(&self, name: &str) -> Option<EndpointStats> {
        Some(self.inner.queue(name)?.stats())
    }
}

impl Inner {
    /// Gives a name a meaning. Endpoints here are never replaced: they have items.
    fn bind(&self, name: Name, bound: Bound) -> Result<(), BindError> {
        match self.names.write().entry(name) {
            Entry::Vacant(entry) => drop(entry.insert(bound)),
            Entry::Occupied(mut entry) => match (entry.get(), &bound) {
                (Bound::AtPeer(..), Bound::AtPeer(..)) | (Bound::Group(_), Bound::Group(_)) => {
                    drop(entry.insert(bound));
                }
                _ => return Err(BindError::Taken),
            },
        }
        Ok(())
    }

    fn queue(&self, name: &str) -> Option<Arc<EndpointQueue>> {
        match self.names.read().get(name)? {
            Bound::Here(queue) => Some(Arc::clone(queue)),
            Bound::AtPeer(..) | Bound::Group(_) => None,
        }
    }

    /// The queue that peers may route to by this name.
    pub(super) fn queue_for_peers(&self, name: &str) -> Option<Arc<EndpointQueue>> {
        self.queue(name)
            .filter(|queue| queue.reach() == Reach::Peers)
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        for bound in self.names.get_mut().values() {
            if let Bound::Here(queue) = bound {
                queue.close();
            }
        }
    }
}
