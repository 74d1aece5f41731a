//! The service: one engine, and what carries out what it wants.
//!
//! ```text
//!   sessions open and close --+                    +--> asking: requests out, dials
//!   requests come in ---------+--> with(engine) ---+--> serving: answers
//!   queries are begun --------+                    +--> queries: results
//!   time passes --------------+
//! ```
//!
//! Whoever has something for the engine takes the lock, hands it over, and carries out what comes of
//! it after the lock is free. So nothing queues before the engine, and every flood meets a bound
//! where it comes in.
//!
//! *Invariant*: no await and no callback under the lock.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, OnceLock};
use std::time::Instant;

use parking_lot::Mutex;
use stc::{ContextError, Entropy, Group, NodeId, NodeSeed};
use stt_dht::{Engine, GroupKeyring, Input, Keyring as _, Moment, Now, Output, Over, Token};
use stt_wire::{DhtAnswer, Mode};
use tokio::sync::{Notify, Semaphore, oneshot};

use super::announced::Announced;
use super::asking::Asking;
use super::dials::Dials;
use super::house::Kept;
use super::keys::EpochKeys;
use super::options::DhtOptions;
use super::queries::Queries;
use super::serving::Served;
use super::sessions::Sessions;
use crate::node::{Node, WeakNode};
use crate::session::{By, CloseReason, Session, flag::Flag};
use crate::transport::platform::{Platform, PlatformEntropy};

/// A node's part in the DHT of its group.
#[derive(Debug)]
pub(crate) struct Service {
    pub(super) platform: Platform,
    pub(super) me: NodeId,
    pub(super) options: DhtOptions,
    pub(super) state: Mutex<State>,
    pub(super) served: Served,
    pub(super) dials: Dials,
    pub(super) dial_backs: Semaphore,
    pub(super) announcing: Semaphore,
    /// Requests of ours under way, and who waits until there are none.
    pub(super) under_way: AtomicUsize,
    pub(super) quiet: Notify,
    /// Requests of ours so far.
    pub(super) requests: AtomicU64,
    /// Something new to join by, or somebody new is there.
    pub(super) news: Notify,
    pub(super) over: Flag,
    node: OnceLock<WeakNode>,
    origin: Instant,
    is_serving: AtomicBool,
    /// The engine has something to do sooner than was thought.
    sooner: Notify,
}

/// What is behind the lock.
#[derive(Debug)]
pub(super) struct State {
    pub(super) engine: Engine<GroupKeyring>,
    pub(super) keys: EpochKeys,
    pub(super) sessions: Sessions,
    pub(super) queries: Queries,
    pub(super) answers: Answers,
    pub(super) announced: Announced,
    pub(super) kept: Kept,
    /// Addresses that somebody says a member may be at.
    pub(super) suggested: Vec<SocketAddr>,
    pub(super) has_left: bool,
    /// When the engine is to be looked at next.
    due: Moment,
}

/// Requests of others that wait for an answer.
#[derive(Debug, Default)]
pub(super) struct Answers {
    last: u64,
    waiting: BTreeMap<Token, oneshot::Sender<DhtAnswer>>,
}

impl Answers {
    pub(super) fn add(&mut self, to_answer: oneshot::Sender<DhtAnswer>) -> Token {
        self.last += 1;
        self.waiting.insert(Token(self.last), to_answer);
        Token(self.last)
    }

    fn answer(&mut self, token: Token, answer: DhtAnswer) {
        if let Some(waiting) = self.waiting.remove(&token) {
            // Nobody waits if it took too long.
            let _ = waiting.send(answer);
        }
    }
}

/// What is to be done once the lock is free.
enum Action {
    Ask(Asking, Option<Session>),
    DialBack(Token, NodeId, SocketAddr),
}

impl Service {
    pub(crate) fn new(
        options: DhtOptions,
        seed: &NodeSeed,
        group: &Group,
        platform: &Platform,
    ) -> Result<Arc<Self>, ContextError> {
        let keyring = GroupKeyring::new(seed.identity(), group)?;
        let keys = EpochKeys::of(group)?;
        let me = seed.identity().node_id();
        let place = keyring.place(me.as_bytes());
        let origin = platform.now();
        let now = Now {
            moment: Moment::default(),
            unix: platform.unix_seconds(),
        };
        let mut engine = Engine::new(now, options.config.clone(), keyring, me);
        let kept = Kept::restore(&options, &keys, &me);
        engine.restore(&kept.restored);
        let is_serving = engine.mode() == Mode::Server;
        let state = State {
            due: engine.poll_timeout(),
            engine,
            keys,
            sessions: Sessions::default(),
            queries: Queries::default(),
            answers: Answers::default(),
            announced: Announced::new(place),
            kept,
            suggested: Vec::new(),
            has_left: false,
        };
        Ok(Arc::new(Self {
            platform: platform.clone(),
            me,
            state: Mutex::new(state),
            served: Served::default(),
            dials: Dials::new(options.pool.dials),
            dial_backs: Semaphore::new(DIAL_BACKS),
            announcing: Semaphore::new(ANNOUNCING),
            options,
            under_way: AtomicUsize::new(0),
            quiet: Notify::new(),
            requests: AtomicU64::new(0),
            news: Notify::new(),
            over: Flag::default(),
            node: OnceLock::new(),
            origin,
            is_serving: AtomicBool::new(is_serving),
            sooner: Notify::new(),
        }))
    }

