//! The engine: what comes in changes its state, what is to be done comes out.
//!
//! ```text
//!   handle_input(now, input) ----+              +--> poll_output() -> Send, Answer, Ended, ...
//!   handle_timeout(now) ---------+--> [Engine] -+
//!   find_closest, put, ... ------+              +--> poll_timeout() -> when to call again
//! ```
//!
//! After each call, poll until there is no output, then wait for input or for the timeout.
//!
//! | file       | what it does                                             |
//! |------------|----------------------------------------------------------|
//! | `commands` | begins queries                                           |
//! | `drive`    | carries them on and ends them                            |
//! | `answers`  | takes what others answer                                 |
//! | `serve`    | answers others                                           |
//! | `upkeep`   | keeps the table fresh                                    |
//! | `keeping`  | keeps records where they belong: republishes, hands over |
//! | `mode`     | decides whether we are a server                          |

mod answers;
mod commands;
mod drive;
mod keeping;
mod mode;
mod serve;
mod upkeep;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::SocketAddr;

use stc::{Entropy, NodeId};
use stt_wire::{Contact, DhtAnswer, DhtRequest, Mode, Record};

use self::answers::Flight;
use self::keeping::Keeping;
use self::mode::Standing;
use self::upkeep::Upkeep;
use crate::config::Config;
use crate::number::Number;
use crate::outcome::{Ended, QueryId};
use crate::pace::Pace;
use crate::query::Query;
use crate::size::Size;
use crate::store::{Rates, Store};
use crate::table::Table;
use crate::{Key, Keyring, Moment, Now};

/// The number of a request that was sent, unique in its engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RequestId(u64);

impl RequestId {
    /// The number of no request: what is said about it is ignored.
    pub const UNKNOWN: Self = Self(0);
}

/// The caller's number for a request that came in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(clippy::exhaustive_structs, reason = "a number of the caller's")]
pub struct Token(pub u64);

/// What happens to an engine.
#[derive(Debug, Clone)]
#[expect(clippy::exhaustive_enums, reason = "the caller makes them")]
pub enum Input {
    /// A session with a member has come about.
    SessionOpened {
        /// With whom.
        node: NodeId,
        /// Who dialled.
        by: Dialled,
    },
    /// The last session with a member has ended in order.
    SessionClosed {
        /// With whom.
        node: NodeId,
    },
    /// The last session with a member has ended without a word: it may be gone.
    SessionLost {
        /// With whom.
        node: NodeId,
    },
    /// A member asks. It gets exactly one [`Output::Answer`], or [`Output::DialBack`].
    Request {
        /// To be named in the answer.
        token: Token,
        /// Who asks, and the address its session comes from.
        from: Contact,
        /// What it asks.
        request: DhtRequest,
    },
    /// A member has answered.
    Answer {
        /// Which request.
        request: RequestId,
        /// What.
        answer: DhtAnswer,
    },
    /// A member could not be reached, refused, broke the format, or the session ended before the
    /// answer. Silence need not be reported.
    Failed {
        /// Which request.
        request: RequestId,
    },
}

/// Who dialled a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "there are two sides")]
pub enum Dialled {
    /// We did: the member can be reached at its address.
    ByUs,
    /// The member did: whether it can be reached is not known.
    ByPeer,
}

/// What an engine wants to be done.
#[derive(Debug, Clone)]
#[expect(clippy::exhaustive_enums, reason = "the caller must do each of them")]
pub enum Output {
    /// Send a request, over a session that is there or over a new one.
    Send {
        /// To be named in the answer.
        request_id: RequestId,
        /// To whom.
        to: Contact,
        /// What.
        request: DhtRequest,
        /// Whether a session that is there will do.
        over: Over,
    },
    /// Answer a request.
    Answer {
        /// Which.
        token: Token,
        /// With what.
        answer: DhtAnswer,
    },
    /// Dial a member with a new session and answer its request with what came of it.
    DialBack {
        /// Which request.
        token: Token,
        /// Whom.
        node: NodeId,
        /// Where: it has the IP address that the request came from.
        address: SocketAddr,
    },
    /// A query has found a record of another signer, or a later one of the same. It goes on until it
    /// has enough, or is cancelled.
    RecordFound {
        /// Which query.
        query: QueryId,
        /// Verified.
        record: Record,
    },
    /// A query has ended.
    Ended(Ended),
    /// Whether we are a server has changed.
    ModeChanged(Mode),
}

/// Which session a request may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "the caller must do each of them")]
pub enum Over {
    /// Any.
    AnySession,
    /// A new one that we dial, to see whether the member can be reached.
    NewSession,
}

/// What a timer is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Timer {
    Flight(u64),
    Query(u64),
}

/// A member's part in the DHT of its group.
#[derive(Debug)]
pub struct Engine<K> {
    config: Config,
    keyring: K,
    me: [u8; 32],
    own: Key,
    own_address: Option<SocketAddr>,
    table: Table,
    pace: Pace,
    /// When anybody last answered us.
    heard: Moment,
    size: Size,
    /// Sessions that are there, and whether we dialled them.
    sessions: BTreeMap<Number, Dialled>,
    queries: BTreeMap<u64, Query>,
    flights: BTreeMap<u64, Flight>,
    timers: BTreeSet<(Moment, Timer)>,
    next_number: u64,
    store: Store,
    requests: Rates,
    puts: Rates,
    standing: Standing,
    upkeep: Upkeep,
    keeping: Keeping,
    outputs: VecDeque<Output>,
}

