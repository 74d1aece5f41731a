//! An item that was accepted, and the wait for what becomes of it.

use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll},
};

use tokio::sync::oneshot;

use super::{Delivered, RouteError, remote::Answer};
use crate::session::{By, CloseReason};

/// What will have become of an item that was accepted: a future.
///
/// The item goes on whether this is awaited, kept or dropped.
#[derive(Debug)]
#[must_use = "without its outcome nobody knows whether the item was delivered"]
pub struct PendingRoute(State);

#[derive(Debug)]
enum State {
    Delivered,
    AtPeer(oneshot::Receiver<Answer>),
}

impl PendingRoute {
    pub(super) fn delivered() -> Self {
        Self(State::Delivered)
    }

    pub(super) fn at_peer(answer: oneshot::Receiver<Answer>) -> Self {
        Self(State::AtPeer(answer))
    }
}

impl Future for PendingRoute {
    type Output = Result<Delivered, RouteError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match &mut self.0 {
            State::Delivered => Poll::Ready(Ok(Delivered)),
            State::AtPeer(answer) => Pin::new(answer).poll(cx).map(|answer| {
                // Whoever could answer went away without a word, with its session.
                let lost = CloseReason::Failed { by: By::Us };
                answer.unwrap_or(Err(RouteError::Unknown(lost)))
            }),
        }
    }
}
