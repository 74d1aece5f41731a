//! Drives following: entries that holders tell of are fetched, some at a time, and put up in order.
//!
//! One task decides, all others tell it what happened. *spec:* FEED-20 to FEED-23.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use stc::NodeId;
use stt_wire::{FeedEntry, FeedRequest, limits::MAX_RUN_LEN};
use tokio::sync::{mpsc, oneshot, watch};

use super::holders::{Event, Holders};
use super::object::{self, Failed, Got};
use super::status::{FeedBlame, FollowError, FollowStatus};
use crate::session::Session;
use crate::swarm::feed::holding::Holding;
use crate::swarm::feed::options::{FollowOptions, Start};
use crate::swarm::feed::record::Kept;
use crate::transport::platform::Platform;

pub(super) struct Driver {
    holding: Holding,
    platform: Platform,
    options: Arc<FollowOptions>,
    holders: Holders,
    events: mpsc::Receiver<Event>,
    event_sender: mpsc::Sender<Event>,
    /// Entries that are not put up yet.
    known: BTreeMap<u64, Known>,
    /// The entry that is put up next, once it is known where the feed begins here.
    next: Option<u64>,
    /// Tells those who listen what that is.
    window: watch::Sender<u64>,
    has_read: watch::Receiver<u64>,
    /// When the first entry was heard of.
    heard_at: Option<Instant>,
    /// When something was heard of last that is of use, and how long it may be until others are looked for.
    news_at: Instant,
    silence: Duration,
    /// When it was last not stuck.
    moved_at: Instant,
    show: watch::Sender<FollowStatus>,
}

/// An entry that was told of.
#[derive(Debug)]
struct Known {
    entry: FeedEntry,
    tellers: Vec<Session>,
    object: Object,
}

/// What is known of its object.
#[derive(Debug)]
enum Object {
    Wanted,
    /// Others that have it are told to whoever fetches it.
    Coming(mpsc::UnboundedSender<Session>),
    Here {
        is_brought: bool,
    },
}

impl Driver {
    pub(super) fn new(
        holding: Holding,
        options: Arc<FollowOptions>,
        has_read: watch::Receiver<u64>,
        show: watch::Sender<FollowStatus>,
    ) -> Self {
        let platform = holding.content.platform.clone();
        let (event_sender, events) = mpsc::channel(MAX_EVENTS);
        let holders = Holders::new(
            holding.node.clone(),
            platform.clone(),
            holding.reference,
            (options.providers.clone(), options.holders),
            event_sender.clone(),
        );
        let next = match options.start {
            Start::Number(number) => Some(number),
            Start::Beginning | Start::Live => None,
        };
        let now = platform.now();
        Self {
            holding,
            platform,
            options,
            holders,
            events,
            event_sender,
            known: BTreeMap::new(),
            next,
            window: watch::Sender::new(next.unwrap_or_default()),
            has_read,
            heard_at: None,
            news_at: now,
            silence: FIRST_SILENCE,
            moved_at: now,
            show,
        }
    }

    /// Runs until nobody wants the feed any more. `tell` hears why it broke off.
    pub(super) async fn run(mut self, tell: oneshot::Sender<FollowError>) {
        let node = self.holding.node.clone();
        let mut has_read = self.has_read.clone();
        let unwanted = async move { while has_read.changed().await.is_ok() {} };
        let driving = async {
            match self.follow().await {
                Err(error) => {
                    self.holders.leave_all();
                    self.until_all_is_read().await;
                    error
                }
                // Others have it from here, and who reads here may not be done.
                Ok(()) => self.stay().await,
            }
        };
        tokio::select! {
            biased;
            () = node.stopped() => {}
            () = unwanted => {}
            error = driving => {
                // Nobody may wait for it.
                let _ = tell.send(error);
            }
        }
        self.holding.end().await;
    }

    /// What came before an error is read before it.
    async fn until_all_is_read(&mut self) {
        let end = self.next.unwrap_or_default();
        while *self.has_read.borrow() < end && !self.holding.board.look().borrow().is_empty() {
            if self.has_read.changed().await.is_err() {
                return;
            }
            self.was_read().await;
        }
    }

    /// Until the last entry is put up.
    async fn follow(&mut self) -> Result<(), FollowError> {
        loop {
            self.put_up_all().await;
            if self.is_complete() {
                self.holders.leave_all();
                self.show();
                return Ok(());
            }
            self.fetch_some();
            self.look_for_others();
            self.check_patience()?;
            self.show();
            tokio::select! {
                biased;
                event = self.events.recv() => match event {
                    Some(event) => self.take(event)?,
                    // It cannot be: we hold a sender.
                    None => return Err(FollowError::ShutDown),
                },
                changed = self.has_read.changed() => match changed {
                    Ok(()) => self.was_read().await,
                    Err(_) => return Err(FollowError::ShutDown),
                },
                () = self.platform.sleep(TICK) => {}
            }
        }
    }

