//! An endpoint stream of the peer's: its items, through a staging area, into the endpoint's queue.

use std::{
    collections::HashSet,
    future::Future,
    pin::Pin,
    sync::{Arc, atomic::Ordering::Relaxed},
    time::{Duration, Instant},
};

use bytes::Bytes;
use stt_wire::{
    DecodeError, EndpointFrame, FrameDecoder, ItemOutcome, Name, RawFrame, RegisteredStreamCode,
    StreamCode, VarInt,
    limits::{MAX_ENDPOINT_FRAME_LEN, MAX_LIVE_ENDPOINT_STREAMS, MAX_NAME_LEN},
};
use tokio::sync::OwnedSemaphorePermit;

use super::{
    SESSION_PROMISE_KIB,
    answers::{Answers, End},
    backlog::Share,
    violation::Violation,
};
use crate::{
    endpoints::{
        Origin, Refusal, RoutedItem,
        queue::{EndpointQueue, Put, Turn},
    },
    session::{
        core::Core,
        messages::{
            inbox::LaneViolation,
            incoming::Incoming,
            patience::{Patience, SECOND},
        },
        stream::{RecvStream, SendStream},
    },
};

/// The peer's endpoint streams that are alive.
#[derive(Debug, Default)]
pub(super) struct Arrivals {
    streams: usize,
    names: HashSet<Name>,
}

/// One of the peer's endpoint streams, counted until dropped.
#[derive(Debug)]
struct Arrival {
    core: Arc<Core>,
    name: Option<Name>,
}

/// Takes an endpoint stream that the peer opened, to its end. A violation ends the session.
pub(crate) async fn serve(core: Arc<Core>, recv: RecvStream, mut send: SendStream) {
    send.leave_ledger();
    // An orderly end waits until everything is answered.
    let _entry = core.ledger.receiving();
    core.established().await;
    let arrival = match Arrival::new(&core) {
        Ok(arrival) => arrival,
        Err(violation) => return violation.end(&core),
    };
    wait_for_a_manager(&core).await;
    let answers = Answers::default();
    let taking = async {
        let mut inbound = Inbound::new(arrival, recv, &answers);
        let taken = inbound.run().await;
        if let Err(Failure::Broken(violation)) = &taken {
            violation.end(&core);
        }
        answers.end(if taken.is_ok() {
            End::Finished
        } else {
            End::Lost
        });
        // What it counted for is free before the peer can know of the end, and attach anew.
        drop(inbound);
    };
    match tokio::join!(taking, answers.write(&mut send)) {
        // Fails only when the session is over.
        ((), End::Finished) => drop(send.finish()),
        ((), End::Lost) => {
            send.reset_with(StreamCode::Registered(RegisteredStreamCode::Dropped));
        }
    }
}

/// A session is begun before its application has it and can attach a manager, and items may be
/// quicker. So the first ones wait a moment; only ever as much as the first credit allows.
async fn wait_for_a_manager(core: &Core) {
    let age = core
        .platform
        .now()
        .saturating_duration_since(core.opened_at());
    let left = MANAGER_WITHIN.saturating_sub(age);
    let attached = core.endpoints.attached.raised();
    core.platform.timeout(left, attached).await;
}

/// The reading of one stream, and what was read and has no place yet.
struct Inbound<'a> {
    arrival: Arrival,
    recv: RecvStream,
    decoder: FrameDecoder,
    staged: Incoming,
    share: Share,
    /// For the long item that is under way.
    promise: Option<Promise>,
    patience: Patience,
    /// When it is looked at next.
    next_look: Instant,
    /// Parts of an item that was refused are skipped.
    skipping: bool,
    /// The first item in line waits for room in its queue.
    turn: Option<Pending<Turn>>,
    /// The long item that is first in line waits to be granted.
    promising: Option<Pending<Promise>>,
    answers: &'a Answers,
}

/// Room for a long item, in the session's bound and the node's.
#[derive(Debug)]
struct Promise {
    _session: Option<OwnedSemaphorePermit>,
    _node: Share,
}

type Pending<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// What happened.
enum Event {
    Turn(Turn),
    Promise(Promise),
    Read(Option<Bytes>),
    /// In which nothing came of what was promised.
    Second,
}

/// Why a stream was not taken to its end.
enum Failure {
    /// The session is over.
    Lost,
    Broken(Violation),
}

impl<V: Into<Violation>> From<V> for Failure {
    fn from(violation: V) -> Self {
        Self::Broken(violation.into())
    }
}

impl<'a> Inbound<'a> {
    fn new(arrival: Arrival, recv: RecvStream, answers: &'a Answers) -> Self {
        let core = &arrival.core;
        Self {
            staged: Incoming::new(core.platform.now()),
            share: Share::new(&core.backlog),
            recv,
            decoder: FrameDecoder::new(MAX_ENDPOINT_FRAME_LEN),
            promise: None,
            patience: Patience::default(),
            next_look: core.platform.now(),
            skipping: false,
            turn: None,
            promising: None,
            arrival,
            answers,
        }
    }

