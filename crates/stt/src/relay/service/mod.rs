//! The relay: who is registered, which channels there are.
//!
//! * [`registration`]: the stream of one member;
//! * [`end`]: one end of a channel, which takes packets and gives them to the other;
//! * [`whereabouts`]: where a member is.
//!
//! spec: RELAY-1 to RELAY-9

mod end;
mod registration;
mod whereabouts;

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    num::NonZeroU64,
    sync::{Arc, Weak},
    time::Instant,
};

use parking_lot::Mutex;
use stc::{NodeId, packet::relay_tag};
use stt_wire::{RelayAnswer, Unreached, VarInt};
use tokio::sync::mpsc;

use self::end::ChannelEnd;
pub(crate) use self::registration::serve;
use super::{
    departures::Departures,
    limits::{Allowance, RelayLimits},
};
use crate::{
    session::{core::Core, flag::Flag},
    transport::{
        link::{LegTag, Link, Way},
        platform::Platform,
    },
};

/// What a node does as a relay.
pub(crate) struct Relaying {
    limits: RelayLimits,
    link: Arc<Link>,
    platform: Platform,
    departures: Arc<Departures>,
    state: Mutex<State>,
    closed: Flag,
    me: Weak<Self>,
}

#[derive(Default)]
struct State {
    members: BTreeMap<NodeId, Member>,
    channels: BTreeMap<u64, Channel>,
    /// Also of members that have gone: who registers anew has no more than before.
    accounts: BTreeMap<NodeId, Arc<Account>>,
    /// Numbers registrations and channels.
    next: u64,
}

/// What is left to a member.
#[derive(Debug)]
struct Account {
    bytes: Allowance,
    /// How often it may ask for something.
    asks: Allowance,
}

/// One that is registered.
struct Member {
    registration: u64,
    core: Arc<Core>,
    answers: mpsc::Sender<RelayAnswer>,
    next_leg: u64,
    channels: BTreeSet<u64>,
}

/// Who asked, and who was asked for.
struct Channel {
    ends: [Held; 2],
}

struct Held {
    member: NodeId,
    leg: u64,
    end: Arc<ChannelEnd>,
    _tag: LegTag,
}

/// A second registration in one session. spec: RELAY-2
#[derive(Debug)]
struct SecondRegistration;

/// What came of a registration.
struct Registered {
    number: u64,
    account: Arc<Account>,
    answers: mpsc::Receiver<RelayAnswer>,
}

impl Relaying {
    pub(crate) fn new(limits: RelayLimits, link: &Arc<Link>, platform: &Platform) -> Arc<Self> {
        Arc::new_cyclic(|me| Self {
            limits,
            link: Arc::clone(link),
            platform: platform.clone(),
            departures: Arc::default(),
            state: Mutex::default(),
            closed: Flag::default(),
            me: Weak::clone(me),
        })
    }

    /// Sends what is forwarded, until the relay is closed.
    pub(crate) async fn run(&self) {
        tokio::select! {
            biased;
            () = self.closed.raised() => {}
            () = self.departures.run(&self.link) => {}
        }
    }

    /// Forwards nothing more.
    pub(crate) fn close(&self) {
        self.closed.raise();
    }

    /// Registers the peer of a session, and nobody else. spec: RELAY-1, RELAY-2
    fn register(
        &self,
        core: &Arc<Core>,
    ) -> Result<Result<Registered, Unreached>, SecondRegistration> {
        let mut state = self.state.lock();
        let id = core.peer();
        if let Some(older) = state.members.get(&id) {
            if Arc::ptr_eq(&older.core, core) {
                return Err(SecondRegistration);
            }
            state.remove_member(id);
        }
        let account = self.account(&mut state, id);
        let is_allowed = account.asks.take(self.platform.now(), 1);
        if !is_allowed || state.members.len() >= self.limits.members {
            return Ok(Err(Unreached::Busy));
        }
        let (answers, queue) = mpsc::channel(ANSWERS);
        let member = Member {
            registration: state.number(),
            core: Arc::clone(core),
            answers,
            next_leg: 1,
            channels: BTreeSet::new(),
        };
        let number = member.registration;
        let int = |value: usize| VarInt::saturating(value as u64);
        member.tell(RelayAnswer::Registered {
            rate: VarInt::saturating(self.limits.rate.get()),
            burst: VarInt::saturating(self.limits.burst),
            channels: int(self.limits.channels),
        });
        state.members.insert(id, member);
        Ok(Ok(Registered {
            number,
            account,
            answers: queue,
        }))
    }

