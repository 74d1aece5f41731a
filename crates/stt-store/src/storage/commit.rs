//! One batch of changes: appended, synced, indexed, answered.
//!
//! Whoever wants a change queues it and waits for the core; the first to get the core commits all
//! that is queued. So concurrent changes share one sync.
//!
//! *Invariant*: answers are given after the sync, and the index learns of a record after it too.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::request::{Refusal, Request, Ticket};
use super::step::Step;
use super::{Core, Shared};
use crate::error::Failure;
use crate::index::{Index, Persist};
use crate::log::{Place, TakenBack};

impl Shared {
    pub(super) fn submit_one(&self, request: Request) -> Result<(), Refusal> {
        let mut answers = self.submit(vec![request]);
        answers
            .pop()
            .unwrap_or_else(|| Err(Failure::Poisoned.into()))
    }

    /// Makes changes durable, and says what became of each.
    pub(super) fn submit(&self, requests: Vec<Request>) -> Vec<Result<(), Refusal>> {
        let tickets = requests
            .into_iter()
            .map(|request| Arc::new(Ticket::new(request)));
        let tickets: Vec<_> = tickets.collect();
        self.queue.lock().extend(tickets.iter().map(Arc::clone));
        let mut core = self.core.lock();
        // Somebody who had the core before us may have taken ours along.
        if tickets.iter().any(|ticket| ticket.answer.lock().is_none()) {
            let batch = std::mem::take(&mut *self.queue.lock());
            self.commit(&mut core, &batch);
            self.clear_away(&mut core);
        }
        drop(core);
        let answer = |ticket: &Arc<Ticket>| ticket.answer.lock().take();
        let answers = tickets.iter().map(answer);
        answers
            .map(|answer| answer.unwrap_or_else(|| Err(Failure::Poisoned.into())))
            .collect()
    }

    /// Commits a batch and answers it.
    pub(super) fn commit(&self, core: &mut Core, batch: &[Arc<Ticket>]) {
        match self.try_commit(core, batch) {
            Ok(answers) => {
                for (ticket, answer) in batch.iter().zip(answers) {
                    *ticket.answer.lock() = Some(answer);
                }
            }
            Err(failure) => {
                for ticket in batch {
                    *ticket.answer.lock() = Some(Err(failure.clone().into()));
                }
            }
        }
    }

    fn try_commit(
        &self,
        core: &mut Core,
        batch: &[Arc<Ticket>],
    ) -> Result<Vec<Result<(), Refusal>>, Failure> {
        self.change(core, |step| {
            let apply = |ticket: &Arc<Ticket>| step.apply(&ticket.request);
            batch.iter().map(apply).collect()
        })
    }

    /// Does what `body` says, syncs the log, then lets the index know.
    pub(super) fn change<R>(
        &self,
        core: &mut Core,
        body: impl FnOnce(&mut Step<'_, '_>) -> Result<R, Failure>,
    ) -> Result<R, Failure> {
        let is_due = core.since_checkpoint >= self.options.checkpoint_len;
        let persist = if is_due { Persist::Now } else { Persist::Later };
        self.change_and(core, persist, body)
    }

    /// [`change`](Self::change), and whether it is a checkpoint.
    pub(super) fn change_and<R>(
        &self,
        core: &mut Core,
        persist: Persist,
        body: impl FnOnce(&mut Step<'_, '_>) -> Result<R, Failure>,
    ) -> Result<R, Failure> {
        let index = self.index()?;
        let before = core.writer.end();
        core.is_logged = false;
        match self.change_once(&index, core, persist, body) {
            Ok(result) => {
                core.is_logged = false;
                core.since_checkpoint += distance(before, core.writer.end());
                if persist == Persist::Now {
                    core.since_checkpoint = 0;
                }
                Ok(result)
            }
            Err(failure) => Err(self.recover(core, failure)),
        }
    }

    fn change_once<R>(
        &self,
        index: &Index,
        core: &mut Core,
        persist: Persist,
        body: impl FnOnce(&mut Step<'_, '_>) -> Result<R, Failure>,
    ) -> Result<R, Failure> {
        index.change(
            |tables| {
                let mut step = Step::begin(self, core, tables)?;
                let result = body(&mut step)?;
                step.end()?;
                Ok(result)
            },
            persist,
        )
    }

    /// Takes back what was not synced, or closes the store if that is not possible.
    pub(super) fn recover(&self, core: &mut Core, failure: Failure) -> Failure {
        core.fresh.clear();
        core.era += 1;
        if self.is_poisoned.load(Ordering::Acquire) {
            return failure;
        }
        let is_logged = std::mem::take(&mut core.is_logged);
        let is_lost = matches!(failure, Failure::IndexLost);
        if is_logged || core.writer.take_back() == TakenBack::Unknown || is_lost {
            self.poison(&failure);
        }
        // It is in the log, so nobody may be told that nothing was changed.
        match failure {
            Failure::NoSpace if is_logged => Failure::Poisoned,
            other => other,
        }
    }
}

fn distance(before: Place, after: Place) -> u64 {
    if before.segment == after.segment {
        return u64::from(after.offset.saturating_sub(before.offset));
    }
    u64::from(after.offset)
}