    /// Reads to the end and finds every item its place.
    async fn run(&mut self) -> Result<(), Failure> {
        let mut has_ended = false;
        loop {
            self.settle();
            self.share.hold(self.staged.held());
            if has_ended && !self.staged.has_messages() {
                return Ok(());
            }
            match self.next(has_ended).await? {
                Event::Turn(turn) => self.put(turn),
                Event::Promise(promise) => self.grant(promise),
                Event::Read(Some(mut chunk)) => {
                    // Nothing else may come while a promise is kept.
                    let arrived = &self.arrival.core.endpoints.streams().arrived;
                    arrived.fetch_add(u64::from(self.promise.is_some()), Relaxed);
                    self.take(&mut chunk)?;
                }
                Event::Second => self.watch()?,
                Event::Read(None) => {
                    self.decoder.finish()?;
                    if self.staged.has_partial() {
                        return Err(Violation::CutOff.into());
                    }
                    has_ended = true;
                }
            }
        }
    }

    /// What happens next: more is read even while the first in line waits.
    async fn next(&mut self, has_ended: bool) -> Result<Event, Failure> {
        let core = &self.arrival.core;
        let (recv, answers) = (&mut self.recv, self.answers);
        let read = async {
            answers.has_room().await;
            recv.read_bytes(READ_BYTES).await
        };
        let read = core.backlog.while_room(read);
        let left = self
            .next_look
            .saturating_duration_since(core.platform.now());
        tokio::select! {
            biased;
            turn = of(&mut self.turn) => Ok(Event::Turn(turn)),
            promise = of(&mut self.promising) => Ok(Event::Promise(promise)),
            // Before what is read: that may always be there.
            () = core.platform.sleep(left), if self.promise.is_some() => Ok(Event::Second),
            read = read, if !has_ended => read.map(Event::Read).map_err(|_| Failure::Lost),
            // Also while nothing is read, for want of room.
            _ = core.closed() => Err(Failure::Lost),
        }
    }

    /// Ends a session that keeps the room of others for what does not come.
    fn watch(&mut self) -> Result<(), Violation> {
        let core = &self.arrival.core;
        self.next_look = core.platform.now() + SECOND;
        if !core.backlog.has_room() {
            // It may have come, and is not read.
            self.patience.begin_anew();
            return Ok(());
        }
        let arrived = core.endpoints.streams().arrived.load(Relaxed);
        let is_late = self.patience.is_at_end(core.packets_received(), arrived);
        if is_late && core.backlog.is_waited_for() {
            return Err(LaneViolation::Stalled.into());
        }
        Ok(())
    }

    fn take(&mut self, chunk: &mut Bytes) -> Result<(), Violation> {
        let max_item = self.arrival.core.limits.message as u64;
        while let Some(frame) = self.next_frame(chunk)? {
            let frame = EndpointFrame::decode(frame, max_item)?;
            if matches!(frame, EndpointFrame::Attach(_)) == self.arrival.name.is_some() {
                return Err(Violation::Attach);
            }
            match frame {
                EndpointFrame::Attach(name) => self.arrival.attach(name)?,
                EndpointFrame::Item(payload) => {
                    self.skipping = false;
                    self.staged.message(&payload)?;
                }
                EndpointFrame::ItemStart { total, payload } => {
                    self.skipping = false;
                    self.staged.start(total.get(), &payload)?;
                }
                EndpointFrame::ItemMore(payload) if self.skipping => {
                    self.staged.discard(payload.len())?;
                }
                EndpointFrame::ItemMore(payload) => {
                    self.staged.more(&payload)?;
                    if !self.staged.has_partial() {
                        (self.promise, self.promising) = (None, None);
                    }
                }
            }
        }
        Ok(())
    }

    /// The next frame. One that the credit can't cover is refused by its header, so that no stream
    /// can make us hold more than its credit.
    fn next_frame(&mut self, chunk: &mut Bytes) -> Result<Option<RawFrame>, DecodeError> {
        let left = usize::try_from(self.staged.left()).unwrap_or(usize::MAX);
        let longest = left.saturating_add(VarInt::MAX_ENCODED_LEN);
        let limit = longest.clamp(MAX_NAME_LEN, MAX_ENDPOINT_FRAME_LEN);
        self.decoder.set_limit(limit);
        self.decoder.decode(chunk)
    }

    /// Finds places for all items in line until one has to wait.
    fn settle(&mut self) {
        let mut queue = self.queue();
        while self.turn.is_none()
            && let Some(first) = self.staged.front()
        {
            let item = self.routed(first);
            let put = match &queue {
                Some(queue) => match queue.put_now(item) {
                    Put::MustWait(item) => {
                        self.turn = Some(Box::pin(Arc::clone(queue).turn(item.data.len())));
                        break;
                    }
                    Put::Delivered => Ok(()),
                    Put::Refused(refusal) => Err(refusal),
                },
                None => Err(Refusal::NoSuchEndpoint),
            };
            if put == Err(Refusal::NoSuchEndpoint) {
                // Removed meanwhile; another may have its name by now.
                queue = self.queue();
            }
            self.settled(put);
        }
        if self.promising.is_none()
            && let Some(total) = self.staged.wants_grant()
        {
            self.settle_long(total, queue);
        }
        self.renew_credit();
        self.answers.flush();
    }

