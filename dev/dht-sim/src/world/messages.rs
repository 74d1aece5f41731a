//! What goes back and forth between members: requests, answers, sessions.
//!
//! Each side of a session knows only what reached it: the one that was dialled has the session with
//! the request, the one that dialled with the answer.

use stc::NodeId;
use stt_dht::{Dialled, Input, Moment, Output, Over, RequestId, Token};
use stt_wire::{Ask, Contact, DhtAnswer, DhtRequest, DialOutcome};

use super::shard::{Event, Shard, Who};
use super::{MemberId, Setting};
use crate::population::who_is;
use crate::villain::{Villain, closest_of};

/// What a handshake takes, as measured of real sessions.
const HANDSHAKE_BYTES: u64 = 2_400;
const HANDSHAKE_US: u64 = 400;
/// What each message takes beyond its payload: frames, packets, acknowledgements.
const MESSAGE_BYTES: u64 = 60;

impl Shard {
    /// Does what an engine wants, until it wants no more.
    pub(super) fn settle(&mut self, setting: &Setting, slot: MemberId) {
        let answer = self.carry_all_out(setting, slot);
        debug_assert!(answer.is_none(), "answers are taken by whoever asked");
        let Some(engine) = self.member(slot).engine.as_deref() else {
            return;
        };
        let due_us = engine.poll_timeout().since(Moment::default()).as_micros() as u64;
        self.wake_at(slot, due_us.max(self.now_us));
    }

    /// Its answer is given back, if it has one.
    fn carry_all_out(&mut self, setting: &Setting, slot: MemberId) -> Option<DhtAnswer> {
        let mut given = None;
        while let Some(engine) = self.member_mut(slot).engine.as_deref_mut()
            && let Some(output) = engine.poll_output()
        {
            match output {
                Output::Send {
                    request_id,
                    to,
                    request,
                    over,
                } => {
                    let is_cold = self.dials(slot, &to, over);
                    let ends = [self.who(slot), who_is(&to.node)];
                    self.send(setting, ends, request_id, request, is_cold);
                }
                Output::Answer { answer, .. } => given = Some(answer),
                Output::DialBack { .. } => given = Some(DhtAnswer::Dialled(DialOutcome::Reached)),
                Output::RecordFound { query, record } => {
                    let found = self.found.entry((slot, query)).or_default();
                    found.push(record.node);
                }
                Output::Ended(ended) => {
                    self.ended.insert((slot, ended.query), ended);
                }
                Output::ModeChanged(_) => {}
            }
        }
        given
    }

    /// Whether a request takes a new session. One that is there has just been used.
    fn dials(&mut self, slot: MemberId, to: &Contact, over: Over) -> bool {
        let now_us = self.now_us;
        let here = self.member_mut(slot);
        let is_known = here.sessions.touch(who_is(&to.node), now_us) || here.is_connected;
        let is_cold = over == Over::NewSession || !is_known;
        if is_cold {
            self.traffic.dials += 1;
            self.traffic.bytes += HANDSHAKE_BYTES;
        }
        is_cold
    }

    fn send(
        &mut self,
        setting: &Setting,
        [from, to]: [Who; 2],
        id: RequestId,
        request: DhtRequest,
        is_cold: bool,
    ) {
        self.count(request.payload_len());
        if to.slot as usize >= setting.first.len() || !setting.is_whole(from, to) {
            return;
        }
        let (here, there) = (self.member(from.slot).place, setting.place(to));
        let dial = if is_cold {
            here.round_trip(&there) + HANDSHAKE_US
        } else {
            0
        };
        let at = self.now_us + dial + here.one_way(&there, &mut self.rng);
        let request = Event::Request {
            from,
            to,
            id,
            request,
            is_cold,
        };
        self.post(at, to, request);
    }

    /// A request of nobody's engine is on its way.
    pub(super) fn inject(&mut self, from: Who, to: MemberId, request: DhtRequest) {
        self.count(request.payload_len());
        let to = self.who(to);
        let request = Event::Request {
            from,
            to,
            id: RequestId::UNKNOWN,
            request,
            is_cold: false,
        };
        self.post(self.now_us + 50_000, to, request);
    }

    fn count(&mut self, payload: usize) {
        self.traffic.messages += 1;
        self.traffic.bytes += payload as u64 + MESSAGE_BYTES;
    }

