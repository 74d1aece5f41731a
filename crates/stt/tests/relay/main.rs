//! Sessions through a relay, in a simulated network in which the two members don't reach each other.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::unchecked_time_subtraction,
    reason = "a failed step is a failed test"
)]

#[path = "../support/mod.rs"]
mod support;

mod ends;
mod hostile;
mod limits;
mod ways;

use stt::{Node, NodeId, RelayLimits, Session, Target};
use stt_sim::Link;
use support::{World, address};

/// The relay's host.
const RELAY: u8 = 9;

fn relay() -> Target {
    address(RELAY).into()
}

/// Members don't reach each other, but only what is none of theirs.
fn part(world: &World, count: u8) {
    for host in 1..=count {
        for other in 1..host {
            world.net.partition(address(host).ip(), address(other).ip());
        }
    }
}

/// A member on a host, registered with the relay.
async fn member(world: &World, host: u8) -> Node {
    let node = world.start(world.builder(host)).await;
    assert!(node.use_relay(relay()).registered().await);
    node
}

/// A relay, and members on hosts 1 to `count` that reach nobody but it.
async fn members(world: &World, count: u8, limits: RelayLimits) -> (Node, Vec<Node>) {
    part(world, count);
    let relay = world.start(world.builder(RELAY).relay(limits)).await;
    let mut nodes = Vec::new();
    for host in 1..=count {
        nodes.push(member(world, host).await);
    }
    (relay, nodes)
}

/// A session from one to the other through the relay, at both ends.
async fn session(from: &Node, to: &Node) -> (Session, Session) {
    let (near, far) = tokio::join!(
        from.connect_relayed(relay(), to.id()),
        accept(to, from.id())
    );
    (near.unwrap(), far)
}

/// The next session that this peer began.
async fn accept(node: &Node, peer: NodeId) -> Session {
    loop {
        let session = node.accept().await.unwrap();
        if session.peer() == peer {
            return session;
        }
    }
}

/// A continental path at 20 Mbit/s, so that not so many bytes take their time.
fn slow() -> Link {
    Link {
        rate: 20_000_000,
        queue: 250_000,
        ..Link::wan()
    }
}

/// A relay, two members and their session through it.
fn pair_on(link: Link, seed: u64, test: impl AsyncFnOnce(&World, Node, [Node; 2], [Session; 2])) {
    support::in_world(seed, link, |_, world| async move {
        let (relay, nodes) = members(&world, 2, RelayLimits::default()).await;
        let nodes: [Node; 2] = nodes.try_into().unwrap();
        let (near, far) = session(&nodes[0], &nodes[1]).await;
        test(&world, relay, nodes, [near, far]).await;
    });
}
