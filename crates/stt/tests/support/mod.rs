//! A simulated world of nodes that share a seed.
//!
//! Everything descends from one number; when a test fails, the simulator prints it, and the same
//! number replays the run.

#![allow(
    dead_code,
    unreachable_pub,
    clippy::unwrap_used,
    reason = "each test takes what it needs, and a failed step is a failed test"
)]

pub mod stranger;
pub mod streams;

use std::{cell::Cell, net::SocketAddr, num::NonZeroU64, sync::Arc, time::Duration};

use streams::Streams;
use stt::{
    Entropy, Group, Limits, Node, NodeBuilder, NodeSeed, PathKind, Platform, RelayLimits, Session,
    Target,
};
use stt_sim::{Link, Net, Sim, SimEntropy};

/// A network, its clock, and the group whose members live in it.
pub struct World {
    pub sim: Sim,
    pub net: Net,
    pub group: Group,
    /// Where sessions go through one: it is there from the first node on.
    relay: tokio::sync::OnceCell<Node>,
}

impl World {
    pub fn new(seed: u64, link: Link) -> Self {
        let sim = Sim::new(seed);
        let net = Net::new(&sim, link);
        let group = Group::generate(&mut Bytes(sim.entropy("group")));
        SEED.set(seed);
        if WAY == Way::Relay {
            for host in 1..=HOSTS {
                for other in 1..host {
                    net.partition(address(host).ip(), address(other).ip());
                }
            }
        }
        Self {
            sim,
            net,
            group,
            relay: tokio::sync::OnceCell::new(),
        }
    }

    /// A node of the world's group on host `10.0.0.<host>`, port 4000.
    pub async fn node(&self, host: u8) -> Node {
        self.start(self.builder(host)).await
    }

    pub async fn node_with(&self, host: u8, limits: Limits) -> Node {
        self.start(self.builder(host).limits(limits)).await
    }

    pub fn builder(&self, host: u8) -> NodeBuilder {
        self.builder_of(host, self.group.clone())
    }

    pub fn builder_of(&self, host: u8, group: Group) -> NodeBuilder {
        let builder = Node::builder(group)
            .node_seed(node_seed(&self.sim, host))
            .bind(address(host))
            .platform(self.platform_of(host));
        match WAY {
            Way::Udp => builder,
            Way::WebSocket => {
                self.net.forbid_udp(address(host).ip());
                builder.listen_ws(address(host))
            }
            Way::Upgrade => builder.listen_ws(address(host)),
            Way::Relay if host == RELAY => builder.relay(unlimited()),
            Way::Relay => builder.use_relay(address(RELAY)),
        }
    }

    /// What a node on a host runs on.
    pub fn platform_of(&self, host: u8) -> Platform {
        self.platform_at(&format!("node {host}"), address(host))
    }

    pub fn platform(&self, name: &str) -> Platform {
        self.platform_at(name, address(255))
    }

    fn platform_at(&self, name: &str, host: SocketAddr) -> Platform {
        let entropy = self.sim.entropy(name).into_fn();
        let streams = Streams::new(&self.net, host);
        let clock = self.sim.clone();
        Platform::simulated(self.sim.runtime(), self.net.binder(), entropy)
            .byte_streams(streams)
            .wall_clock(move || noq::TimeSource::now(&clock))
    }

    pub async fn start(&self, builder: NodeBuilder) -> Node {
        if WAY == Way::Relay {
            let start = async || self.builder(RELAY).start().await.unwrap();
            self.relay.get_or_init(start).await;
        }
        let node = builder.start().await.unwrap();
        for relay in node.relays() {
            assert!(relay.registered().await);
        }
        node
    }

    /// Two nodes and their session: `(dialler, acceptor, at the dialler, at the acceptor)`.
    pub async fn pair(&self) -> (Node, Node, Session, Session) {
        self.pair_with(Limits::default()).await
    }

    pub async fn pair_with(&self, limits: Limits) -> (Node, Node, Session, Session) {
        let acceptor = self.node_with(1, limits.clone()).await;
        let dialler = self.node_with(2, limits).await;
        let to_acceptor = dialler.connect(target(1)).await.unwrap();
        let to_dialler = acceptor.accept().await.unwrap();
        (dialler, acceptor, to_acceptor, to_dialler)
    }
}

/// What the sessions of these tests go by. The same scenarios are built once for each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    Udp,
    /// Where nothing but TCP gets through.
    WebSocket,
    /// They begin by WebSocket, and may go on by UDP.
    Upgrade,
    /// Where nobody reaches anybody but a relay.
    Relay,
}

