//! The sending side of messages: one credit for each message stream id, spent in the order of the
//! calls.

use std::{
    collections::{HashMap, hash_map::Entry},
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::Relaxed},
    },
};

use bytes::{Buf, Bytes};
use parking_lot::Mutex;
use stt_wire::{
    Message, MessageMore, MessageStart, Release, StreamKind, VarInt,
    limits::{INITIAL_CREDIT, MAX_LIVE_MESSAGE_STREAMS, MAX_PART_LEN, MESSAGE_COST},
};
use tokio::sync::{Notify, Semaphore, SemaphorePermit, oneshot};

use super::{LANES, lane_of};
use crate::session::{SendError, core::Core, ledger::LedgerEntry, write_queue::WriteQueue};

/// All message streams we send on in one session.
#[derive(Debug)]
pub(crate) struct Outbox {
    /// Made when first used: most sessions use few.
    lanes: [OnceLock<Box<WriteQueue>>; LANES],
    live: Mutex<HashMap<u64, Arc<Slot>>>,
    /// A message stream was forgotten, or stopped being used.
    freed: Notify,
    crowded: AtomicBool,
    /// Message streams let go and not yet forgotten by the peer.
    leaving: AtomicUsize,
    /// Whether looking for idle message streams may find one.
    some_idle: AtomicBool,
    /// Counts sends, to tell which message stream was used least recently.
    clock: AtomicU64,
}

/// One live message stream.
#[derive(Debug)]
struct Slot {
    /// Held while a message is handed over, so that parts of two don't mix. Fair: first come,
    /// first served.
    order: Arc<tokio::sync::Mutex<()>>,
    /// One permit for each unit of cost that may be sent.
    credit: Semaphore,
    granted: AtomicU64,
    used_at: AtomicU64,
    /// Sends in progress.
    users: AtomicUsize,
    releasing: AtomicBool,
}

/// Sends the other parts of a message as the credit comes.
async fn send_rest(
    core: &Arc<Core>,
    slot: &Slot,
    id: VarInt,
    mut payload: Bytes,
) -> Result<(), SlotClosed> {
    let lane = core.outbox.lane_for(id.get());
    while !payload.is_empty() {
        let part = payload.split_to(slot.spend_up_to(payload.len()).await?);
        let frame = MessageMore {
            message_stream: id,
            payload: part.clone(),
        };
        let pushed = lane.push(core, |out| frame.encode_header(out), &part).await;
        pushed.map_err(|_| SlotClosed)?;
    }
    Ok(())
}

/// A message stream while somebody sends on it. Dropped, also by one who gives up, it tells those
/// who wait for a stream to be idle.
struct InUse {
    slot: Arc<Slot>,
    core: Arc<Core>,
}

impl InUse {
    /// To be called while the table is locked: nobody may find the stream idle meanwhile.
    fn begin(slot: &Arc<Slot>, core: &Arc<Core>) -> Self {
        slot.users.fetch_add(1, Relaxed);
        Self {
            slot: Arc::clone(slot),
            core: Arc::clone(core),
        }
    }
}

impl Drop for InUse {
    fn drop(&mut self) {
        let was_last = self.slot.users.fetch_sub(1, Relaxed) == 1;
        if was_last {
            self.core.outbox.some_idle.store(true, Relaxed);
            if self.core.outbox.crowded.load(Relaxed) {
                self.core.outbox.freed.notify_one();
            }
        }
    }
}

/// The peer broke the rules of credit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct BadCredit;

impl Outbox {
    pub(crate) fn new() -> Self {
        Self {
            lanes: Default::default(),
            live: Mutex::default(),
            freed: Notify::new(),
            crowded: AtomicBool::new(false),
            leaving: AtomicUsize::new(0),
            some_idle: AtomicBool::new(true),
            clock: AtomicU64::new(0),
        }
    }

    /// The queue of a lane, if it was ever used.
    pub(crate) fn lane(&self, lane: u8) -> Option<&WriteQueue> {
        Some(self.lanes.get(usize::from(lane))?.get()?)
    }

    /// The queue before the lane of a message stream.
    fn lane_for(&self, message_stream: u64) -> &WriteQueue {
        let lane = lane_of(message_stream);
        let kind = StreamKind::Messages { lane: lane as u8 };
        self.lanes[lane].get_or_init(|| Box::new(WriteQueue::new(kind)))
    }

