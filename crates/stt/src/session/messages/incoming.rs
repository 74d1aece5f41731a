//! One message stream id as its receiver sees it: a queue, the credit granted, and perhaps a long
//! message half here.
//!
//! Pure: time comes as an argument, and what must be told to the peer is returned.
//!
//! All counts of cost are cumulative over the life of the id: `consumed <= received <= limit`.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

use bytes::Bytes;
use stt_wire::limits::{INITIAL_CREDIT, MESSAGE_COST};

use super::{budget::Held, inbox::LaneViolation};
use crate::session::detach::detach;

/// State of one live message stream id.
#[derive(Debug)]
pub(crate) struct Incoming {
    queue: VecDeque<Bytes>,
    partial: Option<Partial>,
    /// Cost of the messages in the queue.
    queued: u64,
    window: u64,
    limit: u64,
    received: u64,
    consumed: u64,
    updated: Instant,
    /// The sender has let go; when all is consumed, so do we.
    releasing: bool,
}

/// A message of which parts are missing.
#[derive(Debug)]
struct Partial {
    total: usize,
    bytes: Vec<u8>,
    /// Its whole length was taken from the node's budget, and the credit for it was granted.
    granted: bool,
}

/// Growth of windows that a session may still hand out, in units of cost.
#[derive(Debug)]
pub(crate) struct Growth(pub(crate) u64);

impl Partial {
    /// Doubles the room as bytes arrive, but never beyond what is still missing.
    fn gather(&mut self, payload: &[u8]) {
        let (len, room) = (self.bytes.len(), self.bytes.capacity());
        if room - len < payload.len() {
            let missing = self.total - len;
            self.bytes
                .reserve_exact(missing.min(len.max(payload.len())));
        }
        self.bytes.extend_from_slice(payload);
    }
}

impl Incoming {
    pub(crate) fn new(now: Instant) -> Self {
        Self {
            queue: VecDeque::new(),
            partial: None,
            queued: 0,
            window: INITIAL_CREDIT,
            limit: INITIAL_CREDIT,
            received: 0,
            consumed: 0,
            updated: now,
            releasing: false,
        }
    }

    /// Takes a whole message.
    pub(crate) fn message(&mut self, payload: &Bytes) -> Result<(), LaneViolation> {
        self.receive(payload.len() as u64 + MESSAGE_COST)?;
        if self.partial.is_some() {
            return Err(LaneViolation::OutOfTurn);
        }
        self.enqueue(detach(payload));
        Ok(())
    }

    /// Takes the first part of a message of `total` bytes.
    pub(crate) fn start(&mut self, total: u64, payload: &Bytes) -> Result<(), LaneViolation> {
        self.receive(payload.len() as u64 + MESSAGE_COST)?;
        if self.partial.is_some() {
            return Err(LaneViolation::OutOfTurn);
        }
        let total = total as usize;
        self.partial = Some(Partial {
            total,
            bytes: payload.to_vec(),
            granted: false,
        });
        Ok(())
    }

    /// Takes a further part.
    pub(crate) fn more(&mut self, payload: &Bytes) -> Result<(), LaneViolation> {
        self.receive(payload.len() as u64)?;
        let partial = self.partial.as_mut().ok_or(LaneViolation::OutOfTurn)?;
        if payload.len() > partial.total - partial.bytes.len() {
            return Err(LaneViolation::TooLong);
        }
        partial.gather(payload);
        if partial.bytes.len() == partial.total
            && let Some(whole) = self.partial.take()
        {
            self.enqueue(Bytes::from(whole.bytes));
        }
        Ok(())
    }

    /// Takes a part of a message that was refused, and forgets it.
    pub(crate) fn discard(&mut self, len: usize) -> Result<(), LaneViolation> {
        self.receive(len as u64)?;
        self.consumed += len as u64;
        Ok(())
    }

    /// Refuses a long message that was not granted: what came of it counts as consumed.
    pub(crate) fn refuse_partial(&mut self) {
        if let Some(refused) = self.partial.take() {
            self.consumed += refused.bytes.len() as u64 + MESSAGE_COST;
        }
    }

    /// The sender lets go of the id.
    pub(crate) fn release(&mut self) -> Result<(), LaneViolation> {
        if self.partial.is_some() || self.releasing {
            return Err(LaneViolation::OutOfTurn);
        }
        self.releasing = true;
        Ok(())
    }

    /// Gives the oldest message to the application.
    pub(crate) fn pop(&mut self) -> Option<Bytes> {
        let message = self.queue.pop_front()?;
        let cost = message.len() as u64 + MESSAGE_COST;
        self.queued -= cost;
        self.consumed += cost;
        Some(message)
    }

    /// The oldest message.
    pub(crate) fn front(&self) -> Option<&Bytes> {
        self.queue.front()
    }

    pub(crate) fn has_partial(&self) -> bool {
        self.partial.is_some()
    }

    pub(crate) fn has_messages(&self) -> bool {
        !self.queue.is_empty()
    }

    /// Nothing is left and the sender has let go.
    pub(crate) fn is_over(&self) -> bool {
        self.releasing && self.queue.is_empty()
    }

    /// What the window has grown by, to be given back when the id is over.
    pub(crate) fn growth(&self) -> u64 {
        self.window - INITIAL_CREDIT
    }

    /// What the sender may still send.
    pub(crate) fn left(&self) -> u64 {
        self.limit.saturating_sub(self.received)
    }

    /// What this id takes of the node's budget: what is queued, and what is here or promised of a
    /// long message.
    pub(crate) fn held(&self) -> Held {
        let (parts, promised) = match &self.partial {
            Some(partial) if partial.granted => (0, partial.total),
            Some(partial) => (partial.bytes.len(), 0),
            None => (0, 0),
        };
        Held {
            whole: self.queued,
            parts: parts as u64,
            promised: promised as u64,
        }
    }

