//! What a node tells of itself: sessions, paths, refusals, the door.

#![allow(clippy::unwrap_used, reason = "a failed step is a failed test")]

mod support;

use std::{net::SocketAddr, sync::Arc, time::Duration};

use parking_lot::Mutex;
use stt::{
    Accepting, AcceptingChanged, By, CloseReason, Event, Group, Limits, Node, PathChanged,
    PeerRefusal, PeerRefused, SessionClosed, SessionOpened, SystemEntropy,
};
use stt_sim::Link;
use support::{address, in_world};
use tokio::net::UdpSocket;

type Seen<T> = Arc<Mutex<Vec<T>>>;

/// Keeps all happenings of one name.
fn keep<T: Send + Sync + 'static>(node: &Node, name: &'static str) -> Seen<Arc<T>> {
    let seen = Seen::default();
    let notes = Arc::clone(&seen);
    let handler = move |event: Event<T>| notes.lock().push(event.payload());
    node.events().on(name, handler).unwrap();
    seen
}

#[test]
fn sessions_are_told_as_they_open_and_why_they_close() {
    in_world(1, Link::lan(), |sim, world| async move {
        let (acceptor, dialler) = (world.node(1).await, world.node(2).await);
        let opened = [&acceptor, &dialler].map(|it| keep::<SessionOpened>(it, SessionOpened::NAME));
        let closed = [&acceptor, &dialler].map(|it| keep::<SessionClosed>(it, SessionClosed::NAME));
        let session = dialler.connect(address(1)).await.unwrap();
        sim.sleep(Duration::from_secs(1)).await;
        for (seen, by, peer) in [
            (&opened[0], By::Peer, &dialler),
            (&opened[1], By::Us, &acceptor),
        ] {
            let seen = seen.lock();
            let told: Vec<_> = seen
                .iter()
                .map(|it| (it.session.id(), it.session.peer(), it.by))
                .collect();
            assert_eq!(told, [(session.id(), peer.id(), by)]);
        }
        assert!(closed.iter().all(|seen| seen.lock().is_empty()));
        session.abort(7, "enough");
        sim.sleep(Duration::from_secs(1)).await;
        for (seen, by) in [(&closed[0], By::Peer), (&closed[1], By::Us)] {
            let seen = seen.lock();
            assert_eq!(seen.len(), 1);
            assert_eq!(seen[0].session, session.id());
            let aborted = CloseReason::Aborted {
                by,
                code: 7,
                reason: "enough".into(),
            };
            assert_eq!(seen[0].reason, aborted);
        }
    });
}

#[test]
fn the_last_sessions_are_told_after_a_shutdown() {
    in_world(2, Link::lan(), |sim, world| async move {
        let (_dialler, acceptor, ..) = world.pair().await;
        let closed = keep::<SessionClosed>(&acceptor, SessionClosed::NAME);
        acceptor.shutdown(Duration::from_secs(5)).await;
        sim.sleep(Duration::from_secs(1)).await;
        assert_eq!(closed.lock().len(), 1);
    });
}

#[test]
fn the_door_is_told_when_it_changes() {
    in_world(3, Link::lan(), |sim, world| async move {
        let node = world.node(1).await;
        let seen = keep::<AcceptingChanged>(&node, AcceptingChanged::NAME);
        for accepting in [
            Accepting::Members,
            Accepting::Nobody,
            Accepting::Nobody,
            Accepting::Members,
        ] {
            node.set_accepting(accepting);
        }
        sim.sleep(Duration::from_secs(1)).await;
        let told: Vec<_> = seen.lock().iter().map(|it| it.accepting).collect();
        assert_eq!(told, [Accepting::Nobody, Accepting::Members]);
    });
}

#[test]
fn a_peer_beyond_the_limit_is_told_by_name() {
    in_world(4, Link::lan(), |sim, world| async move {
        let mut limits = Limits::default();
        limits.sessions = 1;
        let server = world.node_with(1, limits).await;
        let refused = keep::<PeerRefused>(&server, PeerRefused::NAME);
        let (first, second) = (world.node(2).await, world.node(3).await);
        first.connect(address(1)).await.unwrap();
        let session = second.connect(address(1)).await.unwrap();
        session.closed().await;
        sim.sleep(Duration::from_secs(1)).await;
        let refused = refused.lock();
        let told: Vec<_> = refused
            .iter()
            .map(|it| (it.address, it.peer, it.why))
            .collect();
        assert_eq!(
            told,
            [(address(3), Some(second.id()), PeerRefusal::TooManySessions)]
        );
    });
}

#[test]
fn a_peer_with_another_passphrase_is_told_and_a_stranger_at_a_gated_door_is_not() {
    in_world(5, Link::lan(), |sim, world| async move {
        let group = |words| Group::from_passphrase("events", words).unwrap();
        let open = world.start(world.builder_of(1, group("right words"))).await;
        let gated = world.node(2).await;
        let refused = [&open, &gated].map(|it| keep::<PeerRefused>(it, PeerRefused::NAME));
        let other = world.start(world.builder_of(3, group("wrong words"))).await;
        assert!(other.connect(address(1)).await.is_err());
        assert!(other.connect(address(2)).await.is_err());
        sim.sleep(Duration::from_secs(1)).await;
        let told: Vec<_> = refused[0]
            .lock()
            .iter()
            .map(|it| (it.address, it.peer, it.why))
            .collect();
        assert_eq!(told, [(address(3), None, PeerRefusal::Authentication)]);
        assert!(refused[1].lock().is_empty());
        assert!(gated.stats().turned_away > 0);
    });
}

