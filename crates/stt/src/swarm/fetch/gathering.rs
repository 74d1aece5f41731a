//! Gathers the object of one root: manifests, then blocks as the plan says, until all are here and hashed.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use tokio::sync::{mpsc, watch};

use super::driver::{Driver, Event, TICK};
use super::flight::{Flight, Landed, Outcome};
use super::hashing::Hashing;
use super::keeper::{Checked, Keeper, Work};
use super::members::News;
use super::spares::Spares;
use super::{Blame, FetchError, ProviderState, Sharing, Wanted};
use crate::storage::{
    Address, Reference, StoreError,
    blocking::{FinishError, ObjectBlocks, ObjectPart, PartialObject, Pushed},
};
use crate::swarm::exchange::ask::AskError;
use crate::swarm::plan::{End, Order, Plan, ProviderId};
use crate::swarm::shelves::{Gained, Holds};

/// What became of it.
pub(super) enum Gathered {
    Whole(Reference),
    /// All blocks of the root came, and are those of another address.
    FalseRoot(Address),
}

/// Bytes of a part that came in pieces: up to where, and from whom.
#[derive(Debug, Default)]
struct Pieces {
    bytes: Vec<u8>,
    ends: Vec<(ProviderId, usize)>,
}

/// A manifest to be fetched: who was asked last, how often anybody was, and since when.
#[derive(Debug, Clone, Copy, Default)]
struct Errand {
    asked: Option<ProviderId>,
    attempts: u32,
    since: Duration,
}

/// An object on its way.
pub(super) struct Gathering {
    reference: Reference,
    plan: Plan,
    begun: Instant,
    work: mpsc::Sender<Work>,
    flights: BTreeMap<(ProviderId, ObjectPart), Flight>,
    joined: BTreeSet<ProviderId>,
    /// Manifests to be fetched.
    manifests: BTreeMap<ObjectPart, Errand>,
    /// Blocks that came in part.
    pieces: BTreeMap<u64, Pieces>,
    /// Who sent what is being compared.
    checking: BTreeMap<ObjectPart, Vec<(ProviderId, usize)>>,
    /// False blocks that several had sent, until one sends the true one.
    suspects: BTreeMap<u64, Pieces>,
    /// Blocks that came and are not part of the hash yet.
    unhashed: BTreeSet<u64>,
    /// The first block that is not part of it.
    hashed: u64,
    spares: Spares,
    /// Whether the names of all blocks are known.
    is_outlined: bool,
    /// Shared while it is gathered.
    sharing: Option<(ObjectBlocks, watch::Receiver<Gained>)>,
    here: u64,
    resumed: u64,
    discarded: u64,
    done: Option<Result<Gathered, FetchError>>,
}

impl Gathering {
    pub(super) async fn run(
        driver: &mut Driver,
        reference: Reference,
    ) -> Result<Gathered, FetchError> {
        let open = move |store: &stt_store::BinaryStorage| store.open_partial(reference);
        let partial: PartialObject = driver.content.storage.calls().run(open).await?;
        let mut gathering = Self::begin(driver, reference, partial).await;
        let platform = driver.content.platform.clone();
        let mut due = platform.now() + TICK;
        while gathering.done.is_none() {
            gathering.dispatch(driver);
            if !gathering.is_complete() {
                driver.check_hope()?;
            }
            let left = due.saturating_duration_since(platform.now());
            if left.is_zero() {
                gathering.tick(driver);
                due = platform.now() + TICK;
                continue;
            }
            tokio::select! {
                biased;
                event = driver.next_event() => gathering.take(driver, event),
                () = platform.sleep(left) => {}
            }
        }
        let done = gathering.done.take().unwrap_or(Err(FetchError::ShutDown));
        gathering.tick(driver);
        gathering.end(driver, done).await
    }

    async fn begin(driver: &Driver, reference: Reference, partial: PartialObject) -> Self {
        let content = &driver.content;
        let (work, works) = mpsc::channel(MAX_WORK);
        let (to_hashing, feed) = mpsc::unbounded_channel();
        let (gained_of, gained) = watch::channel(Gained::default());
        let blocks = partial.blocks();
        let spares = Spares::default();
        let hashing = Hashing {
            storage: content.storage.clone(),
            blocks: blocks.clone(),
            count: partial.block_count(),
            feed,
            events: driver.event_sender.clone(),
            spares: spares.clone(),
        };
        content.platform.spawn(hashing.run());
        let keeper = Keeper {
            storage: content.storage.clone(),
            platform: content.platform.clone(),
            work: works,
            events: driver.event_sender.clone(),
            hashing: to_hashing,
            gained: gained_of,
            unsaved: Vec::new(),
            unsaved_since: None,
        };
        keeper.tell_outline(&partial).await;
        content.platform.spawn(keeper.run(partial));
        let is_vouched_for = matches!(driver.wanted, Wanted::Reference(_));
        let is_shared = driver.options.sharing == Sharing::Verified && is_vouched_for;
        let random = u64::from_be_bytes(content.platform.random());
        Self {
            reference,
            plan: Plan::new(reference.length, random),
            begun: content.platform.now(),
            work,
            flights: BTreeMap::new(),
            joined: BTreeSet::new(),
            manifests: BTreeMap::new(),
            pieces: BTreeMap::new(),
            checking: BTreeMap::new(),
            suspects: BTreeMap::new(),
            unhashed: BTreeSet::new(),
            hashed: 0,
            spares,
            is_outlined: false,
            sharing: is_shared.then_some((blocks, gained)),
            here: 0,
            resumed: 0,
            discarded: 0,
            done: None,
        }
    }

