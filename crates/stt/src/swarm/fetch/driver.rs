//! Drives a fetch: claims are weighed, one is believed, its object is gathered; if it was false, the next one.
//!
//! One task decides, all others tell it what happened. *spec:* CONTENT-20 to CONTENT-24.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use stc::NodeId;
use stt_wire::Span;
use tokio::sync::{mpsc, oneshot, watch};

use super::flight::Landed;
use super::gathering::{Gathered, Gathering};
use super::keeper::Checked;
use super::members::{Attendant, News};
use super::{
    Blame, FetchError, FetchOptions, FetchProgress, Provider, ProviderProgress, ProviderState,
    Wanted,
};
use crate::dht::FoundPeer;
use crate::node::Node;
use crate::session::Session;
use crate::storage::{
    Address, Reference, StoreError,
    blocking::{FinishError, ObjectPart},
};
use crate::swarm::Content;
use crate::swarm::plan::ProviderId;

/// What happened.
#[derive(Debug)]
pub(super) enum Event {
    Member(ProviderId, News),
    Landed(Landed),
    Checked(Checked),
    /// Manifests to be fetched next, and blocks that are here without having come.
    Outline {
        wanted: Vec<ObjectPart>,
        here: Vec<u64>,
    },
    /// A block that was here cannot be read.
    Damaged(u64),
    /// All blocks before this one are hashed.
    HashedUpTo(u64),
    Hashed(Address),
    Finished(Result<Reference, FinishError>),
    /// The DHT told of a provider.
    Found(FoundPeer),
    /// The DHT knows no more.
    Searched,
    StorageFailed(StoreError),
}

/// One provider, as the fetch sees it.
#[derive(Debug)]
pub(super) struct Member {
    pub(super) session: Option<Session>,
    pub(super) peer: Option<NodeId>,
    pub(super) state: ProviderState,
    pub(super) claim: Option<Reference>,
    /// Blocks that it said it has, for a plan that is made later.
    pub(super) spans: Vec<Span>,
    told: u64,
    pub(super) received: u64,
    pub(super) absences: u32,
    /// Whether anything more can come of it.
    is_over: bool,
}

/// Whether providers are looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Search {
    /// Those who are named are all there are.
    Nobody,
    /// The DHT is asked.
    Dht,
    /// The DHT has told all that it knows.
    Over,
}

/// What is to be done.
pub(super) struct Job {
    pub(super) node: Node,
    pub(super) content: Arc<Content>,
    pub(super) wanted: Wanted,
    pub(super) options: FetchOptions,
    pub(super) providers: mpsc::UnboundedReceiver<Provider>,
    /// Whether the DHT is to be asked for more.
    pub(super) search: Search,
    pub(super) progress: watch::Sender<FetchProgress>,
}

/// A fetch under way.
pub(super) struct Driver {
    node: Node,
    pub(super) content: Arc<Content>,
    pub(super) options: FetchOptions,
    pub(super) wanted: Wanted,
    further: mpsc::UnboundedReceiver<Provider>,
    has_further: bool,
    search: Search,
    pub(super) events: mpsc::Receiver<Event>,
    pub(super) event_sender: mpsc::Sender<Event>,
    pub(super) members: BTreeMap<ProviderId, Member>,
    pub(super) progress: watch::Sender<FetchProgress>,
}

/// Runs a fetch until it is done, or nobody wants it any more.
pub(super) async fn drive(job: Job, mut outcome: oneshot::Sender<Result<Reference, FetchError>>) {
    let (event_sender, events) = mpsc::channel(MAX_EVENTS);
    let mut driver = Driver {
        node: job.node,
        content: job.content,
        options: job.options,
        wanted: job.wanted,
        further: job.providers,
        has_further: true,
        search: job.search,
        events,
        event_sender,
        members: BTreeMap::new(),
        progress: job.progress,
    };
    let done = tokio::select! {
        biased;
        () = outcome.closed() => None,
        done = driver.run() => Some(done),
    };
    let address = driver.wanted.address();
    if !matches!(done, Some(Ok(_))) {
        driver.content.take_down_partial(address);
    }
    if let Some(done) = done {
        // Nobody may have waited for it.
        let _ = outcome.send(done);
    }
}