    fn unregister(&self, id: NodeId, registration: u64) {
        let mut state = self.state.lock();
        if state.is_registered(id, registration) {
            state.remove_member(id);
        }
        let now = self.platform.now();
        let State {
            accounts, members, ..
        } = &mut *state;
        accounts.retain(|id, account| members.contains_key(id) || !account.is_full(now));
    }

    /// Makes a channel, and tells both; or tells who asked why not. spec: RELAY-6
    fn reach(&self, asker: NodeId, registration: u64, request: VarInt, peer: NodeId) {
        let mut state = self.state.lock();
        if !state.is_registered(asker, registration) {
            return;
        }
        let made = self.connect(&mut state, asker, request, peer);
        if let Err(reason) = made {
            state.tell(asker, RelayAnswer::Unreached { request, reason });
        }
    }

    fn connect(
        &self,
        state: &mut State,
        asker: NodeId,
        request: VarInt,
        peer: NodeId,
    ) -> Result<(), Unreached> {
        if asker == peer {
            return Err(Unreached::Yourself);
        }
        if !state.members.contains_key(&peer) {
            return Err(Unreached::NotRegistered);
        }
        if let Some(older) = state.channel_asked_for(asker, peer) {
            state.remove_channel(older, None);
        }
        for id in [asker, peer] {
            let member = state.members.get(&id).ok_or(Unreached::NotRegistered)?;
            if member.channels.len() >= self.limits.channels {
                return Err(Unreached::TooMany);
            }
        }
        let channel = state.number();
        let near = self.held(state, channel, asker)?;
        let far = self.held(state, channel, peer)?;
        near.end.join(&far.end);
        far.end.join(&near.end);
        let granted = |request, held: &Held, peer: NodeId| RelayAnswer::Channel {
            request,
            leg: VarInt::saturating(held.leg),
            tag: held.end.tag(),
            peer: *peer.as_bytes(),
        };
        let to_asker = granted(request, &near, peer);
        let to_peer = granted(VarInt::ZERO, &far, asker);
        let ends = [near, far];
        state.channels.insert(channel, Channel { ends });
        for (id, answer) in [(peer, to_peer), (asker, to_asker)] {
            if let Some(member) = state.members.get_mut(&id) {
                member.channels.insert(channel);
            }
            state.tell(id, answer);
        }
        Ok(())
    }

    /// An end of a channel, with a tag that no other has. spec: RELAY-20
    fn held(&self, state: &mut State, channel: u64, id: NodeId) -> Result<Held, Unreached> {
        let account = self.account(state, id);
        let member = state.members.get_mut(&id).ok_or(Unreached::Busy)?;
        let remote = member.core.remote_address().ok_or(Unreached::Busy)?;
        let leg = member.next_leg;
        member.next_leg += 1;
        for _ in 0..TRIES {
            let tag = relay_tag(self.platform.random());
            let end = Arc::new(ChannelEnd::new(
                &member.core,
                (leg, tag),
                Way {
                    remote,
                    local: None,
                },
                end::Surroundings {
                    channel,
                    account: Arc::clone(&account),
                    departures: Arc::clone(&self.departures),
                    platform: self.platform.clone(),
                    relaying: Weak::clone(&self.me),
                },
            ));
            if let Some(tag) = self.link.add_leg(tag, Arc::clone(&end) as _) {
                return Ok(Held {
                    member: id,
                    leg,
                    end,
                    _tag: tag,
                });
            }
        }
        Err(Unreached::Busy)
    }