    fn now(&self, driver: &Driver) -> Duration {
        let now = driver.content.platform.now();
        now.saturating_duration_since(self.begun)
    }

    fn is_complete(&self) -> bool {
        self.is_outlined && self.plan.missing() == 0
    }

    /// Begins and ends flights as is due.
    fn dispatch(&mut self, driver: &mut Driver) {
        self.admit(driver);
        self.fetch_manifests(driver);
        let is_keeper_behind = self.work.capacity() < MAX_WORK - MAX_BACKLOG;
        if !self.is_outlined || is_keeper_behind || self.is_hash_behind() {
            return;
        }
        let now = self.now(driver);
        while let Some(order) = self.plan.poll(now) {
            match order {
                Order::Cancel { provider, block } => {
                    self.flights.remove(&(provider, ObjectPart::Block(block)));
                }
                Order::Fetch {
                    provider, block, ..
                } => self.fetch_block(driver, provider, block, now),
            }
        }
    }

    /// Whether enough is here for the hash to be busy with: more would only take memory, and time from it.
    fn is_hash_behind(&self) -> bool {
        let next = self.unhashed.range(..self.hashed + MAX_UNHASHED);
        next.count() as u64 == MAX_UNHASHED
    }

    /// Lets members take part that can, and lets those go that cannot any more.
    fn admit(&mut self, driver: &mut Driver) {
        let now = self.now(driver);
        for (id, member) in &mut driver.members {
            let session = member.session.as_ref();
            let session = session.filter(|_| member.state == ProviderState::Serving);
            let Some(session) = session.filter(|_| member.claim == Some(self.reference)) else {
                if self.joined.remove(id) {
                    self.plan.leave(*id);
                }
                continue;
            };
            if self.joined.insert(*id) {
                let round_trip = session.core().refresh_round_trip();
                self.plan.join(*id, round_trip, now);
            }
            for span in member.spans.drain(..) {
                self.plan.gains(*id, span.first, span.count);
            }
        }
    }

    fn fetch_manifests(&mut self, driver: &Driver) {
        let idle = self.manifests.iter();
        let idle = idle.filter(|(part, _)| !self.checking.contains_key(part));
        let idle: Vec<_> = idle.map(|(part, errand)| (*part, *errand)).collect();
        let now = self.now(driver);
        for (part, errand) in idle {
            let flight = errand
                .asked
                .filter(|id| self.flights.contains_key(&(*id, part)));
            if let Some(id) = flight {
                let patience = MANIFEST_WITHIN * errand.attempts.min(10);
                if now.saturating_sub(errand.since) > patience {
                    self.flights.remove(&(id, part));
                } else {
                    continue;
                }
            }
            // In turn: who failed comes last.
            let is_later = |id: &&ProviderId| errand.asked.is_none_or(|asked| **id > asked);
            let after = self.joined.iter().find(is_later);
            let Some(id) = after.or_else(|| self.joined.first()).copied() else {
                return;
            };
            self.begin_flight(driver, id, part, Vec::new());
            let errand = Errand {
                asked: Some(id),
                attempts: errand.attempts + 1,
                since: now,
            };
            self.manifests.insert(part, errand);
        }
    }

    fn fetch_block(&mut self, driver: &Driver, id: ProviderId, block: u64, now: Duration) {
        let pieces = self.pieces.get(&block);
        let mut bytes = self.spares.take();
        if let Some(pieces) = pieces {
            bytes.extend_from_slice(&pieces.bytes);
        }
        if !self.begin_flight(driver, id, ObjectPart::Block(block), bytes) {
            self.plan.ended(id, block, End::Absent, now);
        }
    }

