//! An endpoint stream of ours as its sender sees it: items in order, credit, and who waits for what.
//!
//! All counts of cost are cumulative: `spent <= accepted_cost`, and `spent <= limit`.

use std::collections::VecDeque;

use bytes::Bytes;
use parking_lot::Mutex;
use stt_wire::{
    EndpointAnswer, EndpointFrame, ItemOutcome, Name, VarInt,
    limits::{INITIAL_CREDIT, MAX_PART_LEN, MESSAGE_COST},
};
use tokio::sync::{Notify, oneshot};

use super::{batch::Batch, violation::Violation};
use crate::{
    endpoints::{Delivered, Refusal, RouteError},
    session::{CloseReason, ledger::LedgerEntry},
};

/// What a router hears in the end.
pub(in crate::endpoints) type Answer = Result<Delivered, RouteError>;

/// One endpoint stream of ours.
#[derive(Debug)]
pub(super) struct Attachment {
    name: Name,
    /// Held while an item is accepted: first come, first served.
    order: tokio::sync::Mutex<()>,
    state: Mutex<State>,
    /// For the one who holds `order`: there is more credit, or there is no stream any more.
    room: Notify,
    /// For the writer: there is something to write, or to end.
    work: Notify,
}

#[derive(Debug)]
struct State {
    /// Accepted, and not with the engine as a whole.
    queue: VecDeque<Item>,
    /// Bytes of the first of them that are.
    sent: usize,
    /// Cost of all items accepted, but for what was left out of those refused half-way.
    accepted_cost: u64,
    spent: u64,
    limit: u64,
    /// Cost of all items that wait for an answer.
    unanswered: u64,
    /// Items of which some was sent.
    begun: u64,
    answered: u64,
    /// From the first that is not answered to the last accepted.
    routers: VecDeque<Router>,
    /// Routers that are about to hand something over.
    users: usize,
    used_at: u64,
    phase: Phase,
}

/// An item that was accepted.
#[derive(Debug)]
pub(super) struct Item {
    data: Bytes,
    /// An orderly end waits until it is with the engine.
    _entry: LedgerEntry,
}

#[derive(Debug)]
struct Router {
    len: usize,
    answer: oneshot::Sender<Answer>,
}

#[derive(Debug, Clone)]
enum Phase {
    Open,
    /// Told to finish: nobody uses it.
    Finishing,
    Over(Over),
}

/// How an endpoint stream of ours came to its end.
#[derive(Debug, Clone)]
pub(super) enum Over {
    /// Finished by us, and all was answered.
    Finished,
    /// The peer knows no endpoint streams, or gave up on this one before it looked at it.
    Refused,
    /// The session ended.
    Session(CloseReason),
}

impl Attachment {
    pub(super) fn new(name: Name, now: u64) -> Self {
        let state = State {
            queue: VecDeque::new(),
            sent: 0,
            accepted_cost: 0,
            spent: 0,
            limit: INITIAL_CREDIT,
            unanswered: 0,
            begun: 0,
            answered: 0,
            routers: VecDeque::new(),
            users: 0,
            used_at: now,
            phase: Phase::Open,
        };
        Self {
            name,
            order: tokio::sync::Mutex::default(),
            state: Mutex::new(state),
            room: Notify::new(),
            work: Notify::new(),
        }
    }

    pub(super) fn name(&self) -> &Name {
        &self.name
    }

    /// Counts one more user, unless the stream is about to end.
    pub(super) fn try_use(&self, now: u64) -> bool {
        let mut state = self.state.lock();
        let is_open = matches!(state.phase, Phase::Open);
        if is_open {
            state.users += 1;
            state.used_at = now;
        }
        is_open
    }

    /// One user less; true if it was the last.
    pub(super) fn leave(&self) -> bool {
        let mut state = self.state.lock();
        state.users -= 1;
        let was_last = state.users == 0;
        drop(state);
        if was_last {
            self.work.notify_one();
        }
        was_last
    }

    /// When it was used last, if nobody uses it and nothing is under way.
    pub(super) fn idle_since(&self) -> Option<u64> {
        let state = self.state.lock();
        let is_open = matches!(state.phase, Phase::Open);
        (is_open && state.is_idle()).then_some(state.used_at)
    }

    /// Whether it was told to finish and its room is not free yet.
    pub(super) fn is_leaving(&self) -> bool {
        matches!(self.state.lock().phase, Phase::Finishing)
    }

