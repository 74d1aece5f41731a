//! A node with many sessions: all reach it, each is served, and the dead are told from the slow.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a failed step is a failed test"
)]

mod support;

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use stt::{BroadcastError, By, CloseReason, Limits, Node, SendError, Session, SessionId};
use stt_sim::{Link, Sim};
use support::{World, address, in_world};

const NODES: u8 = 100;

#[test]
fn a_hundred_nodes_connect_at_once_each_hears_each_broadcast_once_and_ten_dead_are_noticed() {
    let link = Link {
        jitter: Duration::from_millis(10),
        ..Link::lossy(0.02)
    };
    in_world(1, link, |sim, world| async move {
        let hub = world.node(1).await;
        let nodes = connect_all(&sim, &world, NODES).await;
        let accepted = accept(&hub, NODES).await;
        let dialled: BTreeSet<_> = nodes.iter().map(|(_, session)| session.id()).collect();
        assert_eq!(accepted, dialled);
        assert_eq!(hub.stats().sessions, usize::from(NODES));

        let outcomes = hub.send_to_all(7, "to all").await;
        assert_eq!(outcomes.len(), usize::from(NODES));
        assert!(outcomes.iter().all(|it| it.outcome.is_ok()));
        for (node, session) in &nodes {
            assert_eq!(
                texts(&sim, node).await,
                [(session.id(), 7, "to all".into())]
            );
        }

        let (dead, living) = nodes.split_at(10);
        for host in 2..12 {
            world.net.kill(address(host));
        }
        let before = sim.elapsed();
        for (_, session) in dead {
            let id = session.id();
            while hub.session(id).is_some() {
                sim.sleep(Duration::from_millis(100)).await;
            }
        }
        // The idle timeout begins anew with the first keep-alive that gets no answer.
        let took = sim.elapsed().saturating_sub(before);
        assert!(took < Duration::from_secs(41), "{took:?}");
        assert_eq!(hub.stats().sessions, living.len());

        let outcomes = hub.send_to_all(7, "to the living").await;
        assert_eq!(outcomes.len(), living.len());
        assert!(outcomes.iter().all(|it| it.outcome.is_ok()));
        for (node, session) in living {
            let expected = [(session.id(), 7, "to the living".into())];
            assert_eq!(texts(&sim, node).await, expected);
        }
        for (_, session) in dead {
            assert_eq!(session.closed().await, CloseReason::IdleTimeout);
        }
    });
}

#[test]
fn a_broadcast_says_for_each_recipient_what_became_of_it() {
    in_world(2, Link::wan(), |sim, world| async move {
        let hub = world.node(1).await;
        let nodes = connect_all(&sim, &world, 4).await;
        accept(&hub, 4).await;
        let ids: Vec<_> = nodes.iter().map(|(_, session)| session.id()).collect();
        let gone = nodes[1].1.clone();
        let closing = hub.session(ids[2]).unwrap();
        let _stream = closing.open_uni().await.unwrap();
        let ending = closing.clone();
        drop(sim.spawn(async move { ending.close().await }));
        let unknown = SessionId([9; 8]);
        let recipients = [ids[0], ids[1], ids[2], ids[3], unknown];
        let outcomes = hub.send_to_sessions(&recipients, 3, "some").await;
        let of = |id| {
            let found = outcomes.iter().find(|it| it.session_id == id).unwrap();
            found.outcome.clone()
        };
        assert_eq!(of(ids[0]), Ok(()));
        assert_eq!(of(ids[3]), Ok(()));
        assert_eq!(of(unknown), Err(BroadcastError::Unknown));
        assert_eq!(of(ids[1]), Ok(()));
        gone.abort(1, "");
        sim.sleep(Duration::from_secs(1)).await;
        let outcomes = hub.send_to_sessions(&recipients, 3, "more").await;
        assert_eq!(outcomes[1].outcome, Err(BroadcastError::Unknown));
        let refused = BroadcastError::Refused(SendError::Closing);
        assert_eq!(outcomes[2].outcome, Err(refused));
        let heard = [(ids[0], 3, "some".into()), (ids[0], 3, "more".into())];
        assert_eq!(texts(&sim, &nodes[0].0).await, heard);
    });
}

#[test]
fn a_recipient_that_takes_nothing_is_reported_stalled_and_delays_nobody() {
    in_world(3, Link::wan(), |sim, world| async move {
        let hub = world.node(1).await;
        let nodes = connect_all(&sim, &world, 3).await;
        accept(&hub, 3).await;
        let stalled = nodes[0].1.id();
        let mut heard = Vec::new();
        for (node, _) in &nodes[1..] {
            let (node, clock) = (node.clone(), sim.clone());
            heard.push(sim.spawn(async move {
                let mut receiver = node.receive();
                let mut at = Vec::new();
                for _ in 0..12 {
                    receiver.next().await.unwrap();
                    at.push(clock.elapsed());
                }
                at
            }));
        }
        let mut sent_at = Vec::new();
        for _ in 0..12 {
            sent_at.push(sim.elapsed());
            let outcomes = hub.send_to_all(1, vec![0; 936]).await;
            // Eight fit in the credit of 8,192.
            let is_late = sent_at.len() > 8;
            for it in outcomes {
                let expected = if is_late && it.session_id == stalled {
                    Err(BroadcastError::Stalled)
                } else {
                    Ok(())
                };
                assert_eq!(it.outcome, expected);
            }
        }
        for task in heard {
            for (sent, heard) in sent_at.iter().zip(task.await) {
                assert!(heard.saturating_sub(*sent) < Duration::from_millis(100));
            }
        }
        // What was given up was not sent.
        assert_eq!(nodes[0].0.stats().undelivered, 8_000);
        let messages = texts(&sim, &nodes[0].0).await;
        assert_eq!(messages.len(), 8);
    });
}

