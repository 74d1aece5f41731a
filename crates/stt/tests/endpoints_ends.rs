//! Endpoints at their limits: sessions that end, routers that give up, more names than streams.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a failed step is a failed test"
)]

mod support;

#[allow(dead_code, unreachable_pub, reason = "a part of it is used")]
#[path = "support/endpoints.rs"]
mod endpoints;

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    time::Duration,
};

use endpoints::{KIB, MIB, number, numbered, refused, run, run_with};
use stt::{CloseReason, Delivered, EndpointManager, EndpointOptions, Limits, Refusal, RouteError};
use stt_sim::Link;
use support::{address, payload};

#[test]
fn what_is_held_of_items_without_a_place_stays_bounded() {
    // Of long items a window each may be here before room for all of them is promised.
    let long = (5 * MIB, 40 * 8 * KIB, [100, 4_000, 100_000, MIB]);
    let short = (100 * KIB, 0, [100, 500, 1_000, 3_000]);
    for (bound, parts, lens) in [long, short] {
        let mut limits = Limits::default();
        limits.unplaced = bound;
        run_with(11, Link::lan(), limits, |pair| async move {
            for endpoint in 0..80 {
                let name = format!("stalled {endpoint}");
                pair.endpoint(&name, EndpointOptions::default().items(1));
                let near = pair.near.clone();
                drop(pair.sim.spawn(async move {
                    let len = lens[endpoint % 4];
                    while near.begin_route(&name, vec![1; len]).await.is_ok() {}
                }));
            }
            let mut most = 0;
            for wait in [10; 100].into_iter().chain([1_000; 20]) {
                pair.sim.sleep(Duration::from_millis(wait)).await;
                let held = pair.acceptor.stats().unplaced as usize;
                assert!(held <= bound + parts + 64 * KIB, "{held} of {bound}");
                most = most.max(held);
            }
            assert!(most > bound / 2, "{most} of {bound}");
            assert!(!pair.to_acceptor.is_closed());
            pair.to_acceptor.abort(1, "");
            pair.sim.sleep(Duration::from_secs(1)).await;
            assert_eq!(pair.acceptor.stats().unplaced, 0);
        });
    }
}

#[test]
fn long_items_for_a_full_queue_hold_up_no_other_endpoint() {
    let mut limits = Limits::default();
    limits.unplaced = 5 * MIB;
    run_with(32, Link::lan(), limits, |pair| async move {
        pair.endpoint("stalled", EndpointOptions::default().items(1));
        pair.endpoint("e", EndpointOptions::default());
        let routed = pair.near.route_to_endpoint("stalled", "fills it").await;
        assert_eq!(routed, Ok(Delivered));
        let mut others = Vec::new();
        for host in 3..9 {
            let node = pair.world.node(host).await;
            let session = node.connect(address(1)).await.unwrap();
            let manager = EndpointManager::new();
            manager.bind_remote("stalled", &session, "stalled").unwrap();
            let route = async move { manager.route_to_endpoint("stalled", vec![1; MIB]).await };
            others.push((node, pair.sim.spawn(route)));
        }
        pair.sim.sleep(Duration::from_secs(5)).await;
        for len in [100, 200_000] {
            let route = pair.near.route_to_endpoint("e", vec![1; len]);
            let routed = pair.sim.timeout(Duration::from_secs(1), route).await;
            assert_eq!(routed.ok(), Some(Ok(Delivered)));
        }
        for _ in 0..7 {
            pair.far.receive_from("stalled").await.unwrap();
        }
        for (_, route) in others {
            assert_eq!(route.await, Ok(Delivered));
        }
    });
}

#[test]
fn more_names_than_streams_share_them_and_every_item_comes_once_in_order() {
    run(12, Link::lan(), |pair| async move {
        let mut tasks = Vec::new();
        for endpoint in 0..400 {
            let name = format!("endpoint {endpoint}");
            pair.endpoint(&name, EndpointOptions::default());
            let near = pair.near.clone();
            tasks.push(pair.sim.spawn(async move {
                for item in 0..5 {
                    let routed = near.route_to_endpoint(&name, numbered(item, 64)).await;
                    assert_eq!(routed, Ok(Delivered));
                }
            }));
        }
        for task in tasks {
            task.await;
        }
        for endpoint in 0..400 {
            for item in 0..5 {
                let name = format!("endpoint {endpoint}");
                let received = pair.far.receive_from(&name).await.unwrap();
                assert_eq!(number(&received.data), item);
            }
        }
    });
}

#[test]
fn thousands_of_names_at_once_share_the_streams_and_none_waits_for_long() {
    run(30, Link::wan(), |pair| async move {
        let mut tasks = Vec::new();
        let began = pair.sim.elapsed();
        for endpoint in 0..4_000 {
            let name = format!("endpoint {endpoint}");
            pair.endpoint(&name, EndpointOptions::default());
            let near = pair.near.clone();
            let route = async move { near.route_to_endpoint(&name, "x").await };
            tasks.push(pair.sim.spawn(route));
        }
        for task in tasks {
            assert_eq!(task.await, Ok(Delivered));
        }
        let took = pair.sim.elapsed().saturating_sub(began);
        assert!(took < Duration::from_secs(5), "{took:?}");
    });
}

