//! Packets at a door: let in or not, recorded either way.

use std::{net::SocketAddr, task::Waker};

use super::Knock;
use crate::{capture::Event, fate::Fate, net::Shared, state::State, wire::Passage};

impl Shared {
    /// Opens the doors to all that has arrived, and sets the bell to what arrives next.
    pub(crate) fn open_doors(&self) {
        let now = self.core.now();
        let mut state = self.state();
        let woken = state.cross(now);
        self.bell.set(state.doors.queue.next());
        drop(state);
        woken.into_iter().for_each(Waker::wake);
    }
}

impl State {
    fn cross(&mut self, now: u64) -> Vec<Waker> {
        let mut woken = Vec::new();
        while let Some(knock) = self.doors.queue.pop(now) {
            woken.extend(self.answer(knock));
        }
        woken
    }

    /// One packet. What is passed on unchanged is not recorded a second time.
    fn answer(&mut self, knock: Knock) -> Option<Waker> {
        let Knock { arrival, to } = knock;
        let (host, fate) = self.verdict(arrival.at, arrival.from, to);
        if host != to || fate != Fate::Delivered {
            self.capture.add(&Event {
                now: arrival.at,
                from: arrival.from,
                to: host,
                passage: &Passage {
                    fate,
                    arrival: arrival.at,
                    copies: u8::from(fate == Fate::Delivered),
                    flip: None,
                    ecn: arrival.ecn,
                },
                bytes: &arrival.bytes,
            });
        }
        if fate != Fate::Delivered {
            let stats = &mut self.wire(arrival.from, to).stats;
            stats.count(fate, arrival.bytes.len());
            return None;
        }
        self.inboxes.get_mut(&host)?.push(arrival)
    }

    /// How far a packet comes, and what becomes of it there.
    fn verdict(&mut self, now: u64, from: SocketAddr, to: SocketAddr) -> (SocketAddr, Fate) {
        let host = match self.doors.arrive(now, from, to) {
            Ok(host) => host,
            Err(door) => return (door, Fate::Filtered),
        };
        let refused = self.routes.refusal(from.into(), host.into()).or_else(|| {
            let is_there = self.inboxes.contains_key(&host);
            (!is_there).then_some(Fate::Unreachable)
        });
        (host, refused.unwrap_or(Fate::Delivered))
    }
}