    /// Hands one message over. See [`Session::send_on_stream`](crate::Session::send_on_stream).
    ///
    /// Whoever gives up before a message has begun leaves nothing behind. Once the first part of a
    /// long one is out, a task of its own sends the rest: at most one for each message stream.
    pub(crate) async fn send(
        &self,
        core: &Arc<Core>,
        message_stream: u64,
        mut payload: Bytes,
        entry: LedgerEntry,
    ) -> Result<(), SendError> {
        let max = core.limits.message;
        if payload.len() > max {
            return Err(SendError::TooLong {
                len: payload.len(),
                max,
            });
        }
        let id = VarInt::new(message_stream).ok_or(SendError::BadStreamId)?;
        let in_use = self.slot(core, id).await?;
        let order = Arc::clone(&in_use.slot.order).lock_owned().await;
        let cost = cost_of(payload.len());
        if cost <= SMALL_COST || in_use.slot.covers(cost, payload.len()) {
            let sent = self.send_whole(core, &in_use.slot, id, payload).await;
            return sent.map_err(|SlotClosed| core.send_error());
        }
        let begun = self.send_start(core, &in_use.slot, id, &mut payload).await;
        begun.map_err(|SlotClosed| core.send_error())?;
        let (done, outcome) = oneshot::channel();
        let task = Arc::clone(core);
        core.platform.spawn(async move {
            let sent = send_rest(&task, &in_use.slot, id, payload).await;
            drop((order, in_use, entry));
            // Nobody listens if the caller gave up.
            let _ = done.send(sent.map_err(|SlotClosed| task.send_error()));
        });
        outcome.await.unwrap_or_else(|_| Err(core.send_error()))
    }

    async fn send_whole(
        &self,
        core: &Arc<Core>,
        slot: &Slot,
        id: VarInt,
        payload: Bytes,
    ) -> Result<(), SlotClosed> {
        let cost = cost_of(payload.len()) as u32;
        let credit = slot
            .credit
            .acquire_many(cost)
            .await
            .map_err(|_| SlotClosed)?;
        let frame = Message {
            message_stream: id,
            payload: payload.clone(),
        };
        let lane = self.lane_for(id.get());
        lane.push(core, |out| frame.encode_header(out), &payload)
            .await
            .map_err(|_| SlotClosed)?;
        credit.forget();
        Ok(())
    }

    /// Sends the first part, as much as the credit allows. It announces the length, so that the
    /// receiver can grant the rest. Cancel safe: without it, no credit is spent.
    async fn send_start(
        &self,
        core: &Arc<Core>,
        slot: &Slot,
        id: VarInt,
        payload: &mut Bytes,
    ) -> Result<(), SlotClosed> {
        let total = VarInt::saturating(payload.len() as u64);
        let least = MESSAGE_COST as u32 + 1;
        let credit = slot.credit.acquire_many(least).await;
        let credit = credit.map_err(|_| SlotClosed)?;
        let wanted = MAX_PART_LEN.min(payload.len() - 1) - 1;
        let more = slot.credit.available_permits().min(wanted);
        let more = slot.credit.try_acquire_many(more as u32).ok();
        let len = 1 + more.as_ref().map_or(0, SemaphorePermit::num_permits);
        let part = payload.slice(..len);
        let frame = MessageStart {
            message_stream: id,
            total,
            payload: part.clone(),
        };
        let lane = self.lane_for(id.get());
        let pushed = lane.push(core, |out| frame.encode_header(out), &part).await;
        pushed.map_err(|_| SlotClosed)?;
        payload.advance(len);
        credit.forget();
        if let Some(more) = more {
            more.forget();
        }
        Ok(())
    }

    /// The slot of a message stream; makes room by letting go of the one not used for longest.
    async fn slot(&self, core: &Arc<Core>, id: VarInt) -> Result<InUse, SendError> {
        loop {
            let mut freed = std::pin::pin!(self.freed.notified());
            freed.as_mut().enable();
            if let Some(slot) = self.try_slot(core, id) {
                return Ok(slot);
            }
            tokio::select! {
                biased;
                () = freed => {}
                _ = core.connection.closed() => return Err(core.send_error()),
            }
        }
    }

    fn try_slot(&self, core: &Arc<Core>, id: VarInt) -> Option<InUse> {
        let mut live = self.live.lock();
        let now = self.clock.fetch_add(1, Relaxed);
        let has_room = live.len() < MAX_LIVE_MESSAGE_STREAMS;
        match live.entry(id.get()) {
            Entry::Occupied(slot) if slot.get().releasing.load(Relaxed) => return None,
            Entry::Occupied(slot) => {
                slot.get().used_at.store(now, Relaxed);
                return Some(InUse::begin(slot.get(), core));
            }
            Entry::Vacant(entry) if has_room => {
                let slot = entry.insert(Arc::new(Slot::new(now)));
                return Some(InUse::begin(slot, core));
            }
            Entry::Vacant(_) => {}
        }
        self.crowded.store(true, Relaxed);
        self.release_some(core, &live);
        None
    }

