//! A part of the members, and what happens to them.

use std::collections::BTreeMap;
use std::time::Duration;

use stc::NodeId;
use stt_dht::{Ended, Engine, Input, Moment, Now, QueryId, RequestId};
use stt_wire::{DhtAnswer, DhtRequest};

use super::pool::Pool;
use super::{MemberId, SHARDS, Setting};
use crate::keyring::SimKeyring;
use crate::net::Place;
use crate::queue::Queue;
use crate::rng::Rng;
use crate::stats::Traffic;
use crate::villain::Villain;

/// A member, and not whoever has its slot before or after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Who {
    pub(crate) slot: MemberId,
    /// How many members the slot has had before it.
    pub(crate) term: u32,
}

/// What is going to happen to members of another shard, and when.
pub(super) type Posted = Vec<(u64, Event)>;

/// Every [`SHARDS`]th of the members.
#[derive(Debug)]
pub(super) struct Shard {
    number: usize,
    members: Vec<Member>,
    queue: Queue<Event>,
    /// What is going to happen to members of each shard, until the end of the window.
    outbox: [Posted; SHARDS],
    pub(super) rng: Rng,
    pub(super) now_us: u64,
    pub(super) ended: BTreeMap<(MemberId, QueryId), Ended>,
    pub(super) found: BTreeMap<(MemberId, QueryId), Vec<[u8; 32]>>,
    pub(super) traffic: Traffic,
}

#[derive(Debug)]
pub(super) struct Member {
    term: u32,
    pub(super) place: Place,
    /// None when it has gone, or is hostile.
    pub(super) engine: Option<Box<Engine<SimKeyring>>>,
    pub(super) villain: Option<Villain>,
    pub(super) is_there: bool,
    /// When its engine wants to be called.
    due_us: u64,
    /// When it is looked at whether that is now: not later.
    wake_us: u64,
    pub(super) sessions: Pool,
    pub(super) skew: i64,
    pub(super) served: u64,
    pub(super) stays: bool,
    /// It has a session with everybody.
    pub(super) is_connected: bool,
}

#[derive(Debug)]
pub(super) enum Event {
    Wake(MemberId),
    Request {
        from: Who,
        to: Who,
        id: RequestId,
        request: DhtRequest,
        is_cold: bool,
    },
    Answer {
        from: Who,
        to: Who,
        id: RequestId,
        answer: DhtAnswer,
        /// Whether the request came by a new session.
        is_cold: bool,
    },
    /// A session was closed in order.
    SessionClosed {
        of: Who,
        with: Who,
    },
    /// Those who had a session with a member notice that it has fallen silent.
    SessionsLost {
        of: Vec<Who>,
        with: Who,
    },
    Goes(Who),
}

/// After how long a session with somebody who fell silent is given up.
const IDLE_US: u64 = 30_000_000;
const UNIX: u64 = 1_800_000_000;

impl Shard {
    pub(super) fn new(number: usize, rng: Rng) -> Self {
        Self {
            number,
            members: Vec::new(),
            queue: Queue::new(),
            outbox: std::array::from_fn(|_| Vec::new()),
            rng,
            now_us: 0,
            ended: BTreeMap::new(),
            found: BTreeMap::new(),
            traffic: Traffic::default(),
        }
    }

    pub(super) fn member(&self, slot: MemberId) -> &Member {
        &self.members[slot as usize / SHARDS]
    }

    pub(super) fn member_mut(&mut self, slot: MemberId) -> &mut Member {
        &mut self.members[slot as usize / SHARDS]
    }

    /// The member that has a slot now, or had it last.
    pub(super) fn who(&self, slot: MemberId) -> Who {
        let term = self.member(slot).term;
        Who { slot, term }
    }

    pub(super) fn is_there(&self, who: Who) -> bool {
        let member = self.member(who.slot);
        member.is_there && member.term == who.term
    }

    pub(super) fn now(&self, slot: MemberId) -> Now {
        let moment = Moment::after(Duration::from_micros(self.now_us));
        let skew = self.member(slot).skew;
        let unix = (UNIX + self.now_us / 1_000_000).saturating_add_signed(skew);
        Now { moment, unix }
    }

    /// Adds a member in the next slot of this shard.
    pub(super) fn add(&mut self, setting: &Setting, slot: MemberId, villain: Option<Villain>) {
        debug_assert_eq!(slot as usize, self.members.len() * SHARDS + self.number);
        self.members.push(Member {
            term: 0,
            place: setting.place(Who { slot, term: 0 }),
            engine: None,
            villain,
            is_there: true,
            due_us: u64::MAX,
            wake_us: u64::MAX,
            sessions: Pool::default(),
            skew: 0,
            served: 0,
            stays: false,
            is_connected: false,
        });
        if villain.is_none() {
            self.start(setting, slot);
        }
    }

    fn start(&mut self, setting: &Setting, slot: MemberId) {
        let me = NodeId::from_bytes(setting.contact(self.who(slot)).node);
        let engine = Engine::new(self.now(slot), setting.config.clone(), SimKeyring, me);
        self.member_mut(slot).engine = Some(Box::new(engine));
        let first = self.rng.word() % 3_000_000;
        self.wake_at(slot, self.now_us + first);
    }

    /// Ends a member at once, without leave.
    pub(super) fn kill(&mut self, slot: MemberId) {
        let member = self.member_mut(slot);
        member.is_there = false;
        member.engine = None;
        member.due_us = u64::MAX;
        let sessions = std::mem::take(&mut member.sessions);
        for shard in 0..SHARDS {
            let here = |peer: &&Who| peer.slot as usize % SHARDS == shard;
            let of: Vec<_> = sessions.peers().iter().filter(here).copied().collect();
            self.fall_silent(self.who(slot), of);
        }
    }

