//! The world: members, the messages between them, and time.

mod messages;
mod pool;

use std::collections::BTreeMap;
use std::time::Duration;

use stc::NodeId;
use stt_dht::{Config, Dialled, Ended, Engine, Input, Moment, Now, QueryId, RequestId};
use stt_wire::{Contact, DhtAnswer, DhtRequest};

use self::pool::Pool;
use crate::keyring::SimKeyring;
use crate::net::Place;
use crate::population::{at_home, name, settled_table};
use crate::queue::Queue;
use crate::rng::Rng;
use crate::stats::Traffic;
use crate::villain::Villain;

/// A member by its slot. A member that has gone leaves its slot to the next one.
pub type MemberId = u32;

/// A member, and not whoever has its slot after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Who {
    slot: MemberId,
    /// How many members the slot has had before it.
    term: u32,
}

/// Thousands of members under one clock.
#[derive(Debug)]
pub struct World {
    config: Config,
    rng: Rng,
    now_us: u64,
    members: Vec<Member>,
    queue: Queue<Event>,
    /// Hostile members, by place.
    hostile: Vec<Contact>,
    ended: BTreeMap<(MemberId, QueryId), Ended>,
    found: BTreeMap<(MemberId, QueryId), Vec<[u8; 32]>>,
    split: Option<u32>,
    mean_stay: Option<f64>,
    /// Counted since it was last taken.
    pub traffic: Traffic,
}

#[derive(Debug)]
struct Member {
    contact: Contact,
    term: u32,
    place: Place,
    /// None when it has gone, or is hostile.
    engine: Option<Box<Engine<SimKeyring>>>,
    villain: Option<Villain>,
    is_there: bool,
    /// When its engine wants to be called.
    due_us: u64,
    /// When it is looked at whether that is now: not later.
    wake_us: u64,
    sessions: Pool,
    skew: i64,
    served: u64,
    stays: bool,
    /// It has a session with everybody.
    is_connected: bool,
}

#[derive(Debug)]
enum Event {
    Wake(MemberId),
    Request {
        from: Who,
        to: Who,
        id: RequestId,
        request: DhtRequest,
        is_cold: bool,
    },
    Answer {
        from: MemberId,
        to: Who,
        id: RequestId,
        answer: DhtAnswer,
    },
    /// Those who had a session with a member notice that it has fallen silent.
    SessionsLost {
        of: Vec<Who>,
        with: Contact,
    },
    Goes(Who),
}

/// What a handshake takes, as measured of real sessions.
const HANDSHAKE_BYTES: u64 = 2_400;
const HANDSHAKE_US: u64 = 400;
/// What each message takes beyond its payload: frames, packets, acknowledgements.
const MESSAGE_BYTES: u64 = 60;
/// After how long a session with somebody who fell silent is given up.
const IDLE_US: u64 = 30_000_000;
const UNIX: u64 = 1_800_000_000;

impl World {
    /// A world of `count` members that have known each other for long.
    pub fn settled(seed: u64, count: u32, config: Config) -> Self {
        let mut world = Self::empty(seed, config);
        for slot in 0..count {
            let contact = at_home(slot, name(slot, &mut world.rng));
            world.add(contact, None);
        }
        world.acquaint();
        world
    }

    /// A world without members.
    pub fn empty(seed: u64, config: Config) -> Self {
        Self {
            config,
            rng: Rng::new(seed),
            now_us: 0,
            members: Vec::new(),
            queue: Queue::new(),
            hostile: Vec::new(),
            ended: BTreeMap::new(),
            found: BTreeMap::new(),
            split: None,
            mean_stay: None,
            traffic: Traffic::default(),
        }
    }

    /// Adds a member, honest or hostile, in the next slot: the name must be of that slot.
    pub fn add(&mut self, contact: Contact, villain: Option<Villain>) -> MemberId {
        let slot = self.members.len() as u32;
        let place = Place::random(&mut self.rng);
        let member = Member {
            contact,
            term: 0,
            place,
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
        };
        self.members.push(member);
        if villain.is_some() {
            self.hostile.push(contact);
        } else {
            self.start(slot);
        }
        slot
    }

    /// The name of a new member in the next slot, close to a key if one is given.
    pub fn next_name(&mut self, close_to: Option<[u8; 32]>) -> [u8; 32] {
        let slot = self.members.len() as u32;
        let mut node = name(slot, &mut self.rng);
        if let Some(key) = close_to {
            node[..4].copy_from_slice(&key[..4]);
        }
        node
    }

    fn start(&mut self, slot: MemberId) {
        let now = self.now(slot);
        let me = NodeId::from_bytes(self.members[slot as usize].contact.node);
        let engine = Engine::new(now, self.config.clone(), SimKeyring, me);
        self.members[slot as usize].engine = Some(Box::new(engine));
        let first = self.rng.clone().word() % 3_000_000;
        self.wake_at(slot, self.now_us + first);
    }

    /// Makes everybody know whom they would know after a long time.
    pub fn acquaint(&mut self) {
        let mut sorted: Vec<Contact> = self.alive().map(|slot| self.contact(slot)).collect();
        sorted.sort_by_key(|contact| contact.node);
        self.hostile.sort_by_key(|contact| contact.node);
        for member in &mut self.members {
            if let Some(engine) = &mut member.engine {
                let own = member.contact.node;
                engine.restore(&settled_table(&own, &sorted, self.config.k, &mut self.rng));
            }
        }
    }