#[test]
fn a_low_limit_of_streams_holds_up_no_endpoint() {
    let mut limits = Limits::default();
    limits.streams = 2;
    run_with(33, Link::lan(), limits, |pair| async move {
        for endpoint in 0..100 {
            let name = format!("endpoint {endpoint}");
            pair.endpoint(&name, EndpointOptions::default());
            let route = pair.near.route_to_endpoint(&name, "x");
            let routed = pair.sim.timeout(Duration::from_secs(1), route).await;
            assert_eq!(routed.ok(), Some(Ok(Delivered)), "{endpoint}");
        }
    });
}

#[test]
fn a_stream_that_was_let_go_after_a_pause_is_opened_anew() {
    run(13, Link::wan(), |pair| async move {
        pair.endpoint("e", EndpointOptions::default());
        for item in 0..5 {
            let routed = pair.near.route_to_endpoint("e", numbered(item, 64)).await;
            assert_eq!(routed, Ok(Delivered));
            pair.sim.sleep(Duration::from_secs(100)).await;
        }
        for item in 0..5 {
            let received = pair.far.receive_from("e").await.unwrap();
            assert_eq!(number(&received.data), item);
        }
    });
}

#[test]
fn a_cut_leaves_unknown_what_had_no_answer_and_what_was_delivered_is_in_the_queue() {
    let seen = Arc::new([const { AtomicUsize::new(0) }; 3]);
    for cut_after in [0, 20, 60, 90, 200, 700] {
        let seen = Arc::clone(&seen);
        run(14 + cut_after, Link::wan(), |pair| async move {
            pair.endpoint("e", EndpointOptions::default().items(5_000));
            let near = pair.near.clone();
            let routing = pair.sim.spawn(async move {
                let mut routes = Vec::new();
                let mut outcomes = Vec::new();
                for item in 0..2_000 {
                    match near.begin_route("e", numbered(item, 1_000)).await {
                        Ok(route) => routes.push(route),
                        Err(refusal) => {
                            outcomes.push(Err(refusal.into()));
                            break;
                        }
                    }
                }
                let mut answered = Vec::new();
                for route in routes {
                    answered.push(route.await);
                }
                answered.extend(outcomes);
                answered
            });
            pair.sim.sleep(Duration::from_millis(cut_after)).await;
            pair.to_dialler.abort(1, "cut");
            let outcomes = routing.await;
            pair.sim.sleep(Duration::from_secs(5)).await;
            let kind = |outcome: &Result<Delivered, RouteError>| match outcome {
                Ok(Delivered) => 0,
                Err(RouteError::Unknown(_)) => 1,
                Err(RouteError::Refused(Refusal::SessionClosed(_))) => 2,
                Err(other) => unreachable!("{other:?}"),
            };
            let kinds: Vec<_> = outcomes.iter().map(kind).collect();
            assert!(kinds.is_sorted(), "delivered, then unknown, then not sent");
            let count = |wanted| kinds.iter().filter(|kind| **kind == wanted).count();
            let in_queue = pair.far.stats("e").unwrap().delivered as usize;
            let (delivered, unknown) = (count(0), count(1));
            for (seen, kind) in seen.iter().zip(0..) {
                seen.fetch_add(count(kind), Relaxed);
            }
            assert!(in_queue >= delivered, "{in_queue} of {delivered}");
            assert!(in_queue <= delivered + unknown, "{in_queue}");
            for item in 0..in_queue {
                let received = pair.far.receive_from("e").await.unwrap();
                assert_eq!(number(&received.data) as usize, item);
            }
        });
    }
    for (kind, seen) in seen.iter().enumerate() {
        assert!(seen.load(Relaxed) > 0, "no outcome of kind {kind}");
    }
}

#[test]
fn an_orderly_end_delivers_every_item_that_was_accepted() {
    run(15, Link::lossy(0.02), |pair| async move {
        for name in ["a", "b", "idle"] {
            pair.endpoint(name, EndpointOptions::default());
        }
        pair.near.route_to_endpoint("idle", "x").await.unwrap();
        let mut routes = Vec::new();
        for item in 0..100 {
            for (name, len) in [("a", 60), ("b", 70_000)] {
                // Nobody takes anything of b: a long item is accepted once its turn has come.
                if name == "a" || item < 10 {
                    let route = pair.near.begin_route(name, numbered(item, len)).await;
                    routes.push(route.unwrap());
                }
            }
        }
        pair.to_acceptor.close().await.unwrap();
        assert_eq!(pair.to_dialler.closed().await, CloseReason::Done);
        for route in routes {
            assert_eq!(route.await, Ok(Delivered));
        }
        assert_eq!(pair.far.stats("a").unwrap().waiting, 100);
        assert_eq!(pair.far.stats("b").unwrap().waiting, 10);
        let late = pair.near.route_to_endpoint("a", "x").await;
        assert_eq!(late, refused(Refusal::SessionClosed(CloseReason::Done)));
    });
}

