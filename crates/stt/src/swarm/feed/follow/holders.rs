//! Who is followed: holders that are named or found are reached, a few at a time, and listened to.
//!
//! *spec:* FEED-14, FEED-20, FEED-23.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use stc::NodeId;
use stt_wire::{FeedEntry, FeedRequest};
use tokio::sync::{mpsc, oneshot, watch};

use super::object::Got;
use super::status::FeedBlame;
use crate::dht::FoundPeer;
use crate::node::Node;
use crate::session::Session;
use crate::swarm::Provider;
use crate::swarm::exchange::ask::AskError;
use crate::swarm::exchange::follow::follow;
use crate::swarm::feed::reference::FeedReference;
use crate::transport::platform::Platform;

/// What happened.
#[derive(Debug)]
pub(super) enum Event {
    /// A candidate was reached, or was not.
    Reached(usize, Option<Session>),
    /// A holder told of an entry that the publisher signed.
    Entry(NodeId, FeedEntry),
    /// A holder is followed no longer.
    Parted(NodeId, Parting),
    Found(FoundPeer),
    Searched,
    Got(Got),
}

/// How it ended.
#[derive(Debug, Clone, Copy)]
pub(super) enum Parting {
    /// It said that nothing follows, or its session ended.
    Over,
    /// It has nothing of the feed.
    Absent,
    Busy {
        wait: Duration,
    },
    Blamed(FeedBlame),
}

/// Someone who may have the feed.
#[derive(Debug)]
struct Candidate {
    provider: Provider,
    node: Option<NodeId>,
    /// It is not asked before.
    not_before: Instant,
    /// How long it is left alone the next time.
    pause: Duration,
    is_taken: bool,
}

/// A holder that is followed.
#[derive(Debug)]
pub(super) struct Followed {
    pub(super) session: Session,
    candidate: usize,
    since: Instant,
    /// The first entry that it told of.
    began_at: Option<u64>,
    /// Its listener ends with this.
    _stop: oneshot::Sender<()>,
}

/// All of them.
pub(super) struct Holders {
    node: Node,
    platform: Platform,
    reference: FeedReference,
    most: usize,
    candidates: Vec<Candidate>,
    pub(super) followed: BTreeMap<NodeId, Followed>,
    pub(super) blamed: Vec<(NodeId, FeedBlame)>,
    reaching: usize,
    is_searching: bool,
    search_at: Instant,
    search_pause: Duration,
    events: mpsc::Sender<Event>,
}

impl Holders {
    pub(super) fn new(
        node: Node,
        platform: Platform,
        reference: FeedReference,
        (named, most): (Vec<Provider>, usize),
        events: mpsc::Sender<Event>,
    ) -> Self {
        let search_at = platform.now();
        let mut holders = Self {
            node,
            platform,
            reference,
            most,
            candidates: Vec::new(),
            followed: BTreeMap::new(),
            blamed: Vec::new(),
            reaching: 0,
            is_searching: false,
            search_at,
            search_pause: FIRST_SEARCH_PAUSE,
            events,
        };
        for provider in named {
            holders.add(provider, None);
        }
        holders
    }

    /// Members that were named or found.
    pub(super) fn named(&self) -> usize {
        self.candidates.len()
    }

    /// Whether anybody is followed, and did not only come to say no.
    pub(super) fn are_there(&self) -> bool {
        let now = self.platform.now();
        let mut followed = self.followed.values();
        followed.any(|it| it.began_at.is_some() || now >= it.since + NO_WITHIN)
    }

    fn add(&mut self, provider: Provider, node: Option<NodeId>) {
        if self.candidates.len() < MAX_CANDIDATES {
            self.candidates.push(Candidate {
                provider,
                node,
                not_before: self.platform.now(),
                pause: FIRST_PAUSE,
                is_taken: false,
            });
        }
    }

    /// The DHT told of one.
    pub(super) fn found(&mut self, found: FoundPeer) {
        let node = found.node;
        let known = (self.candidates.iter_mut()).find(|candidate| candidate.node == Some(node));
        match known {
            // It may have moved.
            Some(known) => known.provider = Provider::Found(found),
            None => self.add(Provider::Found(found), Some(node)),
        }
    }

    pub(super) fn searched(&mut self) {
        self.is_searching = false;
        self.search_at = self.platform.now() + self.search_pause;
        self.search_pause = (self.search_pause * 2).min(LAST_SEARCH_PAUSE);
    }