impl<K: Keyring> Engine<K> {
    /// An engine that knows nobody yet; see [`Engine::join`].
    pub fn new(now: Now, config: Config, keyring: K, me: NodeId) -> Self {
        let me = *me.as_bytes();
        let own = keyring.place(&me);
        Self {
            table: Table::new(own, config.k, config.defences),
            pace: Pace::new(),
            heard: Moment::default(),
            size: Size::default(),
            sessions: BTreeMap::new(),
            queries: BTreeMap::new(),
            flights: BTreeMap::new(),
            timers: BTreeSet::new(),
            next_number: 0,
            store: Store::default(),
            requests: Rates::new(config.requests_a_second, 4),
            puts: Rates::new(config.puts_a_second, 16),
            standing: Standing::new(now.moment, config.serving),
            upkeep: Upkeep::new(now.moment),
            keeping: Keeping::default(),
            outputs: VecDeque::new(),
            config,
            keyring,
            me,
            own,
            own_address: None,
        }
    }

    /// Takes what happened.
    pub fn handle_input(&mut self, now: Now, input: Input, entropy: &mut dyn Entropy) {
        match input {
            Input::SessionOpened { node, by } => {
                self.sessions.insert(Number(*node.as_bytes()), by);
            }
            Input::SessionClosed { node } => {
                self.sessions.remove(&Number(*node.as_bytes()));
            }
            Input::SessionLost { node } => {
                self.sessions.remove(&Number(*node.as_bytes()));
                let key = self.place_of(&node);
                self.table.doubt(&key);
            }
            Input::Request {
                token,
                from,
                request,
            } => {
                self.serve(now, token, &from, request, entropy);
            }
            Input::Answer { request, answer } => {
                self.take_answer(now, request.0, answer, entropy);
            }
            Input::Failed { request } => self.take_failure(now, request.0, entropy),
        }
    }

    /// Does what is due.
    pub fn handle_timeout(&mut self, now: Now, entropy: &mut dyn Entropy) {
        while let Some(&(due, timer)) = self.timers.first() {
            if due > now.moment {
                break;
            }
            self.timers.pop_first();
            match timer {
                Timer::Flight(number) => self.flight_is_late(now, number, entropy),
                Timer::Query(number) => self.query_is_late(now, number, entropy),
            }
        }
        self.keep_up(now, entropy);
    }

    /// The next thing to do, in order.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// When [`Engine::handle_timeout`] is to be called at the latest.
    pub fn poll_timeout(&self) -> Moment {
        let upkeep = self.upkeep.next();
        let first = self.timers.first().map(|(due, _)| *due);
        first.map_or(upkeep, |due| due.min(upkeep))
    }

    /// Says where we can be dialled, as far as is known: others are asked to try it.
    pub const fn set_own_address(&mut self, address: SocketAddr) {
        self.own_address = Some(address);
    }

    /// What we are to others.
    pub const fn mode(&self) -> Mode {
        self.standing.mode()
    }

    /// Members in the table.
    pub fn members(&self) -> impl Iterator<Item = &Contact> {
        self.table.entries().map(|entry| &entry.contact)
    }

    /// How many members the group is thought to have, once enough is known to say: by lookups, or by
    /// how close our neighbours are.
    pub fn size_estimate(&self) -> Option<f64> {
        self.size.estimate().or_else(|| {
            let near = self.table.closest(&self.own, self.config.k, |_| true);
            let mut near: Vec<_> = near
                .iter()
                .map(|near| self.own.distance(&near.key))
                .collect();
            near.sort();
            Size::fit(near.into_iter())
        })
    }

    /// A member's place in the space of keys.
    pub fn place_of(&self, node: &NodeId) -> Key {
        self.keyring.place(node.as_bytes())
    }

    /// Where a member is, if it is in the table.
    pub fn member(&self, node: &NodeId) -> Option<&Contact> {
        let key = self.place_of(node);
        self.table.known(&key).map(|entry| &entry.contact)
    }

    /// Takes in members from the last run. They are checked one by one, before any others.
    pub fn restore(&mut self, contacts: &[Contact]) {
        for contact in contacts {
            let key = self.keyring.place(&contact.node);
            self.table.insert(Moment::default(), *contact, key);
        }
    }

    /// Records held for others, and about how many bytes they take.
    pub fn held(&self) -> (usize, usize) {
        (self.store.len(), self.store.bytes())
    }

    /// Whether a session with this member is worth its upkeep although nobody uses it: the member is
    /// one of the closest to us, or one of the two of its bucket that have been known longest.
    pub fn wants_session(&self, node: &NodeId) -> bool {
        let key = self.keyring.place(node.as_bytes());
        upkeep::wants(&self.table, self.config.k, &key)
    }

    /// Who dialled the session with a member, if there is one.
    fn session(&self, node: &[u8; 32]) -> Option<Dialled> {
        self.sessions.get(&Number(*node)).copied()
    }

    fn number(&mut self) -> u64 {
        self.next_number += 1;
        self.next_number
    }
}

/// Random bytes for choices that nobody should foresee.
fn draw<const N: usize>(entropy: &mut dyn Entropy) -> [u8; N] {
    let mut bytes = [0; N];
    entropy.fill(&mut bytes);
    bytes
}

fn draw_u64(entropy: &mut dyn Entropy) -> u64 {
    u64::from_le_bytes(draw(entropy))
}

#[cfg(test)]
mod tests;