#[test]
fn a_node_that_is_full_tells_the_dialler_and_leaves_others_alone() {
    in_world(4, Link::wan(), |sim, world| async move {
        let mut limits = Limits::default();
        limits.sessions = 3;
        let hub = world.node_with(1, limits).await;
        let nodes = connect_all(&sim, &world, 3).await;
        accept(&hub, 3).await;
        let late = world.node(9).await;
        let session = late.connect(address(1)).await.unwrap();
        let end = sim.timeout(Duration::from_secs(2), session.closed()).await;
        assert_eq!(end.unwrap(), CloseReason::AtLimit { by: By::Peer });
        sim.sleep(Duration::from_secs(1)).await;
        assert_eq!(late.stats().sessions, 0);
        assert_eq!(hub.stats().sessions, 3);
        let outcomes = hub.send_to_all(1, "still here").await;
        assert!(outcomes.iter().all(|it| it.outcome.is_ok()));
        assert_eq!(texts(&sim, &nodes[0].0).await.len(), 1);
        nodes[0].1.close().await.unwrap();
        sim.sleep(Duration::from_secs(1)).await;
        let session = late.connect(address(1)).await.unwrap();
        session.send_on_stream(1, "in").await.unwrap();
        assert_eq!(&hub.receive().next().await.unwrap().data[..], b"in");
    });
}

#[test]
fn a_dialler_at_its_own_limit_is_told_so_and_the_peer_keeps_nothing() {
    in_world(5, Link::wan(), |sim, world| async move {
        let mut limits = Limits::default();
        limits.sessions = 1;
        let dialler = world.node_with(1, limits).await;
        let (first, second) = (world.node(2).await, world.node(3).await);
        let session = dialler.connect(address(2)).await.unwrap();
        let refused = dialler.connect(address(3)).await.unwrap_err();
        assert!(
            matches!(refused, stt::ConnectError::TooManySessions),
            "{refused:?}"
        );
        sim.sleep(Duration::from_secs(15)).await;
        assert_eq!((first.stats().sessions, second.stats().sessions), (1, 0));
        assert!(!session.is_closed());
    });
}

async fn connect_all(sim: &Sim, world: &Arc<World>, count: u8) -> Vec<(Node, Session)> {
    let mut dials = Vec::new();
    for host in 2..2 + count {
        let world = Arc::clone(world);
        dials.push(sim.spawn(async move {
            let node = world.node(host).await;
            let session = node.connect(address(1)).await.unwrap();
            (node, session)
        }));
    }
    let mut nodes = Vec::new();
    for dial in dials {
        nodes.push(dial.await);
    }
    nodes
}

async fn accept(hub: &Node, count: u8) -> BTreeSet<SessionId> {
    let mut accepted = BTreeSet::new();
    for _ in 0..count {
        accepted.insert(hub.accept().await.unwrap().id());
    }
    accepted
}

/// Between the end of a session and its leaving the registry nothing can be awaited, so the
/// recipient is aborted while the message to it waits.
#[test]
fn a_recipient_that_ends_while_its_message_waits_is_reported_closed() {
    in_world(6, Link::wan(), |sim, world| async move {
        let hub = world.node(1).await;
        let nodes = connect_all(&sim, &world, 2).await;
        accept(&hub, 2).await;
        let gone = nodes[0].1.id();
        for _ in 0..8 {
            hub.send_to_sessions(&[gone], 1, vec![0; 936]).await;
        }
        let aborting = nodes[0].1.clone();
        let clock = sim.clone();
        drop(sim.spawn(async move {
            clock.sleep(Duration::from_secs(1)).await;
            aborting.abort(1, "bye");
        }));
        for it in hub.send_to_all(1, vec![0; 936]).await {
            let reason = CloseReason::Aborted {
                by: By::Peer,
                code: 1,
                reason: "bye".into(),
            };
            let expected = if it.session_id == gone {
                Err(BroadcastError::Refused(SendError::Closed(reason)))
            } else {
                Ok(())
            };
            assert_eq!(it.outcome, expected);
        }
    });
}

/// What a node gets within two seconds.
async fn texts(sim: &Sim, node: &Node) -> Vec<(SessionId, u64, bytes::Bytes)> {
    let mut receiver = node.receive();
    let mut texts = Vec::new();
    while let Ok(Some(packet)) = sim.timeout(Duration::from_secs(2), receiver.next()).await {
        texts.push((packet.session_id, packet.stream_id, packet.data));
    }
    texts
}