    /// Sees to it that as many are followed as are wanted, and no more: of them, those that have the older entries.
    pub(super) fn seek(&mut self, wanted: usize) {
        self.most = wanted;
        while self.followed.len() > self.most {
            let last = self.followed.iter().max_by_key(|(_, it)| it.began_at);
            let Some(peer) = last.map(|(peer, _)| *peer) else {
                return;
            };
            self.parted(peer, Parting::Over);
        }
        while self.followed.len() + self.reaching < self.most {
            let Some(number) = self.next_candidate() else {
                self.search();
                return;
            };
            self.reach(number);
        }
    }

    /// The publisher before others, for nobody is closer to what is new; of these, any.
    fn next_candidate(&self) -> Option<usize> {
        let now = self.platform.now();
        let blamed = |node: Option<NodeId>| {
            let mut blamed = self.blamed.iter();
            node.is_some_and(|node| blamed.any(|(it, _)| *it == node))
        };
        let may = |candidate: &Candidate| {
            !candidate.is_taken && candidate.not_before <= now && !blamed(candidate.node)
        };
        let ready: Vec<_> = (self.candidates.iter().enumerate())
            .filter(|(_, candidate)| may(candidate))
            .collect();
        let publisher = Some(self.reference.publisher);
        let first = ready
            .iter()
            .find(|(_, it)| it.node == publisher || !matches!(it.provider, Provider::Found(_)));
        let random = u32::from_be_bytes(self.platform.random()) as usize;
        let any = ready.get(random.checked_rem(ready.len())?);
        first.or(any).map(|(number, _)| *number)
    }

    fn reach(&mut self, number: usize) {
        let candidate = &mut self.candidates[number];
        candidate.is_taken = true;
        self.reaching += 1;
        let (provider, node) = (candidate.provider.clone(), self.node.clone());
        let events = self.events.clone();
        self.platform.spawn(async move {
            let reaching = provider.reach(&node);
            tokio::select! {
                biased;
                () = events.closed() => {}
                session = reaching => {
                    // Once the driver is gone, nobody listens.
                    let _ = events.send(Event::Reached(number, session)).await;
                }
            }
        });
    }

    /// Listens to one that was reached, from this number on.
    pub(super) fn reached(
        &mut self,
        number: usize,
        session: Option<Session>,
        from: u64,
        window: watch::Receiver<u64>,
    ) {
        self.reaching -= 1;
        let Some(session) = session else {
            self.leave_alone(number, None);
            return;
        };
        let peer = session.peer();
        self.candidates[number].node = Some(peer);
        let is_blamed = self.blamed.iter().any(|(it, _)| *it == peer);
        if is_blamed || peer == self.node.id() || self.followed.contains_key(&peer) {
            self.leave_alone(number, Some(LAST_PAUSE));
            return;
        }
        let (stop, stopped) = oneshot::channel();
        let listener = Listener {
            session: session.clone(),
            reference: self.reference,
            events: self.events.clone(),
            window,
        };
        self.platform.spawn(async move {
            tokio::select! {
                biased;
                _ = stopped => {}
                () = listener.run(from) => {}
            }
        });
        let followed = Followed {
            session,
            candidate: number,
            since: self.platform.now(),
            began_at: None,
            _stop: stop,
        };
        self.followed.insert(peer, followed);
    }

    /// Notes that a holder told of something.
    pub(super) fn told(&mut self, peer: NodeId, number: u64) -> Option<&Session> {
        let followed = self.followed.get_mut(&peer)?;
        if followed.began_at.is_none() {
            followed.began_at = Some(number);
            self.candidates[followed.candidate].pause = FIRST_PAUSE;
            self.search_pause = FIRST_SEARCH_PAUSE;
        }
        Some(&followed.session)
    }

    pub(super) fn parted(&mut self, peer: NodeId, parting: Parting) {
        let Some(followed) = self.followed.remove(&peer) else {
            return;
        };
        let wait = match parting {
            Parting::Busy { wait } => Some(wait.clamp(FIRST_PAUSE, LAST_PAUSE)),
            Parting::Over | Parting::Absent => None,
            Parting::Blamed(blame) => {
                self.blamed.push((peer, blame));
                Some(LAST_PAUSE)
            }
        };
        self.leave_alone(followed.candidate, wait);
    }

    /// Follows it no more, for what it did.
    pub(super) fn blame(&mut self, peer: NodeId, blame: FeedBlame) {
        self.parted(peer, Parting::Blamed(blame));
    }