    fn begin_flight(
        &mut self,
        driver: &Driver,
        id: ProviderId,
        part: ObjectPart,
        bytes: Vec<u8>,
    ) -> bool {
        let member = driver.members.get(&id);
        let Some(session) = member.and_then(|member| member.session.clone()) else {
            return false;
        };
        let flight = Flight::begin(
            &driver.content.platform,
            (id, session),
            self.reference,
            part,
            bytes,
            driver.event_sender.clone(),
        );
        self.flights.insert((id, part), flight);
        true
    }

    fn take(&mut self, driver: &mut Driver, event: Event) {
        match event {
            Event::Member(id, news) => {
                let is_back = matches!(news, News::Reached(_));
                if is_back && self.joined.remove(&id) {
                    self.plan.leave(id);
                }
                driver.note(id, news);
            }
            Event::Landed(landed) => self.landed(driver, landed),
            Event::Checked(checked) => {
                self.checked(driver, &checked);
                self.spares.give(checked.bytes);
            }
            Event::Outline { wanted, here } => self.outlined(driver, wanted, &here),
            Event::Damaged(block) => {
                self.here -= 1;
                self.unhashed.remove(&block);
                self.plan.wanted_again(block, false);
                self.do_work(Work::Lose(block));
            }
            Event::HashedUpTo(block) => {
                self.hashed = block;
                self.unhashed = self.unhashed.split_off(&block);
            }
            Event::Hashed(address) => self.do_work(Work::Finish(address)),
            Event::Finished(Ok(reference)) => self.done = Some(Ok(Gathered::Whole(reference))),
            Event::Finished(Err(FinishError::FalseRoot { found })) => {
                self.done = Some(Ok(Gathered::FalseRoot(found)));
            }
            Event::Finished(Err(FinishError::Store(error))) | Event::StorageFailed(error) => {
                self.done = Some(Err(error.into()));
            }
            // The driver has seen to these.
            Event::Found(_) | Event::Searched => {}
            Event::Finished(Err(_)) => self.done = Some(Err(FetchError::ShutDown)),
        }
    }

    /// The queue has room for all that can be under way.
    fn do_work(&mut self, work: Work) {
        if self.work.try_send(work).is_err() {
            self.done.get_or_insert(Err(FetchError::ShutDown));
        }
    }

    fn outlined(&mut self, driver: &Driver, wanted: Vec<ObjectPart>, here: &[u64]) {
        self.manifests.retain(|part, _| wanted.contains(part));
        self.is_outlined = wanted.is_empty();
        for part in wanted {
            self.manifests.entry(part).or_default();
        }
        for block in here {
            self.plan.kept(*block);
            self.here += 1;
            self.resumed += self.len_of(*block);
        }
        if self.is_outlined
            && let Some((blocks, gained)) = self.sharing.take()
        {
            driver.content.put_up(blocks, Holds::Some(gained));
        }
    }

    fn len_of(&self, block: u64) -> u64 {
        let len = ObjectPart::Block(block).len_in(&self.reference);
        len.unwrap_or_default() as u64
    }

    fn landed(&mut self, driver: &mut Driver, landed: Landed) {
        let id = landed.provider;
        self.flights.remove(&(id, landed.part));
        if let Some(member) = driver.members.get_mut(&id) {
            member.received += landed.received;
        }
        if let Outcome::Failed(AskError::WrongLength | AskError::Broken) = landed.outcome {
            self.blame(driver, id, Blame::Breach);
        }
        match landed.part {
            ObjectPart::Block(block) => self.block_landed(driver, block, landed),
            part if landed.outcome == Outcome::Whole && self.manifests.contains_key(&part) => {
                self.checking.insert(part, vec![(id, landed.bytes.len())]);
                self.do_work(Work::Push(part, landed.bytes));
            }
            // Somebody else is asked.
            _ => self.discarded += landed.received,
        }
    }

    fn block_landed(&mut self, driver: &mut Driver, block: u64, landed: Landed) {
        let (id, now) = (landed.provider, self.now(driver));
        let mut pieces = self.pieces.remove(&block).unwrap_or_default();
        let is_alone = self.suspects.contains_key(&block);
        let at_hand = landed.bytes.len();
        let came = at_hand.saturating_sub(pieces.bytes.len());
        let end = match landed.outcome {
            Outcome::Whole => End::Whole,
            Outcome::Failed(AskError::Busy { wait }) => End::Busy {
                until: now + Duration::from_millis(wait.clamp(50, 10_000)),
            },
            Outcome::Failed(AskError::Absent) => End::Absent,
            Outcome::GivenUp | Outcome::Failed(_) => End::Cut { at_hand },
        };
        self.plan.ended(id, block, end, now);
        match end {
            End::Whole => {
                pieces.ends.push((id, at_hand));
                self.checking.insert(ObjectPart::Block(block), pieces.ends);
                self.do_work(Work::Push(ObjectPart::Block(block), landed.bytes));
            }
            _ if is_alone => self.discarded += landed.received,
            _ => {
                if came > 0 {
                    pieces.ends.push((id, at_hand));
                    pieces.bytes = landed.bytes;
                }
                if !pieces.bytes.is_empty() {
                    self.pieces.insert(block, pieces);
                }
            }
        }
        if end == End::Absent
            && let Some(member) = driver.members.get_mut(&id)
        {
            member.absences += 1;
            if member.absences >= MAX_ABSENCES {
                self.blame(driver, id, Blame::EmptyPromises);
            }
        }
    }