impl Driver {
    async fn run(&mut self) -> Result<Reference, FetchError> {
        if let Some(here) = self.already_here().await? {
            return Ok(here);
        }
        self.begin_search();
        let mut false_roots = 0;
        loop {
            let reference = match self.wanted {
                Wanted::Reference(reference) => reference,
                Wanted::Address(_) => self.choose_claim().await?,
            };
            if reference.length > self.options.longest {
                return Err(FetchError::TooLong {
                    length: reference.length,
                    longest: self.options.longest,
                });
            }
            let gathered = Gathering::run(self, reference).await?;
            let found = match gathered {
                Gathered::Whole(reference) => return Ok(reference),
                Gathered::FalseRoot(found) => found,
            };
            if matches!(self.wanted, Wanted::Reference(_)) {
                return Err(FetchError::FalseReference { found });
            }
            self.blame_claimants(&reference);
            false_roots += 1;
            if false_roots == MAX_FALSE_ROOTS {
                return Err(FetchError::FalseRoots);
            }
        }
    }

    async fn already_here(&self) -> Result<Option<Reference>, FetchError> {
        let address = self.wanted.address();
        let storage = &self.content.storage;
        if !storage.contains(address).await? {
            return Ok(None);
        }
        Ok(storage.reference(address).await.ok())
    }

    /// The claim that most make, once all were heard or time is up. spec: CONTENT-22.
    async fn choose_claim(&mut self) -> Result<Reference, FetchError> {
        let platform = self.content.platform.clone();
        let mut patience = None;
        loop {
            let is_waiting = self.members.values().any(Member::may_claim_yet);
            let best = self.best_claim();
            if best.is_some() && patience.is_none() {
                patience = Some(platform.now() + CLAIMS_WITHIN);
            }
            let is_late = patience.is_some_and(|until| platform.now() >= until);
            if let Some(best) = best.filter(|_| !is_waiting || is_late) {
                return Ok(best);
            }
            self.check_hope()?;
            tokio::select! {
                biased;
                event = self.next_event() => self.take_news(event),
                () = platform.sleep(TICK) => self.show(None, |_| 0),
            }
        }
    }

    fn best_claim(&self) -> Option<Reference> {
        let mut votes: BTreeMap<([u8; 32], u64), (usize, Reference)> = BTreeMap::new();
        let claims = self.members.values().filter(|member| member.serves());
        for claim in claims.filter_map(|member| member.claim) {
            votes
                .entry((claim.root, claim.length))
                .or_insert((0, claim))
                .0 += 1;
        }
        let weight = |(count, claim): &(usize, Reference)| (*count, u64::MAX - claim.length);
        let best = votes.into_values().max_by_key(weight);
        best.map(|(_, claim)| claim)
    }

    fn blame_claimants(&mut self, claim: &Reference) {
        for member in self.members.values_mut() {
            if member.claim == Some(*claim) {
                member.state = ProviderState::Dropped(Blame::FalseRoot);
            }
        }
    }

    /// What happens next. New providers are attended to on the way. Cancel safe.
    pub(super) async fn next_event(&mut self) -> Event {
        loop {
            tokio::select! {
                biased;
                provider = self.further.recv(), if self.has_further => match provider {
                    Some(provider) => self.add(provider),
                    None => self.has_further = false,
                },
                event = self.events.recv() => match event {
                    Some(Event::Found(found)) => self.add(Provider::Found(found)),
                    Some(Event::Searched) => {
                        self.search = Search::Over;
                        return Event::Searched;
                    }
                    Some(event) => return event,
                    // It cannot be: we hold a sender.
                    None => std::future::pending().await,
                },
            }
        }
    }