    /// Gives a member a session with everybody.
    pub fn connect_to_all(&mut self, slot: MemberId) {
        self.members[slot as usize].is_connected = true;
        let everybody: Vec<_> = self.alive().map(|slot| self.contact(slot).node).collect();
        let now = self.now(slot);
        if let Some(engine) = self.members[slot as usize].engine.as_deref_mut() {
            for node in everybody {
                let (node, by) = (NodeId::from_bytes(node), Dialled::ByUs);
                engine.handle_input(now, Input::SessionOpened { node, by }, &mut self.rng);
            }
        }
    }

    /// From now on members stay for this long on average, and each that goes is followed by one that
    /// is new. None of them takes leave.
    pub fn set_mean_stay(&mut self, stay: Duration) {
        self.mean_stay = Some(stay.as_secs_f64());
        for slot in 0..self.members.len() as u32 {
            self.schedule_going(slot);
        }
    }

    fn schedule_going(&mut self, slot: MemberId) {
        if let Some(mean) = self.mean_stay
            && self.members[slot as usize].villain.is_none()
        {
            let stay = Duration::from_secs_f64(self.rng.exponential(mean)).as_micros() as u64;
            let who = self.who(slot);
            self.queue.push(self.now_us + stay, Event::Goes(who));
        }
    }

    /// A member stays while others go.
    pub fn set_stays(&mut self, slot: MemberId) {
        self.members[slot as usize].stays = true;
    }

    /// Sets a member's clock wrong.
    pub fn set_skew(&mut self, slot: MemberId, seconds: i64) {
        self.members[slot as usize].skew = seconds;
    }

    /// Cuts the world in two: the slots below `first` and the others. None heals it.
    pub const fn set_split(&mut self, first: Option<u32>) {
        self.split = first;
    }

    /// Ends a member at once, without leave.
    pub fn kill(&mut self, slot: MemberId) {
        let contact = self.contact(slot);
        let member = &mut self.members[slot as usize];
        member.is_there = false;
        member.engine = None;
        member.due_us = u64::MAX;
        let sessions = std::mem::take(&mut member.sessions);
        let of = sessions.peers().iter().map(|peer| self.who(*peer));
        let lost = Event::SessionsLost {
            of: of.collect(),
            with: contact,
        };
        self.queue.push(self.now_us + IDLE_US, lost);
    }

    /// A new member takes an empty slot and joins by three that it has heard of.
    pub fn replace(&mut self, slot: MemberId) {
        let node = name(slot, &mut self.rng);
        let place = Place::random(&mut self.rng);
        let known: Vec<_> = (0..3).map(|_| self.somebody()).collect();
        let known: Vec<_> = known.into_iter().map(|known| self.contact(known)).collect();
        let member = &mut self.members[slot as usize];
        member.contact = at_home(slot, node);
        member.term += 1;
        member.place = place;
        member.is_there = true;
        member.is_connected = false;
        self.start(slot);
        self.command(slot, |engine, now, rng| engine.join(now, &known, rng));
        self.schedule_going(slot);
    }

    /// An honest member by chance.
    pub fn somebody(&mut self) -> MemberId {
        loop {
            let slot = self.rng.below(self.members.len());
            if self.members[slot].engine.is_some() {
                return slot as u32;
            }
        }
    }

    /// Slots of all that are there, hostile ones too.
    pub fn alive(&self) -> impl Iterator<Item = MemberId> + '_ {
        let slots = (0_u32..).zip(&self.members);
        slots
            .filter(|(_, member)| member.is_there)
            .map(|(slot, _)| slot)
    }

    /// Where a member is.
    pub fn contact(&self, slot: MemberId) -> Contact {
        self.members[slot as usize].contact
    }

    fn who(&self, slot: MemberId) -> Who {
        let term = self.members[slot as usize].term;
        Who { slot, term }
    }

    /// The engine of an honest member that is there.
    pub fn engine(&self, slot: MemberId) -> Option<&Engine<SimKeyring>> {
        self.members[slot as usize].engine.as_deref()
    }

    /// Requests that a member has answered.
    pub fn served(&self, slot: MemberId) -> u64 {
        self.members[slot as usize].served
    }

    /// The world's random numbers.
    pub const fn rng(&mut self) -> &mut Rng {
        &mut self.rng
    }

    /// Time since the beginning.
    pub const fn elapsed(&self) -> Duration {
        Duration::from_micros(self.now_us)
    }

    fn now(&self, slot: MemberId) -> Now {
        let moment = Moment::after(self.elapsed());
        let skew = self.members[slot as usize].skew;
        let unix = (UNIX + self.now_us / 1_000_000).saturating_add_signed(skew);
        Now { moment, unix }
    }

    /// Begins something at a member, and does what its engine wants.
    pub fn command<T>(
        &mut self,
        slot: MemberId,
        command: impl FnOnce(&mut Engine<SimKeyring>, Now, &mut Rng) -> T,
    ) -> Option<T> {
        let now = self.now(slot);
        let engine = self.members[slot as usize].engine.as_deref_mut()?;
        let result = command(engine, now, &mut self.rng);
        self.settle(slot);
        Some(result)
    }

    /// The end of a query, once.
    pub fn take_ended(&mut self, slot: MemberId, query: QueryId) -> Option<Ended> {
        self.ended.remove(&(slot, query))
    }

    /// The signers of the records that a query has found so far.
    pub fn found(&self, slot: MemberId, query: QueryId) -> &[[u8; 32]] {
        self.found.get(&(slot, query)).map_or(&[], Vec::as_slice)
    }

    /// Forgets all results that nobody has asked for.
    pub fn forget_results(&mut self) {
        self.ended.clear();
        self.found.clear();
    }

    /// Lets time pass.
    pub fn run(&mut self, time: Duration) {
        let until = self.now_us + time.as_micros() as u64;
        while let Some((at, event)) = self.queue.pop(until) {
            self.now_us = at;
            self.happen(event);
        }
        self.now_us = until;
    }
}