    /// Lets the stream end if it is idle.
    pub(super) fn finish_if_idle(&self) -> bool {
        self.finish_if(State::is_idle)
    }

    /// Lets the stream end, once all that was accepted is sent, if nobody uses it.
    pub(super) fn finish_if_unused(&self) {
        self.finish_if(|state| state.users == 0);
    }

    fn finish_if(&self, may: impl FnOnce(&State) -> bool) -> bool {
        let mut state = self.state.lock();
        let finishes = matches!(state.phase, Phase::Open) && may(&state);
        if finishes {
            state.phase = Phase::Finishing;
            self.work.notify_one();
        }
        finishes
    }

    /// Takes an item over, once there is credit for it; from then on it goes whole. Cancel safe:
    /// not taken if this does not resolve.
    pub(super) async fn accept(
        &self,
        data: &Bytes,
        entry: LedgerEntry,
    ) -> Result<oneshot::Receiver<Answer>, Refusal> {
        let _order = self.order.lock().await;
        loop {
            {
                let mut state = self.state.lock();
                match &state.phase {
                    Phase::Over(over) => return Err(over.refusal()),
                    Phase::Open | Phase::Finishing if state.covers(data.len()) => {
                        let answer = state.accept(data, entry);
                        drop(state);
                        self.work.notify_one();
                        return Ok(answer);
                    }
                    Phase::Open | Phase::Finishing => {}
                }
            }
            self.room.notified().await;
        }
    }

    /// All that can be sent now; `None` once nothing more will be. Cancel safe.
    pub(super) async fn next_batch(&self) -> Option<Batch> {
        loop {
            {
                let mut state = self.state.lock();
                let batch = state.take_batch();
                if !batch.is_empty() {
                    return Some(batch.joined());
                }
                match state.phase {
                    Phase::Open => {}
                    Phase::Finishing if !state.queue.is_empty() => {}
                    Phase::Finishing | Phase::Over(_) => return None,
                }
            }
            self.work.notified().await;
        }
    }

    /// The peer answers.
    pub(super) fn answered(&self, answer: EndpointAnswer) -> Result<(), Violation> {
        let mut state = self.state.lock();
        match answer {
            EndpointAnswer::Credit { limit } => {
                let limit = limit.get();
                if limit > state.spent + MAX_CREDIT {
                    return Err(Violation::Credit);
                }
                state.limit = limit.max(state.limit);
            }
            EndpointAnswer::Receipt { up_to, outcome } => {
                state.receipt(up_to.get(), outcome)?;
            }
        }
        drop(state);
        self.work.notify_one();
        self.room.notify_one();
        Ok(())
    }

    /// The peer finished its direction.
    pub(super) fn ended(&self) -> Result<Over, Violation> {
        let state = self.state.lock();
        let is_due = matches!(state.phase, Phase::Finishing);
        if is_due && state.queue.is_empty() && state.routers.is_empty() {
            Ok(Over::Finished)
        } else {
            Err(Violation::Ended)
        }
    }

    /// There is no stream any more: everybody hears it.
    pub(super) fn over(&self, over: &Over) {
        let (begun, routers, queue) = {
            let mut state = self.state.lock();
            state.phase = Phase::Over(over.clone());
            let begun = (state.begun - state.answered) as usize;
            let routers = std::mem::take(&mut state.routers);
            (begun, routers, std::mem::take(&mut state.queue))
        };
        for (number, router) in routers.into_iter().enumerate() {
            let answer = match over {
                Over::Session(reason) if number < begun => RouteError::Unknown(reason.clone()),
                over => over.refusal().into(),
            };
            // Nobody listens if the router gave up.
            let _ = router.answer.send(Err(answer));
        }
        drop(queue);
        self.room.notify_one();
        self.work.notify_one();
    }
}

impl State {
    fn is_idle(&self) -> bool {
        self.users == 0 && self.queue.is_empty() && self.routers.is_empty()
    }

    /// Whether an item may be accepted. A short one waits for all of its credit, which always comes;
    /// a long one begins with what is there, once it is first in line. However much the peer grants,
    /// there is an end to what waits for it here.
    fn covers(&self, len: usize) -> bool {
        let cost = len as u64 + MESSAGE_COST;
        let left = self.limit.saturating_sub(self.accepted_cost);
        let left = left.min(MAX_UNANSWERED.saturating_sub(self.unanswered));
        let is_long = cost > SMALL_COST;
        cost <= left || is_long && self.queue.is_empty() && left > MESSAGE_COST
    }