    pub(super) fn deliver_request(
        &mut self,
        setting: &Setting,
        [from, to]: [Who; 2],
        id: RequestId,
        request: DhtRequest,
        is_cold: bool,
    ) {
        if !self.is_there(to) {
            return;
        }
        let asker = setting.contact(from);
        if is_cold {
            self.open_session(setting, to.slot, from, Dialled::ByPeer);
        }
        let here = self.member_mut(to.slot);
        here.served += 1;
        let (place, delay) = (here.place, here.villain.map_or(0, Villain::delay));
        let Some(answer) = self.answer_of(setting, to.slot, asker, request) else {
            return;
        };
        self.count(answer.payload_len());
        let at = self.now_us + delay + place.one_way(&setting.place(from), &mut self.rng);
        let answer = Event::Answer {
            from: to,
            to: from,
            id,
            answer,
            is_cold,
        };
        self.post(at, from, answer);
    }

    pub(super) fn deliver_answer(
        &mut self,
        setting: &Setting,
        [from, to]: [Who; 2],
        request: RequestId,
        answer: DhtAnswer,
        is_cold: bool,
    ) {
        if !setting.is_whole(from, to) {
            return;
        }
        if !self.is_there(to) {
            if is_cold {
                // Whoever was dialled has a session with nobody.
                self.fall_silent(to, vec![from]);
            }
            return;
        }
        if is_cold {
            self.open_session(setting, to.slot, from, Dialled::ByUs);
        }
        self.command(setting, to.slot, |engine, now, rng| {
            engine.handle_input(now, Input::Answer { request, answer }, rng);
        });
    }

    pub(super) fn answer_of(
        &mut self,
        setting: &Setting,
        slot: MemberId,
        from: Contact,
        request: DhtRequest,
    ) -> Option<DhtAnswer> {
        if let Some(villain) = self.member(slot).villain {
            let accomplices = match &request.ask {
                Ask::FindNode { target } | Ask::FindRecords { target, .. } => {
                    closest_of(&setting.hostile, target, 20)
                }
                _ => Vec::new(),
            };
            let me = setting.contact(self.who(slot));
            let unix = self.now(slot).unix;
            return Some(villain.answer(&me, &request.ask, accomplices, unix, &mut self.rng));
        }
        let token = Token(0);
        self.tell(
            slot,
            Input::Request {
                token,
                from,
                request,
            },
        );
        self.carry_all_out(setting, slot)
    }

    /// There is a session, if there was none.
    fn open_session(&mut self, setting: &Setting, slot: MemberId, with: Who, by: Dialled) {
        let now_us = self.now_us;
        let mut sessions = std::mem::take(&mut self.member_mut(slot).sessions);
        let is_new = !sessions.touch(with, now_us);
        let dropped = if is_new {
            let engine = self.member(slot).engine.as_deref();
            let is_wanted = |peer| {
                let node = NodeId::from_bytes(setting.contact(peer).node);
                engine.is_some_and(|engine| engine.wants_session(&node))
            };
            sessions.add(with, now_us, is_wanted)
        } else {
            None
        };
        self.member_mut(slot).sessions = sessions;
        if let Some(dropped) = dropped {
            self.close_session(setting, slot, dropped);
        }
        if is_new {
            let node = NodeId::from_bytes(setting.contact(with).node);
            self.tell(slot, Input::SessionOpened { node, by });
        }
    }

    fn close_session(&mut self, setting: &Setting, slot: MemberId, with: Who) {
        let node = NodeId::from_bytes(setting.contact(with).node);
        self.tell(slot, Input::SessionClosed { node });
        let me = self.who(slot);
        if setting.is_whole(me, with) {
            let here = self.member(slot).place;
            let at = self.now_us + here.one_way(&setting.place(with), &mut self.rng);
            let closed = Event::SessionClosed { of: with, with: me };
            self.post(at, with, closed);
        }
    }

    pub(super) fn session_is_closed(&mut self, setting: &Setting, of: Who, with: Who) {
        if self.is_there(of) && self.member_mut(of.slot).sessions.remove(with) {
            let node = NodeId::from_bytes(setting.contact(with).node);
            self.tell(of.slot, Input::SessionClosed { node });
        }
    }

    pub(super) fn session_is_lost(&mut self, setting: &Setting, of: Who, with: Who) {
        if self.is_there(of) && self.member_mut(of.slot).sessions.remove(with) {
            let node = NodeId::from_bytes(setting.contact(with).node);
            self.tell(of.slot, Input::SessionLost { node });
        }
    }
}