pub const WAY: Way = match env!("CARGO_CRATE_NAME").as_bytes() {
    b"over_websocket" => Way::WebSocket,
    b"upgrading" => Way::Upgrade,
    b"over_relay" => Way::Relay,
    _ => Way::Udp,
};

/// Where a dialler finds the node of a host.
pub fn target(host: u8) -> Target {
    match WAY {
        Way::Udp => address(host).into(),
        Way::WebSocket | Way::Upgrade => Target::ws(format!("ws://{}", address(host))),
        Way::Relay => {
            let seed = node_seed(&Sim::new(SEED.get()), host);
            Target::relayed(address(RELAY), seed.identity().node_id())
        }
    }
}

/// Where packets between hosts 1 and 2 pass that are cut off from each other.
pub fn next_hop() -> SocketAddr {
    match WAY {
        Way::Relay => address(RELAY),
        _ => address(1),
    }
}

fn node_seed(sim: &Sim, host: u8) -> NodeSeed {
    NodeSeed::from_bytes(sim.entropy(&format!("node {host} seed")).bytes())
}

/// What a relay forwards at most is shown elsewhere.
fn unlimited() -> RelayLimits {
    let mut limits = RelayLimits::default();
    limits.rate = NonZeroU64::MAX;
    limits.burst = u64::MAX;
    limits
}

thread_local! {
    /// Of the world that was made last: who a host is follows from it.
    static SEED: Cell<u64> = const { Cell::new(0) };
}

/// The relay's host, and the highest of all others.
const RELAY: u8 = 200;
const HOSTS: u8 = 12;

pub fn address(host: u8) -> SocketAddr {
    ([10, 0, 0, host], 4000).into()
}

/// Bytes that differ at every offset and never repeat a run, from a small seed.
pub fn payload(seed: u64, len: usize) -> Vec<u8> {
    let sim = Sim::new(seed);
    let mut bytes = vec![0; len];
    sim.entropy("payload").fill(&mut bytes);
    bytes
}

struct Bytes(SimEntropy);

impl Entropy for Bytes {
    fn fill(&mut self, out: &mut [u8]) {
        self.0.fill(out);
    }
}

/// Runs a test in a world of its own, and ends all that it left running.
pub fn in_world<T, F: Future<Output = T>>(
    seed: u64,
    link: Link,
    test: impl FnOnce(Sim, Arc<World>) -> F,
) -> T {
    let world = Arc::new(World::new(seed, link));
    let sim = world.sim.clone();
    let result = sim.block_on(test(sim.clone(), world));
    sim.shutdown();
    result
}

/// Moves bytes over a one-way stream of their own and checks that they arrive.
pub async fn transfer(near: &Session, far: &Session, bytes: Vec<u8>) {
    let mut send = near.open_uni().await.unwrap();
    let sent = bytes::Bytes::from(bytes);
    let write = async {
        send.write_bytes(sent.clone()).await.unwrap();
        send.finish().unwrap();
    };
    let read = async {
        let mut recv = far.accept_uni().await.unwrap();
        assert!(recv.read_to_end(sent.len()).await.unwrap() == sent);
    };
    tokio::join!(write, read);
}

/// Moves `bytes` and returns the longest time in which nothing arrived.
pub async fn longest_pause(
    sim: &Sim,
    near: &Session,
    far: &Session,
    bytes: bytes::Bytes,
) -> Duration {
    let mut send = near.open_uni().await.unwrap();
    let sent = bytes.clone();
    let write = async move {
        send.write_bytes(sent).await.unwrap();
        send.finish().unwrap();
    };
    let read = async {
        let mut recv = far.accept_uni().await.unwrap();
        let (mut got, mut pause, mut last) = (Vec::new(), Duration::ZERO, sim.now());
        while let Some(chunk) = recv.read_bytes(usize::MAX).await.unwrap() {
            pause = pause.max(sim.now() - last);
            last = sim.now();
            got.extend_from_slice(&chunk);
        }
        assert!(got == bytes, "equal bytes");
        pause
    };
    tokio::join!(write, read).1
}

/// Waits until both sides send by this kind of path.
pub async fn until_both_go_by(sim: &Sim, sessions: [&Session; 2], kind: PathKind) {
    let are_there = async {
        while sessions
            .iter()
            .any(|session| session.stats().path.kind != kind)
        {
            sim.sleep(Duration::from_millis(20)).await;
        }
    };
    let limit = Duration::from_secs(10);
    let outcome = sim.timeout(limit, are_there).await;
    assert!(outcome.is_ok(), "not by {kind:?} within {limit:?}");
}