    fn accept(&mut self, data: &Bytes, entry: LedgerEntry) -> oneshot::Receiver<Answer> {
        let (answer, receipt) = oneshot::channel();
        self.accepted_cost += data.len() as u64 + MESSAGE_COST;
        self.unanswered += data.len() as u64 + MESSAGE_COST;
        let len = data.len();
        self.routers.push_back(Router { len, answer });
        self.queue.push_back(Item {
            data: data.clone(),
            _entry: entry,
        });
        receipt
    }

    fn take_batch(&mut self) -> Batch {
        let mut batch = Batch::default();
        while !batch.is_full()
            && let Some(frame) = self.next_frame(&mut batch)
        {
            batch.push(&frame);
        }
        batch
    }

    /// The next frame that the credit allows.
    fn next_frame(&mut self, batch: &mut Batch) -> Option<EndpointFrame> {
        if self.sent > 0 && self.answered == self.begun {
            // Refused half-way: the rest is not sent.
            let item = self.queue.pop_front()?;
            self.accepted_cost -= (item.data.len() - self.sent) as u64;
            self.sent = 0;
        }
        let data = self.queue.front()?.data.clone();
        let left = self.limit.saturating_sub(self.spent);
        let frame = if self.sent > 0 {
            let part = part(&data, self.sent, left)?;
            EndpointFrame::ItemMore(part)
        } else if data.len() <= MAX_PART_LEN && data.len() as u64 + MESSAGE_COST <= left {
            self.spent += MESSAGE_COST;
            self.begun += 1;
            EndpointFrame::Item(data.clone())
        } else {
            let some = data.slice(..data.len() - 1);
            let payload = part(&some, 0, left.saturating_sub(MESSAGE_COST))?;
            self.spent += MESSAGE_COST;
            self.begun += 1;
            let total = VarInt::saturating(data.len() as u64);
            EndpointFrame::ItemStart { total, payload }
        };
        let sent = frame.payload().len();
        self.spent += sent as u64;
        self.sent += sent;
        if self.sent == data.len() {
            self.sent = 0;
            batch.completes(self.queue.pop_front());
        }
        Some(frame)
    }

    /// Whether the last item that was begun has parts to come.
    fn is_inside(&self) -> bool {
        self.sent > 0
    }

    fn receipt(&mut self, up_to: u64, outcome: ItemOutcome) -> Result<(), Violation> {
        let whole = self.begun - u64::from(self.is_inside());
        let most = if outcome == ItemOutcome::Delivered {
            whole
        } else {
            self.begun
        };
        if up_to <= self.answered || up_to > most {
            return Err(Violation::Receipt);
        }
        for router in self.routers.drain(..(up_to - self.answered) as usize) {
            self.unanswered -= router.len as u64 + MESSAGE_COST;
            // Nobody listens if the router gave up.
            let _ = router.answer.send(match refusal(outcome, router.len) {
                None => Ok(Delivered),
                Some(refusal) => Err(refusal.into()),
            });
        }
        self.answered = up_to;
        Ok(())
    }
}

/// The part of an item from an offset that the credit allows, if it allows any.
fn part(data: &Bytes, from: usize, left: u64) -> Option<Bytes> {
    let len = (data.len() - from).min(MAX_PART_LEN).min(left as usize);
    (len > 0).then(|| data.slice(from..from + len))
}

fn refusal(outcome: ItemOutcome, len: usize) -> Option<Refusal> {
    match outcome {
        ItemOutcome::Delivered => None,
        ItemOutcome::NoSuchEndpoint => Some(Refusal::NoSuchEndpoint),
        ItemOutcome::Full => Some(Refusal::Full),
        ItemOutcome::TooLong => Some(Refusal::TooLong { len }),
        other => Some(Refusal::Other {
            code: VarInt::from(other).get(),
        }),
    }
}

impl Over {
    fn refusal(&self) -> Refusal {
        match self {
            Self::Finished | Self::Refused => Refusal::NoSuchEndpoint,
            Self::Session(reason) => Refusal::SessionClosed(reason.clone()),
        }
    }
}

/// Waits for credit as a whole: never more than half of what a name begins with.
const SMALL_COST: u64 = INITIAL_CREDIT / 2;

/// As far as a receiver's window can grow: more is not needed to keep it busy.
const MAX_UNANSWERED: u64 = 8 << 20;

/// More unspent credit than this is nonsense.
const MAX_CREDIT: u64 = 1 << 40;
