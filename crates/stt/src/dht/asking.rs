//! Requests on their way to other members: by a session that is there, or by one that is dialled.
//!
//! ```text
//! Send -- a session is there ------> ask --> Answer
//!   |                                 |----> Failed: refused, broke the format
//!   |                                 +----> dial again, once: the session was about to end
//!   +---- none, or a new one wanted -> dial --> ask
//!                                       +----> Failed: not reached
//! ```
//!
//! *Invariants*: a member is dialled once at a time, whoever waits for it; dials under way are
//! bounded, and so is each request's time. Silence is not reported: the engine has its own clock.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering::{Relaxed, SeqCst};
use std::time::Duration;

use futures_util::stream::{FuturesUnordered, StreamExt};
use stc::NodeId;
use stt_dht::{Input, Over, RequestId};
use stt_wire::{Contact, DhtRequest, DialOutcome};

use super::exchange::{self, AskError};
use super::service::Service;
use crate::node::{ConnectError, Target};
use crate::session::{Session, closing};

/// A request that is to be sent.
#[derive(Debug)]
pub(super) struct Asking {
    pub(super) id: RequestId,
    pub(super) to: Contact,
    pub(super) request: DhtRequest,
    pub(super) over: Over,
}

/// A request under way, counted until it is over.
struct UnderWay(Arc<Service>);

impl UnderWay {
    fn new(service: &Arc<Service>) -> Self {
        service.under_way.fetch_add(1, SeqCst);
        Self(Arc::clone(service))
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        if self.0.under_way.fetch_sub(1, SeqCst) == 1 {
            self.0.quiet.notify_waiters();
        }
    }
}

impl Asking {
    fn node(&self) -> NodeId {
        NodeId::from_bytes(self.to.node)
    }
}

impl Service {
    /// Sends a request by a session, or dials first.
    pub(super) fn ask(self: &Arc<Self>, asking: Asking, session: Option<Session>) {
        self.requests.fetch_add(1, Relaxed);
        let under_way = UnderWay::new(self);
        let service = Arc::clone(self);
        match session {
            Some(session) => self.platform.spawn(async move {
                service.ask_by(session, asking, Again::May).await;
                drop(under_way);
            }),
            None if asking.over == Over::NewSession => self.platform.spawn(async move {
                match service.dial(&asking.to).await {
                    Some(session) => service.ask_by(session, asking, Again::MayNot).await,
                    None => service.failed(asking.id),
                }
                drop(under_way);
            }),
            None => self.ask_after_dial(asking, under_way),
        }
    }

    fn ask_after_dial(self: &Arc<Self>, asking: Asking, under_way: UnderWay) {
        let (node, to) = (asking.node(), asking.to);
        if !self.state.lock().sessions.wait_for_dial(node, asking) {
            return;
        }
        let service = Arc::clone(self);
        self.platform.spawn(async move {
            let session = service.dial(&to).await;
            let waiting = service.state.lock().sessions.dialled(&node);
            for asking in waiting {
                let Some(session) = session.clone() else {
                    service.failed(asking.id);
                    continue;
                };
                let under_way = UnderWay::new(&service);
                let asker = Arc::clone(&service);
                service.platform.spawn(async move {
                    asker.ask_by(session, asking, Again::MayNot).await;
                    drop(under_way);
                });
            }
            drop(under_way);
        });
    }

    async fn ask_by(self: &Arc<Self>, session: Session, asking: Asking, again: Again) {
        let asked = exchange::ask(&session, &asking.request);
        match self.platform.timeout(ANSWER_WITHIN, asked).await {
            Some(Ok(answer)) => {
                let request = asking.id;
                self.input(Input::Answer { request, answer });
            }
            Some(Err(AskError::SessionOver)) if again == Again::May => {
                let under_way = UnderWay::new(self);
                self.ask_after_dial(asking, under_way);
            }
            Some(Err(error)) => {
                tracing::debug!(%error, to = ?asking.to, "request of the DHT");
                self.failed(asking.id);
            }
            None => {}
        }
    }

    fn failed(self: &Arc<Self>, request: RequestId) {
        self.input(Input::Failed { request });
    }

    /// Dials a member where it is said to be, for the DHT.
    async fn dial(self: &Arc<Self>, to: &Contact) -> Option<Session> {
        let node = NodeId::from_bytes(to.node);
        let addresses: Vec<_> = to.addresses.iter().collect();
        let session = self.dial_at(node, &addresses).await.ok()?;
        self.state.lock().sessions.is_ours(&session);
        Some(session)
    }

    /// Dials a member at several addresses, begun one after the other; the first that answers is
    /// used.
    pub(super) async fn dial_at(
        &self,
        peer: NodeId,
        addresses: &[SocketAddr],
    ) -> Result<Session, ConnectError> {
        let node = self.node().ok_or(ConnectError::ShutDown)?;
        let place = self.dials.place().await.ok_or(ConnectError::ShutDown)?;
        let mut waiting = addresses.iter();
        let mut running = FuturesUnordered::new();
        let mut last = ConnectError::Unreachable {
            host: peer.to_string(),
        };
        let racing = async {
            loop {
                if let Some(address) = waiting.next() {
                    running.push(node.connect(Target::from(*address).peer(peer)));
                } else if running.is_empty() {
                    return Err(last);
                }
                let pause = self.platform.sleep(STAGGER);
                tokio::select! {
                    biased;
                    Some(dialled) = running.next() => match dialled {
                        Ok(session) => return Ok(session),
                        Err(error) => last = error.or_rather(last),
                    },
                    () = pause, if waiting.len() > 0 => {}
                }
            }
        };
        let dialled = self.platform.timeout(DIAL_WITHIN, racing).await;
        let dialled = dialled.unwrap_or_else(|| {
            let nobody = ConnectError::Unreachable {
                host: peer.to_string(),
            };
            let first = addresses.first();
            Err(first.map_or(nobody, |address| ConnectError::NoAnswer {
                address: *address,
                waited: DIAL_WITHIN,
            }))
        });
        match &dialled {
            Ok(_) => place.answered(),
            Err(ConnectError::NoAnswer { .. }) => place.unanswered(),
            // Somebody answered, or nothing was sent.
            Err(_) => {}
        }
        dialled
    }

    /// Dials a member because it asked whether it can be reached there.
    pub(super) async fn dial_back(&self, peer: NodeId, address: SocketAddr) -> DialOutcome {
        let Ok(_turn) = self.dial_backs.try_acquire() else {
            return DialOutcome::NotTried;
        };
        match self.dial_at(peer, &[address]).await {
            Ok(session) => {
                // It has shown what it was for.
                closing::begin(session.core());
                DialOutcome::Reached
            }
            Err(_) => DialOutcome::NotReached,
        }
    }
}

/// Whether a request whose session was about to end may go by another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Again {
    May,
    MayNot,
}

/// Longer than any answer counts: the engine gives up after 8 s, and listens 3 s more.
const ANSWER_WITHIN: Duration = Duration::from_secs(12);

/// Whoever is there answers within this time, after some packets were lost.
const DIAL_WITHIN: Duration = Duration::from_secs(5);

/// Between the starts of two dials of one member (the spirit of RFC 8305).
const STAGGER: Duration = Duration::from_millis(200);