    fn begin_search(&mut self) {
        if self.search != Search::Dht {
            return;
        }
        let Some(dht) = self.node.dht() else {
            self.search = Search::Over;
            return;
        };
        let mut providers = dht.find_providers(self.wanted.address());
        let events = self.event_sender.clone();
        self.content.platform.spawn(async move {
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

    fn add(&mut self, provider: Provider) {
        if self.members.len() >= MAX_MEMBERS {
            return;
        }
        let id = ProviderId(self.members.len() as u32);
        self.members.insert(id, Member::new());
        let attendant = Attendant {
            id,
            provider,
            node: self.node.clone(),
            platform: self.content.platform.clone(),
            address: self.wanted.address(),
            events: self.event_sender.clone(),
        };
        self.content.platform.spawn(attendant.run());
    }

    /// Takes in what concerns members alone.
    fn take_news(&mut self, event: Event) {
        if let Event::Member(id, news) = event {
            self.note(id, news);
        }
    }

    /// Notes news of a member; true if it can be asked for blocks since.
    pub(super) fn note(&mut self, id: ProviderId, news: News) {
        let wanted = self.wanted;
        let Some(member) = self.members.get_mut(&id) else {
            return;
        };
        if matches!(member.state, ProviderState::Dropped(_)) {
            return;
        }
        member.hear(news, wanted);
    }

    /// Fails once nobody is left that could send anything.
    pub(super) fn check_hope(&self) -> Result<(), FetchError> {
        let is_hopeful = self
            .members
            .values()
            .any(|member| !member.is_lost_for_good());
        let is_waiting =
            self.members.is_empty() && self.has_further && self.search == Search::Nobody;
        if is_hopeful || is_waiting || !self.further.is_empty() || self.search == Search::Dht {
            return Ok(());
        }
        let count = |is: fn(&ProviderState) -> bool| {
            let members = self.members.values();
            members.filter(|member| is(&member.state)).count()
        };
        Err(FetchError::NoProviders {
            absent: count(|state| matches!(state, ProviderState::Absent)),
            unreached: count(|state| matches!(state, ProviderState::Unreached)),
            lost: count(|state| matches!(state, ProviderState::Lost)),
            blamed: count(|state| matches!(state, ProviderState::Dropped(_))),
        })
    }

    /// Lets whoever watches know.
    pub(super) fn show(
        &self,
        object: Option<(u64, u64, u64, u64)>,
        rate: impl Fn(ProviderId) -> u64,
    ) {
        let members = self.members.iter().map(|(id, member)| ProviderProgress {
            peer: member.peer,
            state: member.state,
            received: member.received,
            rate: rate(*id),
        });
        let mut progress = FetchProgress {
            providers: members.collect(),
            ..FetchProgress::default()
        };
        if let Some((length, verified, resumed, discarded)) = object {
            progress.length = Some(length);
            progress.verified = verified;
            progress.resumed = resumed;
            progress.discarded = discarded;
        }
        self.progress.send_if_modified(|shown| {
            let is_news = *shown != progress;
            *shown = progress;
            is_news
        });
    }
}

impl Member {
    fn new() -> Self {
        Self {
            session: None,
            peer: None,
            state: ProviderState::Dialling,
            claim: None,
            spans: Vec::new(),
            told: 0,
            received: 0,
            absences: 0,
            is_over: false,
        }
    }

    fn hear(&mut self, news: News, wanted: Wanted) {
        match news {
            News::Reached(session) => {
                self.peer = Some(session.peer());
                self.session = Some(session);
                self.state = ProviderState::Asked;
                self.spans.clear();
                self.told = 0;
            }
            News::Claimed(claim) => {
                let is_other = matches!(wanted, Wanted::Reference(reference) if reference != claim);
                self.claim = Some(claim);
                self.state = if is_other {
                    ProviderState::Absent
                } else {
                    ProviderState::Serving
                };
            }
            News::Has(spans) => {
                let count = self
                    .claim
                    .map_or(0, |claim| claim.length.div_ceil(1 << 20).max(1));
                self.told += spans.as_slice().iter().map(|span| span.count).sum::<u64>();
                if spans.end() > count || self.told > count {
                    // spec: CONTENT-7.
                    self.state = ProviderState::Dropped(Blame::Breach);
                    return;
                }
                self.spans.extend_from_slice(spans.as_slice());
            }
            News::Absent => self.state = ProviderState::Absent,
            News::Breach => self.state = ProviderState::Dropped(Blame::Breach),
            News::Unreached => self.state = ProviderState::Unreached,
            News::Lost => {
                self.session = None;
                self.state = ProviderState::Lost;
            }
            News::Over => self.is_over = true,
        }
    }

    /// Whether it may be asked for parts.
    pub(super) fn serves(&self) -> bool {
        self.session.is_some() && self.state == ProviderState::Serving
    }

    fn may_claim_yet(&self) -> bool {
        !self.is_over && matches!(self.state, ProviderState::Dialling | ProviderState::Asked)
    }

    fn is_lost_for_good(&self) -> bool {
        match self.state {
            ProviderState::Dropped(_) | ProviderState::Absent => true,
            _ => self.is_over,
        }
    }
}

/// Events that wait for the driver.
const MAX_EVENTS: usize = 256;

/// Providers of one fetch.
const MAX_MEMBERS: usize = 256;

/// How long others may take to answer once one has.
const CLAIMS_WITHIN: Duration = Duration::from_secs(2);

/// How often paces are measured and progress is shown.
pub(super) const TICK: Duration = Duration::from_millis(100);

/// False roots that are believed, one after the other. spec: CONTENT-22.
const MAX_FALSE_ROOTS: u32 = 2;