    /// Refuses a long item that could never be put, or asks for room for it: in its queue first.
    fn settle_long(&mut self, total: u64, queue: Option<Arc<EndpointQueue>>) {
        let willing = match queue {
            Some(queue) => queue.never(total as usize).map_or(Ok(queue), Err),
            None => Err(Refusal::NoSuchEndpoint),
        };
        let queue = match willing {
            Ok(queue) => queue,
            Err(refusal) => return self.refuse_long(&refusal),
        };
        let core = Arc::clone(&self.arrival.core);
        self.promising = Some(Box::pin(async move {
            // Else what a stalled consumer leaves would take the room of others.
            queue.room_for(total as usize).await;
            let kib = total.div_ceil(1_024).min(SESSION_PROMISE_KIB.into()) as u32;
            let promises = Arc::clone(&core.endpoints.streams().promises);
            Promise {
                // Never closed, so there always is one.
                _session: promises.acquire_many_owned(kib).await.ok(),
                _node: Arc::clone(&core.backlog).promise(total).await,
            }
        }));
    }

    fn refuse_long(&mut self, refusal: &Refusal) {
        self.staged.refuse_partial();
        self.skipping = true;
        self.answers.answer(outcome(refusal));
    }

    fn put(&mut self, turn: Turn) {
        self.turn = None;
        if let Some(first) = self.staged.front() {
            let put = turn.put(self.routed(first));
            self.settled(put);
        }
    }

    fn grant(&mut self, promise: Promise) {
        self.promising = None;
        self.promise = Some(promise);
        if let Some(limit) = self.staged.grant() {
            self.answers.credit(limit);
        }
    }

    /// The first in line has its place, or has none.
    fn settled(&mut self, put: Result<(), Refusal>) {
        self.staged.pop();
        let outcome = put.map_or_else(|refusal| outcome(&refusal), |()| ItemOutcome::Delivered);
        self.answers.answer(outcome);
    }

    /// Lets the peer send more, if enough was consumed since the last time.
    fn renew_credit(&mut self) {
        let core = &self.arrival.core;
        let (now, round_trip) = (core.platform.now(), core.round_trip());
        let mut growth = core.endpoints.streams().growth.lock();
        if let Some(limit) = self.staged.next_limit(now, round_trip, &mut growth) {
            self.answers.credit(limit);
        }
    }

    /// The queue that the peer's items go to now, if there is one.
    fn queue(&self) -> Option<Arc<EndpointQueue>> {
        let manager = self.arrival.core.endpoints.served()?;
        manager.queue_for_peers(self.arrival.name.as_ref()?)
    }

    fn routed(&self, data: &Bytes) -> RoutedItem {
        let core = &self.arrival.core;
        let from = Origin::Peer {
            peer: core.peer(),
            session: core.id(),
        };
        let data = data.clone();
        RoutedItem { data, from }
    }
}

impl Drop for Inbound<'_> {
    fn drop(&mut self) {
        self.arrival.core.endpoints.streams().growth.lock().0 += self.staged.growth();
    }
}

impl Arrival {
    fn new(core: &Arc<Core>) -> Result<Self, Violation> {
        let mut arrivals = core.endpoints.streams().arrivals.lock();
        if arrivals.streams == MAX_LIVE_ENDPOINT_STREAMS {
            return Err(Violation::TooManyStreams);
        }
        arrivals.streams += 1;
        drop(arrivals);
        Ok(Self {
            core: Arc::clone(core),
            name: None,
        })
    }

    fn attach(&mut self, name: Name) -> Result<(), Violation> {
        let is_new = {
            let mut arrivals = self.core.endpoints.streams().arrivals.lock();
            arrivals.names.insert(name.clone())
        };
        if !is_new {
            return Err(Violation::SameName);
        }
        self.name = Some(name);
        Ok(())
    }
}

impl Drop for Arrival {
    fn drop(&mut self) {
        let mut arrivals = self.core.endpoints.streams().arrivals.lock();
        arrivals.streams -= 1;
        if let Some(name) = &self.name {
            arrivals.names.remove(name);
        }
    }
}

/// Resolves when what is pending does; never, if nothing is.
async fn of<T>(pending: &mut Option<Pending<T>>) -> T {
    match pending {
        Some(pending) => pending.await,
        None => std::future::pending().await,
    }
}

fn outcome(refusal: &Refusal) -> ItemOutcome {
    match refusal {
        Refusal::Full => ItemOutcome::Full,
        Refusal::TooLong { .. } => ItemOutcome::TooLong,
        Refusal::Other { code } => ItemOutcome::Other(VarInt::saturating(*code)),
        _ => ItemOutcome::NoSuchEndpoint,
    }
}

/// Read in pieces of this many bytes.
const READ_BYTES: usize = 64 * 1_024;

/// How long after a session has begun its first items wait for somebody to attach a manager.
const MANAGER_WITHIN: Duration = Duration::from_secs(1);
