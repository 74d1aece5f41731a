//! A way that stands still beside the direct one, which carries the data.

#![allow(clippy::unwrap_used, reason = "a failed step is a failed test")]

#[path = "../support/mod.rs"]
mod support;

use std::{net::SocketAddr, time::Duration};

use stt::{Node, PathKind, RelayLimits, Session, Target};
use stt_sim::Link;
use support::{World, address, in_world, payload, transfer, until_both_go_by};

/// The relay's host.
const RELAY: u8 = 9;

/// What stands by beside a session's path by UDP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Beside {
    Nothing,
    WebSocket,
    Relay,
}

/// The acceptor listens for WebSockets at a port of its own, which can be cut alone.
fn listener() -> SocketAddr {
    ([10, 0, 0, 1], 4443).into()
}

impl Beside {
    /// A session that goes by UDP, and began here.
    async fn meet(self, world: &World) -> ([Node; 3], Session, Session) {
        let relay = world.builder(RELAY).relay(RelayLimits::default());
        let relay = world.start(relay).await;
        let acceptor = world.start(world.builder(1).listen_ws(listener())).await;
        let dialler = world.node(2).await;
        let target = match self {
            Self::Nothing => address(1).into(),
            Self::WebSocket => Target::ws(format!("ws://{}", listener())),
            Self::Relay => {
                for node in [&acceptor, &dialler] {
                    assert!(node.use_relay(address(RELAY)).registered().await);
                }
                Target::relayed(address(RELAY), acceptor.id())
            }
        };
        let near = dialler.connect(target).await.unwrap();
        let far = loop {
            let session = acceptor.accept().await.unwrap();
            if session.peer() == dialler.id() {
                break session;
            }
        };
        until_both_go_by(&world.sim, [&near, &far], PathKind::Udp).await;
        ([relay, acceptor, dialler], near, far)
    }

    /// From now on it takes nothing, and says nothing.
    fn stall(self, world: &World) {
        match self {
            Self::Nothing => {}
            Self::WebSocket => world.net.partition(address(2), listener()),
            Self::Relay => world.net.kill(address(RELAY).ip()),
        }
    }
}

/// How long a transfer takes, while what stands by stands still.
fn time_of(beside: Beside, is_dialler_writing: bool) -> Duration {
    let link = Link {
        rate: 20_000_000,
        queue: 250_000,
        ..Link::wan()
    };
    in_world(11, link, |sim, world| async move {
        let (_nodes, near, far) = beside.meet(&world).await;
        let (from, to) = if is_dialler_writing {
            (&near, &far)
        } else {
            (&far, &near)
        };
        // Their windows are open.
        transfer(from, to, payload(1, 2 << 20)).await;
        let began = sim.elapsed();
        beside.stall(&world);
        transfer(from, to, payload(2, 8 << 20)).await;
        sim.elapsed().saturating_sub(began)
    })
}

#[test]
fn a_way_that_stands_still_does_not_slow_the_direct_one() {
    for is_dialler_writing in [true, false] {
        let alone = time_of(Beside::Nothing, is_dialler_writing);
        for beside in [Beside::WebSocket, Beside::Relay] {
            let took = time_of(beside, is_dialler_writing);
            let limit = alone + alone / 20;
            assert!(took < limit, "{beside:?}: {took:?}, alone {alone:?}");
        }
    }
}
