//! What goes back and forth between members: requests, answers, sessions.

use stc::NodeId;
use stt_dht::{Dialled, Input, Moment, Output, Over, RequestId, Token};
use stt_wire::{Ask, Contact, DhtAnswer, DhtRequest, DialOutcome};

use super::{Event, HANDSHAKE_BYTES, HANDSHAKE_US, MESSAGE_BYTES, MemberId, POOL, World};
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
                id,
                answer,
            } => {
                if let Some(slot) = self.present(&to.node)
                    && self.is_connected_world(slot, slot_of(&from))
                {
                    self.input(
                        slot,
                        Input::Answer {
                            request: id,
                            answer,
                        },
                    );
                }
            }
            Event::SessionLost { of, with } => self.lose_session(&of, &with),
            Event::Goes { contact } => {
                if let Some(slot) = self.present(&contact.node)
                    && !self.members[slot as usize].stays
                {
                    self.kill(slot);
                    self.replace(slot);
                }
            }
        }
    }

    /// The slot of a member, if it is there and still the same.
    fn present(&self, node: &[u8; 32]) -> Option<MemberId> {
        let slot = slot_of(node);
        let member = self.members.get(slot as usize)?;
        (member.is_there && member.contact.node == *node).then_some(slot)
    }

    fn is_connected_world(&self, one: MemberId, other: MemberId) -> bool {
        self.split
            .is_none_or(|first| (one < first) == (other < first))
    }

    fn wake(&mut self, slot: MemberId) {
        if self.members[slot as usize].wake_at > self.now_us {
            return;
        }
        self.members[slot as usize].wake_at = u64::MAX;
        let now = self.now(slot);
        if let Some(engine) = self.members[slot as usize].engine.as_deref_mut() {
            engine.handle_timeout(now, &mut self.rng);
            self.settle(slot);
        }
    }

    pub(super) fn wake_in(&mut self, slot: MemberId, time_us: u64) {
        let at = self.now_us + time_us;
        if at < self.members[slot as usize].wake_at {
            self.members[slot as usize].wake_at = at;
            self.queue.push(at, Event::Wake(slot));
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
        let due = engine.poll_timeout().since(Moment::default()).as_micros() as u64;
        self.wake_in(slot, due.saturating_sub(self.now_us));
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
        let from = self.contact(slot);
        self.count(request.payload_len());
        let is_known = self.session(slot, slot_of(&to.node));
        let is_known = is_known || self.members[slot as usize].is_connected;
        let is_cold = over == Over::NewSession || !is_known;
        self.traffic.dials += u64::from(is_cold);
        self.traffic.bytes += if is_cold { HANDSHAKE_BYTES } else { 0 };
        let Some(peer) = self.present(&to.node) else {
            return;
        };
        if !self.is_connected_world(slot, peer) {
            return;
        }
        let (here, there) = (
            self.members[slot as usize].place,
            self.members[peer as usize].place,
        );
        let dial = if is_cold {
            here.round_trip(&there) + HANDSHAKE_US
        } else {
            0
        };
        let at = self.now_us + dial + here.one_way(&there, &mut self.rng);
        self.queue.push(
            at,
            Event::Request {
                from,
                to,
                id,
                request,
                is_cold,
            },
        );
    }

    /// Sends a request of nobody's engine.
    pub fn inject(&mut self, from: MemberId, to: MemberId, request: DhtRequest) {
        let (from, to) = (self.contact(from), self.contact(to));
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
        let known = sessions.iter_mut().find(|(known, _)| *known == peer);
        known.map(|(_, used)| *used = self.now_us).is_some()
    }

    fn deliver_request(
        &mut self,
        from: Contact,
        to: Contact,
        id: RequestId,
        request: DhtRequest,
        is_cold: bool,
    ) {
        let Some(slot) = self.present(&to.node) else {
            return;
        };
        if is_cold {
            self.open_session(&from, slot, Dialled::ByPeer);
            if let Some(asker) = self.present(&from.node) {
                self.open_session(&to, asker, Dialled::ByUs);
            }
        }
        self.members[slot as usize].served += 1;
        let delay = self.members[slot as usize]
            .villain
            .map_or(0, Villain::delay);
        let Some(answer) = self.answer_of(slot, from, request) else {
            return;
        };
        self.count(answer.payload_len());
        let there = self.members[slot_of(&from.node) as usize].place;
        let way = self.members[slot as usize]
            .place
            .one_way(&there, &mut self.rng);
        let at = self.now_us + delay + way;
        self.queue.push(
            at,
            Event::Answer {
                from: to.node,
                to: from,
                id,
                answer,
            },
        );
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

    fn open_session(&mut self, with: &Contact, slot: MemberId, by: Dialled) {
        let peer = slot_of(&with.node);
        if self.session(slot, peer) {
            return;
        }
        let member = &mut self.members[slot as usize];
        let is_full = member.sessions.len() >= POOL;
        let oldest = (0..member.sessions.len()).min_by_key(|place| member.sessions[*place].1);
        let dropped = oldest
            .filter(|_| is_full)
            .map(|place| member.sessions.swap_remove(place).0);
        member.sessions.push((peer, self.now_us));
        if let Some(dropped) = dropped {
            let (one, other) = (self.contact(slot), self.contact(dropped));
            self.tell_closed(slot, &other);
            self.lose_session(&other, &one);
        }
        let now = self.now(slot);
        if let Some(engine) = self.members[slot as usize].engine.as_deref_mut() {
            let node = NodeId::from_bytes(with.node);
            engine.handle_input(now, Input::SessionOpened { node, by }, &mut self.rng);
        }
    }

    fn lose_session(&mut self, of: &Contact, with: &Contact) {
        let Some(slot) = self.present(&of.node) else {
            return;
        };
        // The slot may have another member by now, with a session of its own.
        let peer = slot_of(&with.node);
        if self.contact(peer).node == with.node || !self.members[peer as usize].is_there {
            self.members[slot as usize]
                .sessions
                .retain(|(known, _)| *known != peer);
        }
        self.tell_closed(slot, with);
    }

    fn tell_closed(&mut self, slot: MemberId, with: &Contact) {
        let now = self.now(slot);
        if let Some(engine) = self.members[slot as usize].engine.as_deref_mut() {
            let node = NodeId::from_bytes(with.node);
            engine.handle_input(now, Input::SessionClosed { node }, &mut self.rng);
        }
    }
}
