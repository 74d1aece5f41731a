//! The handle an application holds on its endpoints.

use std::{
    collections::{HashMap, hash_map::Entry},
    sync::Arc,
};

use bytes::Bytes;
use parking_lot::RwLock;
use stt_wire::{Name, NameTooLong};

use super::{
    Delivered, EndpointOptions, EndpointReceiver, EndpointStats, Origin, Refusal, RouteError,
    RoutedItem, queue::EndpointQueue,
};

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
/// A handle: clone it freely. Endpoints live until they are removed or the last handle is dropped.
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
}

/// Why an endpoint was not made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CreateError {
    /// The name is too long.
    #[error(transparent)]
    NameTooLong(#[from] NameTooLong),
    /// The name stands for something already.
    #[error("name is taken")]
    Taken,
}

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
    /// [`CreateError`]: the name is longer than 255 bytes, or in use.
    pub fn create(
        &self,
        name: impl TryInto<Name, Error: Into<NameTooLong>>,
        options: EndpointOptions,
    ) -> Result<EndpointReceiver, CreateError> {
        let name = name.try_into().map_err(Into::into)?;
        match self.inner.names.write().entry(name) {
            Entry::Occupied(_) => Err(CreateError::Taken),
            Entry::Vacant(entry) => {
                let queue = EndpointQueue::new(entry.key().clone(), options);
                let receiver = EndpointReceiver::new(&queue);
                entry.insert(Bound::Here(queue));
                Ok(receiver)
            }
        }
    }

    /// Takes a name away. Whoever waits to route to it is refused, whoever waits to receive hears
    /// that it is gone. Returns the items that were delivered and that nobody had taken, oldest
    /// first; `None` if the name stood for nothing.
    pub fn remove(&self, name: &str) -> Option<Vec<RoutedItem>> {
        let bound = self.inner.names.write().remove(name)?;
        Some(match bound {
            Bound::Here(queue) => queue.close_and_drain(),
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

    /// Puts `data` into the queue of an endpoint.
    ///
    /// # Errors
    ///
    /// [`RouteError`] tells refused from unknown.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: an item is put whole or not at all.
    pub async fn route_to_endpoint(
        &self,
        name: &str,
        data: impl Into<Bytes>,
    ) -> Result<Delivered, RouteError> {
        let bound = self.inner.names.read().get(name).cloned();
        match bound {
            Some(Bound::Here(queue)) => {
                let item = RoutedItem {
                    data: data.into(),
                    from: Origin::Local,
                };
                queue.put(item).await?;
                Ok(Delivered)
            }
            None => Err(Refusal::NoSuchEndpoint.into()),
        }
    }

    /// Counters of an endpoint of this node, if there is one of this name.
    pub fn stats(&self, name: &str) -> Option<EndpointStats> {
        Some(self.inner.queue(name)?.stats())
    }
}

impl Inner {
    fn queue(&self, name: &str) -> Option<Arc<EndpointQueue>> {
        match self.names.read().get(name)? {
            Bound::Here(queue) => Some(Arc::clone(queue)),
        }
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        for bound in self.names.get_mut().values() {
            match bound {
                Bound::Here(queue) => queue.close(),
            }
        }
    }
}
