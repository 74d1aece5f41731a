//! What goes back and forth between members: requests, answers, sessions.

use stc::NodeId;
use stt_dht::{Dialled, Input, Moment, Output, Over, RequestId, Token};
use stt_wire::{Ask, Contact, DhtAnswer, DhtRequest, DialOutcome};

use super::{Event, HANDSHAKE_BYTES, HANDSHAKE_US, MESSAGE_BYTES, MemberId, Who, World};
use crate::population::slot_of;
use crate::villain::{Villain, closest_of};

impl World {
    pub(super) fn happen(&mut self, event: Event) {
        match event {
            Event::Wake(slot) => self.wake(slot),
            Event::Request {
                from,
                to,
                id,
                request,
                is_cold,
            } => {
                self.deliver_request(from, to, id, request, is_cold);
            }
            Event::Answer {
                from,
                to,
                id: request,
                answer,
            } => {
                if self.is_there(to) && self.is_connected_world(to.slot, from) {
                    self.input(to.slot, Input::Answer { request, answer });
                }
            }
            Event::SessionsLost { of, with } => {
                for who in of {
                    if self.is_there(who) {
                        self.lose_session(who.slot, &with);
                    }
                }
            }
            Event::Goes(who) => {
                if self.is_there(who) && !self.members[who.slot as usize].stays {
                    self.kill(who.slot);
                    self.replace(who.slot);
                }
            }
        }
    }

    fn is_there(&self, who: Who) -> bool {
        let member = &self.members[who.slot as usize];
        member.is_there && member.term == who.term
    }

    /// The member of a name, if it is there.
    fn present(&self, node: &[u8; 32]) -> Option<Who> {
        let slot = slot_of(node);
        let member = self.members.get(slot as usize)?;
        (member.is_there && member.contact.node == *node).then(|| self.who(slot))
    }

    fn is_connected_world(&self, one: MemberId, other: MemberId) -> bool {
        self.split
            .is_none_or(|first| (one < first) == (other < first))
    }

    fn wake(&mut self, slot: MemberId) {
        let member = &mut self.members[slot as usize];
        if member.wake_us > self.now_us {
            return;
        }
        member.wake_us = u64::MAX;
        if member.due_us > self.now_us {
            // What it was to be woken for has come to an end before.
            let due_us = member.due_us;
            return self.wake_at(slot, due_us);
        }
        let now = self.now(slot);
        if let Some(engine) = self.members[slot as usize].engine.as_deref_mut() {
            engine.handle_timeout(now, &mut self.rng);
            self.settle(slot);
        }
    }

    pub(super) fn wake_at(&mut self, slot: MemberId, due_us: u64) {
        let member = &mut self.members[slot as usize];
        member.due_us = due_us;
        if due_us < member.wake_us {
            member.wake_us = due_us;
            self.queue.push(due_us, Event::Wake(slot));
        }
    }

    fn input(&mut self, slot: MemberId, input: Input) {
        let now = self.now(slot);
        if let Some(engine) = self.members[slot as usize].engine.as_deref_mut() {
            engine.handle_input(now, input, &mut self.rng);
            self.settle(slot);
        }
    }

    /// Does what an engine wants, until it wants no more.
    pub(super) fn settle(&mut self, slot: MemberId) {
        let mut answers = Vec::new();
        while let Some(engine) = self.members[slot as usize].engine.as_deref_mut()
            && let Some(output) = engine.poll_output()
        {
            self.carry_out(slot, output, &mut answers);
        }
        debug_assert!(answers.is_empty(), "answers are taken by whoever asked");
        let Some(engine) = self.members[slot as usize].engine.as_deref() else {
            return;
        };
        let due_us = engine.poll_timeout().since(Moment::default()).as_micros() as u64;
        self.wake_at(slot, due_us.max(self.now_us));
    }

    fn carry_out(&mut self, slot: MemberId, output: Output, answers: &mut Vec<DhtAnswer>) {
        match output {
            Output::Send {
                request_id,
                to,
                request,
                over,
            } => {
                self.send(slot, to, request_id, request, over);
            }
            Output::Answer { answer, .. } => answers.push(answer),
            Output::DialBack { .. } => answers.push(DhtAnswer::Dialled(DialOutcome::Reached)),
            Output::RecordFound { query, record } => {
                self.found
                    .entry((slot, query))
                    .or_default()
                    .push(record.node);
            }
            Output::Ended(ended) => {
                self.ended.insert((slot, ended.query), ended);
            }
            Output::ModeChanged(_) => {}
        }
    }

    fn send(
        &mut self,
        slot: MemberId,
        to: Contact,
        id: RequestId,
        request: DhtRequest,
        over: Over,
    ) {
        self.count(request.payload_len());
        let is_known = self.session(slot, slot_of(&to.node));
        let is_known = is_known || self.members[slot as usize].is_connected;
        let is_cold = over == Over::NewSession || !is_known;
        self.traffic.dials += u64::from(is_cold);
        self.traffic.bytes += if is_cold { HANDSHAKE_BYTES } else { 0 };
        let Some(to) = self.present(&to.node) else {
            return;
        };
        if !self.is_connected_world(slot, to.slot) {
            return;
        }
        let here = self.members[slot as usize].place;
        let there = self.members[to.slot as usize].place;
        let dial = if is_cold {
            here.round_trip(&there) + HANDSHAKE_US
        } else {
            0
        };
        let at = self.now_us + dial + here.one_way(&there, &mut self.rng);
        let request = Event::Request {
            from: self.who(slot),
            to,
            id,
            request,
            is_cold,
        };
        self.queue.push(at, request);
    }