    fn checked(&mut self, driver: &mut Driver, checked: &Checked) {
        let senders = self.checking.remove(&checked.part).unwrap_or_default();
        match (checked.part, checked.pushed) {
            (ObjectPart::Block(block), Pushed::Kept) => {
                self.plan.kept(block);
                self.here += 1;
                if block >= self.hashed {
                    self.unhashed.insert(block);
                }
                for (id, _) in &senders {
                    self.plan.proved(*id);
                }
                if let Some(suspect) = self.suspects.remove(&block) {
                    self.judge(driver, &suspect, &checked.bytes);
                }
            }
            (ObjectPart::Block(block), Pushed::Known) => self.plan.kept(block),
            (ObjectPart::Block(block), _) => {
                self.discarded += checked.bytes.len() as u64;
                self.plan.wanted_again(block, senders.len() > 1);
                if let [(only, _)] = senders.as_slice() {
                    self.blame(driver, *only, Blame::FalsePart);
                } else {
                    let bytes = checked.bytes.to_vec();
                    let suspect = Pieces {
                        bytes,
                        ends: senders,
                    };
                    self.suspects.insert(block, suspect);
                }
            }
            (_, Pushed::False) => {
                self.discarded += checked.bytes.len() as u64;
                if let Some((id, _)) = senders.first() {
                    self.blame(driver, *id, Blame::FalsePart);
                }
            }
            (_, _) => {}
        }
    }

    /// Blames whoever sent another piece than the true one. spec: CONTENT-21.
    fn judge(&mut self, driver: &mut Driver, suspect: &Pieces, truth: &[u8]) {
        let mut begin = 0;
        for (id, end) in &suspect.ends {
            if suspect.bytes.get(begin..*end) != truth.get(begin..*end) {
                self.blame(driver, *id, Blame::FalsePart);
            }
            begin = *end;
        }
    }

    fn blame(&mut self, driver: &mut Driver, id: ProviderId, blame: Blame) {
        if let Some(member) = driver.members.get_mut(&id)
            && !matches!(member.state, ProviderState::Dropped(_))
        {
            tracing::warn!(peer = ?member.peer, ?blame, "provider dropped");
            member.state = ProviderState::Dropped(blame);
        }
        if self.joined.remove(&id) {
            self.plan.leave(id);
        }
    }

    fn tick(&mut self, driver: &Driver) {
        let now = self.now(driver);
        let received = self
            .flights
            .iter()
            .filter_map(|((id, part), flight)| match part {
                ObjectPart::Block(block) => Some((*id, *block, flight.received())),
                _ => None,
            });
        self.plan.sample(received, now);
        let length = self.reference.length;
        let verified = (self.here << 20).min(length);
        let object = (length, verified, self.resumed, self.discarded);
        driver.show(Some(object), |id| self.plan.rate(id).unwrap_or_default());
    }

    /// Leaves things as they should be.
    async fn end(
        self,
        driver: &Driver,
        done: Result<Gathered, FetchError>,
    ) -> Result<Gathered, FetchError> {
        let address = self.reference.address;
        drop(self.work);
        match &done {
            Ok(Gathered::Whole(_)) if driver.options.sharing == Sharing::Verified => {
                let published = driver.content.publish(address).await;
                published.map_err(|_| FetchError::ShutDown)?;
            }
            Ok(Gathered::FalseRoot(_)) => {
                driver.content.take_down_partial(address);
                let discard = move |store: &stt_store::BinaryStorage| {
                    store.discard_partial(address).map_err(StoreError::from)
                };
                driver.content.storage.calls().run(discard).await?;
            }
            _ => {}
        }
        done
    }
}

/// Parts that wait to be compared; more than can be under way.
const MAX_WORK: usize = 256;

/// Parts that wait to be compared, beyond which no more are asked for.
const MAX_BACKLOG: usize = 32;

/// Blocks that wait to be hashed, one after the other, beyond which no more are asked for: 65 ms of work at the
/// least, and what is under way comes on top.
const MAX_UNHASHED: u64 = 32;

/// A manifest comes in this time, or another provider is asked; longer each time.
const MANIFEST_WITHIN: Duration = Duration::from_secs(2);

/// Blocks that a provider claimed to have and did not.
const MAX_ABSENCES: u32 = 3;
