//! The world: members, the messages between them, and time.
//!
//! ```text
//!   World: what a scenario does and asks, between two runs
//!     Setting: what nobody changes while time passes
//!     Shard, Shard: each has half of the members, with events and random numbers of its own
//!        \_____/
//!        windows: shards run side by side for as long as no message takes less
//! ```
//!
//! *Invariant.* What happens depends on the seed and on [`SHARDS`], not on how many threads there are.

mod messages;
mod pool;
mod shard;
mod windows;

use std::time::Duration;

use stc::NodeId;
use stt_dht::{Config, Dialled, Ended, Engine, Input, Now, QueryId};
use stt_wire::{Contact, DhtAnswer, DhtRequest};

use self::shard::Shard;
use crate::keyring::SimKeyring;
use crate::net::Place;
use crate::population::{self, at_home, name, settled_table};
use crate::rng::Rng;
use crate::stats::Traffic;
use crate::villain::Villain;

pub(crate) use self::shard::Who;

/// A member by its slot. A member that has gone leaves its slot to the next one.
pub type MemberId = u32;

/// Into how many parts the members are divided, by their slots.
const SHARDS: usize = 2;
/// A world with fewer members has too few events in a window to be worth a second thread.
const WORTH_A_THREAD: usize = 2_000;

/// Thousands of members under one clock.
#[derive(Debug)]
pub struct World {
    setting: Setting,
    shards: [Shard; SHARDS],
    /// What the scenario does by chance.
    rng: Rng,
    now_us: u64,
    threads: Option<usize>,
}

/// What all shards know, and nobody changes while time passes.
#[derive(Debug)]
struct Setting {
    seed: u64,
    config: Config,
    /// The first members of all slots.
    first: Vec<Contact>,
    /// Hostile members, by place.
    hostile: Vec<Contact>,
    split: Option<u32>,
    mean_stay: Option<f64>,
}

impl World {
    /// A world of `count` members that have known each other for long.
    pub fn settled(seed: u64, count: u32, config: Config) -> Self {
        let mut world = Self::empty(seed, config);
        for slot in 0..count {
            let node = world.next_name(None);
            world.add(at_home(slot, node), None);
        }
        world.acquaint();
        world
    }

    /// A world without members.
    pub fn empty(seed: u64, config: Config) -> Self {
        let mut rng = Rng::new(seed);
        Self {
            setting: Setting {
                seed,
                config,
                first: Vec::new(),
                hostile: Vec::new(),
                split: None,
                mean_stay: None,
            },
            shards: std::array::from_fn(|number| Shard::new(number, Rng::new(rng.word()))),
            rng,
            now_us: 0,
            threads: None,
        }
    }

    /// Has so many threads share the work. What happens does not depend on it.
    pub const fn set_threads(&mut self, threads: usize) {
        self.threads = Some(threads);
    }

    /// Adds a member, honest or hostile, in the next slot: the name must be of that slot.
    pub fn add(&mut self, contact: Contact, villain: Option<Villain>) -> MemberId {
        let slot = self.setting.first.len() as u32;
        self.setting.first.push(contact);
        if villain.is_some() {
            self.setting.hostile.push(contact);
        }
        self.shards[slot as usize % SHARDS].add(&self.setting, slot, villain);
        slot
    }

    /// The name of a new member in the next slot, close to a key if one is given.
    pub fn next_name(&self, close_to: Option<[u8; 32]>) -> [u8; 32] {
        let slot = self.setting.first.len() as u32;
        let mut node = name(self.setting.seed, Who { slot, term: 0 });
        if let Some(key) = close_to {
            node[..4].copy_from_slice(&key[..4]);
        }
        node
    }

    /// Makes everybody know whom they would know after a long time.
    pub fn acquaint(&mut self) {
        let mut sorted: Vec<Contact> = self.alive().map(|slot| self.contact(slot)).collect();
        sorted.sort_by_key(|contact| contact.node);
        self.setting.hostile.sort_by_key(|contact| contact.node);
        for slot in 0..self.setting.first.len() as u32 {
            let own = self.contact(slot).node;
            let (config, shard) = (
                &self.setting.config,
                &mut self.shards[slot as usize % SHARDS],
            );
            if let Some(engine) = &mut shard.member_mut(slot).engine {
                engine.restore(&settled_table(&own, &sorted, config.k, &mut self.rng));
            }
        }
    }

    /// Gives a member a session with everybody.
    pub fn connect_to_all(&mut self, slot: MemberId) {
        let everybody: Vec<_> = self.alive().map(|slot| self.contact(slot).node).collect();
        let shard = self.shard(slot);
        shard.member_mut(slot).is_connected = true;
        for node in everybody {
            let (node, by) = (NodeId::from_bytes(node), Dialled::ByUs);
            shard.tell(slot, Input::SessionOpened { node, by });
        }
    }

    /// From now on members stay for this long on average, and each that goes is followed by one that
    /// is new. None of them takes leave.
    pub fn set_mean_stay(&mut self, stay: Duration) {
        self.setting.mean_stay = Some(stay.as_secs_f64());
        for slot in 0..self.setting.first.len() as u32 {
            self.shards[slot as usize % SHARDS].schedule_going(&self.setting, slot);
        }
    }

