//! The messages of all sessions, as one stream.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use bytes::Bytes;
use futures_core::Stream;

use crate::session::{SessionId, messages::inbox::Inbox};

/// One message, as the peer's application sent it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ReceivedPacket {
    /// The session it came by.
    pub session_id: SessionId,
    /// The stream id the sender chose.
    pub stream_id: u64,
    /// The message, whole.
    pub data: Bytes,
}

/// The messages of all sessions of a node; see [`Node::receive`](crate::Node::receive).
///
/// Several of them share the messages: each message goes to one.
#[derive(Debug)]
pub struct Receiver {
    inbox: Arc<Inbox>,
}

impl Receiver {
    pub(super) fn new(inbox: &Arc<Inbox>) -> Self {
        Self {
            inbox: Arc::clone(inbox),
        }
    }

    /// The next message; `None` once the node is shut down and everything was taken.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: a message that isn't returned isn't taken.
    pub async fn next(&mut self) -> Option<ReceivedPacket> {
        std::future::poll_fn(|cx| self.inbox.poll_next(cx)).await
    }
}

impl Stream for Receiver {
    type Item = ReceivedPacket;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<ReceivedPacket>> {
        self.inbox.poll_next(cx)
    }
}