    /// Lets the one go that was followed longest, in favour of another, if there is one or could be.
    pub(super) fn change(&mut self) {
        let oldest = self.followed.iter().min_by_key(|(_, it)| it.since);
        let Some((peer, _)) = oldest.filter(|_| self.followed.len() >= self.most) else {
            return;
        };
        let peer = *peer;
        if self.next_candidate().is_some() {
            self.parted(peer, Parting::Over);
        } else {
            self.search();
        }
    }

    /// All are done with.
    pub(super) fn leave_all(&mut self) {
        self.followed.clear();
    }

    fn leave_alone(&mut self, number: usize, wait: Option<Duration>) {
        let candidate = &mut self.candidates[number];
        candidate.is_taken = false;
        candidate.not_before = self.platform.now() + wait.unwrap_or(candidate.pause);
        candidate.pause = (candidate.pause * 2).min(LAST_PAUSE);
    }

    fn search(&mut self) {
        if self.is_searching || self.platform.now() < self.search_at {
            return;
        }
        let Some(dht) = self.node.dht() else {
            return;
        };
        self.is_searching = true;
        let mut providers = dht.find_providers(self.reference.address());
        let events = self.events.clone();
        self.platform.spawn(async move {
            while let Some(found) = providers.next().await {
                let Ok(found) = found else { break };
                // Once the driver is gone, nobody searches.
                if events.send(Event::Found(found)).await.is_err() {
                    return;
                }
            }
            let _ = events.send(Event::Searched).await;
        });
    }
}

/// Listens to one holder.
struct Listener {
    session: Session,
    reference: FeedReference,
    events: mpsc::Sender<Event>,
    /// The number of the entry that is wanted next: what is far above it waits.
    window: watch::Receiver<u64>,
}

impl Listener {
    async fn run(mut self, from: u64) {
        let parting = match self.listen(from).await {
            Ok(parting) => parting,
            Err(AskError::Absent | AskError::Refused) => Parting::Absent,
            Err(AskError::Busy { wait }) => Parting::Busy {
                wait: Duration::from_millis(wait),
            },
            Err(AskError::Broken | AskError::WrongLength) => Parting::Blamed(FeedBlame::Breach),
            Err(AskError::Lost | AskError::Reset) => Parting::Over,
        };
        let peer = self.session.peer();
        // Once the driver is gone, nobody listens.
        let _ = self.events.send(Event::Parted(peer, parting)).await;
    }

    async fn listen(&mut self, from: u64) -> Result<Parting, AskError> {
        let FeedReference { publisher, id } = self.reference;
        let mut entries = follow(&self.session, *publisher.as_bytes(), id, from).await?;
        let mut next: Option<u64> = None;
        while let Some(entry) = entries.next().await? {
            let number = entry.number.get();
            let is_newest = from == FeedRequest::NEWEST.get();
            let is_in_order = next.map_or(is_newest || number >= from, |next| next == number);
            if !is_in_order {
                return Ok(Parting::Blamed(FeedBlame::OutOfOrder));
            }
            if !self.reference.has_signed(&entry) {
                return Ok(Parting::Blamed(FeedBlame::ForgedEntry));
            }
            if next.is_some() {
                let is_near = |wanted: &u64| number < wanted.saturating_add(KNOWN_AHEAD);
                let waited = self.window.wait_for(is_near).await;
                waited.map_err(|_| AskError::Lost)?;
            }
            next = Some(number + 1);
            let told = Event::Entry(self.session.peer(), entry);
            self.events.send(told).await.map_err(|_| AskError::Lost)?;
            if entry.is_last {
                // It is needed for the objects.
                std::future::pending::<()>().await;
            }
        }
        Ok(Parting::Over)
    }
}

/// Entries of one holder that are known and not wanted yet.
const KNOWN_AHEAD: u64 = 64;

/// Who does not let us follow says so by then.
const NO_WITHIN: Duration = Duration::from_secs(5);

/// Members that are named or found.
const MAX_CANDIDATES: usize = 256;

/// How long one is left alone that was not reached, had nothing, or was busy.
const FIRST_PAUSE: Duration = Duration::from_secs(2);
const LAST_PAUSE: Duration = Duration::from_secs(120);

/// How long after a search the DHT is asked again.
const FIRST_SEARCH_PAUSE: Duration = Duration::from_secs(2);
const LAST_SEARCH_PAUSE: Duration = Duration::from_secs(120);