    /// Begins, once the node runs.
    pub(crate) fn start(self: &Arc<Self>, node: &Node) {
        // Started once.
        let _ = self.node.set(node.downgrade());
        let (time, joining, tidying) = (Arc::clone(self), Arc::clone(self), Arc::clone(self));
        self.platform.spawn(async move { time.keep_time().await });
        self.platform
            .spawn(async move { joining.keep_joined().await });
        self.platform
            .spawn(async move { tidying.keep_house().await });
    }

    /// The node, as long as it runs.
    pub(super) fn node(&self) -> Option<Node> {
        self.node.get()?.upgrade()
    }

    /// Whether requests of others are answered. spec: DHT-6.
    pub(crate) fn is_serving(&self) -> bool {
        self.is_serving.load(SeqCst)
    }

    pub(super) fn stop_serving(&self) {
        self.is_serving.store(false, SeqCst);
    }

    fn now(&self) -> Now {
        let since = self.platform.now().saturating_duration_since(self.origin);
        Now {
            moment: Moment::after(since),
            unix: self.platform.unix_seconds(),
        }
    }

    /// Does something to the engine, and then all that it wants to be done.
    pub(super) fn with<T>(
        self: &Arc<Self>,
        act: impl FnOnce(&mut State, Now, &mut dyn Entropy) -> T,
    ) -> T {
        let mut actions = Vec::new();
        let (result, is_sooner) = {
            let mut state = self.state.lock();
            let mut entropy: PlatformEntropy = self.platform.entropy();
            let now = self.now();
            let result = act(&mut state, now, &mut entropy);
            while let Some(output) = state.engine.poll_output() {
                actions.extend(self.take(&mut state, now, output));
            }
            let due = state.engine.poll_timeout();
            let is_sooner = due < state.due;
            state.due = due;
            (result, is_sooner)
        };
        if is_sooner {
            self.sooner.notify_one();
        }
        for action in actions {
            self.carry_out(action);
        }
        result
    }

    pub(super) fn input(self: &Arc<Self>, input: Input) {
        self.with(|state, now, entropy| state.engine.handle_input(now, input, entropy));
    }

    fn take(&self, state: &mut State, now: Now, output: Output) -> Option<Action> {
        match output {
            Output::Send {
                request_id,
                to,
                request,
                over,
            } => {
                let node = NodeId::from_bytes(to.node);
                let session = match over {
                    Over::AnySession => state.sessions.best(self.platform.now(), &node),
                    Over::NewSession => None,
                };
                let id = request_id;
                let asking = Asking {
                    id,
                    to,
                    request,
                    over,
                };
                return Some(Action::Ask(asking, session));
            }
            Output::DialBack {
                token,
                node,
                address,
            } => return Some(Action::DialBack(token, node, address)),
            Output::Answer { token, answer } => state.answers.answer(token, answer),
            Output::RecordFound { query, record } => state.queries.found(query, record),
            Output::Ended(ended) => {
                state.announcement_ended(now, &ended);
                state.queries.ended(ended);
            }
            Output::ModeChanged(mode) => {
                tracing::info!(?mode, "what this node is to others in the DHT");
                self.is_serving.store(mode == Mode::Server, SeqCst);
            }
        }
        None
    }

    fn carry_out(self: &Arc<Self>, action: Action) {
        match action {
            Action::Ask(asking, session) => self.ask(asking, session),
            Action::DialBack(token, node, address) => {
                let service = Arc::clone(self);
                self.platform.spawn(async move {
                    let outcome = service.dial_back(node, address).await;
                    let answer = DhtAnswer::Dialled(outcome);
                    service.state.lock().answers.answer(token, answer);
                });
            }
        }
    }

    /// The node has one more session.
    pub(crate) fn session_opened(self: &Arc<Self>, session: &Session) {
        let node = session.peer();
        let now = self.platform.now();
        self.with(|state, moment, entropy| {
            let by = state.sessions.opened(now, session);
            let input = Input::SessionOpened { node, by };
            state.engine.handle_input(moment, input, entropy);
        });
        self.news.notify_one();
    }

    /// One of the node's sessions is over.
    pub(crate) fn session_closed(self: &Arc<Self>, session: &Session, reason: &CloseReason) {
        let node = session.peer();
        self.with(|state, now, entropy| {
            let input = match state.sessions.closed(session) {
                Some(by) => Input::SessionOpened { node, by },
                None if is_sudden(reason) => Input::SessionLost { node },
                None => Input::SessionClosed { node },
            };
            state.engine.handle_input(now, input, entropy);
        });
    }

    /// Lets the engine do what is due, until the service is over.
    async fn keep_time(self: &Arc<Self>) {
        loop {
            let due = self.state.lock().due;
            let wait = due.since(self.now().moment);
            tokio::select! {
                biased;
                () = self.over.raised() => return,
                () = self.sooner.notified() => {}
                () = self.platform.sleep(wait) => self.with(|state, now, entropy| {
                    state.engine.handle_timeout(now, entropy);
                }),
            }
        }
    }
}

/// Whether a session ended because the peer is likely not there any longer.
const fn is_sudden(reason: &CloseReason) -> bool {
    matches!(
        reason,
        CloseReason::IdleTimeout
            | CloseReason::ShutDown { by: By::Peer }
            | CloseReason::Failed { by: By::Peer }
    )
}

/// Members that are dialled at a time because they asked for it.
const DIAL_BACKS: usize = 8;

/// Announcements at a time that somebody waits for.
const ANNOUNCING: usize = 64;