    /// Lets go of the idle message streams that were used least recently: a few at a time, because
    /// each costs a round trip until it is free.
    fn release_some(&self, core: &Arc<Core>, live: &HashMap<u64, Arc<Slot>>) {
        if self.leaving.load(Relaxed) > 0 || !self.some_idle.swap(false, Relaxed) {
            return;
        }
        let idle = live
            .iter()
            .filter(|(_, slot)| slot.users.load(Relaxed) == 0 && !slot.releasing.load(Relaxed));
        let mut idle: Vec<_> = idle.collect();
        idle.sort_unstable_by_key(|(_, slot)| slot.used_at.load(Relaxed));
        for (id, slot) in idle.into_iter().take(RELEASED_AT_A_TIME) {
            slot.releasing.store(true, Relaxed);
            self.leaving.fetch_add(1, Relaxed);
            self.some_idle.store(true, Relaxed);
            let frame = Release {
                message_stream: VarInt::saturating(*id),
            };
            self.lane_for(*id)
                .push_unbounded(core, |out| frame.encode(out));
        }
    }

    /// The peer lets us send up to `limit` in all on a message stream.
    pub(crate) fn credited(&self, message_stream: u64, limit: u64) -> Result<(), BadCredit> {
        let live = self.live.lock();
        // Credit for a stream that was let go crossed our RELEASE on its way.
        let Some(slot) = live.get(&message_stream) else {
            return Ok(());
        };
        let granted = slot.granted.load(Relaxed);
        let more = limit.saturating_sub(granted);
        if more > MAX_CREDIT {
            return Err(BadCredit);
        }
        if slot.credit.available_permits() as u64 + more > MAX_CREDIT {
            return Err(BadCredit);
        }
        slot.granted.store(granted + more, Relaxed);
        slot.credit.add_permits(more as usize);
        Ok(())
    }

    /// The peer has forgotten a message stream that we let go.
    pub(crate) fn released(&self, message_stream: u64) -> Result<(), BadCredit> {
        let mut live = self.live.lock();
        match live.entry(message_stream) {
            Entry::Occupied(slot) if slot.get().releasing.load(Relaxed) => {
                slot.remove();
                self.leaving.fetch_sub(1, Relaxed);
            }
            _ => return Err(BadCredit),
        }
        drop(live);
        self.freed.notify_waiters();
        Ok(())
    }

    /// Resolves when all that was handed over is with the engine and the lanes are finished.
    pub(crate) async fn finish(&self) {
        for lane in self.lanes.iter().filter_map(OnceLock::get) {
            lane.finish().await;
        }
    }

    /// The session is over: whoever waits hears it.
    pub(crate) fn close(&self) {
        let used = self.lanes.iter().filter_map(OnceLock::get);
        used.for_each(|lane| lane.close());
        self.live
            .lock()
            .values()
            .for_each(|slot| slot.credit.close());
        self.freed.notify_waiters();
    }
}

impl Slot {
    fn new(used_at: u64) -> Self {
        Self {
            order: Arc::default(),
            credit: Semaphore::new(INITIAL_CREDIT as usize),
            granted: AtomicU64::new(INITIAL_CREDIT),
            used_at: AtomicU64::new(used_at),
            users: AtomicUsize::new(0),
            releasing: AtomicBool::new(false),
        }
    }

    /// Whether a message can go as one frame with the credit that is there.
    fn covers(&self, cost: u64, len: usize) -> bool {
        len <= MAX_PART_LEN && self.credit.available_permits() as u64 >= cost
    }

    /// Spends as much as is there, at least 1 and at most `want` or one part.
    async fn spend_up_to(&self, want: usize) -> Result<usize, SlotClosed> {
        let one = self.credit.acquire().await.map_err(|_| SlotClosed)?;
        let most = want.min(MAX_PART_LEN);
        let more = self.credit.available_permits().min(most - 1);
        let rest = self.credit.try_acquire_many(more as u32);
        let spent = 1 + rest.as_ref().map_or(0, |_| more);
        if let Ok(rest) = rest {
            rest.forget();
        }
        one.forget();
        Ok(spent)
    }
}

/// The session ended while waiting for credit or room.
#[derive(Debug)]
struct SlotClosed;

fn cost_of(len: usize) -> u64 {
    len as u64 + MESSAGE_COST
}

/// Waits for credit as a whole: never more than half of what an id begins with, so it always
/// comes.
const SMALL_COST: u64 = INITIAL_CREDIT / 2;

/// Idle message streams let go together when one is needed.
const RELEASED_AT_A_TIME: usize = 64;

/// More unspent credit than this is nonsense, and could overflow a counter.
const MAX_CREDIT: u64 = 1 << 40;
