//! A consumer of one endpoint.

use std::sync::Arc;

use stt_wire::Name;

use super::queue::{EndpointQueue, RoutedItem};

/// Takes the items of one endpoint.
///
/// Clones and other consumers of the endpoint share its queue: each item goes to one of them.
#[derive(Debug, Clone)]
pub struct EndpointReceiver {
    queue: Arc<EndpointQueue>,
}

impl EndpointReceiver {
    pub(super) fn new(queue: &Arc<EndpointQueue>) -> Self {
        Self {
            queue: Arc::clone(queue),
        }
    }

    /// The endpoint's name.
    pub fn name(&self) -> &Name {
        self.queue.name()
    }

    /// The next item; `None` once the endpoint was removed, or the last handle on its manager was
    /// dropped and everything was taken.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: an item that isn't returned isn't taken.
    pub async fn next(&mut self) -> Option<RoutedItem> {
        self.queue.pop().await
    }
}
