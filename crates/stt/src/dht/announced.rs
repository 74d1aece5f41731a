//! What this node announces: content by its address, and where the node is.
//!
//! The engine repeats it in rounds. Here it is said anew, without haste, when the node is found
//! elsewhere than before, and under another key when the seed was rotated.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use stc::{Entropy, Group, NodeId};
use stt_dht::{Ended, Key, Now, QueryId, Serving};
use stt_wire::{RecordKind, Whereabouts};

use super::error::AnnounceError;
use super::keys::EpochKeys;
use super::queries::{Asked, HasLeft};
use super::service::{Service, State};
use crate::storage::Address;

/// What is announced.
#[derive(Debug)]
pub(super) struct Announced {
    /// Content, and the key that each is announced under.
    content: BTreeMap<[u8; 32], Key>,
    /// Those whose first announcement is under way.
    trying: BTreeMap<QueryId, Address>,
    /// Those whose first announcement came to nothing.
    failed: BTreeSet<Address>,
    place: Key,
    whereabouts: Whereabouts,
    /// The whereabouts were told to others.
    is_told: bool,
}

impl Announced {
    pub(super) fn new(place: Key) -> Self {
        Self {
            content: BTreeMap::new(),
            trying: BTreeMap::new(),
            failed: BTreeSet::new(),
            place,
            whereabouts: Whereabouts::default(),
            is_told: false,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.content.len()
    }

    pub(super) fn addresses(&self) -> impl Iterator<Item = Address> + '_ {
        self.content.keys().copied().map(Address::from_bytes)
    }
}

impl State {
    /// An announcement that failed is tried again before its next round.
    pub(super) fn announcement_ended(&mut self, now: Now, ended: &Ended) {
        let Some(address) = self.announced.trying.remove(&ended.query) else {
            return;
        };
        let key = self.announced.content.get(address.as_bytes());
        if let Some(key) = key.filter(|_| ended.result.is_err()) {
            let is_first = self.announced.failed.insert(address);
            // Whoever is known may have come while it was tried.
            let has_members = self.engine.members().next().is_some();
            let pause = if is_first && has_members { SOON } else { AGAIN };
            let due = now.moment + pause;
            self.engine.hasten(due, *key, RecordKind::PROVIDER);
        }
    }

    /// What could not be announced for want of members is, now that there are some.
    fn announce_what_failed(&mut self, now: Now) {
        if self.engine.members().next().is_none() {
            return;
        }
        for address in std::mem::take(&mut self.announced.failed) {
            if let Some(key) = self.announced.content.get(address.as_bytes()) {
                self.engine.hasten(now.moment, *key, RecordKind::PROVIDER);
            }
        }
    }

    fn announce(
        &mut self,
        now: Now,
        me: &NodeId,
        address: Address,
        entropy: &mut dyn Entropy,
    ) -> QueryId {
        let key = self.keys.key(address);
        let says = &self.announced.whereabouts;
        let sealed = self.keys.seal_provider(address, me, says, entropy);
        self.announced.content.insert(*address.as_bytes(), key);
        let kind = RecordKind::PROVIDER;
        let query = self.engine.announce(now, key, kind, sealed, entropy);
        self.announced.trying.insert(query, address);
        query
    }

    /// Says everything anew, without haste.
    fn say_all(&mut self, now: Now, me: &NodeId, entropy: &mut dyn Entropy) {
        let says = &self.announced.whereabouts;
        for (address, announced) in &mut self.announced.content {
            let address = Address::from_bytes(*address);
            let key = self.keys.key(address);
            if key != *announced {
                // Members that do not know the new epoch find the old record until its end.
                self.engine.let_lapse(*announced, RecordKind::PROVIDER);
                *announced = key;
            }
            let sealed = self.keys.seal_provider(address, me, says, entropy);
            let kind = RecordKind::PROVIDER;
            self.engine.announce_from(now.moment, key, kind, sealed);
        }
        self.announced.is_told = false;
    }