#[test]
fn an_orderly_end_waits_for_items_that_wait_and_refuses_new_ones() {
    run(16, Link::wan(), |pair| async move {
        pair.endpoint("e", EndpointOptions::default().items(1));
        let near = pair.near.clone();
        let routing = pair.sim.spawn(async move {
            for item in 0..500 {
                let routed = near.begin_route("e", numbered(item, 500)).await;
                if routed.is_err() {
                    return (item, routed.map(|_| ()));
                }
            }
            unreachable!("the session closes before");
        });
        pair.sim.sleep(Duration::from_secs(1)).await;
        let session = pair.to_acceptor.clone();
        let closing = pair.sim.spawn(async move { session.close().await });
        pair.sim.sleep(Duration::from_secs(20)).await;
        assert!(!closing.is_finished());
        let mut taken = 0;
        while !closing.is_finished() {
            let next = pair.far.receive_from("e");
            if let Ok(item) = pair.sim.timeout(Duration::from_secs(1), next).await {
                assert_eq!(number(&item.unwrap().data), taken);
                taken += 1;
            }
        }
        closing.await.unwrap();
        let (accepted, refusal) = routing.await;
        assert_eq!(refusal, Err(Refusal::SessionClosing));
        assert_eq!(accepted, taken);
    });
}

#[test]
fn a_router_that_gives_up_before_its_item_was_accepted_sends_nothing_and_holds_up_nobody() {
    run(17, Link::wan(), |pair| async move {
        pair.endpoint("e", EndpointOptions::default().items(1));
        let mut accepted = Vec::new();
        let patience = Duration::from_secs(2);
        for item in 0..40 {
            let route = pair.near.begin_route("e", numbered(item, 1_000));
            if let Ok(route) = pair.sim.timeout(patience, route).await {
                accepted.push((item, route.unwrap()));
            }
        }
        assert!((2..20).contains(&accepted.len()), "{}", accepted.len());
        let last = pair.near.begin_route("e", numbered(99, 1_000));
        let (near, far, sim) = (&pair.near, &pair.far, &pair.sim);
        let taking = async {
            let mut taken = Vec::new();
            while let Ok(item) = sim.timeout(patience, far.receive_from("e")).await {
                taken.push(number(&item.unwrap().data));
            }
            taken
        };
        let (last, taken) = tokio::join!(last, taking);
        assert_eq!(last.unwrap().await, Ok(Delivered));
        let mut expected: Vec<_> = accepted.iter().map(|(item, _)| *item).collect();
        expected.push(99);
        assert_eq!(taken, expected);
        for (_, route) in accepted {
            assert_eq!(route.await, Ok(Delivered));
        }
        assert_eq!(near.route_to_endpoint("e", "x").await, Ok(Delivered));
    });
}

#[test]
fn a_long_item_whose_router_gives_up_while_it_is_sent_still_comes_whole() {
    run(18, Link::wan(), |pair| async move {
        pair.endpoint("e", EndpointOptions::default());
        let item = payload(18, 8 * MIB);
        let routing = pair.near.route_to_endpoint("e", item.clone());
        let given_up = pair.sim.timeout(Duration::from_millis(300), routing).await;
        assert!(given_up.is_err());
        let received = pair.far.receive_from("e").await.unwrap();
        assert!(received.data == item);
    });
}

#[test]
fn a_name_follows_a_peer_to_its_next_session() {
    run(20, Link::wan(), |pair| async move {
        pair.endpoint("e", EndpointOptions::default());
        pair.near.route_to_endpoint("e", "0").await.unwrap();
        pair.to_acceptor.abort(1, "");
        let closed = pair.near.route_to_endpoint("e", "x").await;
        assert!(matches!(
            closed,
            Err(RouteError::Refused(Refusal::SessionClosed(_)))
        ));
        let again = pair.dialler.connect(address(1)).await.unwrap();
        pair.near.bind_remote("e", &again, "e").unwrap();
        pair.near.route_to_endpoint("e", "1").await.unwrap();
        for expected in ["0", "1"] {
            assert_eq!(pair.far.receive_from("e").await.unwrap().data, expected);
        }
        drop(pair.world);
    });
}

#[test]
fn a_manager_that_is_attached_to_a_session_that_is_over_is_not_kept() {
    run(31, Link::lan(), |pair| async move {
        pair.to_dialler.abort(1, "");
        pair.to_dialler.closed().await;
        pair.sim.sleep(Duration::from_secs(1)).await;
        let manager = EndpointManager::new();
        let mut receiver = manager.create("e", EndpointOptions::default()).unwrap();
        manager.bind_remote("back", &pair.to_dialler, "x").unwrap();
        manager.attach(&pair.to_dialler);
        drop((manager, pair.to_dialler));
        let last = pair.sim.timeout(Duration::from_secs(1), receiver.next());
        assert_eq!(last.await.ok(), Some(None));
    });
}