    /// A member stays while others go.
    pub fn set_stays(&mut self, slot: MemberId) {
        self.shard(slot).member_mut(slot).stays = true;
    }

    /// Sets a member's clock wrong.
    pub fn set_skew(&mut self, slot: MemberId, seconds: i64) {
        self.shard(slot).member_mut(slot).skew = seconds;
    }

    /// Cuts the world in two: the slots below `first` and the others. None heals it.
    pub const fn set_split(&mut self, first: Option<u32>) {
        self.setting.split = first;
    }

    /// Ends a member at once, without leave.
    pub fn kill(&mut self, slot: MemberId) {
        self.shard(slot).kill(slot);
    }

    /// An honest member by chance.
    pub fn somebody(&mut self) -> MemberId {
        loop {
            let slot = self.rng.below(self.setting.first.len()) as u32;
            if self.engine(slot).is_some() {
                return slot;
            }
        }
    }

    /// Slots of all that are there, hostile ones too.
    pub fn alive(&self) -> impl Iterator<Item = MemberId> + '_ {
        let slots = 0..self.setting.first.len() as u32;
        slots.filter(|slot| self.shard_of(*slot).member(*slot).is_there)
    }

    /// Where a member is.
    pub fn contact(&self, slot: MemberId) -> Contact {
        self.setting.contact(self.shard_of(slot).who(slot))
    }

    /// The engine of an honest member that is there.
    pub fn engine(&self, slot: MemberId) -> Option<&Engine<SimKeyring>> {
        self.shard_of(slot).member(slot).engine.as_deref()
    }

    /// Requests that a member has answered.
    pub fn served(&self, slot: MemberId) -> u64 {
        self.shard_of(slot).member(slot).served
    }

    /// Messages, bytes and handshakes since the beginning.
    pub fn traffic(&self) -> Traffic {
        self.shards.iter().map(|shard| shard.traffic).sum()
    }

    /// The scenario's random numbers.
    pub const fn rng(&mut self) -> &mut Rng {
        &mut self.rng
    }

    /// Time since the beginning.
    pub const fn elapsed(&self) -> Duration {
        Duration::from_micros(self.now_us)
    }

    /// Begins something at a member, and does what its engine wants.
    pub fn command<T>(
        &mut self,
        slot: MemberId,
        command: impl FnOnce(&mut Engine<SimKeyring>, Now, &mut Rng) -> T,
    ) -> Option<T> {
        self.shards[slot as usize % SHARDS].command(&self.setting, slot, command)
    }

    /// Sends a request of nobody's engine.
    pub fn inject(&mut self, from: MemberId, to: MemberId, request: DhtRequest) {
        let from = self.shard(from).who(from);
        self.shard(to).inject(from, to, request);
    }

    /// What a member answers at once to a request of nobody's engine.
    pub fn ask(&mut self, from: MemberId, to: MemberId, request: DhtRequest) -> Option<DhtAnswer> {
        let from = self.contact(from);
        self.shards[to as usize % SHARDS].answer_of(&self.setting, to, from, request)
    }

    /// The end of a query, once.
    pub fn take_ended(&mut self, slot: MemberId, query: QueryId) -> Option<Ended> {
        self.shard(slot).ended.remove(&(slot, query))
    }

    /// The signers of the records that a query has found so far.
    pub fn found(&self, slot: MemberId, query: QueryId) -> &[[u8; 32]] {
        let found = self.shard_of(slot).found.get(&(slot, query));
        found.map_or(&[], Vec::as_slice)
    }

    /// Forgets all results that nobody has asked for.
    pub fn forget_results(&mut self) {
        for shard in &mut self.shards {
            shard.ended.clear();
            shard.found.clear();
        }
    }

    /// Lets time pass.
    pub fn run(&mut self, time: Duration) {
        self.now_us += time.as_micros() as u64;
        let is_worth_it = self.setting.first.len() >= WORTH_A_THREAD;
        let threads = self.threads.unwrap_or_else(|| {
            let cores = std::thread::available_parallelism();
            cores.map_or(1, |cores| if is_worth_it { cores.get() } else { 1 })
        });
        windows::run(&self.setting, &mut self.shards, self.now_us, threads);
    }

    fn shard(&mut self, slot: MemberId) -> &mut Shard {
        &mut self.shards[slot as usize % SHARDS]
    }

    const fn shard_of(&self, slot: MemberId) -> &Shard {
        &self.shards[slot as usize % SHARDS]
    }
}

impl Setting {
    /// Where a member is, or was. But for the first ones, whom the scenario may have chosen, it follows
    /// from the slot and the term: a shard need not ask another.
    fn contact(&self, who: Who) -> Contact {
        let first = self.first.get(who.slot as usize);
        match first.filter(|_| who.term == 0) {
            Some(first) => *first,
            None => at_home(who.slot, name(self.seed, who)),
        }
    }

    fn place(&self, who: Who) -> Place {
        population::place(self.seed, who)
    }

    /// Whether packets get from one to the other.
    fn is_whole(&self, one: Who, other: Who) -> bool {
        self.split
            .is_none_or(|first| (one.slot < first) == (other.slot < first))
    }
}