    /// Tells where this node is, once somebody is there to hear it.
    fn say_where(&mut self, now: Now, me: &NodeId, entropy: &mut dyn Entropy) {
        let says = &self.announced.whereabouts;
        let has_members = self.engine.members().next().is_some();
        if self.announced.is_told || !has_members || says.addresses().is_empty() {
            return;
        }
        self.announced.is_told = true;
        let sealed = self.keys.seal_peer(me, says, entropy);
        let (place, kind) = (self.announced.place, RecordKind::PEER);
        self.engine.announce_from(now.moment, place, kind, sealed);
    }
}

impl Service {
    /// Announces content.
    pub(super) fn announce(self: &Arc<Self>, address: Address) -> Result<Asked, AnnounceError> {
        self.look_where_we_are();
        let me = self.me;
        let is_full = {
            let announced = &self.state.lock().announced;
            announced.len() >= MOST && !announced.content.contains_key(address.as_bytes())
        };
        if is_full {
            return Err(AnnounceError::TooMany { most: MOST });
        }
        let asked =
            self.begin(|state, now, entropy| vec![state.announce(now, &me, address, entropy)]);
        let mut asked = asked.map_err(|HasLeft| AnnounceError::Left)?;
        // Whoever no longer waits does not take it back.
        asked.detach();
        Ok(asked)
    }

    /// Takes an announcement back; nothing to wait for if there is none.
    pub(super) fn withdraw(self: &Arc<Self>, address: Address) -> Result<Option<Asked>, HasLeft> {
        let key = (self.state.lock().announced.content).remove(address.as_bytes());
        let Some(key) = key else {
            return Ok(None);
        };
        let kind = RecordKind::PROVIDER;
        let mut asked =
            self.begin(|state, now, entropy| vec![state.engine.withdraw(now, key, kind, entropy)])?;
        asked.detach();
        Ok(Some(asked))
    }

    /// The group has other epochs than before.
    pub(crate) fn group_changed(self: &Arc<Self>, group: &Group) {
        let Ok(keys) = EpochKeys::of(group) else {
            return;
        };
        let me = self.me;
        self.with(|state, now, entropy| {
            state.keys = keys;
            state.say_all(now, &me, entropy);
            state.say_where(now, &me, entropy);
        });
    }

    /// Somebody may be known since, who was not when something was announced.
    pub(super) fn announce_again(self: &Arc<Self>) {
        self.with(|state, now, _| state.announce_what_failed(now));
    }

    /// Looks where this node can be reached, and tells others if that is news.
    pub(super) fn say_where_we_are(self: &Arc<Self>) {
        self.look_where_we_are();
        // Who wants to be asked nothing need not be found.
        if self.options.config.serving != Serving::Never {
            let me = self.me;
            self.with(|state, now, entropy| state.say_where(now, &me, entropy));
        }
    }

    fn look_where_we_are(self: &Arc<Self>) {
        let Some(node) = self.node() else {
            return;
        };
        let places = node.places();
        // One peer's word will do to be dialled back, since that goes nowhere but to us.
        let reported = places.reported.iter().chain(&places.own).next().copied();
        let own = self.options.advertised.first().copied().or(reported);
        let advertised = self.options.advertised.iter().copied();
        let whereabouts = Whereabouts::new(advertised.chain(places.agreed).chain(places.own));
        let me = self.me;
        self.with(|state, now, entropy| {
            if let Some(own) = own {
                state.engine.set_own_address(own);
            }
            if whereabouts != state.announced.whereabouts {
                state.announced.whereabouts = whereabouts;
                state.say_all(now, &me, entropy);
            }
        });
    }
}

/// After an announcement that failed.
const AGAIN: Duration = Duration::from_secs(60);

/// After one that began when nobody was known.
const SOON: Duration = Duration::from_secs(1);

/// Addresses that a node announces.
const MOST: usize = 1_000_000;
