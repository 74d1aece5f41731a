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

use std::{net::SocketAddr, sync::Arc, time::Duration};

use streams::Streams;
use stt::{
    Entropy, Group, Limits, Node, NodeBuilder, NodeSeed, PathKind, Platform, Session, Target,
};
use stt_sim::{Link, Net, Sim, SimEntropy};

/// A network, its clock, and the group whose members live in it.
pub struct World {
    pub sim: Sim,
    pub net: Net,
    pub group: Group,
}

impl World {
    pub fn new(seed: u64, link: Link) -> Self {
        let sim = Sim::new(seed);
        let net = Net::new(&sim, link);
        let group = Group::generate(&mut Bytes(sim.entropy("group")));
        Self { sim, net, group }
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
        let name = format!("node {host}");
        let mut seed = self.sim.entropy(&format!("{name} seed"));
        let builder = Node::builder(group)
            .node_seed(NodeSeed::from_bytes(seed.bytes()))
            .bind(address(host))
            .platform(self.platform_at(&name, address(host)));
        match WAY {
            Way::Udp => builder,
            Way::WebSocket => {
                self.net.forbid_udp(address(host).ip());
                builder.listen_ws(address(host))
            }
            Way::Upgrade => builder.listen_ws(address(host)),
        }
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
        builder.start().await.unwrap()
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
}

pub const WAY: Way = match env!("CARGO_CRATE_NAME").as_bytes() {
    b"over_websocket" => Way::WebSocket,
    b"upgrading" => Way::Upgrade,
    _ => Way::Udp,
};

/// Where a dialler finds the node of a host.
pub fn target(host: u8) -> Target {
    match WAY {
        Way::Udp => address(host).into(),
        Way::WebSocket | Way::Upgrade => Target::ws(format!("ws://{}", address(host))),
    }
}

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
