//! Endpoints across a session: exactly once, in order, and nobody waits for another's consumer.

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

use endpoints::{KIB, MIB, Pair, number, numbered, refused, run};
use stt::{Delivered, EndpointManager, EndpointOptions, Origin, Refusal, WhenFull};
use stt_sim::Link;
use support::{address, payload};

#[test]
fn an_item_crosses_the_session_into_the_queue_of_the_name() {
    run(1, Link::wan(), |pair| async move {
        let Pair { near, far, .. } = &pair;
        far.create("theirs", EndpointOptions::default()).unwrap();
        near.bind_remote("ours", &pair.to_acceptor, "theirs")
            .unwrap();
        let routed = near.route_to_endpoint("ours", "21.5 degrees").await;
        assert_eq!(routed, Ok(Delivered));
        assert_eq!(far.stats("theirs").unwrap().waiting, 1);
        let item = far.receive_from("theirs").await.unwrap();
        assert_eq!(item.data, "21.5 degrees");
        let from = Origin::Peer {
            peer: pair.dialler.id(),
            session: pair.to_dialler.id(),
        };
        assert_eq!(item.from, from);
    });
}

#[test]
fn a_thousand_items_to_each_of_a_hundred_endpoints_come_once_in_order_past_a_stalled_one() {
    run(2, Link::wan(), |pair| async move {
        const STALLED: usize = 37;
        let done = Arc::new(AtomicUsize::new(0));
        let mut tasks = Vec::new();
        for endpoint in 0..100 {
            let name = format!("endpoint {endpoint}");
            pair.endpoint(&name, EndpointOptions::default().items(100));
            let (near, far) = (pair.near.clone(), pair.far.clone());
            let routed = name.clone();
            tasks.push(pair.sim.spawn(async move {
                let mut routes = Vec::new();
                for item in 0..1_000 {
                    let route = near.begin_route(&routed, numbered(item, 64)).await;
                    routes.push(route.unwrap());
                }
                for route in routes {
                    assert_eq!(route.await, Ok(Delivered));
                }
            }));
            if endpoint != STALLED {
                let done = Arc::clone(&done);
                drop(pair.sim.spawn(async move {
                    for item in 0..1_000 {
                        let received = far.receive_from(&name).await.unwrap();
                        assert_eq!(number(&received.data), item);
                    }
                    done.fetch_add(1, Relaxed);
                }));
            }
        }
        let stalled = tasks.remove(STALLED);
        let began = pair.sim.elapsed();
        for task in tasks {
            task.await;
        }
        let took = pair.sim.elapsed().saturating_sub(began);
        // 12.8 MB at 100 Mbit/s take a second, and the windows have to grow.
        assert!(took < Duration::from_secs(3), "{took:?}");
        pair.sim.sleep(Duration::from_secs(1)).await;
        assert_eq!(done.load(Relaxed), 99);
        assert!(!stalled.is_finished());
        // Its queue of a hundred is full, and its sender holds what has no credit.
        assert_eq!(pair.far.stats("endpoint 37").unwrap().waiting, 100);
        for item in 0..1_000 {
            let received = pair.far.receive_from("endpoint 37").await.unwrap();
            assert_eq!(number(&received.data), item);
        }
        stalled.await;
        for endpoint in 0..100 {
            let stats = pair.far.stats(&format!("endpoint {endpoint}")).unwrap();
            assert_eq!((stats.delivered, stats.taken), (1_000, 1_000));
        }
    });
}

#[test]
fn streams_and_messages_go_past_endpoints_that_nobody_takes_from() {
    run(3, Link::wan(), |pair| async move {
        for endpoint in 0..200 {
            let name = format!("stalled {endpoint}");
            pair.endpoint(&name, EndpointOptions::default().items(1));
            let near = pair.near.clone();
            drop(pair.sim.spawn(async move {
                while near.begin_route(&name, vec![1; 3_000]).await.is_ok() {}
            }));
        }
        pair.sim.sleep(Duration::from_secs(2)).await;
        let began = pair.sim.elapsed();
        let mut send = pair.to_acceptor.open_uni().await.unwrap();
        let sent = payload(3, 4 * MIB);
        let bytes = sent.clone();
        drop(pair.sim.spawn(async move {
            send.write_all(&bytes).await.unwrap();
            send.finish().unwrap();
        }));
        let mut recv = pair.to_dialler.accept_uni().await.unwrap();
        assert!(recv.read_to_end(4 * MIB).await.unwrap() == sent);
        pair.to_acceptor.send_on_stream(1, "on").await.unwrap();
        let packet = pair.acceptor.receive().next().await.unwrap();
        assert_eq!(packet.data, "on");
        let took = pair.sim.elapsed().saturating_sub(began);
        assert!(took < Duration::from_secs(1), "{took:?}");
        // Two items each, of 3,064: what fits into the credit a name begins with.
        assert!(pair.acceptor.stats().unplaced <= 200 * 8_192);
    });
}

