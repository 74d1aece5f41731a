//! What is found: members, and providers as they are found.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use futures_core::Stream;
use stc::NodeId;
use stt_dht::{Found, QueryError};
use stt_wire::{Contact, Record};

use super::error::{FindPeerError, FindProvidersError};
use super::queries::{Asked, HasLeft, Told};
use super::service::Service;
use crate::storage::Address;

/// A member, and where it says it is.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct FoundPeer {
    /// Who.
    pub node: NodeId,
    /// Where, best first. Nobody has tried: whoever dials finds out, and finds out who is there.
    pub addresses: Vec<SocketAddr>,
}

impl FoundPeer {
    fn of(contact: &Contact) -> Self {
        Self {
            node: NodeId::from_bytes(contact.node),
            addresses: contact.addresses.iter().collect(),
        }
    }
}

impl Service {
    /// A member that this node knows to be there.
    pub(super) fn known_peer(&self, node: &NodeId) -> Option<FoundPeer> {
        self.state.lock().engine.member(node).map(FoundPeer::of)
    }

    pub(super) fn members(&self) -> Vec<FoundPeer> {
        let state = self.state.lock();
        state.engine.members().map(FoundPeer::of).collect()
    }

    /// Asks others where a member is: for its record first, then for whoever has it in the table.
    pub(super) async fn look_for(
        self: &Arc<Self>,
        node: &NodeId,
    ) -> Result<FoundPeer, FindPeerError> {
        let left = |HasLeft| FindPeerError::Left;
        let by_record =
            self.begin(|state, now, entropy| vec![state.engine.find_peer(now, node, entropy)]);
        let reason = match by_record.map_err(left)?.end().await.map_err(left)? {
            Ok(Found::Records(records)) => match self.read(node, &records) {
                Some(found) => return Ok(found),
                None => FindPeerError::Unreadable,
            },
            Ok(_) => FindPeerError::Unreadable,
            Err(error) => error.into(),
        };
        let by_place = self.begin(|state, now, entropy| {
            let place = state.engine.place_of(node);
            vec![state.engine.find_closest(now, place, entropy)]
        });
        if let Ok(Found::Members(members)) = by_place.map_err(left)?.end().await.map_err(left)?
            && let Some(found) = members.iter().find(|found| found.node == *node.as_bytes())
        {
            return Ok(FoundPeer::of(found));
        }
        Err(reason)
    }

    fn read(&self, node: &NodeId, records: &[Record]) -> Option<FoundPeer> {
        let keys = &self.state.lock().keys;
        let addresses = records.iter().find_map(|record| keys.open_peer(record))?;
        let node = *node;
        (!addresses.is_empty()).then_some(FoundPeer { node, addresses })
    }
}

/// Providers of some content, as they are found: a stream, or [`next`](Self::next).
///
/// It ends with an error if there was none, so that an empty answer always has a reason. Dropping
/// it ends the search.
#[derive(Debug)]
#[must_use = "a search ends when this is dropped"]
pub struct Providers {
    /// None if the service had left before.
    asked: Option<Asked>,
    address: Address,
    seen: BTreeSet<NodeId>,
    unreadable: usize,
    reason: Option<QueryError>,
    /// This node itself is one.
    is_us: bool,
    is_over: bool,
}

impl Providers {
    pub(super) fn new(asked: Option<Asked>, address: Address) -> Self {
        Self {
            asked,
            address,
            seen: BTreeSet::new(),
            unreadable: 0,
            reason: None,
            is_us: false,
            is_over: false,
        }
    }

    /// The next provider, each member once and never this node itself; `None` when the search is
    /// over, at the latest after 30 s. The last before that is an error if there was no provider.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe.
    pub async fn next(&mut self) -> Option<Result<FoundPeer, FindProvidersError>> {
        std::future::poll_fn(|cx| self.poll_told(cx)).await
    }

    fn poll_told(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<FoundPeer, FindProvidersError>>> {
        while !self.is_over {
            let told = match &mut self.asked {
                Some(asked) => ready!(asked.poll_next(cx)),
                None => None,
            };
            match told {
                Some(Told::Record(record)) => {
                    if let Some(found) = self.read(&record) {
                        return Poll::Ready(Some(Ok(found)));
                    }
                }
                Some(Told::Ended(Ok(_))) => {}
                Some(Told::Ended(Err(error))) => self.reason = Some(error),
                None => {
                    self.is_over = true;
                    return Poll::Ready(self.reason_for_nothing().map(Err));
                }
            }
        }
        Poll::Ready(None)
    }

    fn read(&mut self, record: &Record) -> Option<FoundPeer> {
        let service = Arc::clone(self.asked.as_ref()?.service());
        let node = NodeId::from_bytes(record.node);
        if node == service.me {
            self.is_us = true;
            return None;
        }
        if self.seen.contains(&node) {
            return None;
        }
        let says = service
            .state
            .lock()
            .keys
            .open_provider(self.address, record);
        let Some(addresses) = says else {
            self.unreadable += 1;
            return None;
        };
        self.seen.insert(node);
        if let Some(asked) = self.asked.as_ref().filter(|_| self.seen.len() == ENOUGH) {
            asked.conclude();
        }
        Some(FoundPeer { node, addresses })
    }

    fn reason_for_nothing(&self) -> Option<FindProvidersError> {
        if !self.seen.is_empty() {
            return None;
        }
        Some(match self.reason {
            _ if self.asked.as_ref().is_none_or(Asked::has_left) => FindProvidersError::Left,
            _ if self.is_us => FindProvidersError::OnlyThisNode,
            Some(reason) => reason.into(),
            None => FindProvidersError::Unreadable {
                records: self.unreadable,
            },
        })
    }
}

impl Stream for Providers {
    type Item = Result<FoundPeer, FindProvidersError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.poll_told(cx)
    }
}

/// Providers after which a search ends by itself.
const ENOUGH: usize = 32;
