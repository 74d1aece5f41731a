//! Looks after the copies of one object: checks them, and places what is missing.
//!
//! *spec:* COPY-8 to COPY-12.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use futures_util::stream::{FuturesUnordered, StreamExt};
use stc::{Entropy, NodeId};
use tokio::sync::{oneshot, watch};

use super::keepers;
use super::options::{PlaceError, ReplicateOptions};
use super::status::{CopyState, Shown};
use crate::node::Node;
use crate::session::Session;
use crate::storage::Reference;
use crate::swarm::exchange::keep::{NotKept, keep, prove};
use crate::swarm::{Content, Provider};
use crate::transport::platform::Platform;

pub(super) struct Driver {
    node: Node,
    content: Arc<Content>,
    platform: Platform,
    object: Reference,
    options: ReplicateOptions,
    copies: BTreeMap<NodeId, Copy>,
    /// Who said no, and when; who lied, for good.
    refused: BTreeMap<NodeId, Instant>,
    liars: BTreeSet<NodeId>,
    /// When copies are looked for again, and how long after the last time.
    retry: Option<(Instant, Duration)>,
    show: watch::Sender<Shown>,
}

/// A copy that was kept.
#[derive(Debug, Clone)]
struct Copy {
    keeper: Provider,
    /// When it is asked for a proof.
    due: Instant,
    /// When the lease ends.
    until: Instant,
    /// Since when the keeper has not answered.
    away: Option<Instant>,
}

/// How a keeper that was asked to keep a copy answered.
enum Answered {
    Kept(NodeId, Provider, Duration),
    Declined(Option<NodeId>),
    Unreached,
    /// This node, or one that keeps a copy.
    Known,
}

/// How a keeper that was asked for a proof answered.
enum Checked {
    Kept(Duration),
    /// The copy is gone, and whether a false proof was given.
    Lost {
        is_liar: bool,
    },
    Away,
}

impl Driver {
    pub(super) fn new(
        node: Node,
        content: Arc<Content>,
        object: Reference,
        options: ReplicateOptions,
        show: watch::Sender<Shown>,
    ) -> Self {
        Self {
            node,
            platform: content.platform.clone(),
            content,
            object,
            options,
            copies: BTreeMap::new(),
            refused: BTreeMap::new(),
            liars: BTreeSet::new(),
            retry: None,
            show,
        }
    }

    /// Runs until nobody wants the copies, or the node is shut down.
    pub(super) async fn run(mut self, released: oneshot::Receiver<oneshot::Sender<()>>) {
        let node = self.node.clone();
        let done = tokio::select! {
            biased;
            () = node.stopped() => return,
            released = released => released,
            () = self.look_after() => return,
        };
        if let Ok(done) = done {
            self.release_all().await;
            // Whoever waited may have given up.
            let _ = done.send(());
        }
    }

    async fn look_after(&mut self) {
        loop {
            self.check_due().await;
            self.place_missing().await;
            let due = self.copies.values().map(|copy| copy.due);
            let retry = self.retry.map(|(at, _)| at);
            let next = due.chain(retry).min();
            let next = next.unwrap_or_else(|| self.platform.now() + FIRST_RETRY);
            self.platform.sleep_until(Some(next)).await;
        }
    }

    /// Asks each keeper whose time has come for a proof, and renews.
    async fn check_due(&mut self) {
        let now = self.platform.now();
        let due = self.copies.iter().filter(|(_, copy)| copy.due <= now);
        let due: Vec<_> = due.map(|(id, copy)| (*id, copy.keeper.clone())).collect();
        let checks = due.iter().map(|(keeper, way)| self.check(*keeper, way));
        let checked = join_all(checks).await;
        for ((keeper, _), checked) in due.into_iter().zip(checked) {
            self.note_check(keeper, &checked);
        }
    }

    async fn check(&self, keeper: NodeId, way: &Provider) -> Checked {
        let checking = async {
            let Some(session) = self.reach_again(keeper, way).await else {
                return Checked::Away;
            };
            match self.proves(&session).await {
                Ok(true) => {}
                Ok(false) => return Checked::Lost { is_liar: true },
                Err(NotKept::Absent | NotKept::Declined(_)) => {
                    return Checked::Lost { is_liar: false };
                }
                Err(_) => return Checked::Away,
            }
            match keep(&session, &self.object, self.options.lease, |_| {}).await {
                Ok(lease) if !lease.is_zero() => Checked::Kept(lease),
                Ok(_) | Err(NotKept::Declined(_) | NotKept::Absent) => {
                    Checked::Lost { is_liar: false }
                }
                Err(_) => Checked::Away,
            }
        };
        let checked = self.platform.timeout(CHECK_WITHIN, checking).await;
        checked.unwrap_or(Checked::Away)
    }

    /// The keeper, where it was or where it is now.
    async fn reach_again(&self, keeper: NodeId, way: &Provider) -> Option<Session> {
        if let Some(session) = way.reach(&self.node).await
            && session.peer() == keeper
            && !session.is_closed()
        {
            return Some(session);
        }
        self.node.dht()?.connect(keeper).await.ok()
    }

