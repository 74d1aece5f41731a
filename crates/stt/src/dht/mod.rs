//! The DHT of a group: how members find each other, and content, with no server.
//!
//! ```text
//! Dht -> queries, announced, joining      what is asked, what is told, how to begin
//!            |
//!        service: one lock, one engine    crate `stt-dht` decides
//!            |
//!        asking, serving, sessions        requests out and in, each on a stream; warm sessions
//!            |
//!        exchange                         one request and its answer
//! ```
//!
//! *Not here*: what is asked, believed and held, which is the engine's; content, which others bring.
//!
//! spec: `spec/dht.md`.

mod announced;
mod asking;
mod dials;
mod error;
mod exchange;
mod found;
mod house;
mod joining;
mod kept;
mod keys;
mod options;
mod queries;
mod service;
mod serving;
mod sessions;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use stc::NodeId;

pub use error::{
    AnnounceError, BootstrapError, FindPeerError, FindProvidersError, KeptError, QueryError,
    ReachError,
};
pub use found::{FoundPeer, Providers};
pub use options::{DhtOptions, Serving};
pub(crate) use service::Service;
pub(crate) use serving::serve;

use crate::node::Target;
use crate::session::Session;
use crate::storage::Address;
use queries::HasLeft;
use stt_dht::Found;

/// A node's part in the DHT of its group, from [`Node::dht`](crate::Node::dht).
///
/// A handle: clone it freely. It is over when the node is shut down, which hands over what it holds
/// for others.
///
/// # What it promises
///
/// | | | proved by |
/// |---|---|---|
/// | an answer | each query ends within 30 s, with a result or a reason | `a_query_always_ends_with_a_result_or_a_reason` |
/// | finding | what was announced is found by members that never met the announcer, also after a fifth of all members died | `what_was_announced_is_found_by_strangers_also_after_a_fifth_has_died` |
/// | the next run | a node joins by the members it knew, whoever it had joined by is gone | `a_member_joins_by_whom_it_knew_when_the_one_it_joined_by_is_gone` |
/// | rotation | what was announced before a rotation is found during it, and after it | `what_was_announced_is_found_before_during_and_after_a_rotation` |
/// | liars | garbage, slow answers and floods cost what their author's share is | `members_that_lie_on_the_wire_cost_their_own_share` |
/// | memory | 100,000 records and 64 MiB for others, 1,024 requests served at a time, 128 sessions that nobody else uses | `a_flood_of_requests_is_answered_busy_and_others_are_served` |
/// | privacy | outsiders see nothing; members that hold records see keys, not addresses | `sealed_records_open_for_those_who_know_the_address_and_nobody_else` |
#[derive(Debug, Clone)]
pub struct Dht {
    service: Arc<Service>,
}

/// A node's part in the DHT, as it is now.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct DhtStats {
    /// Members in the table.
    pub members: usize,
    /// How many members the group is thought to have, once enough is known to say.
    pub group_estimate: Option<f64>,
    /// Whether others may ask this node.
    pub is_serving: bool,
    /// Records held for others.
    pub records_held: usize,
    /// About how many bytes they take.
    pub bytes_held: usize,
    /// Addresses announced.
    pub announced: usize,
    /// Requests sent to other members since the node started.
    pub requests: u64,
    /// Members taken over from the last run.
    pub kept_restored: usize,
    /// Why the members kept by the last run were not believed, if there were any.
    pub kept_refused: Option<Arc<KeptError>>,
}

impl Dht {
    pub(crate) fn of(service: Arc<Service>) -> Self {
        Self { service }
    }

    /// Joins by members at these addresses, or by any that there are sessions with; returns how many
    /// neighbours were found. A node with [`DhtOptions::bootstrap`] does so by itself; this is for
    /// those who want to know.
    ///
    /// # Errors
    ///
    /// [`BootstrapError`], at the latest after the time of a dial and 30 s.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: what was learned stays.
    pub async fn bootstrap(
        &self,
        targets: impl IntoIterator<Item = Target>,
    ) -> Result<usize, BootstrapError> {
        let targets: Vec<_> = targets.into_iter().collect();
        self.service.join(&targets).await
    }

    /// An address at which there may be a member, as an application knows; those of the local network
    /// ([`NodeBuilder::lan`](crate::NodeBuilder::lan)) are suggested without it. It is tried while few
    /// members are known. Of more than 32 that wait, the oldest are forgotten.
    pub fn suggest(&self, address: SocketAddr) {
        self.service.suggest(address);
    }

    /// Where a member is: as this node knows, as the member has announced, or as others know.
    ///
    /// # Errors
    ///
    /// [`FindPeerError`], at the latest after 30 s.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: the query ends.
    pub async fn find_peer(&self, node: NodeId) -> Result<FoundPeer, FindPeerError> {
        if let Some(known) = self.service.known_peer(&node) {
            return Ok(known);
        }
        self.look_for(node).await
    }

    async fn look_for(&self, node: NodeId) -> Result<FoundPeer, FindPeerError> {
        let looking = self.service.look_for(&node);
        let found = self.service.platform.timeout(QUERY_WITHIN, looking).await;
        found.unwrap_or_else(|| {
            let (after, answered) = (QUERY_WITHIN, 0);
            Err(QueryError::TimedOut { after, answered }.into())
        })
    }