#[test]
fn a_router_to_a_full_queue_waits_until_it_has_room() {
    run(4, Link::wan(), |pair| async move {
        let options = EndpointOptions::default().items(2);
        pair.endpoint("e", options.when_full(WhenFull::Wait));
        for item in ["0", "1"] {
            pair.near.route_to_endpoint("e", item).await.unwrap();
        }
        let third = pair.near.begin_route("e", "2").await.unwrap();
        pair.sim.sleep(Duration::from_secs(60)).await;
        assert_eq!(pair.far.stats("e").unwrap().waiting, 2);
        for expected in ["0", "1", "2"] {
            let item = pair.far.receive_from("e").await.unwrap();
            assert_eq!(item.data, expected);
        }
        assert_eq!(third.await, Ok(Delivered));
    });
}

#[test]
fn a_full_queue_drops_its_oldest_or_refuses_for_peers_too() {
    run(5, Link::wan(), |pair| async move {
        let options = EndpointOptions::default().items(2);
        pair.endpoint("newest", options.when_full(WhenFull::DropOldest));
        pair.endpoint("first", options.when_full(WhenFull::Refuse));
        // Far more than the credit a name begins with.
        for number in 0..500 {
            let item = numbered(number, 64);
            let routed = pair.near.route_to_endpoint("newest", item.clone()).await;
            assert_eq!(routed, Ok(Delivered));
            let routed = pair.near.route_to_endpoint("first", item).await;
            let expected = if number < 2 {
                Ok(Delivered)
            } else {
                refused(Refusal::Full)
            };
            assert_eq!(routed, expected);
        }
        let stats = pair.far.stats("newest").unwrap();
        assert_eq!((stats.dropped, stats.delivered), (498, 500));
        let stats = pair.far.stats("first").unwrap();
        assert_eq!((stats.refused, stats.delivered), (498, 2));
        let item = pair.far.receive_from("newest").await.unwrap();
        assert_eq!(number(&item.data), 498);
        let item = pair.far.receive_from("first").await.unwrap();
        assert_eq!(number(&item.data), 0);
    });
}

#[test]
fn what_a_peer_may_not_or_cannot_reach_is_no_endpoint() {
    run(6, Link::wan(), |pair| async move {
        let Pair { near, far, .. } = &pair;
        let local = EndpointOptions::default().local_only();
        far.create("local", local).unwrap();
        far.bind_group("group", ["local"]).unwrap();
        far.bind_remote("back", &pair.to_dialler, "x").unwrap();
        for name in ["local", "group", "back", "none"] {
            pair.bind(name);
            let routed = near.route_to_endpoint(name, "x").await;
            assert_eq!(routed, refused(Refusal::NoSuchEndpoint), "{name}");
        }
        // An attachment is to a name: one that comes into being later is found.
        far.create("none", EndpointOptions::default()).unwrap();
        assert_eq!(near.route_to_endpoint("none", "x").await, Ok(Delivered));
        far.remove("none").unwrap();
        let routed = near.route_to_endpoint("none", "x").await;
        assert_eq!(routed, refused(Refusal::NoSuchEndpoint));
        assert_eq!(near.route_to_endpoint("unbound", "x").await, routed);
    });
}

#[test]
fn a_peer_that_serves_nothing_refuses_and_one_that_soon_does_is_waited_for() {
    run(7, Link::wan(), |pair| async move {
        let Pair { near, far, .. } = &pair;
        near.bind_remote("back", &pair.to_acceptor, "e").unwrap();
        // The other way round: the dialler serves nothing.
        far.bind_remote("to dialler", &pair.to_dialler, "e")
            .unwrap();
        let began = pair.sim.elapsed();
        let routed = far.route_to_endpoint("to dialler", "x").await;
        assert_eq!(routed, refused(Refusal::NoSuchEndpoint));
        let waited = pair.sim.elapsed().saturating_sub(began);
        assert!(waited < Duration::from_secs(2), "{waited:?}");

        let again = pair.dialler.connect(address(1)).await.unwrap();
        let far_again = pair.acceptor.accept().await.unwrap();
        far.bind_remote("to dialler", &far_again, "e").unwrap();
        let (sim, manager) = (pair.sim.clone(), EndpointManager::new());
        manager.create("e", EndpointOptions::default()).unwrap();
        let attaching = async {
            sim.sleep(Duration::from_millis(500)).await;
            manager.attach(&again);
        };
        let routing = far.route_to_endpoint("to dialler", "x");
        let ((), routed) = tokio::join!(attaching, routing);
        assert_eq!(routed, Ok(Delivered));
    });
}

