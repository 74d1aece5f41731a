//! Joining: by addresses that were given or suggested, by sessions that exist, by the last run.
//!
//! Tried until somebody is known, less and less often; and again when nobody is known any more.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use futures_util::stream::{self, StreamExt};
use stt_dht::Found;
use stt_wire::{Addresses, Contact};

use super::error::BootstrapError;
use super::queries::HasLeft;
use super::service::Service;
use crate::node::{ConnectError, Target};
use crate::session::Session;
use crate::transport::link::PathKind;

impl Service {
    /// An address at which there may be a member.
    pub(crate) fn suggest(&self, address: SocketAddr) {
        {
            let suggested = &mut self.state.lock().suggested;
            suggested.retain(|known| *known != address);
            suggested.push(address);
            let surplus = suggested.len().saturating_sub(MOST_SUGGESTED);
            suggested.drain(..surplus);
        }
        self.news.notify_one();
    }

    /// Joins while fewer than a few members are known.
    pub(super) async fn keep_joined(self: &Arc<Self>) {
        let mut pause = FIRST_PAUSE;
        loop {
            let known = self.state.lock().engine.members().count();
            let had = self.state.lock().sessions.len();
            if known < FEW {
                if let Err(error) = self.join(&self.options.bootstrap).await {
                    tracing::debug!(%error, "joining the DHT");
                }
                self.say_where_we_are();
            }
            self.announce_again();
            self.state.lock().suggested.clear();
            let known = self.state.lock().engine.members().count();
            pause = if known == 0 {
                (pause * 2).min(LONGEST_PAUSE)
            } else {
                LONGEST_PAUSE
            };
            let rest = async {
                self.platform.sleep(FIRST_PAUSE).await;
                // Sessions of which we heard while we tried are no news.
                while self.state.lock().sessions.len() <= had && self.is_without_suggestion() {
                    self.news.notified().await;
                }
            };
            tokio::select! {
                biased;
                () = self.over.raised() => return,
                () = rest => {}
                () = self.platform.sleep(pause) => {}
            }
        }
    }

    fn is_without_suggestion(&self) -> bool {
        self.state.lock().suggested.is_empty()
    }

    /// Reaches members and looks for our neighbours by them. Returns how many there are.
    pub(super) async fn join(
        self: &Arc<Self>,
        targets: &[Target],
    ) -> Result<usize, BootstrapError> {
        let suggested = std::mem::take(&mut self.state.lock().suggested);
        let suggested = suggested.into_iter().map(Target::from);
        let targets: Vec<Target> = targets.iter().cloned().chain(suggested).collect();
        let tried = targets.len();
        let failed = self.reach_all(targets).await;
        let known = self.known();
        if known.is_empty() {
            return Err(match failed {
                _ if self.state.lock().has_left => BootstrapError::Left,
                Some(last) => BootstrapError::NobodyReached {
                    tried,
                    last: Box::new(last),
                },
                None => BootstrapError::NobodyToAsk,
            });
        }
        let asked = self.begin(|state, now, entropy| vec![state.engine.join(now, &known, entropy)]);
        let ended = match asked {
            Ok(mut asked) => asked.end().await,
            Err(HasLeft) => Err(HasLeft),
        };
        match ended {
            Ok(Ok(Found::Members(members))) => Ok(members.len()),
            Ok(Ok(_)) => Ok(0),
            Ok(Err(error)) => Err(error.into()),
            Err(HasLeft) => Err(BootstrapError::Left),
        }
    }

    /// Dials targets, a few at a time. Returns what says most of those that were not reached.
    async fn reach_all(self: &Arc<Self>, targets: Vec<Target>) -> Option<ConnectError> {
        let node = self.node()?;
        let dial = |target: Target| {
            let node = node.clone();
            async move {
                let dialled = node.connect(target).await;
                dialled.map(|session| self.state.lock().sessions.is_ours(&session))
            }
        };
        let mut dials = stream::iter(targets).map(dial).buffer_unordered(AT_ONCE);
        let mut worst: Option<ConnectError> = None;
        while let Some(dialled) = dials.next().await {
            if let Err(error) = dialled {
                worst = Some(match worst {
                    Some(worst) => error.or_rather(worst),
                    None => error,
                });
            }
        }
        worst
    }

    /// Members to join by: those there are sessions with, and those of the last run.
    fn known(&self) -> Vec<Contact> {
        let state = self.state.lock();
        let sessions = state.sessions.all();
        let near = sessions.iter().filter_map(contact_of);
        near.chain(state.kept.restored.iter().copied())
            .take(MOST)
            .collect()
    }
}

/// Where a session's peer is, if others could be told.
fn contact_of(session: &Session) -> Option<Contact> {
    let path = session.stats().path;
    let address = path.remote.filter(|_| path.kind == PathKind::Udp)?;
    Some(Contact {
        node: *session.peer().as_bytes(),
        addresses: Addresses::from(address),
    })
}

/// Beyond so many members that are known, others are found by them.
const FEW: usize = 3;

/// Addresses that wait to be tried.
const MOST_SUGGESTED: usize = 32;

/// Members to join by at a time.
const MOST: usize = 64;

/// Dials at a time.
const AT_ONCE: usize = 8;

const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(60);