    /// Lets go of what is read, for as long as anybody reads.
    async fn stay(&mut self) -> FollowError {
        while self.has_read.changed().await.is_ok() {
            self.was_read().await;
        }
        FollowError::ShutDown
    }

    async fn was_read(&mut self) {
        let below = *self.has_read.borrow_and_update();
        self.holding.was_read_below(below).await;
    }

    fn is_complete(&self) -> bool {
        self.holding.board.look().borrow().is_complete()
    }

    fn take(&mut self, event: Event) -> Result<(), FollowError> {
        match event {
            Event::Reached(candidate, session) => {
                let from = match (self.next, self.options.start) {
                    (Some(next), _) => next,
                    (None, Start::Live) => FeedRequest::NEWEST.get(),
                    (None, _) => 0,
                };
                let window = self.window.subscribe();
                self.holders.reached(candidate, session, from, window);
            }
            Event::Entry(peer, entry) => return self.told(peer, entry),
            Event::Parted(peer, parting) => self.holders.parted(peer, parting),
            Event::Found(found) => self.holders.found(found),
            Event::Searched => self.holders.searched(),
            Event::Got(got) => return self.got(got),
        }
        Ok(())
    }

    /// A holder has an entry.
    fn told(&mut self, peer: NodeId, entry: FeedEntry) -> Result<(), FollowError> {
        let number = entry.number.get();
        if entry.length.get() > MAX_RUN_LEN as u64 {
            return Err(FollowError::FalseEntry { number });
        }
        self.check_history(&entry)?;
        let Some(session) = self.holders.told(peer, number).cloned() else {
            return Ok(());
        };
        if self.next.is_none() && self.options.start == Start::Live {
            self.begin_at(number);
        }
        if self.next.is_some_and(|next| number < next) {
            return Ok(());
        }
        if let Some(known) = self.known.get_mut(&number) {
            if let Object::Coming(further) = &known.object {
                // It may just have come.
                let _ = further.send(session.clone());
            }
            known.tellers.push(session);
            return Ok(());
        }
        let known = Known {
            entry,
            tellers: vec![session],
            object: Object::Wanted,
        };
        self.known.insert(number, known);
        if self.next.is_none() && number == 0 {
            self.begin_at(0);
        }
        let now = self.platform.now();
        self.heard_at.get_or_insert(now);
        // What lies behind a gap is no use to who waits for what is in it.
        if !self.is_stuck() {
            self.news_at = now;
            self.silence = FIRST_SILENCE;
        }
        Ok(())
    }

    /// spec: FEED-21.
    fn check_history(&self, entry: &FeedEntry) -> Result<(), FollowError> {
        let number = entry.number.get();
        let record = self.holding.board.look();
        let record = record.borrow();
        let before = record.entry(number);
        let before = before.or_else(|| self.known.get(&number).map(|known| &known.entry));
        let id = &self.holding.reference.id;
        match before {
            Some(before) if before.signed_bytes(id) != entry.signed_bytes(id) => {
                Err(FollowError::TwoHistories { number })
            }
            _ => Ok(()),
        }
    }

    fn begin_at(&mut self, number: u64) {
        self.next = Some(number);
        self.window.send_replace(number);
    }

    /// Fetches the objects of the next entries.
    fn fetch_some(&mut self) {
        // Where it is not known yet where to begin, what is known will not be there for ever.
        let Some(next) = self.next.or_else(|| self.lowest()) else {
            return;
        };
        let ahead = self.options.ahead as u64;
        let until = if self.holding.is_shared() {
            next + ahead
        } else {
            let oldest = self.holding.board.look().borrow().oldest();
            oldest.unwrap_or(next).max(*self.has_read.borrow()) + ahead
        };
        let content = Arc::new(self.holding.content.clone());
        for known in self.known.range_mut(..until).map(|(_, known)| known) {
            if !matches!(known.object, Object::Wanted) || known.tellers.is_empty() {
                continue;
            }
            let (tell, further) = mpsc::unbounded_channel();
            for session in known.tellers.drain(..) {
                // Its receiver is at hand.
                let _ = tell.send(session);
            }
            known.object = Object::Coming(tell);
            let (node, content) = (self.holding.node.clone(), Arc::clone(&content));
            let (entry, events) = (known.entry, self.event_sender.clone());
            self.platform.spawn(async move {
                tokio::select! {
                    biased;
                    () = events.closed() => {}
                    got = object::get(node, content, entry, further) => {
                        // Once the driver is gone, nobody waits.
                        let _ = events.send(Event::Got(got)).await;
                    }
                }
            });
        }
    }