    /// A session with a member: one that exists, or a new one to where the member is found.
    ///
    /// # Errors
    ///
    /// [`ReachError`], at the latest after 30 s and the time of two dials.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: queries and dials are given up.
    pub async fn connect(&self, node: NodeId) -> Result<Session, ReachError> {
        let known = self.service.known_peer(&node);
        if let Some(known) = known.as_ref()
            && let Ok(session) = self.reach(known).await
        {
            return Ok(session);
        }
        if let Some(session) = self.session_with(&node) {
            return Ok(session);
        }
        let found = self.look_for(node).await?;
        self.reach(&found).await
    }

    /// A session with a member or provider that was found: one that exists, or a new one to one of
    /// its addresses.
    ///
    /// # Errors
    ///
    /// [`ReachError::Dial`], at the latest after 5 s and the time that other dials take.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: dials are given up.
    pub async fn reach(&self, found: &FoundPeer) -> Result<Session, ReachError> {
        if let Some(session) = self.session_with(&found.node) {
            return Ok(session);
        }
        let tried = found.addresses.len();
        let dialled = self.service.dial_at(found.node, &found.addresses).await;
        dialled.map_err(|error| ReachError::Dial {
            tried,
            last: Box::new(error),
        })
    }

    fn session_with(&self, node: &NodeId) -> Option<Session> {
        let now = self.service.platform.now();
        let sessions = &mut self.service.state.lock().sessions;
        let session = sessions.best(now, node)?;
        sessions.hand_out(&session);
        Some(session)
    }

    /// Tells the group that this node has what is at `address`, and goes on telling it, at first
    /// every quarter of an hour and less often the longer members stay, until
    /// [`withdraw`](Self::withdraw). Resolves when three quarters of the members that should hold the
    /// record do. Of many at once 64 are under way, and others wait for their turn.
    ///
    /// Costs about 300 bytes of memory, and 40 requests each time; many that are announced together
    /// share them.
    ///
    /// # Errors
    ///
    /// [`AnnounceError`]: it is not certain that others find it. Unless it is one too many, or the
    /// node has left, the address stays announced, and is tried again after a minute.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: announced or not; once it has been polled, announced as a rule.
    pub async fn announce(&self, address: Address) -> Result<(), AnnounceError> {
        // Never closed, so this can't fail.
        let _turn = self.service.announcing.acquire().await;
        let mut asked = self.service.announce(address)?;
        match asked.end().await {
            Ok(held) => held.map(|_| ()).map_err(Into::into),
            Err(HasLeft) => Err(AnnounceError::Left),
        }
    }

    /// Takes an announcement back, and tells those who hold the record. Nothing happens if there is
    /// none.
    ///
    /// # Errors
    ///
    /// [`AnnounceError`]: some members may go on telling of it, until the record ends by itself: an
    /// hour to a day after it was last announced.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: it is taken back in any case.
    pub async fn withdraw(&self, address: Address) -> Result<(), AnnounceError> {
        match self.service.withdraw(address) {
            Ok(None) => Ok(()),
            Ok(Some(mut asked)) => match asked.end().await {
                Ok(held) => held.map(|_: Found| ()).map_err(Into::into),
                Err(HasLeft) => Err(AnnounceError::Left),
            },
            Err(HasLeft) => Err(AnnounceError::Left),
        }
    }

    /// The addresses announced at present.
    pub fn announced(&self) -> Vec<Address> {
        self.service.state.lock().announced.addresses().collect()
    }

    /// Looks for members that have what is at `address`, under all epochs of the seed. That they say
    /// so is proved, whether it is true is not: the caller finds out by asking them.
    pub fn find_providers(&self, address: Address) -> Providers {
        let asked = self.service.begin(|state, now, entropy| {
            let keys: Vec<_> = state.keys.keys(address).collect();
            let find = |key| state.engine.find_providers(now, key, MOST_SIGNERS, entropy);
            keys.into_iter().map(find).collect()
        });
        Providers::new(asked.ok(), address)
    }

    /// The members in the table: those that have answered, and what others are told of them.
    pub fn members(&self) -> Vec<FoundPeer> {
        self.service.members()
    }

    /// Counters, as they are now.
    pub fn stats(&self) -> DhtStats {
        let state = self.service.state.lock();
        let (records_held, bytes_held) = state.engine.held();
        DhtStats {
            members: state.engine.members().count(),
            group_estimate: state.engine.size_estimate(),
            is_serving: self.service.is_serving(),
            records_held,
            bytes_held,
            announced: state.announced.len(),
            requests: self.service.requests.load(Relaxed),
            kept_restored: state.kept.restored.len(),
            kept_refused: state.kept.refused.clone(),
        }
    }
}

/// The law's time of a query (DHT-38).
const QUERY_WITHIN: Duration = Duration::from_secs(30);

/// Signers whose records a search looks at: as many as a member holds under one key.
const MOST_SIGNERS: usize = 256;
