//! Sessions through a relay, in a simulated network in which the two members don't reach each other.

#![allow(clippy::unwrap_used, reason = "a failed step is a failed test")]

mod support;

use stt::{Node, NodeId, PathKind, RelayLimits, Session, Target};
use stt_sim::Link;
use support::{World, address, in_world, payload, transfer};

const RELAY: u8 = 9;

fn relay() -> Target {
    address(RELAY).into()
}

/// A relay, and members on hosts 1 to `count` that reach nobody but it.
async fn members(world: &World, count: u8, limits: RelayLimits) -> (Node, Vec<Node>) {
    let relay_node = world.start(world.builder(RELAY).relay(limits)).await;
    let mut nodes = Vec::new();
    for host in 1..=count {
        for other in 1..host {
            world.net.partition(address(host).ip(), address(other).ip());
        }
        let node = world.start(world.builder(host)).await;
        assert!(node.use_relay(relay()).registered().await);
        nodes.push(node);
    }
    (relay_node, nodes)
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

#[test]
fn two_members_that_reach_only_the_relay_have_a_session_through_it() {
    in_world(1, Link::wan(), |_, world| async move {
        let (_relay, nodes) = members(&world, 2, RelayLimits::default()).await;
        let (near, far) = session(&nodes[0], &nodes[1]).await;
        assert_eq!(near.id(), far.id());
        for end in [&near, &far] {
            let path = end.stats().path;
            assert_eq!(path.kind, PathKind::Relay);
            assert_eq!(path.remote, Some(address(RELAY)));
        }
        transfer(&near, &far, payload(1, 1 << 20)).await;
        transfer(&far, &near, payload(2, 1 << 20)).await;
        assert!(near.stats().path.mtu >= 1_200);
    });
}
