//! What an application may ask of an endpoint: how much waits, what happens then, who may route.

/// The bounds of one endpoint.
///
/// ```
/// use stt::{EndpointOptions, WhenFull};
///
/// // The newest ten readings, from this process alone.
/// let readings = EndpointOptions::default()
///     .items(10)
///     .when_full(WhenFull::DropOldest)
///     .local_only();
/// # let _ = readings;
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use = "options do nothing until an endpoint is made with them"]
pub struct EndpointOptions {
    pub(super) items: usize,
    pub(super) bytes: usize,
    pub(super) when_full: WhenFull,
    pub(super) reach: Reach,
}

/// What happens to an item for a queue that has no room for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[expect(clippy::exhaustive_enums, reason = "there is nothing else to do")]
pub enum WhenFull {
    /// Whoever routes it waits, first come, first served. Nothing is lost.
    #[default]
    Wait,
    /// The oldest items make room for it. They were delivered, and are never taken; the endpoint
    /// counts them.
    DropOldest,
    /// It is refused, and whoever routes it hears that.
    Refuse,
}

/// Who may route to an endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[expect(
    clippy::exhaustive_enums,
    reason = "there is here, and there are peers"
)]
pub enum Reach {
    /// This process, and the peers that the manager serves.
    #[default]
    Peers,
    /// This process alone. To a peer there is no such endpoint.
    Local,
}

impl EndpointOptions {
    /// Items that may wait. Default 1,024; at least 1.
    pub fn items(mut self, items: usize) -> Self {
        self.items = items.max(1);
        self
    }

    /// Bytes that may wait. Default 16 MiB. No longer item is ever taken.
    pub fn bytes(mut self, bytes: usize) -> Self {
        self.bytes = bytes;
        self
    }

    /// What happens when the queue is full. Default [`WhenFull::Wait`].
    pub fn when_full(mut self, when_full: WhenFull) -> Self {
        self.when_full = when_full;
        self
    }

    /// Hides the endpoint from peers.
    pub fn local_only(mut self) -> Self {
        self.reach = Reach::Local;
        self
    }
}

impl Default for EndpointOptions {
    fn default() -> Self {
        Self {
            items: 1_024,
            bytes: 16 << 20,
            when_full: WhenFull::default(),
            reach: Reach::default(),
        }
    }
}