#[test]
fn slow_handlers_hold_up_nothing_and_what_does_not_fit_is_counted() {
    in_world(6, Link::lan(), |sim, world| async move {
        let (_dialler, acceptor, near, _far) = world.pair().await;
        let begun = Arc::new(Mutex::new(0));
        let count = Arc::clone(&begun);
        let never_ends = move |_: Event<AcceptingChanged>| {
            *count.lock() += 1;
            std::future::pending::<()>()
        };
        acceptor
            .events()
            .on(AcceptingChanged::NAME, never_ends)
            .unwrap();
        for number in 0..2_000 {
            let closes = number % 2 == 0;
            acceptor.set_accepting(if closes {
                Accepting::Nobody
            } else {
                Accepting::Members
            });
            sim.sleep(Duration::from_millis(1)).await;
        }
        // 64 are under way and 1,024 wait.
        assert_eq!(*begun.lock(), 64);
        assert_eq!(acceptor.stats().events_dropped, 2_000 - 64 - 1_024);
        near.send_on_stream(1, "the node works").await.unwrap();
        assert_eq!(
            acceptor.receive().next().await.unwrap().data,
            "the node works"
        );
    });
}

#[test]
fn handlers_of_a_node_that_fail_are_counted() {
    in_world(7, Link::lan(), |sim, world| async move {
        let node = world.node(1).await;
        let fails = |_: Event<AcceptingChanged>| Err("it failed");
        node.events().on(AcceptingChanged::NAME, fails).unwrap();
        let of_another_type = |_: Event<u8>| {};
        node.events()
            .on(AcceptingChanged::NAME, of_another_type)
            .unwrap();
        let seen = keep::<AcceptingChanged>(&node, AcceptingChanged::NAME);
        node.set_accepting(Accepting::Nobody);
        sim.sleep(Duration::from_secs(1)).await;
        assert_eq!((node.stats().events_failed, seen.lock().len()), (2, 1));
    });
}

/// Passes packets on between a dialler and `server`, from an address that can be changed.
struct Relay {
    address: SocketAddr,
    moves: tokio::sync::mpsc::Sender<()>,
}

impl Relay {
    async fn start(server: SocketAddr) -> Self {
        let near = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let address = near.local_addr().unwrap();
        let (moves, mut moving) = tokio::sync::mpsc::channel(1);
        tokio::spawn(async move {
            let mut far = UdpSocket::bind("127.0.0.1:0").await.unwrap();
            let mut dialler = None;
            let (mut out, mut back) = (vec![0; 65_536], vec![0; 65_536]);
            loop {
                tokio::select! {
                    Some(()) = moving.recv() => far = UdpSocket::bind("127.0.0.1:0").await.unwrap(),
                    Ok((len, from)) = near.recv_from(&mut out) => {
                        dialler = Some(from);
                        far.send_to(&out[..len], server).await.unwrap();
                    }
                    Ok((len, _)) = far.recv_from(&mut back) => {
                        near.send_to(&back[..len], dialler.unwrap()).await.unwrap();
                    }
                    else => return,
                }
            }
        });
        Self { address, moves }
    }
}

#[tokio::test]
async fn a_peer_that_is_reached_elsewhere_is_told_and_its_session_goes_on() {
    let group = Group::generate(&mut SystemEntropy);
    let node = || async {
        let builder = Node::builder(group.clone()).bind("127.0.0.1:0".parse().unwrap());
        builder.start().await.unwrap()
    };
    let (server, client) = (node().await, node().await);
    let relay = Relay::start(server.local_addresses()[0]).await;
    let (changes, mut changed) = tokio::sync::mpsc::unbounded_channel();
    let handler = move |event: Event<PathChanged>| changes.send((event.from, event.to));
    server.events().on(PathChanged::NAME, handler).unwrap();
    let session = client.connect(relay.address).await.unwrap();
    let at_server = server.accept().await.unwrap();
    let before = at_server.stats().path.remote.unwrap();
    relay.moves.send(()).await.unwrap();
    let told = tokio::time::timeout(Duration::from_secs(60), async {
        loop {
            session.send_on_stream(1, "still here").await.unwrap();
            assert_eq!(server.receive().next().await.unwrap().data, "still here");
            let pause = tokio::time::sleep(Duration::from_millis(200));
            tokio::select! {
                told = changed.recv() => return told.unwrap(),
                () = pause => {}
            }
        }
    });
    let told = told.await.unwrap();
    assert_eq!(told, (before, at_server.stats().path.remote.unwrap()));
    assert_ne!(told.0, told.1);
}
