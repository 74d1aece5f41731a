//! Carries queries on until they end. *Invariant T5*: each ends, within its time, with a result or
//! a reason.

use stc::Entropy;
use stt_wire::{Ask, Contact, DhtRequest, Purpose, Record, RecordKind, limits};

use super::answers::Errand;
use super::{Engine, Output, Timer, draw_u64};
use crate::config::Defence;
use crate::number::Number;
use crate::outcome::{Effort, Ended, Found, QueryError, QueryId};
use crate::query::lookup::Next;
use crate::query::{Goal, Query, Spread};
use crate::{Key, Keyring, Now};

/// Records left on the way after a read.
const LEFT_ON_THE_WAY: usize = 8;
/// Members that must have a peer's record before the latest of theirs is believed to be the latest.
const TELLERS: usize = 3;

impl<K: Keyring> Engine<K> {
    /// Asks whom a query can ask now, and ends it if there is nobody left.
    pub(super) fn drive(&mut self, now: Now, number: u64, entropy: &mut dyn Entropy) {
        loop {
            let Some(query) = self.queries.get_mut(&number) else {
                return;
            };
            if let Goal::Spread(_) = query.goal {
                return self.drive_spread(now, number, entropy);
            }
            if query.has_enough() || query.lookup.is_settled() {
                return self.arrive(now, number, entropy);
            }
            let sessions = &self.sessions;
            let is_warm = |contact: &Contact| sessions.contains_key(&Number(contact.node));
            let Some(next) = query.lookup.next(is_warm, draw_u64(entropy)) else {
                if !query.lookup.is_waiting() {
                    self.arrive(now, number, entropy);
                }
                return;
            };
            let ask = query.ask();
            self.send(now, next, ask, Errand::Lookup { query: number });
        }
    }

    /// The way to the key is known.
    pub(super) fn arrive(&mut self, now: Now, number: u64, entropy: &mut dyn Entropy) {
        let Some(query) = self.queries.get_mut(&number) else {
            return;
        };
        let asked = query.lookup.requests;
        if query.answered == 0 && !query.has_found() {
            if self.may_hear_late(number) {
                return;
            }
            let reason = if asked == 0 {
                QueryError::NobodyKnown
            } else {
                QueryError::NobodyAnswered { asked }
            };
            return self.fail(now, number, reason);
        }
        if let Goal::Put(records) = &mut query.goal {
            let records = std::mem::take(records);
            let closest: Vec<_> = query
                .lookup
                .closest()
                .map(|to| (to.contact, to.key))
                .collect();
            let width = if records.len() == 1 {
                closest.len()
            } else {
                self.config.k
            };
            query.goal = Goal::Spread(Spread::new(records, &closest, width));
            return self.drive_spread(now, number, entropy);
        }
        let requests = self.config.query_requests;
        let is_cut_off = query.lookup.requests >= requests && !query.lookup.is_settled();
        let result = match &query.goal {
            Goal::Records(wanted) if !wanted.found.is_empty() => {
                Ok(Found::Records(wanted.found.values().cloned().collect()))
            }
            _ if is_cut_off => Err(QueryError::TooManyRequests { requests }),
            Goal::Records(_) => Err(QueryError::NotFound {
                answered: query.answered,
            }),
            _ => Ok(Found::Members(query.members(self.config.k))),
        };
        self.end(now, number, result);
    }

    fn drive_spread(&mut self, now: Now, number: u64, entropy: &mut dyn Entropy) {
        loop {
            let Some(query) = self.queries.get_mut(&number) else {
                return;
            };
            let alpha = self.config.alpha * 2;
            let Goal::Spread(spread) = &mut query.goal else {
                return self.drive(now, number, entropy);
            };
            if spread.is_enough() && !query.is_told {
                let (by, of) = spread.worst();
                query.is_told = true;
                self.tell(now, number, Ok(Found::Held { by, of }));
                continue;
            }
            if spread.is_done() {
                let (by, of) = spread.worst();
                return self.fail(now, number, QueryError::NotHeld { by, of });
            }
            let Some(job) = spread.next(alpha) else {
                return;
            };
            let which = job
                .which
                .iter()
                .filter_map(|place| spread.records.get(usize::from(*place)));
            let records: Vec<Record> = which.cloned().collect();
            let ask = Ask::PutRecords {
                purpose: Purpose::Replica,
                records,
            };
            query.lookup.requests += 1;
            query.lookup.dials += usize::from(!self.sessions.contains_key(&Number(job.to.node)));
            let errand = Errand::Put {
                query: number,
                which: job.which,
            };
            let next = self.whom(job.to, job.key);
            self.send(now, next, ask, errand);
        }
    }

    /// Whether members that were given up may answer a query after all: while that is so, it is not
    /// said that nobody has.
    fn may_hear_late(&self, number: u64) -> bool {
        self.flights.values().any(|flight| flight.is_for(number))
    }

    /// Whether all that a query has asked were given up.
    pub(super) fn is_stuck(&self, number: u64) -> bool {
        let query = self.queries.get(&number);
        query.is_some_and(|query| query.answered == 0 && !query.lookup.is_waiting())
    }

