//! Peers that have opened a stream, one after the other.
//!
//! A connector opens its stream at once. Other members come too, to see who is here, and open none: they
//! are nobody's turn, and hold nobody up. *Bounds:* of those that have opened none the one that came
//! first gives way to a newcomer; when enough wait that have opened one, the rest wait in the node.

use std::{collections::VecDeque, convert::Infallible, future::pending, time::Duration};

use stt::{Node, RecvStream, SendStream, Session};
use tokio::task::JoinSet;

use super::copy::Break;

pub(super) type Streams = (SendStream, RecvStream);

/// See the module.
pub(super) struct Openers<'a> {
    node: &'a Node,
    opening: JoinSet<(Session, Result<Streams, Break>)>,
    /// In the order in which they came.
    unopened: VecDeque<Session>,
    waiting: VecDeque<(Session, Streams)>,
}

impl<'a> Openers<'a> {
    pub(super) fn of(node: &'a Node) -> Self {
        Self {
            node,
            opening: JoinSet::new(),
            unopened: VecDeque::new(),
            waiting: VecDeque::new(),
        }
    }

    /// The next; `None` once the node is shut down. Cancel safe.
    pub(super) async fn next(&mut self) -> Option<(Session, Streams)> {
        loop {
            if let Some(first) = self.waiting.pop_front() {
                return Some(first);
            }
            self.step().await?;
        }
    }

    /// Lets others come and go while one is served, as long as it is polled. Cancel safe.
    pub(super) async fn take_in(&mut self) -> Infallible {
        while self.step().await.is_some() {}
        pending().await
    }

    async fn step(&mut self) -> Option<()> {
        tokio::select! {
            biased;
            Some(joined) = self.opening.join_next() => {
                if let Ok((session, opened)) = joined {
                    self.has_opened(session, opened);
                }
            }
            session = self.node.accept(), if self.waiting.len() < MOST_WAITING => {
                self.has_come(session?);
            }
            // All that may wait do: somebody must be served first.
            else => pending().await,
        }
        Some(())
    }

    fn has_come(&mut self, session: Session) {
        if self.unopened.len() >= MOST_UNOPENED
            && let Some(oldest) = self.unopened.pop_front()
        {
            Break::Silent.tell(&oldest);
        }
        self.unopened.push_back(session.clone());
        self.opening.spawn(async move {
            let opened = tokio::time::timeout(OPEN_WITHIN, session.accept_stream()).await;
            let opened = opened.map_or(Err(Break::Silent), |opened| Ok(opened?));
            (session, opened)
        });
    }

    fn has_opened(&mut self, session: Session, opened: Result<Streams, Break>) {
        self.unopened.retain(|other| other.id() != session.id());
        match opened {
            Ok(streams) => self.waiting.push_back((session, streams)),
            Err(broken) => broken.tell(&session),
        }
    }
}

/// Whoever only looks has seen all there is by then.
const OPEN_WITHIN: Duration = Duration::from_secs(30);

const MOST_UNOPENED: usize = 64;
const MOST_WAITING: usize = 64;