    /// A fetch is over.
    fn got(&mut self, got: Got) -> Result<(), FollowError> {
        for (peer, blame) in got.blamed {
            self.holders.blame(peer, FeedBlame::Object(blame));
        }
        let Some(known) = self.known.get_mut(&got.entry.number.get()) else {
            return Ok(());
        };
        match got.outcome {
            Ok(here) => {
                let is_brought = here.is_brought;
                known.object = Object::Here { is_brought };
                Ok(())
            }
            Err(Failed::NoHolder) => {
                // Whoever tells of it again may have it.
                known.object = Object::Wanted;
                Ok(())
            }
            Err(Failed::For(error)) => Err(error),
        }
    }

    /// Puts up what is here, as far as it is in order.
    async fn put_up_all(&mut self) {
        while let Some(next) = self.next
            && let Some(known) = self.known.get(&next)
            && let Object::Here { is_brought } = known.object
        {
            let entry = known.entry;
            self.known.remove(&next);
            self.next = Some(next + 1);
            self.window.send_replace(next + 1);
            self.moved_at = self.platform.now();
            self.holding.put_up(Kept { entry, is_brought }).await;
        }
    }

    /// Keeps as many holders as are wanted, and changes them when nothing is heard.
    fn look_for_others(&mut self) {
        // Not all have the beginning.
        let wanted = match (self.next, self.options.start) {
            (None, Start::Beginning) => self.options.holders.max(FIRST_HOLDERS),
            _ => self.options.holders,
        };
        self.holders.seek(wanted);
        if self.platform.now() >= self.news_at + self.silence {
            self.holders.change();
            self.news_at = self.platform.now();
            self.silence = (self.silence * 2).min(LAST_SILENCE);
        }
    }

    /// Ends what has no hope, and begins behind what nobody has.
    fn check_patience(&mut self) -> Result<(), FollowError> {
        let now = self.platform.now();
        if !self.is_stuck() {
            self.moved_at = now;
            return Ok(());
        }
        let stuck_for = now.saturating_duration_since(self.moved_at);
        if self.may_begin_later(now, stuck_for) {
            self.begin_later();
        } else if stuck_for < self.options.patience {
            // There may be hope.
        } else if let Some(number) = self.next.filter(|_| self.holders.are_there()) {
            return Err(FollowError::Missed { number });
        } else {
            return Err(FollowError::NoHolders {
                named: self.holders.named(),
                blamed: self.holders.blamed.len(),
            });
        }
        Ok(())
    }

    /// Whether nobody has the entry with which to begin, as far as can be known by now, and nothing was put up yet.
    fn may_begin_later(&self, now: Instant, stuck_for: Duration) -> bool {
        let is_free = !matches!(self.options.start, Start::Number(_));
        let has_asked_all = self.heard_at.is_some_and(|at| now >= at + FOR_OLDER);
        let is_known = self.next.is_none() || stuck_for >= FOR_OLDER;
        let is_fresh = self.holding.board.look().borrow().is_empty();
        is_free && has_asked_all && is_known && is_fresh && !self.known.is_empty()
    }

    fn begin_later(&mut self) {
        if let Some(next) = self.next {
            self.known.remove(&next);
        }
        if let Some(lowest) = self.lowest() {
            self.begin_at(lowest);
        }
        self.moved_at = self.platform.now();
    }

    fn lowest(&self) -> Option<u64> {
        self.known.keys().next().copied()
    }

    /// Whether nothing goes on until somebody tells of what comes next.
    fn is_stuck(&self) -> bool {
        let next = self.next.and_then(|next| self.known.get(&next));
        match next.map(|known| &known.object) {
            Some(Object::Coming(_) | Object::Here { .. }) => false,
            // Who reads here has to go on first.
            Some(Object::Wanted) => next.is_some_and(|known| known.tellers.is_empty()),
            None => !self.known.is_empty() || !self.holders.are_there(),
        }
    }

    fn show(&self) {
        let status = FollowStatus {
            holders: self.holders.followed.keys().copied().collect(),
            blamed: self.holders.blamed.clone(),
            next: self.next,
        };
        self.show.send_if_modified(|shown| {
            let is_news = *shown != status;
            *shown = status;
            is_news
        });
    }
}

/// Events that wait for the driver.
const MAX_EVENTS: usize = 256;

/// How often it is looked whether something has not happened.
const TICK: Duration = Duration::from_millis(500);

/// How long nothing new may be heard before others are looked for, at first and at last.
const FIRST_SILENCE: Duration = Duration::from_secs(10);
const LAST_SILENCE: Duration = Duration::from_secs(300);

/// How long who begins at the beginning waits for an older entry than it heard of, and from how many.
const FOR_OLDER: Duration = Duration::from_secs(4);
const FIRST_HOLDERS: usize = 8;