    /// Those who have a session with a member will notice that it is gone. They are of one shard.
    pub(super) fn fall_silent(&mut self, with: Who, of: Vec<Who>) {
        if let Some(one) = of.first().copied() {
            let lost = Event::SessionsLost { of, with };
            self.post(self.now_us + IDLE_US, one, lost);
        }
    }

    /// A new member takes the place of one that goes, and joins by three that it has heard of.
    fn replace(&mut self, setting: &Setting, slot: MemberId) {
        let known: [_; 3] = std::array::from_fn(|_| setting.contact(self.somebody()));
        let member = self.member_mut(slot);
        member.term += 1;
        member.is_there = true;
        member.is_connected = false;
        let place = setting.place(self.who(slot));
        self.member_mut(slot).place = place;
        self.start(setting, slot);
        self.command(setting, slot, |engine, now, rng| {
            engine.join(now, &known, rng)
        });
        self.schedule_going(setting, slot);
    }

    /// An honest member of this shard, by chance.
    fn somebody(&mut self) -> Who {
        loop {
            let place = self.rng.below(self.members.len());
            if self.members[place].engine.is_some() {
                return self.who((place * SHARDS + self.number) as u32);
            }
        }
    }

    pub(super) fn schedule_going(&mut self, setting: &Setting, slot: MemberId) {
        if let Some(mean) = setting.mean_stay
            && self.member(slot).villain.is_none()
        {
            let stay = Duration::from_secs_f64(self.rng.exponential(mean)).as_micros() as u64;
            let going = Event::Goes(self.who(slot));
            self.queue.push(self.now_us + stay, going);
        }
    }

    /// Begins something at a member, and does what its engine wants.
    pub(super) fn command<T>(
        &mut self,
        setting: &Setting,
        slot: MemberId,
        command: impl FnOnce(&mut Engine<SimKeyring>, Now, &mut Rng) -> T,
    ) -> Option<T> {
        let now = self.now(slot);
        let engine = self.members[slot as usize / SHARDS].engine.as_deref_mut()?;
        let result = command(engine, now, &mut self.rng);
        self.settle(setting, slot);
        Some(result)
    }

    /// Tells an engine of something that it need not do anything about at once.
    pub(super) fn tell(&mut self, slot: MemberId, input: Input) {
        let now = self.now(slot);
        if let Some(engine) = self.members[slot as usize / SHARDS].engine.as_deref_mut() {
            engine.handle_input(now, input, &mut self.rng);
        }
    }

    /// Something is going to happen to a member of any shard.
    pub(super) fn post(&mut self, at: u64, to: Who, event: Event) {
        let shard = to.slot as usize % SHARDS;
        if shard == self.number {
            self.queue.push(at, event);
        } else {
            self.outbox[shard].push((at, event));
        }
    }

    /// What is going to happen to members of another shard.
    pub(super) fn outbox(&mut self, shard: usize) -> &mut Posted {
        &mut self.outbox[shard]
    }

    /// What other shards have posted.
    pub(super) fn take_in(&mut self, events: impl Iterator<Item = (u64, Event)>) {
        for (at, event) in events {
            debug_assert!(at >= self.now_us, "what happened before is not changed");
            self.queue.push(at, event);
        }
    }

    pub(super) const fn number(&self) -> usize {
        self.number
    }

    /// When the next thing happens, here or by what was posted; never is the end of all time.
    pub(super) fn next_us(&self) -> u64 {
        let posted = self.outbox.iter().flatten().map(|(at, _)| *at);
        let all = posted.chain(self.queue.next());
        all.min().unwrap_or(u64::MAX)
    }

    /// Lets all happen that happens before `end`.
    pub(super) fn run(&mut self, setting: &Setting, end: u64) {
        while let Some((at, event)) = self.queue.pop(end) {
            self.now_us = at;
            self.happen(setting, event);
        }
    }

    fn happen(&mut self, setting: &Setting, event: Event) {
        match event {
            Event::Wake(slot) => self.wake(setting, slot),
            Event::Request {
                from,
                to,
                id,
                request,
                is_cold,
            } => self.deliver_request(setting, [from, to], id, request, is_cold),
            Event::Answer {
                from,
                to,
                id,
                answer,
                is_cold,
            } => self.deliver_answer(setting, [from, to], id, answer, is_cold),
            Event::SessionClosed { of, with } => self.session_is_closed(setting, of, with),
            Event::SessionsLost { of, with } => {
                for one in of {
                    self.session_is_lost(setting, one, with);
                }
            }
            Event::Goes(who) => {
                if self.is_there(who) && !self.member(who.slot).stays {
                    self.kill(who.slot);
                    self.replace(setting, who.slot);
                }
            }
        }
    }

    fn wake(&mut self, setting: &Setting, slot: MemberId) {
        let now_us = self.now_us;
        let member = self.member_mut(slot);
        if member.wake_us > now_us {
            return;
        }
        member.wake_us = u64::MAX;
        if member.due_us > now_us {
            // What it was to be woken for has come to an end before.
            let due_us = member.due_us;
            return self.wake_at(slot, due_us);
        }
        self.command(setting, slot, |engine, now, rng| {
            engine.handle_timeout(now, rng);
        });
    }

    pub(super) fn wake_at(&mut self, slot: MemberId, due_us: u64) {
        let member = self.member_mut(slot);
        member.due_us = due_us;
        if due_us < member.wake_us {
            member.wake_us = due_us;
            self.queue.push(due_us, Event::Wake(slot));
        }
    }
}
