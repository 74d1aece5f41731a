//! Copies that are missing are placed: keepers are asked in their order, as many at a time as copies are missing.
//!
//! *spec:* COPY-8, COPY-11.

use std::collections::BTreeMap;
use std::time::Duration;

use futures_util::stream::{FuturesUnordered, StreamExt};
use stc::NodeId;

use super::driver::{Driver, FIRST_RETRY};
use super::keepers;
use super::options::PlaceError;
use super::status::{CopyState, CopyStatus};
use crate::swarm::Provider;
use crate::swarm::exchange::keep::{NotKept, keep};

/// How a keeper that was asked to keep a copy answered.
enum Answered {
    Kept(NodeId, Provider, Duration),
    Declined(Option<NodeId>),
    Unreached,
    /// This node, or one that keeps a copy.
    Known,
}

impl Driver {
    /// Has further keepers take copies, until there are as many as wanted or nobody is left to be asked.
    pub(super) async fn place_missing(&mut self) {
        let now = self.platform.now();
        let wanted = self.options.copies;
        if self.copies.len() >= wanted || self.retry.is_some_and(|(at, _)| at > now) {
            return;
        }
        self.refused
            .retain(|_, at| now.saturating_duration_since(*at) < REFUSED_FOR);
        let candidates = self.candidates().await;
        let mut tally = Tally::new(candidates.len());
        let mut candidates = candidates.into_iter();
        let (mut takers, mut decliners) = (BTreeMap::new(), Vec::new());
        {
            let this = &*self;
            let mut asking = FuturesUnordered::new();
            let mut kept = this.copies.len();
            // Of those that take long, none is waited for alone.
            let mut slow = 0;
            while kept < wanted {
                let more = (wanted + slow).saturating_sub(kept + asking.len());
                asking.extend(candidates.by_ref().take(more).map(|it| this.ask(it)));
                let answered = tokio::select! {
                    biased;
                    answered = asking.next() => answered,
                    () = this.platform.sleep(SLOW) => {
                        slow += 1;
                        continue;
                    }
                };
                let Some(answered) = answered else {
                    break;
                };
                tally.count(&answered);
                match answered {
                    Answered::Kept(keeper, way, lease) => {
                        // One that was named in two ways keeps one copy.
                        let is_new = takers.insert(keeper, (way, lease)).is_none();
                        kept += usize::from(is_new);
                    }
                    Answered::Declined(Some(keeper)) => decliners.push(keeper),
                    _ => {}
                }
            }
        }
        for (keeper, (way, lease)) in takers {
            self.note_kept(keeper, way, lease);
        }
        let refused = decliners.into_iter().map(|keeper| (keeper, now));
        self.refused.extend(refused);
        self.conclude(&tally);
    }

    fn conclude(&mut self, tally: &Tally) {
        let (wanted, kept) = (self.options.copies, self.copies.len());
        let copies = &self.copies;
        self.show.send_modify(|shown| {
            // Those that were given up are on their way no more.
            let is_there = |copy: &CopyStatus| copies.contains_key(&copy.keeper);
            shown.status.copies.retain(is_there);
        });
        if kept >= wanted {
            self.retry = None;
            self.show.send_modify(|shown| shown.status.shortfall = None);
            return;
        }
        let pause = self.retry.map_or(FIRST_RETRY, |(_, pause)| pause * 2);
        let pause = pause.min(LAST_RETRY);
        self.retry = Some((self.platform.now() + pause, pause));
        let shortfall = PlaceError::TooFew {
            wanted,
            kept,
            found: tally.found,
            declined: tally.declined,
            unreached: tally.unreached,
        };
        self.show.send_modify(|shown| {
            shown.round += 1;
            shown.status.shortfall = Some(shortfall);
        });
    }

    /// Whom to ask, in order: those that were named, then those that the DHT finds.
    async fn candidates(&self) -> Vec<Provider> {
        let mut candidates = self.options.keepers.clone();
        if let Some(dht) = self.node.dht() {
            let enough = self.options.copies * ENOUGH_FOR_A_COPY;
            let found = keepers::find(&dht, self.object.address, enough).await;
            let may_be_asked = |id: &NodeId| {
                !self.copies.contains_key(id)
                    && !self.refused.contains_key(id)
                    && !self.liars.contains(id)
            };
            let found = found.into_iter().filter(|peer| may_be_asked(&peer.node));
            candidates.extend(found.map(Provider::Found));
        }
        candidates
    }

    /// Has one of them keep a copy.
    async fn ask(&self, candidate: Provider) -> Answered {
        let Some(session) = candidate.reach(&self.node).await else {
            return Answered::Unreached;
        };
        let keeper = session.peer();
        if keeper == self.node.id() || self.copies.contains_key(&keeper) {
            return Answered::Known;
        }
        if self.refused.contains_key(&keeper) || self.liars.contains(&keeper) {
            return Answered::Declined(None);
        }
        let coming = |here| self.show_copy(keeper, CopyState::Coming { here });
        for _ in 0..ATTEMPTS {
            match keep(&session, &self.object, self.options.lease, coming).await {
                Ok(lease) if !lease.is_zero() => {
                    self.show_copy(keeper, CopyState::Kept { lease });
                    return Answered::Kept(keeper, candidate, lease);
                }
                Err(NotKept::Busy { wait }) => {
                    self.platform.sleep(wait.clamp(MIN_WAIT, MAX_WAIT)).await;
                }
                Ok(_) | Err(NotKept::Declined(_) | NotKept::Absent) => {
                    self.show_gone(keeper);
                    return Answered::Declined(Some(keeper));
                }
                Err(NotKept::Silent | NotKept::Ask(_)) => break,
            }
        }
        self.show_gone(keeper);
        Answered::Unreached
    }
}

/// How those that were asked answered.
struct Tally {
    found: usize,
    declined: usize,
    unreached: usize,
}

impl Tally {
    const fn new(found: usize) -> Self {
        Self {
            found,
            declined: 0,
            unreached: 0,
        }
    }

    fn count(&mut self, answered: &Answered) {
        match answered {
            Answered::Declined(_) => self.declined += 1,
            Answered::Unreached => self.unreached += 1,
            Answered::Known => self.found -= 1,
            Answered::Kept(..) => {}
        }
    }
}

/// Beside a keeper that takes longer than this, another one is asked.
const SLOW: Duration = Duration::from_secs(60);

/// Copies are looked for again at the latest after so long.
const LAST_RETRY: Duration = Duration::from_secs(600);

/// spec: COPY-8.
const REFUSED_FOR: Duration = Duration::from_secs(600);

/// Keepers that are found for each copy, so that some may decline.
const ENOUGH_FOR_A_COPY: usize = 4;

/// How often a busy keeper is asked.
const ATTEMPTS: u32 = 30;
const MIN_WAIT: Duration = Duration::from_millis(100);
const MAX_WAIT: Duration = Duration::from_secs(10);