    /// Sends a request of nobody's engine.
    pub fn inject(&mut self, from: MemberId, to: MemberId, request: DhtRequest) {
        let (from, to) = (self.who(from), self.who(to));
        self.count(request.payload_len());
        let id = RequestId::UNKNOWN;
        let event = Event::Request {
            from,
            to,
            id,
            request,
            is_cold: false,
        };
        self.queue.push(self.now_us + 50_000, event);
    }

    /// What a member answers at once to a request of nobody's engine.
    pub fn ask(&mut self, from: MemberId, to: MemberId, request: DhtRequest) -> Option<DhtAnswer> {
        self.answer_of(to, self.contact(from), request)
    }

    fn count(&mut self, payload: usize) {
        self.traffic.messages += 1;
        self.traffic.bytes += payload as u64 + MESSAGE_BYTES;
    }

    /// Whether there is a session; if so it has just been used.
    fn session(&mut self, slot: MemberId, peer: MemberId) -> bool {
        let sessions = &mut self.members[slot as usize].sessions;
        sessions.touch(peer, self.now_us)
    }

    fn deliver_request(
        &mut self,
        from: Who,
        to: Who,
        id: RequestId,
        request: DhtRequest,
        is_cold: bool,
    ) {
        if !self.is_there(to) {
            return;
        }
        let asker = self.contact(from.slot);
        if is_cold && self.is_there(from) {
            self.open_session(from.slot, to.slot, Dialled::ByPeer);
            self.open_session(to.slot, from.slot, Dialled::ByUs);
        }
        self.members[to.slot as usize].served += 1;
        let delay = self.members[to.slot as usize]
            .villain
            .map_or(0, Villain::delay);
        let Some(answer) = self.answer_of(to.slot, asker, request) else {
            return;
        };
        self.count(answer.payload_len());
        let here = self.members[to.slot as usize].place;
        let there = self.members[from.slot as usize].place;
        let at = self.now_us + delay + here.one_way(&there, &mut self.rng);
        let answer = Event::Answer {
            from: to.slot,
            to: from,
            id,
            answer,
        };
        self.queue.push(at, answer);
    }

    fn answer_of(
        &mut self,
        slot: MemberId,
        from: Contact,
        request: DhtRequest,
    ) -> Option<DhtAnswer> {
        let contact = self.contact(slot);
        if let Some(villain) = self.members[slot as usize].villain {
            let accomplices = match &request.ask {
                Ask::FindNode { target } | Ask::FindRecords { target, .. } => {
                    closest_of(&self.hostile, target, 20)
                }
                _ => Vec::new(),
            };
            let unix = self.now(slot).unix;
            return Some(villain.answer(&contact, &request.ask, accomplices, unix, &mut self.rng));
        }
        let now = self.now(slot);
        let engine = self.members[slot as usize].engine.as_deref_mut()?;
        let token = Token(0);
        engine.handle_input(
            now,
            Input::Request {
                token,
                from,
                request,
            },
            &mut self.rng,
        );
        let mut answers = Vec::new();
        while let Some(engine) = self.members[slot as usize].engine.as_deref_mut()
            && let Some(output) = engine.poll_output()
        {
            self.carry_out(slot, output, &mut answers);
        }
        answers.pop()
    }

    fn open_session(&mut self, with: MemberId, slot: MemberId, by: Dialled) {
        if self.session(slot, with) {
            return;
        }
        let mut sessions = std::mem::take(&mut self.members[slot as usize].sessions);
        let dropped = sessions.add(with, self.now_us, |peer| self.wants(slot, peer));
        self.members[slot as usize].sessions = sessions;
        if let Some(dropped) = dropped {
            let (one, other) = (self.contact(slot), self.contact(dropped));
            self.tell(slot, closed(&other));
            self.members[dropped as usize].sessions.remove(slot);
            self.tell(dropped, closed(&one));
        }
        let node = NodeId::from_bytes(self.contact(with).node);
        self.tell(slot, Input::SessionOpened { node, by });
    }

    fn wants(&self, slot: MemberId, peer: MemberId) -> bool {
        let node = NodeId::from_bytes(self.contact(peer).node);
        let engine = self.members[slot as usize].engine.as_deref();
        engine.is_some_and(|engine| engine.wants_session(&node))
    }

    fn lose_session(&mut self, slot: MemberId, with: &Contact) {
        // The slot may have another member by now, with a session of its own.
        let peer = slot_of(&with.node);
        if self.contact(peer).node == with.node {
            self.members[slot as usize].sessions.remove(peer);
        }
        let node = NodeId::from_bytes(with.node);
        self.tell(slot, Input::SessionLost { node });
    }

    /// Tells an engine of something that it need not do anything about at once.
    fn tell(&mut self, slot: MemberId, input: Input) {
        let now = self.now(slot);
        if let Some(engine) = self.members[slot as usize].engine.as_deref_mut() {
            engine.handle_input(now, input, &mut self.rng);
        }
    }
}

fn closed(with: &Contact) -> Input {
    let node = NodeId::from_bytes(with.node);
    Input::SessionClosed { node }
}