    /// Whether a block by chance is there; true where this node has no copy of its own to compare with.
    async fn proves(&self, session: &Session) -> Result<bool, NotKept> {
        let mut salt = [0; 32];
        let mut number = [0; 8];
        let mut entropy = self.platform.entropy();
        entropy.fill(&mut salt);
        entropy.fill(&mut number);
        let blocks = self.object.length.div_ceil(1 << 20).max(1);
        let block = u64::from_be_bytes(number) % blocks;
        let proof = prove(session, &self.object, block, salt).await?;
        let address = self.object.address;
        let own = move |store: &stt_store::BinaryStorage| {
            let own = store.open_blocks(address)?;
            Ok::<_, stt_store::ReadError>(own.prove(block, &salt)?)
        };
        let own = self.content.storage.calls().run(own).await;
        Ok(own.ok().flatten().is_none_or(|own| own == proof))
    }

    fn note_check(&mut self, keeper: NodeId, checked: &Checked) {
        let now = self.platform.now();
        let pause = self.pause(self.options.lease);
        let Some(copy) = self.copies.get_mut(&keeper) else {
            return;
        };
        match *checked {
            Checked::Kept(lease) => {
                let way = copy.keeper.clone();
                self.note_kept(keeper, way, lease);
            }
            Checked::Away => {
                let since = *copy.away.get_or_insert(now);
                let away = now.saturating_duration_since(since);
                if away >= self.options.patience || copy.until <= now {
                    return self.lose(keeper);
                }
                copy.due = now + pause.min(AWAY_RETRY);
                let since = away;
                self.show_copy(keeper, CopyState::Away { since });
            }
            Checked::Lost { is_liar } => {
                if is_liar {
                    tracing::warn!(%keeper, "a false proof of a copy");
                    self.liars.insert(keeper);
                }
                self.refused.insert(keeper, now);
                self.lose(keeper);
            }
        }
    }

    fn note_kept(&mut self, keeper: NodeId, way: Provider, lease: Duration) {
        let now = self.platform.now();
        let copy = Copy {
            keeper: way,
            due: now + self.pause(lease),
            until: now + lease,
            away: None,
        };
        self.copies.insert(keeper, copy);
        self.show_copy(keeper, CopyState::Kept { lease });
    }

    fn lose(&mut self, keeper: NodeId) {
        self.copies.remove(&keeper);
        self.retry = None;
        self.show.send_modify(|shown| shown.status.remove(keeper));
    }

    /// Until a keeper is asked again, a little earlier or later than others. spec: COPY-12.
    fn pause(&self, lease: Duration) -> Duration {
        let pause = self.options.check_every.min(lease / 2);
        let mut byte = [0];
        self.platform.entropy().fill(&mut byte);
        let pause = pause.mul_f64(0.9 + f64::from(byte[0]) / 2_560.0);
        pause.max(LEAST_PAUSE)
    }

    /// Has further keepers take copies, until there are as many as wanted or nobody is left to be asked.
    async fn place_missing(&mut self) {
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
            loop {
                while kept + asking.len() < wanted {
                    let Some(candidate) = candidates.next() else {
                        break;
                    };
                    asking.push(this.ask(candidate));
                }
                let Some(answered) = asking.next().await else {
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

    fn show_copy(&self, keeper: NodeId, state: CopyState) {
        self.show
            .send_modify(|shown| shown.status.set(keeper, state));
    }

    fn show_gone(&self, keeper: NodeId) {
        self.show.send_modify(|shown| shown.status.remove(keeper));
    }

    /// Has all keepers forget their copies.
    async fn release_all(&self) {
        let telling = self.copies.iter().map(|(keeper, copy)| async {
            let session = self.reach_again(*keeper, &copy.keeper).await?;
            keep(&session, &self.object, Duration::ZERO, |_| {})
                .await
                .ok()
        });
        let telling = join_all(telling);
        self.platform.timeout(CHECK_WITHIN, telling).await;
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

/// A keeper has so long to prove, and to renew.
const CHECK_WITHIN: Duration = Duration::from_secs(60);

/// A keeper that is away is looked for this often, at the latest.
const AWAY_RETRY: Duration = Duration::from_secs(600);

const LEAST_PAUSE: Duration = Duration::from_secs(1);

/// When too few keep a copy, further ones are looked for after so long; later after twice as long each time.
const FIRST_RETRY: Duration = Duration::from_secs(10);
const LAST_RETRY: Duration = Duration::from_secs(600);

/// spec: COPY-8.
const REFUSED_FOR: Duration = Duration::from_secs(600);

/// Keepers that are found for each copy, so that some may decline.
const ENOUGH_FOR_A_COPY: usize = 4;

/// How often a busy keeper is asked.
const ATTEMPTS: u32 = 30;
const MIN_WAIT: Duration = Duration::from_millis(100);
const MAX_WAIT: Duration = Duration::from_secs(10);