    /// The time of a query is over.
    pub(super) fn query_is_late(&mut self, now: Now, number: u64, entropy: &mut dyn Entropy) {
        let Some(query) = self.queries.get(&number) else {
            return;
        };
        if query.has_found() {
            return self.arrive(now, number, entropy);
        }
        let (after, answered) = (self.config.query_time, query.answered);
        self.fail(now, number, QueryError::TimedOut { after, answered });
    }

    pub(super) fn fail(&mut self, now: Now, number: u64, reason: QueryError) {
        self.end(now, number, Err(reason));
    }

    fn end(&mut self, now: Now, number: u64, result: Result<Found, QueryError>) {
        let Some(query) = self.queries.get(&number) else {
            return;
        };
        if let (Goal::Records(_), Ok(Found::Records(records))) = (&query.goal, &result) {
            let records = records.iter().take(LEFT_ON_THE_WAY).cloned().collect();
            self.leave_on_the_way(now, number, records);
        }
        self.learn_size(number);
        self.tell(now, number, result);
        self.forget(number);
    }

    /// Gives the result of a query to whoever waits for it.
    fn tell(&mut self, now: Now, number: u64, result: Result<Found, QueryError>) {
        let Some(query) = self.queries.get(&number) else {
            return;
        };
        let is_background = matches!(query.goal, Goal::Upkeep | Goal::Survey);
        let was_told = query.is_told && result.is_err();
        if is_background || was_told || self.keeping.was_ours(number, &result) {
            return;
        }
        let effort = Effort {
            requests: query.lookup.requests,
            dials: query.lookup.dials,
            answered: query.answered,
            failed: query.lookup.failures(),
            time: now.moment.since(query.started),
        };
        let query = QueryId(number);
        self.outputs.push_back(Output::Ended(Ended {
            query,
            result,
            effort,
        }));
    }

    /// Drops a query and the requests that nobody else needs an answer to.
    pub(super) fn forget(&mut self, number: u64) {
        if let Some(query) = self.queries.remove(&number) {
            let due = query.started + self.config.query_time;
            self.timers.remove(&(due, Timer::Query(number)));
        }
    }

    /// A lookup for a key by chance tells how many members there are.
    fn learn_size(&mut self, number: u64) {
        let Some(query) = self.queries.get(&number) else {
            return;
        };
        if matches!(query.goal, Goal::Survey) {
            let answered = query.lookup.who_answered().take(self.config.k);
            self.size
                .sample(answered.map(|candidate| candidate.distance));
        }
    }

    /// A copy for the closest member on the way that had none, so that a key in demand is found
    /// earlier each time.
    fn leave_on_the_way(&mut self, now: Now, number: u64, records: Vec<Record>) {
        let query = self.queries.get(&number);
        let Some(to) = query.and_then(|query| query.lookup.next_on_the_way()) else {
            return;
        };
        if !self.config.defences.has(Defence::Caching) {
            return;
        }
        let next = self.whom(to.contact, to.key);
        let ask = Ask::PutRecords {
            purpose: Purpose::Cache,
            records,
        };
        self.send(now, next, ask, Errand::Nothing);
    }

    /// A member, and whether there is a session with it.
    pub(super) fn whom(&self, contact: Contact, key: Key) -> Next {
        let is_cold = self.session(&contact.node).is_none();
        Next {
            contact,
            key,
            is_cold,
        }
    }

    /// Sends a request and watches over it.
    pub(super) fn send(&mut self, now: Now, next: Next, ask: Ask, errand: Errand) {
        let over = errand.over();
        let request_id = self.watch(now, next, errand);
        let request = DhtRequest {
            mode: self.mode(),
            ask,
        };
        self.outputs.push_back(Output::Send {
            request_id,
            to: next.contact,
            request,
            over,
        });
    }
}

impl Query {
    fn has_found(&self) -> bool {
        matches!(&self.goal, Goal::Records(wanted) if !wanted.found.is_empty())
    }

    fn has_enough(&self) -> bool {
        match &self.goal {
            // One member's record may be an old one; three that say the same may not.
            Goal::Records(wanted) if wanted.kind == RecordKind::PEER => wanted.tellers >= TELLERS,
            Goal::Records(wanted) => wanted.found.len() >= wanted.enough,
            _ => false,
        }
    }

    fn ask(&self) -> Ask {
        let target = *self.lookup.target.as_bytes();
        match &self.goal {
            Goal::Records(wanted) => {
                let most = wanted
                    .enough
                    .clamp(LEFT_ON_THE_WAY, limits::MAX_FOUND_RECORDS)
                    as u8;
                Ask::FindRecords {
                    target,
                    kind: wanted.kind,
                    most,
                }
            }
            _ => Ask::FindNode { target },
        }
    }

    fn members(&self, k: usize) -> Vec<Contact> {
        self.lookup
            .closest()
            .take(k)
            .map(|candidate| candidate.contact)
            .collect()
    }
}