    fn account(&self, state: &mut State, id: NodeId) -> Arc<Account> {
        let now = self.platform.now();
        let new = || {
            Arc::new(Account {
                bytes: Allowance::new(self.limits.rate, self.limits.burst, now),
                asks: Allowance::new(ASKS_A_SECOND, ASKS_AT_ONCE, now),
            })
        };
        Arc::clone(state.accounts.entry(id).or_insert_with(new))
    }

    /// A member needs a channel no more. spec: RELAY-8
    fn leave(&self, id: NodeId, registration: u64, leg: u64) {
        let mut state = self.state.lock();
        if !state.is_registered(id, registration) {
            return;
        }
        let mut of_member = state.members[&id].channels.iter();
        let channel = of_member.find(|channel| {
            let is_that = |held: &Held| held.member == id && held.leg == leg;
            let channel = state.channels.get(channel);
            channel.is_some_and(|channel| channel.ends.iter().any(is_that))
        });
        if let Some(channel) = channel.copied() {
            state.remove_channel(channel, Some(id));
        }
    }

    /// A leg has no numbers left.
    fn used_up(&self, channel: u64) {
        self.state.lock().remove_channel(channel, None);
    }
}

impl State {
    fn number(&mut self) -> u64 {
        self.next += 1;
        self.next
    }

    fn is_registered(&self, id: NodeId, registration: u64) -> bool {
        let member = self.members.get(&id);
        member.is_some_and(|member| member.registration == registration)
    }

    fn channel_asked_for(&self, asker: NodeId, peer: NodeId) -> Option<u64> {
        let mut of_asker = self.members.get(&asker)?.channels.iter();
        let is_that = |channel: &&u64| {
            self.channels.get(channel).is_some_and(|channel| {
                let [near, far] = &channel.ends;
                (near.member, far.member) == (asker, peer)
            })
        };
        of_asker.find(is_that).copied()
    }

    fn remove_member(&mut self, id: NodeId) {
        let Some(member) = self.members.remove(&id) else {
            return;
        };
        for channel in member.channels {
            self.remove_channel(channel, None);
        }
    }

    /// Tells both, but for the one who knows.
    fn remove_channel(&mut self, channel: u64, knows: Option<NodeId>) {
        let Some(Channel { ends }) = self.channels.remove(&channel) else {
            return;
        };
        for held in ends {
            if let Some(member) = self.members.get_mut(&held.member) {
                member.channels.remove(&channel);
            }
            if Some(held.member) == knows {
                continue;
            }
            let leg = VarInt::saturating(held.leg);
            self.tell(held.member, RelayAnswer::Gone { leg });
        }
    }

    /// Whoever does not read what it is told is registered no more. spec: RELAY-9
    fn tell(&mut self, id: NodeId, answer: RelayAnswer) {
        let Some(member) = self.members.get(&id) else {
            return;
        };
        if !member.tell(answer) {
            self.remove_member(id);
        }
    }
}

impl Account {
    fn is_full(&self, now: Instant) -> bool {
        self.bytes.is_full(now) && self.asks.is_full(now)
    }
}

impl Member {
    /// Whether there was room.
    fn tell(&self, answer: RelayAnswer) -> bool {
        self.answers.try_send(answer).is_ok()
    }
}

impl fmt::Debug for Relaying {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Relaying")
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}

/// Answers that wait to be written to a member.
const ANSWERS: usize = 256;

/// What a member may ask for at once, and then each second: channels and registrations. spec: RELAY-9
const ASKS_AT_ONCE: u64 = 256;
const ASKS_A_SECOND: NonZeroU64 = NonZeroU64::MIN.saturating_add(19);

/// For a tag that no other leg has: of four bytes one is as good as enough.
const TRIES: usize = 8;