#[test]
fn items_come_once_and_in_order_over_a_path_that_loses_reorders_and_duplicates() {
    let link = Link {
        loss: 0.03,
        reorder: 0.05,
        duplicate: 0.05,
        ..Link::wan()
    };
    run(8, link, |pair| async move {
        pair.endpoint("e", EndpointOptions::default());
        let near = pair.near.clone();
        let sender = pair.sim.spawn(async move {
            let mut routes = Vec::new();
            for item in 0..1_000 {
                let len = [10, 1_500, 5_000, 100_000][item as usize % 97 % 7 % 4];
                let route = near.begin_route("e", numbered(item, len)).await;
                routes.push(route.unwrap());
            }
            for route in routes {
                assert_eq!(route.await, Ok(Delivered));
            }
        });
        for item in 0..1_000 {
            let received = pair.far.receive_from("e").await.unwrap();
            assert_eq!(number(&received.data), item);
        }
        sender.await;
    });
}

#[test]
fn long_items_come_whole_in_parts() {
    run(9, Link::lan(), |pair| async move {
        let options = EndpointOptions::default().bytes(64 * MIB);
        pair.endpoint("e", options);
        for len in [0, 1, 8_128, 8_129, 64 * KIB, 64 * KIB + 1, MIB, 17 * MIB] {
            let item = payload(len as u64, len);
            let (near, data) = (pair.near.clone(), item.clone());
            let routing = pair
                .sim
                .spawn(async move { near.route_to_endpoint("e", data).await });
            let received = pair.far.receive_from("e").await.unwrap();
            assert!(received.data == item, "{len}");
            assert_eq!(routing.await, Ok(Delivered));
        }
        assert_eq!(pair.acceptor.stats().unplaced, 0);
        let too_long = pair
            .near
            .route_to_endpoint("e", vec![0; 64 * MIB + 1])
            .await;
        assert_eq!(too_long, refused(Refusal::TooLong { len: 64 * MIB + 1 }));
    });
}

#[test]
fn a_long_item_that_has_no_place_is_refused_before_it_is_sent() {
    run(10, Link::wan(), |pair| async move {
        pair.endpoint("small", EndpointOptions::default().bytes(100 * KIB));
        pair.bind("none");
        for name in ["small", "none", "small", "none"] {
            let began = pair.sim.elapsed();
            let routed = pair.near.route_to_endpoint(name, vec![0; 30 * MIB]).await;
            let expected = match name {
                "small" => Refusal::TooLong { len: 30 * MIB },
                _ => Refusal::NoSuchEndpoint,
            };
            assert_eq!(routed, refused(expected));
            // Two round trips, not the three seconds that 30 MiB take.
            let took = pair.sim.elapsed().saturating_sub(began);
            assert!(took < Duration::from_millis(400), "{took:?}");
        }
        // The credit that went into it came back.
        for _ in 0..200 {
            let routed = pair.near.route_to_endpoint("small", vec![0; 4_000]).await;
            assert_eq!(routed, Ok(Delivered));
            pair.far.receive_from("small").await.unwrap();
        }
    });
}

#[test]
fn members_of_a_group_have_outcomes_of_their_own_and_none_waits_for_another() {
    run(19, Link::wan(), |pair| async move {
        let Pair { near, sim, .. } = &pair;
        let options = EndpointOptions::default().items(1);
        near.create("here", options).unwrap();
        near.create("full here", options.when_full(WhenFull::Refuse))
            .unwrap();
        near.route_to_endpoint("full here", "x").await.unwrap();
        pair.endpoint("there", options);
        pair.endpoint("stalled there", options);
        near.route_to_endpoint("stalled there", "x").await.unwrap();
        near.bind_group("inner", ["here"]).unwrap();
        let members = [
            "here",
            "full here",
            "there",
            "stalled there",
            "nowhere",
            "inner",
        ];
        near.bind_group("all", members).unwrap();
        let mut route = near.route_to_group("all", "news").unwrap();
        let began = sim.elapsed();
        let mut outcomes = Vec::new();
        for _ in 0..5 {
            let next = route.next().await.unwrap();
            outcomes.push((next.endpoint.as_str().to_owned(), next.outcome));
        }
        let took = sim.elapsed().saturating_sub(began);
        assert!(took < Duration::from_millis(200), "{took:?}");
        outcomes.sort_by(|a, b| a.0.cmp(&b.0));
        let expected = [
            ("full here", refused(Refusal::Full)),
            ("here", Ok(Delivered)),
            ("inner", refused(Refusal::IsGroup)),
            ("nowhere", refused(Refusal::NoSuchEndpoint)),
            ("there", Ok(Delivered)),
        ];
        let expected = expected.map(|(name, outcome)| (name.to_owned(), outcome));
        assert_eq!(outcomes, expected);
        assert!(
            sim.timeout(Duration::from_secs(5), route.next())
                .await
                .is_err()
        );
        pair.far.receive_from("stalled there").await.unwrap();
        let last = route.next().await.unwrap();
        assert_eq!(last.endpoint, "stalled there");
        assert_eq!(last.outcome, Ok(Delivered));
        assert_eq!(route.next().await, None);
        let single = near.route_to_endpoint("all", "x").await;
        assert_eq!(single, refused(Refusal::IsGroup));
        assert!(near.route_to_group("here", "x").is_err());
    });
}