    /// Drops a message of which parts are missing: they will not come any more.
    pub(crate) fn forget_partial(&mut self) {
        self.partial = None;
    }

    /// Whether no long message waits to be granted, now or later.
    pub(crate) fn is_granted_or_whole(&self) -> bool {
        self.partial.as_ref().is_none_or(|partial| partial.granted)
    }

    /// Bytes of a long message that waits to be granted; `None` if none does, or if
    /// messages before it were not consumed yet.
    pub(crate) fn wants_grant(&self) -> Option<u64> {
        let partial = self.partial.as_ref().filter(|partial| !partial.granted)?;
        self.queue.is_empty().then_some(partial.total as u64)
    }

    /// Lets the long message come whole. Returns the new limit.
    pub(crate) fn grant(&mut self) -> Option<u64> {
        let partial = self.partial.as_mut()?;
        partial.granted = true;
        let missing = (partial.total - partial.bytes.len()) as u64;
        let wanted = self.received + missing;
        (wanted > self.limit).then(|| {
            self.limit = wanted;
            wanted
        })
    }

    /// The limit to tell the sender, once half of the window was consumed. The window doubles if
    /// that took less than four round trips: then it is what holds the sender back.
    pub(crate) fn next_limit(
        &mut self,
        now: Instant,
        round_trip: Duration,
        growth: &mut Growth,
    ) -> Option<u64> {
        let due = self.consumed + self.window;
        if self.releasing || due < self.limit + self.window / 2 {
            return None;
        }
        if now.saturating_duration_since(self.updated) < round_trip * 4 {
            let more = self.window.min(growth.0).min(MAX_WINDOW - self.window);
            growth.0 -= more;
            self.window += more;
        }
        self.updated = now;
        self.limit = self.limit.max(self.consumed + self.window);
        Some(self.limit)
    }

    fn enqueue(&mut self, message: Bytes) {
        self.queued += message.len() as u64 + MESSAGE_COST;
        self.queue.push_back(message);
    }

    fn receive(&mut self, cost: u64) -> Result<(), LaneViolation> {
        if self.releasing {
            return Err(LaneViolation::OutOfTurn);
        }
        self.received += cost;
        if self.received > self.limit {
            return Err(LaneViolation::BeyondCredit {
                sent: self.received,
                limit: self.limit,
            });
        }
        Ok(())
    }
}

/// The largest window of one id, in units of cost.
const MAX_WINDOW: u64 = 8 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    fn payload(len: usize) -> Bytes {
        Bytes::from(vec![7; len])
    }

    #[test]
    fn a_sender_beyond_its_credit_is_caught() {
        let mut id = Incoming::new(Instant::now());
        let first = payload((INITIAL_CREDIT - MESSAGE_COST) as usize);
        id.message(&first).unwrap();
        assert!(matches!(
            id.message(&payload(0)),
            Err(LaneViolation::BeyondCredit { .. })
        ));
    }

    #[test]
    fn the_window_grows_only_while_the_consumer_keeps_up() {
        let start = Instant::now();
        let mut growth = Growth(1 << 20);
        let mut id = Incoming::new(start);
        let half = payload((INITIAL_CREDIT / 2 - MESSAGE_COST) as usize);
        id.message(&half).unwrap();
        id.pop().unwrap();
        let late = start + Duration::from_secs(9);
        let limit = id
            .next_limit(late, Duration::from_millis(10), &mut growth)
            .unwrap();
        assert_eq!(limit, INITIAL_CREDIT + INITIAL_CREDIT / 2);
        id.message(&half).unwrap();
        id.pop().unwrap();
        let limit = id
            .next_limit(late, Duration::from_millis(10), &mut growth)
            .unwrap();
        assert_eq!(limit, INITIAL_CREDIT + 2 * INITIAL_CREDIT);
    }

    #[test]
    fn a_long_message_is_granted_whole_once_it_is_first_in_line() {
        let mut id = Incoming::new(Instant::now());
        id.message(&payload(10)).unwrap();
        id.start(1 << 20, &payload(1_000)).unwrap();
        assert_eq!(id.wants_grant(), None);
        id.pop().unwrap();
        assert_eq!(id.wants_grant(), Some(1 << 20));
        let limit = id.grant().unwrap();
        assert_eq!(limit, 10 + 1_000 + 2 * MESSAGE_COST + (1 << 20) - 1_000);
        id.more(&payload((1 << 20) - 1_000)).unwrap();
        assert_eq!(id.pop().unwrap().len(), 1 << 20);
    }

    #[test]
    fn a_long_message_takes_no_more_memory_than_its_length() {
        const LEN: usize = 100_000;
        let mut id = Incoming::new(Instant::now());
        id.start(LEN as u64, &payload(8_000)).unwrap();
        id.grant().unwrap();
        for _ in 0..92 {
            id.more(&payload(1_000)).unwrap();
        }
        let message = id.pop().unwrap().try_into_mut().unwrap();
        assert_eq!((message.len(), message.capacity()), (LEN, LEN));
    }

    #[test]
    fn parts_beyond_the_announced_length_are_a_violation() {
        let mut id = Incoming::new(Instant::now());
        id.start(10, &payload(5)).unwrap();
        assert!(matches!(id.more(&payload(6)), Err(LaneViolation::TooLong)));
    }

    #[test]
    fn an_id_that_was_let_go_takes_no_more() {
        let mut id = Incoming::new(Instant::now());
        id.release().unwrap();
        assert!(id.is_over());
        assert!(matches!(
            id.message(&payload(1)),
            Err(LaneViolation::OutOfTurn)
        ));
    }
}
